/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories are protected, hold programs, or tell roles apart: an expert's lists. */
#ifndef LUTRA_TRAINER_RULES_PATH_FLAGS_H
#define LUTRA_TRAINER_RULES_PATH_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns the LUTRA_NODE_* flags that a folded path has by its name and by its parent's flags.
 * lib_digits: "/#" stands for /lib64.
 */
uint8_t path_flags(const char *path, uint8_t parent_flags, bool lib_digits);

#endif
