/* SPDX-License-Identifier: Apache-2.0 */
/* What the formats share: they read words, and write records with the task of each system call. */
#ifndef LUTRA_USER_IMPORT_LINES_H
#define LUTRA_USER_IMPORT_LINES_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/import/import.h"

#define LINES_PIDS (1u << 22) /* thread ids are lower */
#define LINES_STEP_NS 1000    /* time between two system calls if the recording has no times */

/* An import that is under way. */
struct lines {
	const struct import_options *options;
	struct import_result *result;
	struct trace_writer *trace;
	const char *arch;	   /* architecture of the numbers and names of system calls */
	uint64_t ts_ns;		   /* time of the next record */
	uint64_t day_ns, clock_ns; /* for times of the day: sum of passed days; the last time */
	bool *met;		   /* for each thread id below LINES_PIDS: it was met */
	const char *path;	   /* file of the current line */
	size_t file;		   /* number of that file, from 1 */
	uint64_t line;		   /* number of the current line, from 1 */
	void *state; /* of the format; NULL at the beginning, freed by free(3) at the end */
};

/* Adds a system call. */
int lines_call(struct lines *l, uint32_t tid, uint32_t tgid, uint16_t nr);
/*
 * Gets the number of a system call by its name in strace, perf or sysdig, or by its number in a name
 * as in syscall_0x1b3. Returns false if unknown.
 */
bool lines_nr(const struct lines *l, const char *name, uint16_t *ret);
/* Returns the native name of a system call of which the recording has the number, else name. */
const char *lines_name(const struct lines *l, const char *name, char *buf, size_t size);

/* Returns true for the system calls that make a task. */
bool lines_is_fork(const char *name);

/* Counts an event that is left out. Returns 0. */
int lines_left_out(struct lines *l, const char *what);

/* Marks the recording as partial; the first reason counts. */
void lines_partial(struct lines *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Counts events that the recording tool lost, and marks the recording as partial. */
void lines_lost(struct lines *l, uint64_t n, const char *tool);

/* Adds a fork unless the child was met: its first event may come before the end of the fork. */
int lines_fork(struct lines *l, uint32_t tid, uint32_t child, bool thread);
/* Adds a record EXEC, EXIT or ARM. */
int lines_plain(struct lines *l, uint32_t tid, uint16_t type);
/* Returns true if the task was met. */
bool lines_met(const struct lines *l, uint32_t tid);

/* Sets the time of the next record; time never goes back. */
void lines_time(struct lines *l, uint64_t ts_ns);
/*
 * lines_time() with a time of the day. A step of more than half a day is taken for midnight.
 */
void lines_day_time(struct lines *l, uint64_t clock_ns);

/* Reads a decimal number up to max that ends at a space or at the end; moves *s past it. */
bool lines_number(char **s, uint64_t max, uint64_t *ret);

/* Returns the next word, "" at the end; moves *s past it. */
char *lines_word(char **s);

/* Reads HH:MM:SS with a fraction, as ns of the day. Returns false if it is no time. */
bool lines_clock(const char *s, uint64_t *ret_ns);
/* Reads seconds with a fraction, as ns. */
uint64_t lines_seconds(const char *s);

/* ---- callbacks of the formats ---- */

int adfa_line(struct lines *l, char *line, struct err *err);
int unm_line(struct lines *l, char *line, struct err *err);
int strace_file(struct lines *l);
int strace_line(struct lines *l, char *line, struct err *err);
int strace_last(struct lines *l, struct err *err);
int perf_line(struct lines *l, char *line, struct err *err);
int lid_ds_line(struct lines *l, char *line, struct err *err);
int falco_line(struct lines *l, char *line, struct err *err);
int falco_end(struct lines *l, struct err *err);
int falco_last(struct lines *l, struct err *err);

#endif
