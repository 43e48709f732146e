/* SPDX-License-Identifier: Apache-2.0 */
/* lutra release: asks lutrad to stop guarding containers. */
#include "user/cli/cli.h"

struct release_args {
	const char *config_file;
	const char *cgroup;
	bool all;
	struct args_list names;
};

enum { OPT_ALL = 256 };

static const struct args_option options[] = {
	CLI_OPTION_CGROUP(struct release_args),
	ARGS_FLAG("all", OPT_ALL, "Release every container", struct release_args, all),
	CLI_OPTION_CONFIG(struct release_args),
	{},
};

static error_t check_release_args(struct argp_state *state, void *ret)
{
	const struct release_args *a = ret;

	if (a->names.n + (a->cgroup != NULL) + a->all != 1)
		return args_usage(state, "give one of NAME, --cgroup PATH and --all");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "NAME|--cgroup PATH|--all",
	.doc = "Stop guarding a container. A frozen container is thawed.",
	.max = 1,
	.list = offsetof(struct release_args, names),
	.check = check_release_args,
};

int cmd_release(int argc, char **argv)
{
	_cleanup_free_ char *cgroup = NULL;
	struct release_args a = {};
	json_auto_t *answer = NULL;
	json_t *q;

	args_read(&command, argc, argv, &a);
	cgroup = a.cgroup ? cli_absolute_path(a.cgroup) : NULL;
	if (a.cgroup && !cgroup)
		return 1;
	q = a.all ? json_pack("{s:b}", "all", 1)
		  : json_pack("{s:s}", "name", cgroup ? cgroup : a.names.arg[0]);
	if (cli_ask_or_fail(a.config_file, "release", q, &answer))
		return 1;
	printf("%lld released\n", cli_json_number(answer, "released"));
	return 0;
}
