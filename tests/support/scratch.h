/* SPDX-License-Identifier: Apache-2.0 */
/* A directory for one test, and files in it. Each function ends the test on an error. */
#ifndef LUTRA_TESTS_SUPPORT_SCRATCH_H
#define LUTRA_TESTS_SUPPORT_SCRATCH_H

#include <stddef.h>

/* Makes a directory and returns its path. scratch_remove() frees it. */
char *scratch_dir(void);
/* Deletes a directory with all that is in it, and frees its path. */
void scratch_remove(char *dir);
/* Returns dir/name; the caller frees it. */
char *scratch_path(const char *dir, const char *name);
/* Returns the bytes of the file dir/name, *ret_len of them; the caller frees them. */
char *scratch_read(const char *dir, const char *name, size_t *ret_len);
/* Writes a whole file, in the place of one that is there. */
void scratch_write(const char *path, const void *data, size_t size);

#endif
