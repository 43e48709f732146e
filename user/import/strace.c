/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports the output of strace -f:
 *
 *   [pid N] or N, a time of -t, -tt, -ttt or -r, both optional, then
 *   name(arguments) = result ...          a system call
 *   name(arguments <unfinished ...>       its entry; <... name resumed>...) = result ends it
 *   --- SIGX ... ---, +++ exited ... +++  a signal; the end of the task
 *
 * Takes system calls, forks, execs and exits. Paths are left out: strace shows them as the program
 * wrote them, not as the kernel resolved them, and a policy trained on them would refuse the
 * service its files.
 */
#include <ctype.h>

#include "user/import/lines.h"

#define EPOCH_MIN_S 100000000 /* a smaller number is the time since the line before */
#define OPEN_MAX_TASKS 4096

/* A fork that has not ended. Its child may be met before the end. */
struct open_fork {
	uint32_t tid;
	bool thread;
};

struct strace {
	struct open_fork forks[OPEN_MAX_TASKS];
	size_t n_forks;
	uint64_t day_ns, clock_ns; /* for -t: sum of passed days; the last time */
	uint32_t only;		   /* task of lines without a pid */
	bool unnamed;		   /* lines without a pid were met */
	uint32_t named;		   /* pid that strace gives to that task later; 0: none yet */
	char cut[32];		   /* name of a fork whose line strace interrupted; "": none */
	uint32_t cut_tid;	   /* task of that fork */
};

static void close_fork(struct strace *t, uint32_t tid)
{
	for (size_t i = 0; i < t->n_forks; i++)
		if (t->forks[i].tid == tid)
			t->forks[i] = t->forks[--t->n_forks];
}

/* Takes a task that was never met for the child of the fork that began last. */
static int meet_task(struct lines *l, struct strace *t, uint32_t tid)
{
	struct open_fork *f;

	if (lines_met(l, tid) || t->n_forks == 0)
		return 0;
	f = &t->forks[t->n_forks - 1];
	return lines_fork(l, f->tid, tid, f->thread);
}

/* strace names the first task only once there are others; those are announced as attached. */
static uint32_t first_task(const struct lines *l, struct strace *t, uint32_t tid)
{
	if (t->unnamed && !t->named && !lines_met(l, tid))
		t->named = tid;
	return tid == t->named ? t->only : tid;
}

/* Takes "strace: Process N attached", at the start of a line or inside the line of a fork. */
static int take_attached(struct lines *l, struct strace *t, char *at)
{
	unsigned tid;

	if (sscanf(at, "strace: Process %7u attached", &tid) == 1 && tid < LINES_PIDS)
		return meet_task(l, t, tid);
	return 0;
}

/* Reads an optional "[pid N] " or "N ". */
static uint32_t take_pid(const struct lines *l, struct strace *t, char **s)
{
	unsigned pid;
	int n = 0;

	if (sscanf(*s, "[pid %7u] %n", &pid, &n) == 1 && n) {
		*s += n;
		return first_task(l, t, pid);
	}
	if (sscanf(*s, "%7u %n", &pid, &n) == 1 && n &&
	    !strchr(".:", (*s)[strspn(*s, "0123456789")])) {
		*s += n;
		return pid;
	}
	t->unnamed = true;
	return t->only;
}

/* Reads an optional time. */
static void take_time(struct lines *l, struct strace *t, char **s)
{
	size_t n = strspn(*s, "0123456789.:");
	uint64_t ns;

	if (n == 0 || (*s)[n] != ' ') {
		l->ts_ns += LINES_STEP_NS;
		return;
	}
	if (lines_clock(*s, &ns)) {
		t->day_ns += ns + 43200 * NSEC_PER_SEC < t->clock_ns ? 86400 * NSEC_PER_SEC : 0;
		t->clock_ns = ns;
		lines_time(l, t->day_ns + ns);
	} else {
		ns = lines_seconds(*s);
		lines_time(l, ns < EPOCH_MIN_S * NSEC_PER_SEC ? l->ts_ns + ns : ns);
	}
	*s += n + strspn(*s + n, " ");
}

/* Returns the number after the last "= ", -1 if there is none. */
static long long result_of(const char *s)
{
	const char *eq = NULL;

	for (const char *p = s; (p = strstr(p, " = ")); p++)
		eq = p;
	return eq && isdigit((unsigned char)eq[3]) ? strtoll(eq + 3, NULL, 10) : -1;
}

/* Takes forks and execs from a system call that ended. */
static int finish_syscall(struct lines *l, struct strace *t, uint32_t tid, const char *name,
			  const char *rest)
{
	long long result = result_of(rest);
	bool thread = strstr(rest, "CLONE_THREAD");

	for (size_t i = 0; i < t->n_forks; i++)
		thread |= t->forks[i].tid == tid && t->forks[i].thread;
	if (lines_is_fork(name)) {
		close_fork(t, tid);
		if (result > 0 && result < LINES_PIDS)
			return lines_fork(l, tid, (uint32_t)result, thread);
	}
	if ((strcmp(name, "execve") == 0 || strcmp(name, "execveat") == 0) && result == 0)
		return lines_plain(l, tid, LUTRA_RECORD_EXEC);
	return 0;
}

static int resume_syscall(struct lines *l, struct strace *t, uint32_t tid, char *s, struct err *err)
{
	char *end = strstr(s, " resumed>");

	if (!end)
		return err_set(err, -EBADMSG, "'%.30s': expected 'resumed>'", s);
	*end = '\0';
	return finish_syscall(l, t, tid, s + strlen("<... "), end + strlen(" resumed>"));
}

static int begin_syscall(struct lines *l, struct strace *t, uint32_t tid, char *s, struct err *err)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	char *broken = strstr(s, "strace: Process ");
	bool unfinished = broken || strstr(s, "<unfinished ...>");
	uint16_t nr;
	int r;

	if (len == 0 || s[len] != '(')
		return err_set(err, -EBADMSG, "'%.30s' is not a line of strace", s);
	s[len] = '\0';
	if (!lines_nr(l, s, &nr))
		return lines_left_out(l, s);
	r = lines_call(l, tid, tid, nr);
	if (r < 0 || !unfinished)
		return r < 0 ? r : finish_syscall(l, t, tid, s, s + len + 1);
	if (lines_is_fork(s)) {
		if (t->n_forks == OPEN_MAX_TASKS)
			return err_set(err, -E2BIG, "more than %d forks have not ended",
				       OPEN_MAX_TASKS);
		t->forks[t->n_forks++] =
			(struct open_fork){tid, strstr(s + len + 1, "CLONE_THREAD") != NULL};
	}
	if (!broken)
		return 0;
	snprintf(t->cut, sizeof(t->cut), "%.31s", s);
	t->cut_tid = tid;
	return take_attached(l, t, broken);
}

int strace_line(struct lines *l, char *line, struct err *err)
{
	struct strace *t = l->state;
	char *s = line + strspn(line, " ");
	uint32_t tid;
	int r;

	if (strncmp(s, "strace: ", 8) == 0)
		return take_attached(l, t, s);
	if (t->cut[0]) {
		r = finish_syscall(l, t, t->cut_tid, t->cut, s);
		t->cut[0] = '\0';
		return r;
	}
	tid = take_pid(l, t, &s);
	if (tid >= LINES_PIDS)
		return err_set(err, -EBADMSG, "%u is not a process id", tid);
	take_time(l, t, &s);
	if (strncmp(s, "strace: ", 8) == 0)
		return take_attached(l, t, s);
	r = meet_task(l, t, tid);
	if (r < 0 || strncmp(s, "--- ", 4) == 0)
		return r;
	if (strncmp(s, "+++ ", 4) == 0) {
		close_fork(t, tid);
		return lines_plain(l, tid, LUTRA_RECORD_EXIT);
	}
	return strncmp(s, "<... ", 5) == 0 ? resume_syscall(l, t, tid, s, err)
					   : begin_syscall(l, t, tid, s, err);
}

/* Takes the pid from the name FILE.PID of a file of -ff, whose lines have no pid. */
int strace_file(struct lines *l)
{
	const char *dot = strrchr(l->path, '.');
	struct strace *t = l->state ? l->state : calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	l->state = t;
	t->only = dot && isdigit((unsigned char)dot[1]) ? (uint32_t)strtoul(dot + 1, NULL, 10) : 1;
	t->only = t->only < LINES_PIDS ? t->only : 1;
	return 0;
}
