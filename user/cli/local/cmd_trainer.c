/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train and lutra eval: execute the trainer's programs. */
#include "user/cli/cli.h"
#include "user/sys/process/program.h"

int cmd_trainer(int argc, char **argv)
{
	char program[64], path[PATH_MAX + 64];
	struct err err;

	(void)argc;
	/* argv[0] is "lutra train" or "lutra eval". */
	snprintf(program, sizeof(program), "lutra-%s", argv[0] + strlen("lutra "));
	if (helper_path(program, path, sizeof(path), &err) < 0)
		return cli_fail(&err);
	execv(path, argv);
	return cli_failf("cannot run %s: %s", path, strerror(errno));
}
