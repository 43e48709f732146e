/* SPDX-License-Identifier: Apache-2.0 */
/* A mode on a command line. */
#include "lib/abi/mode_args.h"

#include "lib/abi/names.h"

error_t mode_args_read(struct argp_state *state, const char *arg, void *member)
{
	unsigned mode;

	if (mode_parse(arg, &mode) < 0)
		return args_usage(state,
				  "unknown mode '%s': learn, audit, deny, kill, kill-container or "
				  "freeze",
				  arg);
	*(int *)member = (int)mode;
	return 0;
}
