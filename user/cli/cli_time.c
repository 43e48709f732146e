/* SPDX-License-Identifier: Apache-2.0 */
/* Reads durations and times of the command line. */
#include "user/cli/cli_time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/policy/accepted/accepted.h"
#include "user/sys/clock.h"

#define DIGITS_MAX 7

int cli_duration_parse(const char *text, uint64_t *ret_seconds)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > DIGITS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[digits] != units[i].unit || text[digits + 1])
			continue;
		*ret_seconds = strtoull(text, NULL, 10) * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

int cli_time_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	uint64_t seconds;
	time_t time;

	if (accepted_time_parse(text, &time) == 0) {
		*ret_ns = (uint64_t)time * NSEC_PER_SEC;
		return 0;
	}
	if (cli_duration_parse(text, &seconds) < 0 || seconds >= now_ns / NSEC_PER_SEC)
		return -EINVAL;
	*ret_ns = now_ns - seconds * NSEC_PER_SEC;
	return 0;
}
