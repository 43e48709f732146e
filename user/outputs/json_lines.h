/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts as JSON lines, appended to a file or written to standard output. */
#ifndef LUTRA_USER_OUTPUTS_JSON_LINES_H
#define LUTRA_USER_OUTPUTS_JSON_LINES_H

#include <jansson.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"

struct output_json;

/* path "-": standard output. Errors as open(2). */
int output_json_new(struct output_json **ret, const char *path, struct err *err);
void output_json_free(struct output_json *o);
DEFINE_FREEP(struct output_json, output_json_free);

/*
 * One line in one write. 0 or -errno; a line cut short by a full disk is ended before the next
 * one, so that only itself is lost.
 */
int output_json_write(struct output_json *o, const json_t *alert);
/* The same of a line that is made already. */
int output_json_line(struct output_json *o, const char *text, size_t len);

#endif
