/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a container, below its root directory. What the container put there is hostile. */
#ifndef LUTRA_LIB_BASE_PACKAGE_FILE_BELOW_H
#define LUTRA_LIB_BASE_PACKAGE_FILE_BELOW_H

#include <stddef.h>

/*
 * Opens a path below a directory, and follows no link out of it nor to another file system. Returns
 * a descriptor or -errno.
 */
int file_open_below(int dir, const char *path, int flags);
/*
 * Reads a regular file below a directory, at most max bytes. The caller frees *ret. Returns 0,
 * -EINVAL: no regular file; else as openat2(2) and file_read().
 */
int file_read_below(int dir, const char *path, size_t max, char **ret, size_t *ret_len);

#endif
