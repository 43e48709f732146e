/* SPDX-License-Identifier: Apache-2.0 */
/* lutra record: records one run of a container, a cgroup or a command into a trace. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/cli/cli.h"
#include "user/cli/local/watch.h"
#include "user/sys/clock.h"
#include "user/identity/cgroup_lookup.h"
#include "user/cli/local/session.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define PREFIX "lutra.record"

enum { OPT_CONTAINER = 256, OPT_FOR };

struct record_args {
	const char *container;
	const char *image;
	const char *cgroup;
	const char *output;
	uint64_t seconds; /* 0: no limit */
	bool no_lsm;
	struct args_list command; /* ends with NULL, as argv does */
};

#define S struct record_args
static const struct args_option options[] = {
	ARGS_STRING("container", OPT_CONTAINER, "ID", "Record this running container", S,
		    container),
	CLI_OPTION_CGROUP(S),
	CLI_OPTION_IMAGE(S, "Image reference for the trace"),
	CLI_OPTION_OUTPUT(S, "Trace to write; the file must not exist"),
	ARGS_NUMBER("for", OPT_FOR, "SECONDS", "Stop after this time", 0, 365ull * 86400, S,
		    seconds),
	CLI_OPTION_NO_LSM(S),
	{},
};
#undef S

static error_t check_record_args(struct argp_state *state, void *ret)
{
	const struct record_args *a = ret;
	int n = (a->container != NULL) + (a->cgroup != NULL) + (a->command.n > 0);

	if (n == 0 && a->image)
		return args_usage(state, "--image alone cannot find a container: add --container, "
					 "--cgroup or -- COMMAND");
	if (n != 1)
		return args_usage(state, "give one of --container, --cgroup and -- COMMAND");
	if (!a->output)
		return args_usage(state, "no output file: give -o FILE.ltr");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "-o FILE.ltr (--container ID | --cgroup PATH | -- COMMAND [ARGUMENT]…)",
	.doc = "Record one run of a container, a cgroup or a command, from start to stop."
	       "\vRecording ends with the container or command, after --for, or by SIGINT or "
	       "SIGTERM. "
	       "To record the start of a container, start recording its empty cgroup first.",
	.in_order = true,
	.max = INT_MAX,
	.list = offsetof(struct record_args, command),
	.check = check_record_args,
};

struct record {
	char *cgroup;
	bool own_cgroup;
	struct session *session;
};

static void record_done(struct record *r)
{
	if (r->own_cgroup)
		cgroup_destroy(r->cgroup);
	session_free(r->session);
	free(r->cgroup);
}

/* Finds the cgroup, or makes one for a command. */
static int open_cgroup(const struct record_args *a, struct record *rec, struct err *err)
{
	char name[64];
	int r;

	if (a->container)
		return cgroup_lookup_by_id(a->container, &rec->cgroup, err);
	if (a->cgroup) {
		rec->cgroup = realpath(a->cgroup, NULL);
		return rec->cgroup ? 0 : err_set(err, -errno, "%s: %s", a->cgroup, strerror(errno));
	}
	cgroup_sweep(PREFIX);
	snprintf(name, sizeof(name), PREFIX ".%d", (int)getpid());
	r = cgroup_create(name, &rec->cgroup, err);
	rec->own_cgroup = r == 0;
	return r;
}

static int record_finish(const struct record_args *a, struct record *rec)
{
	struct session_result result = {};
	struct err err;
	int r;

	/*
	 * Kill what the command left running before the trace closes, so that its end is recorded.
	 */
	if (rec->own_cgroup && cgroup_destroy(rec->cgroup) == 0)
		rec->own_cgroup = false;
	r = session_finish(rec->session, &result, &err);
	if (r < 0)
		cli_fail(&err);
	watch_report(a->output, &result);
	return r < 0 || result.outputs_failed ? 1 : 0;
}

static int record_run(const struct record_args *a, struct record *rec, int signal_fd,
		      const sigset_t *mask)
{
	struct session_config c = {
		.name = a->container ? a->container
			: a->cgroup  ? a->cgroup
				     : "command",
		.image = a->image,
		.record = a->output,
		.next_exec = a->command.n > 0,
		.no_lsm = a->no_lsm,
	};
	_cleanup_close_ int events_fd = -1;
	struct watch w = {.signal_fd = signal_fd};
	char id[256];
	struct err err;

	if (open_cgroup(a, rec, &err) < 0)
		return cli_fail(&err);
	cgroup_lookup_container_id(rec->cgroup, id, sizeof(id));
	c.cgroup = rec->cgroup;
	c.container_id = a->command.n ? NULL : id;
	events_fd = cgroup_events_open(rec->cgroup);
	if (events_fd < 0)
		return cli_failf("%s: must be a cgroup v2 directory below the root: %s",
				 rec->cgroup, strerror(-events_fd));
	if (session_new(&rec->session, &c, &err) < 0)
		return cli_fail(&err);
	if (a->command.n && child_start(a->command.arg, rec->cgroup, mask, &w.child, &err) < 0) {
		unlink(a->output);
		return cli_fail(&err);
	}
	fprintf(stderr, "lutra: recording %s\n", rec->cgroup);
	w.session = rec->session;
	w.events_fd = events_fd;
	if (a->seconds)
		w.until_ns = clock_now_ns() + a->seconds * NSEC_PER_SEC;
	if (watch_run(&w) < 0)
		cli_failf("cannot read the kernel's events");
	return record_finish(a, rec);
}

int cmd_record(int argc, char **argv)
{
	_cleanup_(record_done) struct record rec = {};
	_cleanup_close_ int signal_fd = -1;
	struct record_args a = {};
	sigset_t mask;
	struct err err;

	args_read(&command, argc, argv, &a);
	signal_fd = child_signals(&mask, &err);
	if (signal_fd < 0)
		return cli_fail(&err);
	return record_run(&a, &rec, signal_fd, &mask);
}
