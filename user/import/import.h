/* SPDX-License-Identifier: Apache-2.0 */
/* Turns recordings of other tools into traces. */
#ifndef LUTRA_USER_IMPORT_IMPORT_H
#define LUTRA_USER_IMPORT_IMPORT_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/progress_bar.h"
#include "lib/trace/trace.h"

struct import_options {
	const char *const *paths; /* the files of one run, in order */
	size_t n;
	const char *output;
	const char *image;		 /* "": unknown */
	const char *container;		 /* falco: take events of this container only; NULL: all */
	const struct progress *progress; /* or NULL */
};

/* What was imported and what was left out. */
struct import_result {
	uint64_t calls;
	uint64_t left_out; /* events that are no system calls, or of another container */
	char first[64];	   /* the first event that was left out */
};

struct lines;

/* A format. Its callbacks use the functions of lines.h. */
struct import_format {
	const char *name; /* also the source in the trace's metadata */
	const char *arch; /* architecture of the numbers and names of system calls */
	/*
	 * Takes one line, NUL-terminated, without its newline and not blank; may change it. err
	 * needs neither file nor line number: the caller adds them. -EBADMSG: not of this format.
	 */
	int (*on_line)(struct lines *l, char *line, struct err *err);
	int (*on_file)(struct lines *l); /* called before each file, or NULL */
	bool directories;		 /* a directory stands for its files, sorted by name */
};

/* Returns the format of that name, or NULL. */
const struct import_format *import_find(const char *name);

/* All formats; the last one has no name. The text of --help has a line for each. */
extern const struct import_format import_formats[];
#define IMPORT_FORMATS "adfa-ld, unm, strace, lid-ds, falco"
#define IMPORT_FORMATS_HELP                                                                        \
	"  adfa-ld   files, or directories of files, of i386 system call numbers; each file is a " \
	"task\n"                                                                                   \
	"  unm       lines with a pid and an i386 system call number\n"                            \
	"  strace    output of strace -f, with or without times\n"                                 \
	"  lid-ds    lines of sysdig as in LID-DS 2019 and LID-DS 2021\n"                          \
	"  falco     events of Falco, one JSON object per line\n"

/*
 * Imports a recording. Writes OUTPUT.PID.part and renames it at the end; a failure, SIGHUP, SIGINT
 * or SIGTERM removes the part. For programs with one thread. -EEXIST: the output exists. -EBADMSG:
 * a file is not of the format, or holds no system call; err names file and line. -EFBIG: a line is
 * too long. Else as fopen(3) and trace_writer_new().
 */
int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err);

#endif
