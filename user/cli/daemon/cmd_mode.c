/* SPDX-License-Identifier: Apache-2.0 */
/* lutra mode and lutra thaw: change the state of a guarded container. */
#include "lib/abi/names.h"
#include "user/cli/policy/policy_cmd.h"

struct mode_args {
	const char *config_file;
	bool force;
	int mode;
	struct args_list args; /* NAME and MODE; NAME */
};

static const struct args_option mode_options[] = {
	CLI_OPTION_FORCE(struct mode_args, CLI_KEY_FORCE),
	CLI_OPTION_CONFIG(struct mode_args),
	{},
};

static error_t check_mode_args(struct argp_state *state, void *ret)
{
	struct mode_args *a = ret;

	if (a->args.n != 2 || !*a->args.arg[0])
		return args_usage(state, "give NAME and MODE");
	if (strcmp(a->args.arg[1], "learn") == 0)
		return args_usage(state,
				  "learn is no mode for a guarded container: see lutra learn");
	return mode_args_read(state, a->args.arg[1], &a->mode);
}

static const struct args_command mode_command = {
	.options = mode_options,
	.usage = "NAME MODE",
	.doc = "Change the mode of a guarded container: audit, deny, kill, kill-container or "
	       "freeze."
	       "\vThe mode applies to the next system call. A frozen container is thawed.",
	.max = 2,
	.list = offsetof(struct mode_args, args),
	.check = check_mode_args,
};

/* Sends a request for NAME, prints the container's mode, and what --force overrides. */
static int change_container(const struct mode_args *a, const char *action, json_t *body)
{
	char path[LOCAL_CLIENT_PATH];
	json_auto_t *c = NULL;

	local_client_path(path, "containers", a->args.arg[0], action);
	if (cli_ask_or_fail(a->config_file, path, body, &c))
		return 1;
	printf("%s: mode %s\n", cli_json_text(c, "name"), cli_json_text(c, "mode"));
	if (a->force)
		policy_print_forced(cli_json_text(c, "name"), cli_json_text(c, "policy"),
				    (unsigned)a->mode);
	return 0;
}

int cmd_mode(int argc, char **argv)
{
	struct mode_args a = {};

	args_read(&mode_command, argc, argv, &a);
	return change_container(&a, "mode",
				json_pack("{s:s, s:b, s:s}", "mode", mode_name((unsigned)a.mode),
					  "force", (int)a.force, "by", cli_user_name()));
}

static const struct args_option thaw_options[] = {
	CLI_OPTION_CONFIG(struct mode_args),
	{},
};

static error_t check_thaw_args(struct argp_state *state, void *ret)
{
	const struct mode_args *a = ret;

	return a->args.n && *a->args.arg[0] ? 0 : args_usage(state, "give NAME");
}

static const struct args_command thaw_command = {
	.options = thaw_options,
	.usage = "NAME",
	.doc = "Thaw a container that a false alarm froze."
	       "\vLevels and histories of its tasks start again. The mode stays.",
	.max = 1,
	.list = offsetof(struct mode_args, args),
	.check = check_thaw_args,
};

int cmd_thaw(int argc, char **argv)
{
	struct mode_args a = {};

	args_read(&thaw_command, argc, argv, &a);
	return change_container(&a, "thaw", json_object());
}
