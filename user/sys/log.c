/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's log. */
#include "user/sys/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "user/sys/clock.h"

#define TIME_DIGITS 23 /* of a time to the millisecond */

static atomic_int max_level = LOG_LEVEL_INFO;
static atomic_bool to_journal, with_time;

static const int priorities[] = {
	[LOG_LEVEL_ERROR] = LOG_ERR,
	[LOG_LEVEL_WARNING] = LOG_WARNING,
	[LOG_LEVEL_INFO] = LOG_INFO,
	[LOG_LEVEL_DEBUG] = LOG_DEBUG,
};

/* The service manager names the journal's stream by device and inode, for who finds it as stderr. */
void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	atomic_store(&with_time, true);
	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return;
	snprintf(own, sizeof(own), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	atomic_store(&to_journal, strcmp(own, stream) == 0);
}

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

void log_line(enum log_level level, const char *fmt, ...)
{
	char line[4096], now[CLOCK_TEXT];
	va_list ap;

	if ((int)level > atomic_load(&max_level))
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	/* One call: lines of several threads do not mix. */
	if (atomic_load(&to_journal))
		fprintf(stderr, "<%d>%s\n", priorities[level], line);
	else if (atomic_load(&with_time))
		fprintf(stderr, "%.*sZ %s: %s\n", TIME_DIGITS,
			clock_format(clock_realtime_ns(), now), program_invocation_short_name,
			line);
	else
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}
