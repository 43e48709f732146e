/* SPDX-License-Identifier: Apache-2.0 */
/* lutra run: a command in a cgroup of its own, recorded or guarded, without a daemon. */
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
#include "user/sys/cgroup.h"
#include "user/sys/child.h"
#include "user/cli/cli.h"
#include "user/cli/local/watch.h"
#include "user/policy/modes.h"
#include "user/seccomp/export.h"
#include "user/seccomp/filter.h"
#include "user/cli/local/session.h"

#define PREFIX "lutra.run"

enum { OPT_EVENTS_DB = 256, OPT_EVENTS_JSON, OPT_NO_LSM, OPT_CONFIG, OPT_SECCOMP };

struct run_args {
	const char *policy;
	int mode; /* -1: the policy's */
	const char *record;
	const char *name;
	const char *image;
	const char *events_db;
	const char *events_json;
	const char *config;
	bool no_lsm;
	bool seccomp;
	char **command;
};

static const struct argp_option options[] = {
	{"policy", 'p', "DIR", 0,
	 "Judge by this policy (a directory, or a name below " DEFAULT_POLICIES_DIR ")", 0},
	{"mode", 'm', "MODE", 0,
	 "learn, audit, deny, kill, kill-container or freeze; default: "
	 "what the policy says",
	 0},
	{"record", 'r', "FILE", 0, "Record a trace; FILE must not exist", 0},
	{"name", 'n', "NAME", 0, "Name in alerts; default: the command's", 0},
	{"image", 'i', "REF", 0, "Image reference for the trace", 0},
	{"events-db", OPT_EVENTS_DB, "FILE", 0, "Keep events in this SQLite database too", 0},
	{"events-json", OPT_EVENTS_JSON, "FILE", 0, "Append events as JSON lines; -: stdout", 0},
	{"config", OPT_CONFIG, "FILE", 0,
	 "The daemon's configuration, for whose policies are taken (policy_keys) and where they "
	 "are",
	 0},
	{"seccomp", OPT_SECCOMP, NULL, 0,
	 "In a mode that enforces, put the command under the filter of `lutra seccomp export` too: "
	 "calls never seen fail, and as they do not happen nothing alerts",
	 0},
	{"no-lsm", OPT_NO_LSM, NULL, 0, "Use tracepoints even where BPF LSM works", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct run_args *a = state->input;

	switch (key) {
	case 'p':
		a->policy = arg;
		return 0;
	case 'm':
		return mode_args_read(state, arg, &a->mode);
	case 'r':
		a->record = arg;
		return 0;
	case 'n':
		a->name = arg;
		return 0;
	case 'i':
		a->image = arg;
		return 0;
	case OPT_EVENTS_DB:
		a->events_db = arg;
		return 0;
	case OPT_EVENTS_JSON:
		a->events_json = arg;
		return 0;
	case OPT_CONFIG:
		a->config = arg;
		return 0;
	case OPT_NO_LSM:
		a->no_lsm = true;
		return 0;
	case OPT_SECCOMP:
		a->seccomp = true;
		return 0;
	case ARGP_KEY_ARG:
		a->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		if (!a->command)
			return args_usage(state, "no command given");
		if (!a->policy && !a->record)
			return args_usage(state, "give --policy, --record, or both");
		if (a->seccomp && !a->policy)
			return args_usage(state, "--seccomp needs a --policy");
		if (!a->policy && a->mode > LUTRA_MODE_LEARN)
			return args_usage(state, "this --mode needs a --policy");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"-- COMMAND [ARGUMENT]…",
	"Run a command in a cgroup of its own, recorded or guarded, without an engine or a daemon."
	"\vAlerts go to stderr, one line each. The exit status is the command's (128 + N if signal "
	"N killed it, 127 if there is no such program, 126 if it cannot be executed). When the "
	"command ends, what it left running is killed. A third SIGINT or SIGTERM kills all of it.",
	NULL,
	NULL,
	NULL};

/* What is taken apart at the end, whatever happened. */
struct run {
	char *cgroup;
	struct policy *policy;
	struct session *session;
	struct filter *filter; /* NULL: none is asked for */
	pid_t child;
};

static void run_done(struct run *r)
{
	if (r->cgroup) {
		int e = cgroup_destroy(r->cgroup);

		if (e < 0)
			cli_failf("%s: cannot remove the cgroup: %s", r->cgroup, strerror(-e));
	}
	session_free(r->session);
	filter_free(r->filter);
	policy_free(r->policy);
	free(r->cgroup);
}

/* As the daemon would: what it refuses is not run either. */
static int load_policy(const struct run_args *a, struct policy **ret, unsigned *ret_mode,
		       struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	char dir[PATH_MAX];
	int r = config_load(a->config, &config, err);

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
		return err_set(err, -EINVAL,
			       "--seccomp refuses calls, mode %s does not: give --mode deny or "
			       "what follows it",
			       mode_name(mode));
	r = export_profile(run->policy, &plain, &p, &unnamed, err);
	return r < 0 ? r : filter_new(&run->filter, p, err);
}

static int prepare(const struct run_args *a, struct run *run, struct err *err)
{
	struct session_config c = {
		.name = a->name ? a->name : a->command[0],
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
		r = load_policy(a, &run->policy, &c.mode, err);
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
	return filter_install(filter);
}

/* The command's exit code, or 1. */
static int guard_command(const struct run_args *a, struct run *run, int signal_fd,
			 const sigset_t *mask)
{
	struct watch w = {.signal_fd = signal_fd, .events_fd = -1, .forward = true};
	struct child_step seccomp = {"seccomp", install_filter, NULL};
	struct session_result result;
	struct err err;
	int r, e;

	r = prepare(a, run, &err);
	if (r < 0)
		return cli_fail(&err);
	seccomp.ctx = run->filter;
	r = child_start_with(a->command, run->cgroup, mask, run->filter ? &seccomp : NULL, &w.child,
			     &err);
	if (r < 0) {
		cli_fail(&err);
		/* A trace of nothing would only be in the way of the next try. */
		if (a->record)
			unlink(a->record);
		return r == -ENOENT ? 127 : 126;
	}
	w.session = run->session;
	r = watch_run(&w);
	if (r < 0)
		cli_failf("cannot read the kernel's events: %s", strerror(-r));
	/* The rest dies before the trace is closed, so that its end is in it. */
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
	_cleanup_(run_done) struct run run = {};
	_cleanup_close_ int signal_fd = -1;
	struct run_args a = {.mode = -1};
	sigset_t mask;
	struct err err;

	args_parse(&argp, argc, argv, true, &a);
	signal_fd = child_signals(&mask, &err);
	if (signal_fd < 0)
		return cli_fail(&err);
	return guard_command(&a, &run, signal_fd, &mask);
}
