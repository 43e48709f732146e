/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the life cycle of an image for people. */
#ifndef LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H
#define LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Prints an image, j as lifecycle_image_to_json(). */
void lifecycle_print(const json_t *j, FILE *out);
/* Writes the progress of learning without a newline: "3 of 5 runs, the last brought 1 call …". */
void lifecycle_print_progress(const json_t *j, char *buf, size_t size);
/* Prints the next step of the operator, one line. */
void lifecycle_print_next_step(const json_t *j, FILE *out);

#endif
