/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle of an image in words. */
#ifndef LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H
#define LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* j: as lifecycle_image_to_json(). */
void lifecycle_print(const json_t *j, FILE *out);
/* How learning stands, in one line without its end: "3 of 5 runs, the last brought 1 call …". */
void lifecycle_print_progress(const json_t *j, char *buf, size_t size);
/* What is to be done next, one line. */
void lifecycle_print_next_step(const json_t *j, FILE *out);

#endif
