/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of other tools as traces. */
#ifndef LUTRA_USER_IMPORT_IMPORT_H
#define LUTRA_USER_IMPORT_IMPORT_H

#include "lib/base/err.h"
#include "lib/base/progress.h"
#include "lib/trace/trace.h"

struct import_options {
	const char *const *paths; /* of one run, in their order */
	size_t n;
	const char *output;
	const char *image;		 /* "" where unknown */
	const char *container;		 /* falco: take only this one's events; or NULL */
	const struct progress *progress; /* or NULL */
};

/* What was left out, for the user to know. */
struct import_result {
	uint64_t calls;
	uint64_t left_out; /* events that are no calls, or another container's */
	char first[64];	   /* the first of them */
};

/*
 * A format: reads the paths, and what belongs to them, and writes the trace output (new; removed if
 * it fails). image: "" where unknown. -EBADMSG: not of this format; err names file and position, in
 * one line. -EFBIG: larger than is allowed.
 */
struct import_format {
	const char *name;
	const char *summary;
	int (*read)(const struct import_options *o, struct import_result *ret, struct err *err);
};

/* The format of that name, or NULL. */
const struct import_format *import_find(const char *name);

/* All of them, ended by one without a name. */
extern const struct import_format import_formats[];

/*
 * Read a recording and give the finished trace its name: it is written beside, as OUTPUT.PID.part,
 * which a failure or SIGHUP, SIGINT, SIGTERM removes. For a program of one thread. -EEXIST: there
 * is an output; as the format's read().
 */
int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err);

/* One run of the services recordings: SVC.RUN.raw.zst with its strings and labels beside it. */
int import_services(const struct import_options *o, struct import_result *ret, struct err *err);

/* ADFA-LD: files, or directories of files, of i386 call numbers; each a task of its own. */
int import_adfa(const struct import_options *o, struct import_result *ret, struct err *err);

/* University of New Mexico: lines of a pid and a call number, taken for i386's. */
int import_unm(const struct import_options *o, struct import_result *ret, struct err *err);

/* strace -f, with or without -t, -tt, -ttt, -r; or the files of -ff in turn. */
int import_strace(const struct import_options *o, struct import_result *ret, struct err *err);

/* LID-DS 2019 and 2021: sysdig's lines. */
int import_lid_ds(const struct import_options *o, struct import_result *ret, struct err *err);

/* Falco's events as JSON lines. */
int import_falco(const struct import_options *o, struct import_result *ret, struct err *err);

#endif
