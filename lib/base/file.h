/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, and what it takes to have them safely on disk. */
#ifndef LUTRA_LIB_BASE_FILE_H
#define LUTRA_LIB_BASE_FILE_H

#include <limits.h>
#include <stddef.h>

#include "lib/base/err.h"

/*
 * Open a regular file for reading (path relative to dirfd, as openat(2) takes them). Never blocks:
 * a fifo or a device is -EINVAL. Returns the descriptor, or -errno with err set.
 */
int file_open_read(int dirfd, const char *path, struct err *err);

/*
 * Read a regular file (path relative to dirfd, as openat(2) takes them) of at most max bytes; *ret
 * is NUL-terminated (not counted) and the caller's to free. -EFBIG: larger. -EINVAL: not a regular
 * file. Else as open(2) and read(2).
 */
int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len,
	      struct err *err);

/* Writes all len bytes, in as many write(2) as it takes. Returns 0 or -errno. */
int file_write_all(int fd, const void *data, size_t len);

/*
 * Creates a file, writes and syncs it. Returns 0 or -errno; -EEXIST: path exists. On failure there
 * is no file.
 */
int file_create(int dirfd, const char *path, unsigned mode, const void *data, size_t len);

/*
 * Replaces a file of the program's own, or creates it: writes and syncs a new one beside it, and
 * renames that one to path. Files that a person names are outputs: lib/base/output.h. Returns 0 or
 * -errno; on failure the old file stays. -EINVAL: path is a device, a pipe or a socket.
 */
int file_replace(const char *path, unsigned mode, const void *data, size_t len);

/*
 * Renames a file that cannot be used to PATH.damaged-TIME, so that a new one can begin. also: endings of
 * files beside it that are renamed with it, up to NULL; NULL: none. The caller frees *ret, the new name.
 * Returns 0 or -errno.
 */
int file_set_aside(const char *path, const char *const *also, char **ret);

/* Writes the directory of the running program. Returns 0, or -errno with err set. */
int file_own_directory(char ret[static PATH_MAX], struct err *err);

/* Syncs the directory that holds path, so that its entry is on disk. Returns 0 or -errno. */
int file_sync_parent(const char *path);

#endif
