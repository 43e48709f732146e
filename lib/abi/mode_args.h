/* SPDX-License-Identifier: Apache-2.0 */
/* A mode on a command line. */
#ifndef LUTRA_LIB_ABI_MODE_ARGS_H
#define LUTRA_LIB_ABI_MODE_ARGS_H

#include "lib/base/command/args.h"

/* Stores the mode of a name, an int, or reports a usage error. Fits struct args_option.call. */
error_t mode_args_read(struct argp_state *state, const char *arg, void *member);

#endif
