/* SPDX-License-Identifier: Apache-2.0 */
/* Times: the kernel side counts CLOCK_MONOTONIC, people read UTC. */
#ifndef LUTRA_USER_SYS_CLOCK_H
#define LUTRA_USER_SYS_CLOCK_H

#include <stdint.h>

#define CLOCK_TEXT 32 /* bytes for clock_format() */

uint64_t clock_now_ns(void);	  /* CLOCK_MONOTONIC */
uint64_t clock_realtime_ns(void); /* CLOCK_REALTIME */

/* The wall-clock time at which CLOCK_MONOTONIC stood at mono_ns, by how the two differ now. */
uint64_t clock_to_realtime(uint64_t mono_ns);

/* "2026-01-31T12:34:56.123456789Z"; returns buf. */
const char *clock_format(uint64_t realtime_ns, char buf[static CLOCK_TEXT]);

#endif
