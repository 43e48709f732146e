/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the life cycle of an image for people. */
#ifndef LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H
#define LUTRA_USER_CLI_DAEMON_LIFECYCLE_PRINT_H

#include <jansson.h>
#include <stdio.h>

/* Prints an image, j as lifecycle_image_to_json(), on standard output. */
void lifecycle_print(const json_t *j);
/*
 * Prints the progress of learning without a newline: "3 runs, 0.4 h, the last brought …; about one
 * new file read every 3 hours …; goes on until one new thing an hour …".
 */
void lifecycle_print_progress(const json_t *j, FILE *out);

#endif
