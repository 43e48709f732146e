/* SPDX-License-Identifier: Apache-2.0 */
/* Appends alerts as JSON lines to a file or standard output. */
#ifndef LUTRA_USER_OUTPUTS_JSON_LINES_H
#define LUTRA_USER_OUTPUTS_JSON_LINES_H

#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

struct json_lines;

/* Opens path; "-": standard output. Errors as open(2). */
int json_lines_new(struct json_lines **ret, const char *path, struct err *err);
void json_lines_free(struct json_lines *o);
DEFINE_FREEP(struct json_lines, json_lines_free);

/*
 * Writes text and a line end in one write. Returns 0 or -errno. If a full disk cuts the line, the
 * next call ends it first, so that only that line is damaged.
 */
int json_lines_write(struct json_lines *o, const char *text, size_t len);

#endif
