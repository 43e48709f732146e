/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports the output of perf trace:
 *
 *   0.012 ( 0.004 ms): nginx/7 openat(dfd: CWD, filename: 0x7f) = 3
 *   0.016 (         ): nginx/7 epoll_wait(epfd: 8) ...             its entry
 *   9.100 ( 9.084 ms): nginx/7  ... [continued]: epoll_wait()) = 1  its end
 *
 * Times are milliseconds since the beginning. Takes system calls, forks and execs. perf trace does not
 * tell when a task ends.
 */
#include <ctype.h>

#include "user/import/lines.h"

#define ONLY_TASK 1 /* of lines without a thread: there is one */

/* Reads milliseconds with a fraction, as ns. */
static uint64_t read_ms(const char *s)
{
	char *end;
	uint64_t ms = strtoull(s, &end, 10), ns = 0, unit = 100000;

	for (s = *end == '.' ? end + 1 : ""; isdigit((unsigned char)*s) && unit; s++, unit /= 10)
		ns += (uint64_t)(*s - '0') * unit;
	return ms < UINT64_MAX / NSEC_PER_SEC ? ms * 1000000 + ns : 0;
}

/*
 * Reads name/tid at *s, with blanks in the name; moves *s past it. The last slash before a number, a
 * blank and a call counts.
 */
static bool take_thread(char **s, uint64_t *ret_tid)
{
	for (char *p = *s; (p = strchr(p, '/')); p++) {
		char *end = p + 1;

		if (p - *s > 15)
			return false;
		*ret_tid = strtoull(end, &end, 10);
		if (end == p + 1 || *end != ' ' || *ret_tid >= LINES_PIDS)
			continue;
		*s = end + strspn(end, " ");
		return true;
	}
	return false;
}

/* Returns what follows the last "= ", -1 if it is no number. */
static long long result_at_end(const char *s)
{
	const char *eq = NULL;

	for (const char *p = s; (p = strstr(p, ") = ")); p++)
		eq = p + 4;
	eq = !eq && (eq = strstr(s, " = ")) ? eq + 3 : eq;
	return eq && isdigit((unsigned char)*eq) ? strtoll(eq, NULL, 10) : -1;
}

static int end_call(struct lines *l, uint32_t tid, const char *name, const char *rest)
{
	long long result = result_at_end(rest);

	if (lines_is_fork(name) && result > 0 && result < LINES_PIDS)
		return lines_fork(l, tid, (uint32_t)result, strstr(rest, "THREAD") != NULL);
	if (strncmp(name, "execve", 6) == 0 && result == 0)
		return lines_plain(l, tid, LUTRA_RECORD_EXEC);
	return 0;
}

/* Takes "LOST 12 events!". */
static bool take_loss(struct lines *l, const char *line)
{
	unsigned long long n;

	if (sscanf(line, "LOST %llu events", &n) != 1)
		return false;
	lines_lost(l, n, "perf");
	return true;
}

int perf_line(struct lines *l, char *line, struct err *err)
{
	static const char continued[] = "... [continued]: ";
	char *s = line + strspn(line, " "), *time = s;
	bool goes_on;
	uint64_t tid;
	uint16_t nr;
	size_t len;
	int r;

	if (take_loss(l, s))
		return lines_left_out(l, s);
	s = strstr(s, "): ");
	if ((!isdigit((unsigned char)*time) && *time != '?') || !s)
		return err_set(err, -EBADMSG, "'%.30s' is not a line of perf trace", time);
	s += 3;
	if (!take_thread(&s, &tid))
		tid = ONLY_TASK;
	s += strspn(s, " ");
	if (*time != '?')
		lines_time(l, read_ms(time));
	goes_on = strncmp(s, continued, sizeof(continued) - 1) == 0;
	s += goes_on ? sizeof(continued) - 1 : 0;
	len = strspn(s, "abcdefghijklmnopqrstuvwxyz_0123456789");
	if (len == 0 || s[len] != '(')
		return err_set(err, -EBADMSG, "'%.30s' is not a call of perf trace", s);
	s[len] = '\0';
	if (goes_on)
		return end_call(l, (uint32_t)tid, s, s + len + 1);
	if (!lines_nr(l, s, &nr))
		return lines_left_out(l, s);
	r = lines_call(l, (uint32_t)tid, (uint32_t)tid, nr);
	return r < 0 ? r : end_call(l, (uint32_t)tid, s, s + len + 1);
}
