/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports the output of strace -f:
 *
 *   [pid N] or N, a time of -t, -tt, -ttt or -r, both optional, then
 *   name(arguments) = result ...          a system call
 *   name(arguments <unfinished ...>       its entry; <... name resumed>...) = result ends it
 *   --- SIGX ... ---, +++ exited ... +++  a signal; the end of the task
 *    > file(function) [address], | bytes  a stack of -k, bytes of -e read and -e write
 *
 * Takes system calls, forks, execs and exits. Paths are left out: strace shows them as the program
 * wrote them, not as the kernel resolved them, and a policy trained on them would refuse the
 * service its files.
 */
#include <ctype.h>

#include "lib/base/text.h"
#include "user/import/strace_line.h"

#define NAME_BYTES 32

/* How a task enters the kernel. */
enum task_mode { MODE_64, MODE_IA32, MODE_X32 };

/* A call whose line another text interrupted. */
struct broken_call {
	char name[NAME_BYTES]; /* "": none */
	uint32_t tid;
};

struct strace {
	struct strace_forks forks;
	uint32_t only;		   /* task of lines without a pid */
	bool unnamed;		   /* lines without a pid were met */
	uint32_t named;		   /* pid that strace gives to that task later; 0: none yet */
	struct broken_call broken; /* strace's own message interrupted it: the next line goes on */
	struct broken_call open;   /* its line has no end: the program's output may have cut it */
	bool counts;		   /* the table of -c began: it is the end of the output */
	uint8_t mode[LINES_PIDS];  /* enum task_mode */
};

/* Programs that make containers: a recording that runs one is of more than the container. */
static const char *const runtimes[] = {
	"runc",	   "crun",    "youki",	 "runsc",      "kata-runtime",	  "conmon",
	"podman",  "docker",  "dockerd", "containerd", "containerd-shim", "containerd-shim-runc-v2",
	"nerdctl", "buildah", "ctr",	 "crictl",     "lxc-start",	  "systemd-nspawn",
};

/* strace names the first task only once there are others; those are announced as attached. */
static uint32_t first_task(const struct lines *l, struct strace *t, uint32_t tid)
{
	if (t->unnamed && !t->named && !lines_met(l, tid))
		t->named = tid;
	return tid == t->named ? t->only : tid;
}

/* Returns strace's own message in a line, behind its name, or NULL: the line is none. */
static char *own_message(char *s)
{
	size_t word = strcspn(s, " ");
	char *name = memmem(s, word, "strace", 6);

	/* The name may be a path; a call has a parenthesis, and the program's text a quote. */
	if (name && s[word - 1] == ':' && s[word] && strcspn(s, "(\"") > word)
		return s + word + 1;
	/* Before version 4.9 the messages began without the name. */
	return strncmp(s, "Process ", 8) == 0 || strncmp(s, "[ Process PID=", 14) == 0 ? s : NULL;
}

/* Takes a message: a task that is attached, or one that enters the kernel another way. */
static int take_message(struct lines *l, struct strace *t, const char *s)
{
	char attached[16] = "";
	unsigned tid, bits;

	if (sscanf(s, "Process %7u %9s", &tid, attached) == 2 && tid < LINES_PIDS &&
	    strcmp(attached, "attached") == 0)
		return strace_fork_meet(l, &t->forks, tid);
	if (sscanf(s, "[ Process PID=%7u runs in %2u bit", &tid, &bits) == 2 && tid < LINES_PIDS)
		t->mode[tid == t->named ? t->only : tid] = bits == 32 ? MODE_IA32 : MODE_64;
	else if (sscanf(s, "[ Process PID=%7u runs in x%2u mode", &tid, &bits) == 2 &&
		 tid < LINES_PIDS)
		t->mode[tid == t->named ? t->only : tid] = MODE_X32;
	return 0;
}

/* Sets the time of the line. */
static void set_time(struct lines *l, const struct strace_prefix *p)
{
	if (!p->has_time)
		l->ts_ns += LINES_STEP_NS;
	else if (p->is_clock)
		lines_day_time(l, p->time_ns);
	else
		lines_time(l, p->is_step ? l->ts_ns + p->time_ns : p->time_ns);
}

/* Takes forks and execs from a system call that ended. rest: its end, without the program's text. */
static int finish_syscall(struct lines *l, struct strace *t, uint32_t tid, const char *name,
			  const char *rest)
{
	struct strace_fork end = {.tid = tid, .thread = strstr(rest, "CLONE_THREAD") != NULL};
	bool translated;
	long long result = strace_result(rest, &translated);
	char native[NAME_BYTES];

	name = lines_name(l, name, native, sizeof(native));
	if (lines_is_fork(name))
		return strace_fork_end(l, &t->forks, &end, result, translated);
	if ((strcmp(name, "execve") == 0 || strcmp(name, "execveat") == 0) && result == 0)
		return lines_plain(l, tid, LUTRA_RECORD_EXEC);
	return 0;
}

static int resume_syscall(struct lines *l, struct strace *t, uint32_t tid, char *s, struct err *err)
{
	char *name = s + strlen("<... ");
	size_t len = strcspn(name, " ");
	char *end = name + len;

	if (strncmp(end, " resumed>", 9) != 0)
		return err_set(err, -EBADMSG, "'%.30s': expected 'resumed>'", s);
	*end = '\0';
	strace_blank(end + 1);
	return finish_syscall(l, t, tid, name, end + 1);
}

/* Marks the recording as partial if the program of an exec makes containers. */
static void note_program(struct lines *l, const char *name, const char *arguments)
{
	const char *quote = strchr(arguments, '"'), *end = quote ? strchr(quote + 1, '"') : NULL;
	char program[NAME_BYTES] = "";

	if (!end || strncmp(name, "execve", 6) != 0 || strstr(end, " = -1 "))
		return;
	for (const char *p = quote; p < end; p++)
		if (*p == '/' || *p == '"')
			snprintf(program, sizeof(program), "%.*s", (int)(end - p - 1), p + 1);
	if (TEXT_IS_IN(program, runtimes))
		lines_partial(l,
			      "strace followed %s: trace the container's process with strace -f -p",
			      program);
}

/* Gets the number of a call as the task's mode has it. */
static bool number_of(const struct lines *l, const struct strace *t, uint32_t tid, const char *name,
		      uint16_t *ret)
{
	struct lines other = {.arch = "i386"};

	if (t->mode[tid] != MODE_IA32) {
		if (!lines_nr(l, name, ret))
			return false;
		*ret |= t->mode[tid] == MODE_X32 ? LUTRA_NR_X32 : 0;
		return true;
	}
	if (!lines_nr(&other, name, ret))
		return false;
	*ret |= LUTRA_NR_IA32;
	return true;
}

static void break_call(struct broken_call *c, uint32_t tid, const char *name)
{
	snprintf(c->name, sizeof(c->name), "%.31s", name);
	c->tid = tid;
}

/* Takes the entry of a call; its arguments are blanked. */
static int enter_syscall(struct lines *l, struct strace *t, uint32_t tid, const char *name,
			 char *arguments)
{
	char *message = strstr(arguments, "strace: Process ");
	bool unfinished = strstr(arguments, "<unfinished ...>") != NULL;
	char native[NAME_BYTES];

	if (!message && !unfinished && strstr(arguments, ") "))
		return finish_syscall(l, t, tid, name, arguments);
	if (lines_is_fork(lines_name(l, name, native, sizeof(native))))
		strace_fork_begin(&t->forks, tid, strstr(arguments, "CLONE_THREAD") != NULL);
	if (!message && !unfinished)
		break_call(&t->open, tid, name);
	if (!message)
		return 0;
	break_call(&t->broken, tid, name);
	return take_message(l, t, message + strlen("strace: "));
}

static int begin_syscall(struct lines *l, struct strace *t, uint32_t tid, char *s, struct err *err)
{
	size_t len = strace_name_length(s);
	uint16_t nr;
	int r;

	if (len == 0)
		return err_set(err, -EBADMSG,
			       "'%.30s' is not a line of strace: write to a file by strace -o, so "
			       "that the program's output is not between the lines",
			       s);
	s[len] = '\0';
	note_program(l, s, s + len + 1);
	strace_blank(s + len + 1);
	t->open.name[0] = '\0';
	if (!number_of(l, t, tid, s, &nr))
		return lines_left_out(l, s);
	r = lines_call(l, tid, tid, nr);
	return r < 0 ? r : enter_syscall(l, t, tid, s, s + len + 1);
}

/* Takes the rest of a line that was interrupted. Returns 1 if the line is none. */
static int go_on(struct lines *l, struct strace *t, char *s)
{
	struct broken_call *c = t->broken.name[0]	       ? &t->broken
				: *s == ')' && t->open.name[0] ? &t->open
							       : NULL;
	char name[NAME_BYTES];

	if (!c || strncmp(s, "[pid", 4) == 0)
		return 1;
	memcpy(name, c->name, sizeof(name));
	c->name[0] = '\0';
	strace_blank(s);
	return strstr(s, "<unfinished ...>") ? 0 : finish_syscall(l, t, c->tid, name, s);
}

/* Returns true for lines that strace adds below a call, and in the table of -c. */
static bool is_addition(struct strace *t, const char *s)
{
	t->counts |= strncmp(s, "% time ", 7) == 0;
	return t->counts || strncmp(s, "> ", 2) == 0 || strncmp(s, "| ", 2) == 0;
}

static uint32_t task_of(const struct lines *l, struct strace *t, const struct strace_prefix *p,
			bool bracket)
{
	if (p->has_pid)
		return bracket ? first_task(l, t, p->pid) : p->pid;
	t->unnamed = true;
	return t->only;
}

/* Takes a line behind its prefix. */
static int take_strace_event(struct lines *l, struct strace *t, uint32_t tid, char *s,
			     struct err *err)
{
	int r = strace_fork_meet(l, &t->forks, tid);

	if (r < 0 || strncmp(s, "--- ", 4) == 0)
		return r;
	if (strncmp(s, "+++ ", 4) == 0) {
		strace_fork_forget(&t->forks, tid);
		return lines_plain(l, tid, LUTRA_RECORD_EXIT);
	}
	return strncmp(s, "<... ", 5) == 0 ? resume_syscall(l, t, tid, s, err)
					   : begin_syscall(l, t, tid, s, err);
}

int strace_line(struct lines *l, char *line, struct err *err)
{
	struct strace *t = l->state;
	char *s = line + strspn(line, " \t"), *message;
	bool bracket = *s == '[';
	struct strace_prefix prefix;
	int r;

	if (is_addition(t, s))
		return lines_left_out(l, s);
	message = own_message(s);
	if (message)
		return take_message(l, t, message);
	r = go_on(l, t, s);
	if (r <= 0)
		return r;
	if (!strace_take_prefix(&s, &prefix))
		return err_set(err, -EBADMSG, "'%.20s' is not a process id", s);
	if (is_addition(t, s))
		return lines_left_out(l, s);
	set_time(l, &prefix);
	message = own_message(s);
	if (message)
		return take_message(l, t, message);
	/* Only a line that is one tells of a task. */
	if (strncmp(s, "--- ", 4) != 0 && strncmp(s, "+++ ", 4) != 0 &&
	    strncmp(s, "<... ", 5) != 0 && !strace_name_length(s))
		return begin_syscall(l, t, 0, s, err);
	return take_strace_event(l, t, task_of(l, t, &prefix, bracket), s, err);
}

/* Takes the pid from the name FILE.PID of a file of -ff, whose lines have no pid. */
int strace_file(struct lines *l)
{
	const char *dot = strrchr(l->path, '.');
	struct strace *t = l->state ? l->state : calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	l->state = t;
	t->counts = false;
	t->broken.name[0] = t->open.name[0] = '\0';
	t->only = dot && isdigit((unsigned char)dot[1]) ? (uint32_t)strtoul(dot + 1, NULL, 10) : 1;
	t->only = t->only < LINES_PIDS ? t->only : 1;
	return 0;
}

int strace_last(struct lines *l, struct err *err)
{
	struct strace *t = l->state;
	int r = t ? strace_fork_last(l, &t->forks) : 0;

	return r < 0 ? err_set(err, r, "%s", strerror(-r)) : 0;
}
