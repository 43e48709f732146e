/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train and lutra eval: execute the trainer's programs. */
#include "user/cli/cli.h"
#include "user/sys/process/program.h"

static int exec_program(const char *program, char **argv)
{
	char path[PATH_MAX + 64];
	struct err err;

	if (helper_path(program, path, sizeof(path), &err) < 0)
		return cli_fail(&err);
	execv(path, argv);
	return cli_failf("cannot run %s: %s", path, strerror(errno));
}

int cmd_train(int argc, char **argv)
{
	(void)argc;
	return exec_program("lutra-train", argv);
}

int cmd_eval(int argc, char **argv)
{
	(void)argc;
	return exec_program("lutra-eval", argv);
}
