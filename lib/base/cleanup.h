/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership: an owning local carries a cleanup attribute and leaves its function by TAKE_*. */
#ifndef LUTRA_LIB_BASE_CLEANUP_H
#define LUTRA_LIB_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((__cleanup__(fn)))

/* Define TYPE *x_freep for use with _cleanup_. */
#define DEFINE_FREEP(type, fn)                                                                     \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		fn(*p);                                                                            \
	}                                                                                          \
	struct lutra_swallow_semicolon

#define TAKE_VALUE(x, none)                                                                        \
	({                                                                                         \
		__typeof__(x) *take_at_ = &(x);                                                    \
		__typeof__(x) take_val_ = *take_at_;                                               \
		*take_at_ = (none);                                                                \
		take_val_;                                                                         \
	})
#define TAKE_PTR(p) TAKE_VALUE(p, NULL)
#define TAKE_FD(fd) TAKE_VALUE(fd, -1)

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_fclose_ _cleanup_(fclosep)

#endif
