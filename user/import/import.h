/* SPDX-License-Identifier: Apache-2.0 */
/* Turns recordings of other tools into traces. */
#ifndef LUTRA_USER_IMPORT_IMPORT_H
#define LUTRA_USER_IMPORT_IMPORT_H

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

/*
 * A format. read() reads the paths and writes the new trace output, or removes it after a failure.
 * -EBADMSG: a file is not of this format, err names file and line. -EFBIG: a line is too long.
 */
struct import_format {
	const char *name;
	const char *summary;
	int (*read)(const struct import_options *o, struct import_result *ret, struct err *err);
};

/* Returns the format of that name, or NULL. */
const struct import_format *import_find(const char *name);

/* All formats; the last one has no name. */
extern const struct import_format import_formats[];

/*
 * Imports a recording. Writes OUTPUT.PID.part and renames it at the end; a failure, SIGHUP, SIGINT
 * or SIGTERM removes the part. For programs with one thread. -EEXIST: the output exists. Else as
 * the format's read().
 */
int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err);

/* ADFA-LD: files, or directories of files, of i386 system call numbers; each file is a task. */
int import_adfa(const struct import_options *o, struct import_result *ret, struct err *err);

/* University of New Mexico: lines with a pid and an i386 system call number. */
int import_unm(const struct import_options *o, struct import_result *ret, struct err *err);

/* Output of strace -f, with or without -t, -tt, -ttt, -r; or the files of -ff. */
int import_strace(const struct import_options *o, struct import_result *ret, struct err *err);

/* LID-DS 2019 and 2021: lines of sysdig. */
int import_lid_ds(const struct import_options *o, struct import_result *ret, struct err *err);

/* Events of Falco as JSON lines. */
int import_falco(const struct import_options *o, struct import_result *ret, struct err *err);

#endif
