/* SPDX-License-Identifier: Apache-2.0 */
/* Times. */
#include "user/sys/clock.h"

#include <stdio.h>
#include <time.h>

#include "lutra/types.h"

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_realtime_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_to_realtime(uint64_t mono_ns)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_MONOTONIC) + mono_ns;
}

const char *clock_format(uint64_t realtime_ns, char buf[static CLOCK_TEXT])
{
	time_t s = (time_t)(realtime_ns / NSEC_PER_SEC);
	struct tm tm;
	size_t n = 0;

	if (gmtime_r(&s, &tm))
		n = strftime(buf, CLOCK_TEXT - 11, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, CLOCK_TEXT - n, ".%09lluZ",
		 (unsigned long long)(realtime_ns % NSEC_PER_SEC));
	return buf;
}
