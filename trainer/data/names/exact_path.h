/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of runs as training stores them. Digits in names are folded, except in names that a policy tells
 * apart though they fold to one: struct lutra_class.exact.
 */
#ifndef LUTRA_TRAINER_DATA_NAMES_EXACT_PATH_H
#define LUTRA_TRAINER_DATA_NAMES_EXACT_PATH_H

#include <stddef.h>

#include "lutra/abi.h"

/* Folds one name as the scorer does. One that is too long stays too long. Returns the bytes in out. */
size_t exact_path_fold_name(const char *name, size_t len, char *out);

/*
 * Writes the absolute path of an object. out: as many bytes as the path. Returns how many are written.
 */
size_t exact_path_write(const struct lutra_object *o, const char *s, size_t len, char *out);

#endif
