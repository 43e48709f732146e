/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad: the daemon, in the foreground. */
#include <errno.h>
#include <string.h>

#include "user/cli/cli.h"
#include "user/daemon/daemon.h"
#include "user/sys/log.h"
#include "version.h"

struct lutrad_args {
	const char *config_file; /* NULL: the default file */
	bool uninstall, check;
};

static const struct args_option options[] = {
	CLI_OPTION_CONFIG(struct lutrad_args),
	ARGS_FLAG("uninstall", 256,
		  "Stop guarding all containers and remove what is pinned in the kernel",
		  struct lutrad_args, uninstall),
	ARGS_FLAG("check", 257, "Check the configuration, say what is wrong with it, and end",
		  struct lutrad_args, check),
	{},
};

static const struct args_command command = {
	.options = options,
	.version = LUTRA_VERSION,
	.doc = "Guard enrolled containers, in the foreground, until SIGTERM."
	       "\vSIGHUP reads the policies and the configuration again; docs/configuration.md "
	       "lists the keys of the configuration.",
};

/* Says of a configuration that can be read what else is wrong. Returns the exit status. */
static int check_config(const struct lutrad_args *a, const struct config *config)
{
	const char *file = a->config_file ? a->config_file : CONFIG_DEFAULT_FILE;

	if (access(config->policies_dir, F_OK) < 0) {
		fprintf(stderr, "lutrad: %s: policies_dir: %s: %s\n", file, config->policies_dir,
			strerror(errno));
		return 1;
	}
	printf("%s: good\n", file);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct lutrad_args a = {};
	char name[] = "lutrad";
	struct err err;
	int r;

	argv[0] = name;
	log_open();
	args_read(&command, argc, argv, &a);
	if (geteuid() != 0 && !a.check)
		r = err_set(&err, -EPERM, "only root can guard containers: run as root");
	else
		r = config_load(a.config_file, &config, &err);
	if (r == 0 && a.check)
		return check_config(&a, config);
	if (r == 0)
		r = a.uninstall ? daemon_uninstall(config, &err) : daemon_serve(config, &err);
	if (r < 0)
		log_error("%s", err.msg);
	return r < 0;
}
