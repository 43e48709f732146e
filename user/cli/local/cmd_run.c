/* SPDX-License-Identifier: Apache-2.0 */
/* lutra run: runs a command in its own cgroup, recorded or guarded, without lutrad. */
#include "lib/abi/names.h"
#include "user/cli/cli.h"
#include "user/policy/modes.h"
#include "user/seccomp/export.h"
#include "user/seccomp/filter.h"
#include "user/cli/local/session.h"

enum { OPT_EVENTS_DB = 256, OPT_EVENTS_JSON, OPT_SECCOMP, OPT_RECORD };

struct run_args {
	struct session_config session;
	int mode; /* -1: the policy's */
	const char *config_file;
	bool seccomp;
	bool force;		  /* also a mode that the policy is too little trained for */
	struct args_list command; /* ends with NULL, as argv does */
};

#define S struct run_args
static const struct args_option options[] = {
	CLI_OPTION_POLICY(S, session.policy_dir),
	CLI_OPTION_MODE(S),
	ARGS_STRING("record", OPT_RECORD, "FILE", "Record a trace; FILE must not exist", S,
		    session.record),
	ARGS_STRING("name", 'n', "NAME", "Name for alerts; default: the command", S, session.name),
	CLI_OPTION_IMAGE(S, session.image, "Image reference for the trace"),
	ARGS_STRING("events-db", OPT_EVENTS_DB, "FILE", "Also store events in this SQLite database",
		    S, session.events_db),
	ARGS_STRING("events-json", OPT_EVENTS_JSON, "FILE",
		    "Also append events as JSON lines; -: stdout", S, session.events_json),
	CLI_OPTION_CONFIG(S),
	ARGS_FLAG("seccomp", OPT_SECCOMP,
		  "Also install the policy's seccomp filter (mode deny or stricter)", S, seccomp),
	ARGS_FLAG("force", 'f', "Allow a mode that the policy is too little trained for", S, force),
	CLI_OPTION_NO_LSM(S),
	{},
};
#undef S

static error_t check_run_args(struct argp_state *state, void *ret)
{
	const struct run_args *a = ret;

	if (!a->command.n)
		return args_usage(state, "no command given");
	if (!a->session.policy_dir && !a->session.record)
		return args_usage(state, "give --policy, --record, or both");
	if (a->seccomp && !a->session.policy_dir)
		return args_usage(state, "--seccomp needs a --policy");
	if (!a->session.policy_dir && a->mode > LUTRA_MODE_LEARN)
		return args_usage(state, "this --mode needs a --policy");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "-- COMMAND [ARGUMENT]…",
	.doc = "Run a command in its own cgroup, recorded or guarded, without an engine or lutrad."
	       "\vAlerts go to stderr. The exit status is the command's; 128 + N: signal N killed "
	       "it; 127: not found; 126: cannot execute. Processes that the command leaves are "
	       "killed. The third SIGINT or SIGTERM kills the whole cgroup.",
	.in_order = true,
	.max = INT_MAX,
	.list = offsetof(struct run_args, command),
	.check = check_run_args,
};

/*
 * Loads the policy with lutrad's rules for signatures and modes. -EPERM: the policy was trained on too
 * little for the mode that was asked for.
 */
static int load_run_policy(const struct run_args *a, struct policy **ret, unsigned *ret_mode,
			   struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	char dir[PATH_MAX];
	int r = cli_config(a->config_file, &config, err);

	if (r < 0)
		return r;
	cli_policy_dir(a->session.policy_dir, config->policies_dir, dir, sizeof(dir));
	r = cli_load_policy(dir, &config->policy_keys, ret, err);
	if (r < 0 || a->mode < 0)
		return r < 0 ? r : modes_get(config, dir, *ret, ret_mode, err);
	*ret_mode = (unsigned)a->mode;
	return modes_check(a->session.policy_dir, *ret, *ret_mode, a->force, err);
}

static int prepare_filter(unsigned mode, const struct policy *policy, scmp_filter_ctx *ret,
			  struct err *err)
{
	const struct export_options plain = {.notify = false};
	_cleanup_(profile_freep) struct profile *p = NULL;
	unsigned unnamed;
	int r;

	if (mode < LUTRA_MODE_DENY)
		return err_set(
			err, -EINVAL,
			"--seccomp refuses system calls and mode %s does not: give --mode deny "
			"or a stricter mode",
			mode_name(mode));
	r = export_profile(policy, &plain, &p, &unnamed, err);
	return r < 0 ? r : filter_new(ret, p, err);
}

static int install_filter(const void *filter)
{
	return filter_install(*(const scmp_filter_ctx *)filter);
}

int cmd_run(int argc, char **argv)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(seccomp_releasep) scmp_filter_ctx filter = NULL;
	_cleanup_(session_freep) struct session *s = NULL;
	struct run_args a = {.mode = -1, .session = {.prefix = "lutra.run", .foreground = true}};
	struct child_step seccomp = {"seccomp", install_filter, &filter};
	const struct child_step open_seccomp = {"seccomp", filter_install_open, NULL};
	const struct child_step *step = &seccomp;
	struct session_config *c = &a.session;
	struct err err;
	int r = 0;

	args_read(&command, argc, argv, &a);
	if (!c->name)
		c->name = a.command.arg[0];
	if (c->policy_dir)
		r = load_run_policy(&a, &policy, &c->mode, &err);
	else if (a.mode >= 0)
		c->mode = (unsigned)a.mode;
	c->needs_hooks = a.mode >= 0 && !a.force;
	c->policy = policy;
	if (r == 0 && a.seccomp)
		r = prepare_filter(c->mode, policy, &filter, &err);
	if (r == 0)
		r = session_new(&s, c, &err);
	if (r < 0)
		return cli_fail(&err);
	if (!filter)
		step = session_wants_filter(s) ? &open_seccomp : NULL;
	r = session_start(s, a.command.arg, step, &err);
	if (r < 0) {
		cli_fail(&err);
		return r == -ENOENT ? 127 : 126;
	}
	return session_run(s);
}
