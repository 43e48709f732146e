/* SPDX-License-Identifier: Apache-2.0 */
/* A file, a pipe or standard input, read line by line. */
#ifndef LUTRA_USER_IMPORT_INPUT_H
#define LUTRA_USER_IMPORT_INPUT_H

#include <stdint.h>
#include <stdio.h>

#include "lib/base/err.h"

#define INPUT_LINE_MAX (1u << 20)
#define INPUT_HEAD 8 /* bytes at the beginning that tell the kind of a file */

struct input {
	FILE *file;
	unsigned char head[INPUT_HEAD];
	size_t n_head, next; /* bytes of head, and which of them is read next */
	uint64_t line;	     /* number of the last line, from 1 */
};

/*
 * Opens a path; "-" is standard input. -EINVAL: a directory or a device, or the file is compressed,
 * or a capture that needs its own tool; err says what to do. Else as open(2).
 */
int input_open(struct input *in, const char *path, struct err *err);
void input_close(struct input *in);

/*
 * Reads the next line into buf, NUL-terminated, without its newline. Returns 1, or 0 at the end. A line
 * that is no text is read to its end: -EFBIG: longer than INPUT_LINE_MAX; -EBADMSG: it holds a NUL
 * byte. Else as read(2).
 */
int input_line(struct input *in, char buf[static INPUT_LINE_MAX + 1], struct err *err);

#endif
