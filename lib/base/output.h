/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a person asks a command to write. An output is a regular file, or "-" for standard
 * output. A device, a pipe or a socket of the name is refused, and a file only replaced on request. A
 * file is written beside its place and renamed at the end: whole, or not at all.
 */
#ifndef LUTRA_LIB_BASE_OUTPUT_H
#define LUTRA_LIB_BASE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* An output that is being written. Zero it before output_begin(). */
struct output {
	char *path; /* the file to be; NULL: standard output */
	char *part; /* the file to write, which does not exist yet; NULL: none */
	bool force; /* replace a file that exists */
};

/*
 * Checks that the output may be written, and names the part. A symbolic link is followed. Returns 0
 * or -errno. -EEXIST: the file exists, and force is false. -EINVAL: what exists is no regular file.
 */
int output_begin(struct output *o, const char *path, bool force, struct err *err);

/*
 * Renames the part, which was written and synced, or copies it to standard output. Returns 0 or
 * -errno; -EEXIST: the file was made meanwhile.
 */
int output_end(struct output *o, struct err *err);

/* Removes the part if there still is one, and frees what o holds. */
void output_done(struct output *o);

/* Writes len bytes as an output. mode: of a new file. Errors as output_begin() and write(2). */
int output_write(const char *path, bool force, unsigned mode, const void *data, size_t len,
		 struct err *err);

#endif
