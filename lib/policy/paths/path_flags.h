/* SPDX-License-Identifier: Apache-2.0 */
/* Which paths are protected, hold programs, are secret, or tell roles apart: an expert's lists. */
#ifndef LUTRA_LIB_POLICY_PATHS_PATH_FLAGS_H
#define LUTRA_LIB_POLICY_PATHS_PATH_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns the LUTRA_NODE_* flags that a folded path has by its name and by its parent's flags.
 * lib_digits: "/#" stands for /lib64.
 */
uint8_t path_flags(const char *path, uint8_t parent_flags, bool lib_digits);

/* Returns directory i of those that hold secrets, or NULL after the last. */
const char *path_flags_get_secret(size_t i);

/* Returns file i of those that hold secrets and lie in none of these directories, or NULL. */
const char *path_flags_get_secret_file(size_t i);

/* Returns true if the path is one of these files. */
bool path_flags_is_secret_path(const char *path);

/*
 * Returns true if files of this name often hold secrets, in whatever directory they are: a private
 * key, a key store, a copy of a file that was replaced. name: len bytes.
 */
bool path_flags_is_secret_file(const char *name, size_t len);

/* Returns true if a kind, as lutra_component_kind() tells it, is that of such a file. */
bool path_flags_is_secret_kind(uint32_t kind);

#endif
