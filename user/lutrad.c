/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad: the daemon, in the foreground. */
#include "user/cli/cli.h"
#include "user/daemon/daemon.h"

struct lutrad_args {
	const char *config_file; /* NULL: the default file */
	bool uninstall;
};

static const struct args_option options[] = {
	CLI_OPTION_CONFIG(struct lutrad_args),
	ARGS_FLAG("uninstall", 256,
		  "Stop guarding all containers and remove what is pinned in the kernel",
		  struct lutrad_args, uninstall),
	{},
};

static const struct args_command command = {
	.options = options,
	.doc = "Guard enrolled containers, in the foreground, until SIGTERM."
	       "\vSIGHUP reads the policies and the configuration again; docs/configuration.md "
	       "lists the keys of the configuration.",
};

int main(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct lutrad_args a = {};
	char name[] = "lutrad";
	struct err err;
	int r;

	argv[0] = name;
	args_read(&command, argc, argv, &a);
	if (geteuid() != 0)
		r = err_set(&err, -EPERM, "only root can guard containers: run as root");
	else
		r = config_load(a.config_file, &config, &err);
	if (r == 0)
		r = a.uninstall ? daemon_uninstall(config, &err) : daemon_serve(config, &err);
	if (r < 0)
		fprintf(stderr, "lutrad: %s\n", err.msg);
	return r < 0;
}
