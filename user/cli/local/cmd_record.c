/* SPDX-License-Identifier: Apache-2.0 */
/* lutra record: one run of a container, a cgroup or a command, into a trace. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/cgroup.h"
#include "user/sys/child.h"
#include "user/cli/cli.h"
#include "user/cli/local/watch.h"
#include "user/sys/clock.h"
#include "user/identity/cgroup_lookup.h"
#include "user/cli/local/session.h"

#define PREFIX "lutra.record"

enum { OPT_CONTAINER = 256, OPT_CGROUP, OPT_FOR, OPT_NO_LSM };

struct record_args {
	const char *container;
	const char *image;
	const char *cgroup;
	const char *output;
	unsigned long long seconds;
	bool no_lsm;
	char **command;
};

static const struct argp_option options[] = {
	{"container", OPT_CONTAINER, "ID", 0, "Record the running container with this id", 0},
	{"cgroup", OPT_CGROUP, "PATH", 0, "Record what runs, or will run, in this cgroup", 0},
	{"image", 'i', "REF", 0, "Image reference to note in the trace", 0},
	{"output", 'o', "FILE", 0, "Trace to write; it must not exist", 0},
	{"for", OPT_FOR, "SECONDS", 0, "End after this time", 0},
	{"no-lsm", OPT_NO_LSM, NULL, 0, "Use tracepoints even where BPF LSM works", 0},
	{},
};

static error_t check(struct argp_state *state, const struct record_args *a)
{
	int n = (a->container != NULL) + (a->cgroup != NULL) + (a->command != NULL);

	if (n == 0 && a->image)
		return args_usage(state, "--image alone cannot find a container: add --container, "
					 "--cgroup or -- COMMAND");
	if (n != 1)
		return args_usage(state, "give one of --container, --cgroup and -- COMMAND");
	if (!a->output)
		return args_usage(state, "no output file: give -o FILE.ltr");
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct record_args *a = state->input;

	switch (key) {
	case OPT_CONTAINER:
		a->container = arg;
		return 0;
	case OPT_CGROUP:
		a->cgroup = arg;
		return 0;
	case 'i':
		a->image = arg;
		return 0;
	case 'o':
		a->output = arg;
		return 0;
	case OPT_FOR:
		return args_number(state, arg, 365ull * 86400, "--for", &a->seconds);
	case OPT_NO_LSM:
		a->no_lsm = true;
		return 0;
	case ARGP_KEY_ARG:
		a->command = &state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_END:
		return check(state, a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options,
	parse,
	"-o FILE.ltr (--container ID | --cgroup PATH | -- COMMAND [ARGUMENT]…)",
	"Record one run, start to stop: the unit of training."
	"\vRecording ends when the container or the command does, after --for, or with SIGINT or "
	"SIGTERM; the trace is whole then. What was written before a crash is kept in any case. "
	"Start recording an empty cgroup before its container starts to have the start-up too.",
	NULL,
	NULL,
	NULL};

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

/* Which cgroup, made where there is none yet. */
static int find_cgroup(const struct record_args *a, struct record *rec, struct err *err)
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

static int finish(const struct record_args *a, struct record *rec)
{
	struct session_result result = {};
	struct err err;
	int r;

	/* What a command left running dies before the trace is closed: its end belongs to it. */
	if (rec->own_cgroup && cgroup_destroy(rec->cgroup) == 0)
		rec->own_cgroup = false;
	r = session_finish(rec->session, &result, &err);
	if (r < 0)
		cli_fail(&err);
	watch_report(a->output, &result);
	return r < 0 || result.outputs_failed ? 1 : 0;
}

static int record(const struct record_args *a, struct record *rec, int signal_fd,
		  const sigset_t *mask)
{
	struct session_config c = {
		.name = a->container ? a->container
			: a->cgroup  ? a->cgroup
				     : "command",
		.image = a->image,
		.record = a->output,
		.next_exec = a->command != NULL,
		.no_lsm = a->no_lsm,
	};
	_cleanup_close_ int events_fd = -1;
	struct watch w = {.signal_fd = signal_fd};
	char id[256];
	struct err err;

	if (find_cgroup(a, rec, &err) < 0)
		return cli_fail(&err);
	cgroup_lookup_container_id(rec->cgroup, id, sizeof(id));
	c.cgroup = rec->cgroup;
	c.container_id = a->command ? NULL : id;
	events_fd = cgroup_events_open(rec->cgroup);
	if (events_fd < 0)
		return cli_failf("%s: not a cgroup v2 directory, or the root: %s", rec->cgroup,
				 strerror(-events_fd));
	if (session_new(&rec->session, &c, &err) < 0)
		return cli_fail(&err);
	if (a->command && child_start(a->command, rec->cgroup, mask, &w.child, &err) < 0) {
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
	return finish(a, rec);
}

int cmd_record(int argc, char **argv)
{
	_cleanup_(record_done) struct record rec = {};
	_cleanup_close_ int signal_fd = -1;
	struct record_args a = {};
	sigset_t mask;
	struct err err;

	args_parse(&argp, argc, argv, true, &a);
	signal_fd = child_signals(&mask, &err);
	if (signal_fd < 0)
		return cli_fail(&err);
	return record(&a, &rec, signal_fd, &mask);
}
