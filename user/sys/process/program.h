/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that come with this one: the trainer and its like. */
#ifndef LUTRA_USER_SYS_PROCESS_PROGRAM_H
#define LUTRA_USER_SYS_PROCESS_PROGRAM_H

#include <stddef.h>

#include "lib/base/err.h"

/* Path of a program beside this one, or in ../libexec/lutra. -ENOENT: it is in neither. */
int helper_path(const char *program, char *buf, size_t size, struct err *err);

#endif
