/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad: the daemon, in the foreground. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/cli.h"
#include "user/daemon/daemon.h"

enum { OPT_UNINSTALL = 256 };

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "Configuration; default: " CONFIG_DEFAULT_FILE, 0},
	{"uninstall", OPT_UNINSTALL, NULL, 0,
	 "End the guard of all containers and remove what is pinned in the kernel", 0},
	{},
};

struct lutrad_args {
	const char *config;
	bool uninstall;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct lutrad_args *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case OPT_UNINSTALL:
		a->uninstall = true;
		return 0;
	case ARGP_KEY_ARG:
		return args_usage(state, "takes no argument");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {options,
				 parse,
				 NULL,
				 "Guard enrolled containers, in the foreground, until SIGTERM."
				 "\vContainers come and go by `lutra enroll` and `lutra release`. "
				 "Policies that change on disk are put in force within a second, "
				 "and on SIGHUP, which has policy_keys, life and log_level of "
				 "the configuration taken too. Configuration: a JSON object "
				 "of socket, state_dir, policies_dir, events_jsonl (a file, \"-\" "
				 "or null), log_level (error, "
				 "warning, info, debug), no_lsm, calls (on, or off: nothing is "
				 "attached to system calls, LSM hooks alone decide), pin_dir, "
				 "policy_keys (public keys: only policies that one of them signed "
				 "are taken), store (max_age_days and max_mib "
				 "of the events that are kept; 0: without limit), http (listen, "
				 "token_file, hosts; null: no server), outputs and throttle (where "
				 "alerts are sent: docs/operations.md), program_stats (have the "
				 "kernel time BPF programs), engines (sockets of Docker's "
				 "and Podman's APIs), bundles (directories of containers' bundles, "
				 "by id; an empty list: none is looked for by its cgroup).",
				 NULL,
				 NULL,
				 NULL};

static int fail(const struct err *err)
{
	fprintf(stderr, "lutrad: %s\n", err->msg);
	return 1;
}

int main(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(daemon_freep) struct daemon *d = NULL;
	struct lutrad_args a = {};
	char name[] = "lutrad";
	struct err err;
	int r;

	argv[0] = name;
	args_parse(&argp, argc, argv, false, &a);
	if (geteuid() != 0) {
		err_set(&err, -EPERM, "only root can guard containers: run as root");
		return fail(&err);
	}
	if (config_load(a.config, &config, &err) < 0)
		return fail(&err);
	if (a.uninstall)
		return daemon_uninstall(config, &err) < 0 ? fail(&err) : 0;
	if (daemon_new(&d, config, &err) < 0)
		return fail(&err);
	r = daemon_run(d);
	if (r < 0) {
		err_set(&err, r, "epoll: %s", strerror(-r));
		return fail(&err);
	}
	return 0;
}
