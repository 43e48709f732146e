/* SPDX-License-Identifier: Apache-2.0 */
/* A line of strace in parts, and the forks that are under way. */
#ifndef LUTRA_USER_IMPORT_STRACE_LINE_H
#define LUTRA_USER_IMPORT_STRACE_LINE_H

#include "user/import/lines.h"

/* What a line begins with. */
struct strace_prefix {
	bool has_pid, has_time;
	uint32_t pid;
	bool is_clock; /* time_ns is a time of the day */
	bool is_step;  /* time_ns is the time since the line before */
	uint64_t time_ns;
};

/*
 * Reads an optional pid ("[pid 7] ", "7 ", each perhaps with "<name>"), times of -t, -tt, -ttt and -r,
 * and what -i and -n add in brackets; moves *s past them. Returns false if the number is no pid.
 */
bool strace_take_prefix(char **s, struct strace_prefix *ret);

/*
 * Overwrites what the traced program wrote: between quotes, and the paths that -y adds to descriptors.
 * What is left in arguments and result is strace's own.
 */
void strace_blank(char *arguments);

/* Returns the length of the name of a system call that a parenthesis follows, or 0. */
size_t strace_name_length(const char *s);

/*
 * Reads the result of a call, -1 if there is none or no number. If strace adds the number in its own PID
 * namespace, that one is returned, and *ret_translated is true.
 */
long long strace_result(const char *s, bool *ret_translated);

/* ---- forks ---- */

#define FORKS_MAX 4096

/* A fork that has not ended, or that ended with a child that was not met yet. */
struct strace_fork {
	uint32_t tid;
	uint32_t child;	  /* its number as the parent sees it; 0: the fork has not ended */
	uint32_t adopted; /* the task that was taken for its child; 0: none */
	bool thread;
};

struct strace_forks {
	struct strace_fork fork[FORKS_MAX];
	size_t n;
	bool guessed; /* a task was taken for a child that has another number */
};

/* Adds a fork that begins; the oldest one is forgotten where there are too many. */
void strace_fork_begin(struct strace_forks *f, uint32_t tid, bool thread);
/*
 * Ends the fork of a task. child: its result, not above 0 if it failed. translated: it is the number in
 * strace's PID namespace.
 */
int strace_fork_end(struct lines *l, struct strace_forks *f, const struct strace_fork *end,
		    long long child, bool translated);
/* Forgets the forks of a task that ended and have not. */
void strace_fork_forget(struct strace_forks *f, uint32_t tid);
/* Adds the fork of a task that was never met, if there is one that it fits. */
int strace_fork_meet(struct lines *l, struct strace_forks *f, uint32_t tid);
/* Adds the forks of children that did nothing, at the end of the recording. */
int strace_fork_last(struct lines *l, struct strace_forks *f);

#endif
