/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that are text: lines in, records out, with the task of each call. */
#ifndef LUTRA_USER_IMPORT_LINES_H
#define LUTRA_USER_IMPORT_LINES_H

#include <stdbool.h>

#include "user/import/import.h"

#define LINES_LINE_MAX (1u << 20)
#define LINES_PIDS (1u << 22) /* thread ids are below */
#define LINES_STEP_NS 1000    /* between two calls, where the recording has no times */

/* A trace that is being made of lines. */
struct lines {
	const struct import_options *options;
	struct import_result *result;
	struct trace_writer *trace;
	const char *arch; /* whose numbers and names the calls have */
	uint64_t ts_ns;	  /* of the next record */
	uint8_t *met;	  /* a bit for each thread id that was met */
	const char *path; /* of the line at hand */
	size_t file;	  /* its number */
	bool started;	  /* a line was taken */
};

/*
 * One line, NUL-terminated and without its newline, the format's to change. Errors are said without
 * file and line, which are put before them.
 */
typedef int lines_fn(struct lines *l, void *ctx, char *line, struct err *err);

struct lines_format {
	const char *source; /* for the trace's metadata */
	const char *arch;
	lines_fn *line;
	/* Called before each file, or NULL. */
	int (*file)(struct lines *l, void *ctx, const char *path, struct err *err);
	void *ctx;
};

/*
 * Read all files and write the trace, whole or not at all. -EBADMSG: not of the format, or no calls
 * in it; -EEXIST: there is an output; as fopen(3), trace_writer_new().
 */
int lines_import(const struct lines_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err);

/* ---- for formats ---- */

/* A call; its number, or its name as strace or sysdig have it. false: no such call, left out. */
int lines_call(struct lines *l, uint32_t tid, uint32_t tgid, uint16_t nr);
bool lines_nr(const struct lines *l, const char *name, uint16_t *ret);

/* Something that is no call. */
void lines_left_out(struct lines *l, const char *what);

/* A fork, unless the child was met before: its first event can come before the fork's end. */
int lines_fork(struct lines *l, uint32_t tid, uint32_t child, bool thread);
int lines_plain(struct lines *l, uint32_t tid, uint16_t type); /* EXEC, EXIT, ARM */
bool lines_met(const struct lines *l, uint32_t tid);

/* Time of the next record; it never goes back. */
void lines_time(struct lines *l, uint64_t ts_ns);

/* A whole decimal number up to max, ended by a space or the end; *s moves past it. */
bool lines_number(char **s, uint64_t max, uint64_t *ret);

/* The next word, ended by spaces; "" at the end. */
char *lines_word(char **s);

/* HH:MM:SS and a fraction, as ns of the day; seconds and a fraction. */
bool lines_clock(const char *s, uint64_t *ret_ns);
uint64_t lines_seconds(const char *s);

#endif
