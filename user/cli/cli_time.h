/* SPDX-License-Identifier: Apache-2.0 */
/* Times on the command line. */
#ifndef LUTRA_USER_CLI_CLI_TIME_H
#define LUTRA_USER_CLI_CLI_TIME_H

#include <stdint.h>

/* Reads "30m": a number of seconds (s), minutes (m), hours (h) or days (d). -EINVAL. */
int cli_duration_parse(const char *text, uint64_t *ret_seconds);
/*
 * Reads a time in UTC: a day ("2027-01-31"), a time ("2027-01-31T12:00:00Z"), or how long before
 * now_ns it was ("2h"). now_ns and *ret_ns: CLOCK_REALTIME. -EINVAL.
 */
int cli_time_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns);

#endif
