/* SPDX-License-Identifier: Apache-2.0 */
/* lutra run: runs a command in its own cgroup, recorded or guarded, without lutrad. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/abi/mode_args.h"
#include "lib/abi/names.h"
#include "user/cli/cli.h"
#include "user/cli/local/watch.h"
#include "user/policy/modes.h"
#include "user/seccomp/export.h"
#include "user/seccomp/filter.h"
#include "user/cli/local/session.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define PREFIX "lutra.run"

enum { OPT_EVENTS_DB = 256, OPT_EVENTS_JSON, OPT_SECCOMP };

struct run_args {
	const char *policy;
	int mode; /* -1: the policy's */
	const char *record;
	const char *name;
	const char *image;
	const char *events_db;
	const char *events_json;
	const char *config_file;
	bool no_lsm;
	bool seccomp;
	struct args_list command; /* ends with NULL, as argv does */
};

#define S struct run_args
static const struct args_option options[] = {
	CLI_OPTION_POLICY(S),
	CLI_OPTION_MODE(S),
	ARGS_STRING("record", 'r', "FILE", "Record a trace; FILE must not exist", S, record),
	ARGS_STRING("name", 'n', "NAME", "Name for alerts; default: the command", S, name),
	CLI_OPTION_IMAGE(S, "Image reference for the trace"),
	ARGS_STRING("events-db", OPT_EVENTS_DB, "FILE", "Also store events in this SQLite database",
		    S, events_db),
	ARGS_STRING("events-json", OPT_EVENTS_JSON, "FILE",
		    "Also append events as JSON lines; -: stdout", S, events_json),
	CLI_OPTION_CONFIG(S),
	ARGS_FLAG("seccomp", OPT_SECCOMP,
		  "Also install the policy's seccomp filter (mode deny or stricter)", S, seccomp),
	CLI_OPTION_NO_LSM(S),
	{},
};
#undef S

static error_t check_run_args(struct argp_state *state, void *ret)
{
	const struct run_args *a = ret;

	if (!a->command.n)
		return args_usage(state, "no command given");
	if (!a->policy && !a->record)
		return args_usage(state, "give --policy, --record, or both");
	if (a->seccomp && !a->policy)
		return args_usage(state, "--seccomp needs a --policy");
	if (!a->policy && a->mode > LUTRA_MODE_LEARN)
		return args_usage(state, "this --mode needs a --policy");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "-- COMMAND [ARGUMENT]…",
	.doc = "Run a command in its own cgroup, recorded or guarded, without an engine or lutrad."
	       "\vAlerts go to stderr. The exit status is the command's; 128 + N: signal N killed "
	       "it; "
	       "127: not found; 126: cannot execute. Processes that the command leaves are killed. "
	       "The third SIGINT or SIGTERM kills the whole cgroup.",
	.in_order = true,
	.max = INT_MAX,
	.list = offsetof(struct run_args, command),
	.check = check_run_args,
};

/* What run_close() frees after each outcome. */
struct run {
	char *cgroup;
	struct policy *policy;
	struct session *session;
	scmp_filter_ctx filter; /* NULL: without --seccomp */
	pid_t child;
};

static void run_close(struct run *r)
{
	if (r->cgroup) {
		int e = cgroup_destroy(r->cgroup);

		if (e < 0)
			cli_failf("%s: cannot remove the cgroup: %s", r->cgroup, strerror(-e));
	}
	session_free(r->session);
	seccomp_release(r->filter);
	policy_free(r->policy);
	free(r->cgroup);
}

/* Loads the policy with lutrad's rules for signatures and modes. */
static int load_run_policy(const struct run_args *a, struct policy **ret, unsigned *ret_mode,
			   struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	char dir[PATH_MAX];
	int r = config_load(a->config_file, &config, err);

	if (r < 0)
		return r;
	cli_policy_dir(a->policy, config->policies_dir, dir, sizeof(dir));
	r = policy_load_signed(ret, dir, &config->policy_keys, err);
	return r < 0 ? r : modes_get(config, dir, *ret, ret_mode, err);
}

static int prepare_filter(unsigned mode, struct run *run, struct err *err)
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
	r = export_profile(run->policy, &plain, &p, &unnamed, err);
	return r < 0 ? r : filter_new(&run->filter, p, err);
}

static int run_prepare(const struct run_args *a, struct run *run, struct err *err)
{
	struct session_config c = {
		.name = a->name ? a->name : a->command.arg[0],
		.image = a->image,
		.record = a->record,
		.events_db = a->events_db,
		.events_json = a->events_json,
		.policy_dir = a->policy,
		.next_exec = true,
		.no_lsm = a->no_lsm,
	};
	char name[64];
	int r;

	if (a->policy) {
		r = load_run_policy(a, &run->policy, &c.mode, err);
		if (r < 0)
			return r;
		c.policy = run->policy;
	}
	if (a->mode >= 0)
		c.mode = (unsigned)a->mode;
	r = a->seccomp ? prepare_filter(c.mode, run, err) : 0;
	if (r < 0)
		return r;
	cgroup_sweep(PREFIX);
	snprintf(name, sizeof(name), PREFIX ".%d", (int)getpid());
	r = cgroup_create(name, &run->cgroup, err);
	if (r < 0)
		return r;
	c.cgroup = run->cgroup;
	return session_new(&run->session, &c, err);
}

static int install_filter(const void *filter)
{
	return filter_install(*(const scmp_filter_ctx *)filter);
}

/* Runs the command. Returns its exit code, or 1. */
static int guard_command(const struct run_args *a, struct run *run, int signal_fd,
			 const sigset_t *mask)
{
	struct watch w = {.signal_fd = signal_fd, .events_fd = -1, .forward = true};
	struct child_step seccomp = {"seccomp", install_filter, NULL};
	struct session_result result;
	struct err err;
	int r, e;

	r = run_prepare(a, run, &err);
	if (r < 0)
		return cli_fail(&err);
	seccomp.ctx = &run->filter;
	r = child_start_with(a->command.arg, run->cgroup, mask, run->filter ? &seccomp : NULL,
			     &w.child, &err);
	if (r < 0) {
		cli_fail(&err);
		/* Remove the empty trace, so that the next try can use its name. */
		if (a->record)
			unlink(a->record);
		return r == -ENOENT ? 127 : 126;
	}
	w.session = run->session;
	r = watch_run(&w);
	if (r < 0)
		cli_failf("cannot read the kernel's events: %s", strerror(-r));
	/* Kill the other processes before the trace closes, so that their end is recorded. */
	e = cgroup_destroy(run->cgroup);
	if (e == 0)
		free(TAKE_PTR(run->cgroup));
	if (!w.child_done && e == 0)
		w.child_done = waitpid(w.child, &w.status, 0) == w.child;
	if (session_finish(run->session, &result, &err) < 0)
		cli_fail(&err);
	watch_report(a->record, &result);
	return w.child_done ? child_exit_code(w.status) : 1;
}

int cmd_run(int argc, char **argv)
{
	_cleanup_(run_close) struct run run = {};
	_cleanup_close_ int signal_fd = -1;
	struct run_args a = {.mode = -1};
	sigset_t mask;
	struct err err;

	args_read(&command, argc, argv, &a);
	signal_fd = child_signals(&mask, &err);
	if (signal_fd < 0)
		return cli_fail(&err);
	return guard_command(&a, &run, signal_fd, &mask);
}
