/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning and the end of a line of strace, and whose child a task is. */
#include "user/import/strace_line.h"

#include <ctype.h>

#define EPOCH_MIN_S 100000000ull /* a smaller number is the time since the line before */

/* Moves *s past "<name>", which strace adds to pids with --decode-pids. strace escapes < and >. */
static void skip_decoded(char **s)
{
	char *end = **s == '<' ? strchr(*s, '>') : NULL;

	if (end)
		*s = end + 1;
}

static void skip_blanks(char **s)
{
	*s += strspn(*s, " \t");
}

/* Reads "[pid N] " or "N ". Returns false for a number that is no pid. */
static bool take_pid(char **s, struct strace_prefix *ret)
{
	bool bracket = strncmp(*s, "[pid", 4) == 0 && isspace((unsigned char)(*s)[4]);
	char *at = *s + (bracket ? 4 : 0), *end;
	unsigned long long pid;

	skip_blanks(&at);
	if (!isdigit((unsigned char)*at))
		return !bracket;
	pid = strtoull(at, &end, 10);
	skip_decoded(&end);
	if (bracket ? *end != ']' : !isspace((unsigned char)*end))
		return !bracket; /* a time, or the text of a line */
	if (pid >= LINES_PIDS)
		return !bracket && pid >= EPOCH_MIN_S; /* a time in seconds */
	ret->has_pid = true;
	ret->pid = (uint32_t)pid;
	*s = end + bracket;
	skip_blanks(s);
	return true;
}

/* Reads a time. */
static void take_time(char **s, struct strace_prefix *ret)
{
	size_t n = strspn(*s, "0123456789.:");
	uint64_t ns;

	if (n == 0 || !isspace((unsigned char)(*s)[n]))
		return;
	ret->has_time = true;
	ret->is_clock = lines_clock(*s, &ns);
	if (!ret->is_clock)
		ns = lines_seconds(*s);
	ret->is_step = !ret->is_clock && ns < EPOCH_MIN_S * NSEC_PER_SEC;
	ret->time_ns = ns;
	*s += n;
	skip_blanks(s);
}

/* Moves *s past "(+ 0.000012) " of -r beside another time, and past "[...] " of -i and -n. */
static void skip_brackets(char **s)
{
	for (;;) {
		size_t n = **s == '('	? 1 + strspn(*s + 1, "+ 0123456789.")
			   : **s == '[' ? 1 + strspn(*s + 1, " 0123456789abcdef?")
					: 0;

		if (n < 2 || ((*s)[n] != ')' && (*s)[n] != ']'))
			return;
		*s += n + 1;
		skip_blanks(s);
	}
}

bool strace_take_prefix(char **s, struct strace_prefix *ret)
{
	*ret = (struct strace_prefix){};
	skip_blanks(s);
	if (!take_pid(s, ret))
		return false;
	take_time(s, ret);
	skip_brackets(s);
	return true;
}

/* Blanks a quoted text behind its first quote. Returns its last quote, or the end. */
static char *blank_quoted(char *s)
{
	for (; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			*s++ = '_';
		*s = '_';
	}
	return s;
}

void strace_blank(char *arguments)
{
	char *s = arguments;

	while (*s) {
		if (*s == '"') {
			s = blank_quoted(s + 1);
		} else if (*s == '<' && s > arguments &&
			   (isdigit((unsigned char)s[-1]) || s[-1] == 'D')) {
			for (s++; *s && *s != '>'; s++)
				*s = '_';
		}
		s += *s != '\0';
	}
}

size_t strace_name_length(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return s[n] == '(' ? n : 0;
}

/* Returns what follows the last "= ", or NULL. */
static const char *find_result(const char *s)
{
	const char *eq = NULL;

	for (const char *p = s; (p = strstr(p, " = ")); p++)
		eq = p + 3;
	return eq && isdigit((unsigned char)*eq) ? eq : NULL;
}

long long strace_result(const char *s, bool *ret_translated)
{
	const char *eq = find_result(s), *comment = eq ? strstr(eq, "/* ") : NULL;
	static const char own[] = " in strace's PID NS";
	unsigned long long here;
	char *end;

	*ret_translated = false;
	if (!eq)
		return -1;
	if (comment && isdigit((unsigned char)comment[3])) {
		here = strtoull(comment + 3, &end, 10);
		skip_decoded(&end);
		if (strncmp(end, own, sizeof(own) - 1) == 0 && here < LINES_PIDS) {
			*ret_translated = true;
			return (long long)here;
		}
	}
	return strtoll(eq, NULL, 10);
}

/* ---- forks ---- */

/*
 * The first line of a child may come before the end of its parent's fork. A parent in another PID
 * namespace knows its child by another number. So a fork is added when its child is met.
 */

static void remove_fork(struct strace_forks *f, size_t i)
{
	memmove(&f->fork[i], &f->fork[i + 1], (f->n - i - 1) * sizeof(f->fork[0]));
	f->n--;
}

void strace_fork_begin(struct strace_forks *f, uint32_t tid, bool thread)
{
	if (f->n == FORKS_MAX)
		remove_fork(f, 0);
	f->fork[f->n++] = (struct strace_fork){.tid = tid, .thread = thread};
}

/* Returns the index of the task's fork that has not ended, or -1. */
static long find_open(const struct strace_forks *f, uint32_t tid)
{
	for (size_t i = f->n; i > 0; i--)
		if (f->fork[i - 1].tid == tid && !f->fork[i - 1].child)
			return (long)i - 1;
	return -1;
}

void strace_fork_forget(struct strace_forks *f, uint32_t tid)
{
	long i = find_open(f, tid);

	if (i >= 0)
		remove_fork(f, (size_t)i);
}

int strace_fork_end(struct lines *l, struct strace_forks *f, const struct strace_fork *end,
		    long long child, bool translated)
{
	long i = find_open(f, end->tid);
	struct strace_fork *own;
	bool thread;

	if (i < 0) { /* its beginning is not in the recording, or it did not stop between */
		strace_fork_begin(f, end->tid, end->thread);
		i = (long)f->n - 1;
	}
	own = &f->fork[i];
	thread = own->thread || end->thread;
	if (child <= 0 || child >= LINES_PIDS || lines_met(l, (uint32_t)child) || translated) {
		remove_fork(f, (size_t)i);
		return child > 0 && child < LINES_PIDS
			       ? lines_fork(l, end->tid, (uint32_t)child, thread)
			       : 0;
	}
	own->child = (uint32_t)child;
	own->thread = thread;
	if (own->adopted)
		f->guessed = true;
	return 0;
}

/* Returns the fork whose child has this number, or NULL. */
static struct strace_fork *find_exact(struct strace_forks *f, uint32_t tid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->fork[i].child == tid)
			return &f->fork[i];
	return NULL;
}

/* Returns the last fork that has not ended, and for which no child was met, or NULL. */
static struct strace_fork *find_last_open(struct strace_forks *f)
{
	for (size_t i = f->n; i > 0; i--)
		if (!f->fork[i - 1].child && !f->fork[i - 1].adopted)
			return &f->fork[i - 1];
	return NULL;
}

/* Returns the oldest fork whose child was not met and may have this number outside, or NULL. */
static struct strace_fork *find_renumbered(struct strace_forks *f, uint32_t tid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->fork[i].child && f->fork[i].child < tid && !f->fork[i].adopted)
			return &f->fork[i];
	return NULL;
}

int strace_fork_meet(struct lines *l, struct strace_forks *f, uint32_t tid)
{
	struct strace_fork *from;
	struct strace_fork found;

	if (lines_met(l, tid))
		return 0;
	from = find_exact(f, tid);
	if (from) {
		found = *from;
		remove_fork(f, (size_t)(from - f->fork));
		return lines_fork(l, found.tid, tid, found.thread);
	}
	from = find_last_open(f);
	if (!from) {
		from = find_renumbered(f, tid);
		if (!from)
			return 0;
		l->result->guessed++;
		f->guessed = true;
	}
	from->adopted = tid;
	return lines_fork(l, from->tid, tid, from->thread);
}

int strace_fork_last(struct lines *l, struct strace_forks *f)
{
	int r = 0;

	/* Where numbers of another namespace were met, the ones that are left may be of it too. */
	for (size_t i = 0; r == 0 && !f->guessed && i < f->n; i++)
		if (f->fork[i].child && !f->fork[i].adopted)
			r = lines_fork(l, f->fork[i].tid, f->fork[i].child, f->fork[i].thread);
	return r;
}
