/* SPDX-License-Identifier: Apache-2.0 */
/* Turns recordings of other tools into traces. */
#ifndef LUTRA_USER_IMPORT_IMPORT_H
#define LUTRA_USER_IMPORT_IMPORT_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/command/progress_bar.h"
#include "lib/trace/trace.h"

struct import_options {
	const char *const *paths; /* the files of one run, in order */
	size_t n;
	const char *output; /* "-": standard output */
	bool force;	    /* replace an output that exists */
	bool strict;	    /* refuse a recording with a line that cannot be read */
	const char *image;  /* "": unknown */
	/* falco: take events of this container only, by its name or the beginning of its id; NULL: all */
	const char *container;
	const struct progress *progress; /* or NULL */
};

#define IMPORT_WHY 256 /* bytes of a reason */

/* What was imported and what was left out. */
struct import_result {
	uint64_t calls;
	uint64_t left_out; /* events that are no system calls, or of another container */
	char first[64];	   /* the first event that was left out */
	uint64_t lines;	   /* that are not blank */
	uint64_t skipped;  /* lines that could not be read */
	char first_skipped[IMPORT_WHY]; /* the first of them: file, line, why, what to change */
	uint64_t guessed;	  /* tasks whose parent is a guess, for their number is another */
	uint64_t lost;		  /* events that the recording tool says it lost */
	char partial[IMPORT_WHY]; /* why the recording is only a part of a run; "": it is whole */
};

struct lines;

/* A format. Its callbacks use the functions of lines.h. */
struct import_format {
	const char *name; /* also the source in the trace's metadata */
	const char *arch; /* architecture of the numbers and names of system calls */
	/*
	 * Takes one line, NUL-terminated, without its newline and not blank; may change it. err
	 * needs neither file nor line number: the caller adds them. -EBADMSG: the line cannot be
	 * read, and is skipped. Other errors end the import.
	 */
	int (*on_line)(struct lines *l, char *line, struct err *err);
	int (*on_file)(struct lines *l); /* called before each file, or NULL */
	/* Called after the last line of each file, or NULL. Errors as on_line(). */
	int (*on_end)(struct lines *l, struct err *err);
	/* Called after the last file, or NULL. -errno with err set ends the import. */
	int (*on_last)(struct lines *l, struct err *err);
	bool directories; /* a directory stands for its files and those below it, sorted by name */
};

/* Returns the format of that name, or NULL. */
const struct import_format *import_find(const char *name);

/* All formats; the last one has no name. The text of --help has a line for each. */
extern const struct import_format import_formats[];
#define IMPORT_FORMATS "adfa-ld, unm, strace, perf, lid-ds, falco"
#define IMPORT_FORMATS_HELP                                                                        \
	"  adfa-ld   files, or folders of files, of i386 system call numbers; each file is a "     \
	"task\n"                                                                                   \
	"  unm       lines with a pid and an i386 system call number\n"                            \
	"  strace    output of strace -f, best with -o FILE\n"                                     \
	"  perf      output of perf trace\n"                                                       \
	"  lid-ds    lines of sysdig, as it prints them and as in LID-DS 2019 and LID-DS 2021\n"   \
	"  falco     JSON events of Falco\n"

/*
 * Imports a recording. Writes OUTPUT.PID.part and renames it at the end; a failure, SIGHUP, SIGINT
 * or SIGTERM removes the part. For programs with one thread. A line that cannot be read is skipped and
 * counted. A trace of a recording that is known to be partial says so. -EEXIST: the output exists.
 * -EBADMSG: a file is not of the format, or holds no system call; with strict, a line cannot be read;
 * err names file and line. -EFBIG: with strict, a line is too long. -EINVAL: the recording needs
 * another option or tool; err says which. Else as open(2), output_begin() and trace_writer_new().
 */
int import_trace(const struct import_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err);

#endif
