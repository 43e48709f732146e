/* SPDX-License-Identifier: Apache-2.0 */
/* Error lines. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int err_set(struct err *err, int r, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return r;
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	return r;
}

int err_oom(struct err *err)
{
	return err_set(err, -ENOMEM, "out of memory");
}
