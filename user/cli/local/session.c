/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards or records one cgroup: owns the guard, the trace, the store, the JSON output, the command
 * and its cgroup. One thread.
 */
#include "user/cli/local/session.h"

#include <poll.h>
#include <sys/syslog.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "lib/trace/trace.h"
#include "user/cli/cli.h"
#include "user/guard/guard.h"
#include "user/pipeline/pipeline.h"
#include "user/policy/modes.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/clock.h"

#define END_SIGNALS 3 /* a frozen command ignores signals: the third one ends the session */
#define POLL_MS 100   /* the kernel does not wake the reader for a few records */
#define FLUSH_NS (2 * NSEC_PER_SEC)

struct session {
	struct session_config config;
	char *own_cgroup;    /* path of a new cgroup; NULL: the cgroup is the caller's */
	bool cgroup_removed; /* the new cgroup is gone */
	int events_fd;	     /* cgroup.events; -1 in the foreground */
	int signal_fd;
	sigset_t mask; /* the signal mask before signal_fd */
	pid_t child;   /* 0: no command */
	int status;    /* wait status of the child; valid if child_done */
	bool child_done;
	unsigned end_signals; /* signals to end that were passed to the command */
	struct guard *guard;
	struct trace_writer *trace;
	struct outputs_config outputs;
	struct pipeline *pipeline;
	struct subscriber subscriber;
	struct identity identity;
	uint64_t records;
	uint64_t records_lost; /* in the kernel's ring, or by a failing trace */
	uint64_t evidence_lost;
	uint64_t flushed_ns;
	uint32_t slot;
	bool enrolled;
	bool trace_failed; /* a failure was reported */
	bool acted;	   /* the container was frozen or killed */
};

/* ---- start ---- */

/* Makes a cgroup if the caller gave none. */
static int open_cgroup(struct session *s, struct err *err)
{
	char name[64];
	int r;

	if (!s->config.cgroup) {
		cgroup_sweep(s->config.prefix);
		snprintf(name, sizeof(name), "%s.%d", s->config.prefix, (int)getpid());
		r = cgroup_create(name, &s->own_cgroup, err);
		if (r < 0)
			return r;
		s->config.cgroup = s->own_cgroup;
	}
	if (s->config.foreground)
		return 0;
	s->events_fd = cgroup_events_open(s->config.cgroup);
	return s->events_fd < 0 ? err_set(err, s->events_fd,
					  "%s: must be a cgroup v2 directory below the root: %s",
					  s->config.cgroup, strerror(-s->events_fd))
				: 0;
}

static void trace_check(struct session *s, int r)
{
	if (r == 0 || s->trace_failed)
		return;
	s->trace_failed = true;
	fprintf(stderr, "lutra: %s: cannot write: %s; the recording ends here\n", s->config.record,
		strerror(-r));
}

static void session_on_record(void *ctx, uint32_t slot, const struct lutra_record *rec,
			      const char *str, size_t str_len)
{
	struct session *s = ctx;
	int r;

	if (!s->trace || !s->enrolled || slot != s->slot)
		return;
	r = trace_writer_add(s->trace, rec, str, str_len);
	trace_check(s, r);
	if (r == 0)
		s->records++;
	else
		s->records_lost++;
}

static void print_output_report(void *ctx, bool bad, const char *msg)
{
	(void)ctx;
	fprintf(stderr, "lutra: %s%s\n", bad ? "WARNING: " : "", msg);
}

static void print_alert(void *ctx, struct alert_json *a, uint64_t folded)
{
	char time[CLOCK_TEXT];

	(void)ctx;
	if (folded)
		fprintf(stderr, "lutra: %llu alerts are not shown\n", (unsigned long long)folded);
	if (a->level <= LOG_WARNING)
		fprintf(stderr, "lutra: %s %s\n", clock_format(a->time_ns, time), a->sentence);
}

static void session_on_evidence(void *ctx, const struct lutra_evidence *ev, const char *str,
				size_t str_len)
{
	struct session *s = ctx;
	const struct alert_container container = {
		.name = s->config.name,
		.cgroup = s->config.cgroup,
		.policy_dir = s->config.policy_dir,
		.identity = &s->identity,
	};
	int r;

	if (!s->enrolled || ev->slot != s->slot)
		return;
	if (!s->acted) {
		r = container_act(s->config.cgroup, ev);
		if (r < 0)
			fprintf(stderr, "lutra: %s: cannot freeze or kill it: %s\n",
				s->config.cgroup, strerror(-r));
		s->acted = r > 0;
	}
	pipeline_put(s->pipeline, alert_new(ev, str, str_len, &container));
}

static int session_open_pipeline(struct session *s, struct err *err)
{
	struct pipeline_config config = {.store_path = s->config.events_db,
					 .need_store = s->config.events_db != NULL,
					 .outputs = &s->outputs,
					 .env.report = print_output_report};
	const char *image = s->config.policy ? s->config.policy->image : s->config.image;
	int r;

	if (identity_set(&s->identity.id, s->config.container_id) < 0 ||
	    identity_set(&s->identity.image, image) < 0)
		return err_oom(err);
	if (s->config.events_json &&
	    outputs_config_add_lines(&s->outputs, s->config.events_json) < 0)
		return err_oom(err);
	r = pipeline_new(&s->pipeline, &config, err);
	if (r < 0)
		return r;
	s->subscriber = (struct subscriber){.on_alert = print_alert, .active = true};
	subscribers_add(pipeline_subscribers(s->pipeline), &s->subscriber);
	return 0;
}

static int session_open_trace(struct session *s, struct err *err)
{
	const char *image = s->config.image;
	struct utsname uts = {};
	struct trace_meta meta;

	if (!s->config.record)
		return 0;
	if (!image && s->config.policy)
		image = s->config.policy->image;
	uname(&uts);
	meta = (struct trace_meta){
		.image = strdupa(image ? image : ""),
		.container_id = strdupa(s->config.container_id ? s->config.container_id : ""),
		.host = uts.nodename,
		.kernel = uts.release,
		.arch = uts.machine,
		.source = strdupa(guard_has_lsm(s->guard) ? "lsm" : "tracepoint"),
		.start_realtime_ns = clock_realtime_ns(),
		.start_monotonic_ns = clock_now_ns(),
		.ops = guard_ops(s->guard),
	};
	return trace_writer_new(&s->trace, s->config.record, &meta, err);
}

static int session_enroll(struct session *s, struct err *err)
{
	const struct guard_enrolment e = {
		.cgroup = s->config.cgroup,
		.policy = s->config.policy,
		.mode = s->config.mode,
		.record = s->config.record != NULL,
		.next_exec = s->own_cgroup != NULL,
		/* A recording tells exec sessions; a policy must not treat them otherwise here. */
		.sessions = !s->config.policy,
	};
	int r = guard_enroll(s->guard, &e, &s->slot, err);

	s->enrolled = r == 0;
	/* Remove the empty trace, so that the next try can use its name. */
	if (r < 0 && s->trace)
		unlink(s->config.record);
	return r;
}

int session_new(struct session **ret, const struct session_config *config, struct err *err)
{
	_cleanup_(session_freep) struct session *s = calloc(1, sizeof(*s));
	const struct guard_handler handler = {session_on_record, session_on_evidence, s};
	int r;

	if (!s)
		return err_oom(err);
	s->config = *config;
	s->flushed_ns = clock_now_ns();
	s->events_fd = -1;
	s->signal_fd = child_signals(&s->mask, err);
	r = s->signal_fd < 0 ? s->signal_fd : open_cgroup(s, err);
	if (r == 0)
		r = session_open_pipeline(s, err);
	if (r == 0)
		r = guard_new(&s->guard, &handler,
			      GUARD_BRIEF | (config->no_lsm ? GUARD_NO_LSM : 0), NULL, err);
	if (r == 0 && config->needs_hooks && config->policy && guard_has_lsm(s->guard))
		r = modes_check_hooks(config->policy_dir, config->policy, config->mode, false, err);
	if (r == 0)
		r = session_open_trace(s, err);
	if (r == 0)
		r = session_enroll(s, err);
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

bool session_wants_filter(const struct session *s)
{
	return guard_syscalls(s->guard).at_filter != NULL;
}

int session_start(struct session *s, char *const argv[], const struct child_step *step,
		  struct err *err)
{
	int r = child_start_with(argv, s->config.cgroup, &s->mask, step, &s->child, err);

	if (r < 0 && s->trace)
		unlink(s->config.record);
	return r;
}

/* ---- wait ---- */

/* Takes events: alerts go to stderr and the outputs, records to the trace. */
static int session_poll(struct session *s)
{
	uint64_t now = clock_now_ns();
	int r = guard_drain(s->guard);

	guard_choose_programs(s->guard, now);
	guard_renew_seen(s->guard, now);
	subscribers_dispatch(pipeline_subscribers(s->pipeline));
	if (s->trace && now - s->flushed_ns > FLUSH_NS) {
		s->flushed_ns = now;
		trace_check(s, trace_writer_flush(s->trace));
	}
	return r < 0 ? r : 0;
}

static void reap_child(struct session *s)
{
	if (s->child && !s->child_done && waitpid(s->child, &s->status, WNOHANG) == s->child)
		s->child_done = true;
}

/* Handles signals; returns true if the session must end. */
static bool take_signals(struct session *s)
{
	pid_t to = s->config.foreground && !s->child_done ? s->child : 0;
	bool end = false;
	int sig;

	while ((sig = child_signal_next(s->signal_fd, to))) {
		if (sig == SIGCHLD)
			reap_child(s);
		else if (sig == SIGINT || sig == SIGTERM || sig == SIGHUP || sig == SIGQUIT)
			end = !s->config.foreground || ++s->end_signals >= END_SIGNALS;
	}
	return end;
}

/* Returns true if the cgroup had tasks and has none now. */
static bool is_emptied(const struct session *s, bool *was_populated)
{
	bool populated;

	if (s->events_fd < 0)
		return false;
	if (cgroup_populated(s->events_fd, &populated) < 0)
		return true;
	*was_populated |= populated;
	return *was_populated && !populated;
}

static int timeout_ms(uint64_t until_ns, uint64_t now)
{
	uint64_t left;

	if (!until_ns)
		return POLL_MS;
	left = until_ns > now ? (until_ns - now) / 1000000 + 1 : 0;
	return left < POLL_MS ? (int)left : POLL_MS;
}

/* Takes events until the session ends. Returns 0 or -errno. */
static int session_wait(struct session *s)
{
	uint64_t until_ns =
		s->config.seconds ? clock_now_ns() + s->config.seconds * NSEC_PER_SEC : 0;
	struct pollfd p[3] = {
		{.fd = guard_epoll_fd(s->guard), .events = POLLIN},
		{.fd = s->signal_fd, .events = POLLIN},
		{.fd = s->events_fd, .events = POLLPRI},
	};
	bool populated = false;

	for (;;) {
		int r;

		if (poll(p, 3, timeout_ms(until_ns, clock_now_ns())) < 0 && errno != EINTR)
			return -errno;
		r = session_poll(s);
		if (r < 0)
			return r;
		if (take_signals(s) || is_emptied(s, &populated))
			return 0;
		/* A child that failed to start never populates its cgroup. */
		if (s->child_done && !populated)
			return 0;
		if (until_ns && clock_now_ns() >= until_ns)
			return 0;
	}
}

/* ---- end ---- */

/* Kills what runs in a new cgroup, and removes it. Returns 0 or -errno. */
static int remove_cgroup(struct session *s)
{
	int r = s->own_cgroup && !s->cgroup_removed ? cgroup_destroy(s->own_cgroup) : 0;

	s->cgroup_removed = r == 0;
	return r;
}

/* Counts the alerts that the store or the output lost. */
static uint64_t count_unsent(struct session *s)
{
	struct outputs *o = pipeline_outputs(s->pipeline);
	struct pipeline_stats stats;
	struct sink_stats sink;
	uint64_t n;

	pipeline_stats(s->pipeline, &stats);
	n = stats.lost_queue + stats.lost_store;
	for (size_t i = 0; i < outputs_count(o); i++) {
		outputs_stats(o, i, &sink);
		n += sink.lost;
	}
	return n;
}

/* Takes the last events, releases the cgroup and closes the trace. Errors as trace_writer_close(). */
static int session_finish(struct session *s, struct err *err)
{
	struct lutra_counters c = {};
	int r = session_poll(s), e = 0;

	if (guard_counters(s->guard, s->slot, &c) == 0) {
		s->records_lost += c.n[LUTRA_COUNTER_RECORDS_LOST];
		s->evidence_lost += c.n[LUTRA_COUNTER_EVIDENCE_LOST];
	}
	guard_release(s->guard, s->slot);
	/* Take what came between the last poll and the release. */
	session_poll(s);
	s->enrolled = false;
	pipeline_sync(s->pipeline);
	while (subscribers_dispatch(pipeline_subscribers(s->pipeline)))
		;
	if (r < 0)
		err_set(err, r, "cannot read the kernel's events: %s", strerror(-r));
	if (s->trace)
		e = trace_writer_close(TAKE_PTR(s->trace), s->records_lost, err);
	return e < 0 ? e : r;
}

static void print_losses(const struct session *s, uint64_t unsent)
{
	const char *path = s->config.record;

	if (path)
		fprintf(stderr, "lutra: %s: %llu events recorded, %llu lost\n", path,
			(unsigned long long)s->records, (unsigned long long)s->records_lost);
	if (path && s->records_lost)
		fprintf(stderr,
			"lutra: WARNING: %llu events are missing in %s: do not train on it, "
			"record again with less load\n",
			(unsigned long long)s->records_lost, path);
	if (s->evidence_lost || unsent)
		fprintf(stderr,
			"lutra: WARNING: lost evidence of %llu matches, failed to store %llu "
			"events; the verdicts took effect\n",
			(unsigned long long)s->evidence_lost, (unsigned long long)unsent);
}

int session_run(struct session *s)
{
	struct err err;
	uint64_t unsent;
	int r;

	if (!s->config.foreground)
		fprintf(stderr, "lutra: recording %s\n", s->config.cgroup);
	r = session_wait(s);
	if (r < 0)
		cli_failf("cannot read the kernel's events: %s", strerror(-r));
	/* Kill the other processes before the trace closes, so that their end is recorded. */
	if (remove_cgroup(s) == 0 && s->config.foreground && !s->child_done)
		s->child_done = waitpid(s->child, &s->status, 0) == s->child;
	r = session_finish(s, &err);
	if (r < 0)
		cli_fail(&err);
	unsent = count_unsent(s);
	print_losses(s, unsent);
	if (s->config.foreground)
		return s->child_done ? child_exit_code(s->status) : 1;
	return r < 0 || unsent ? 1 : 0;
}

void session_free(struct session *s)
{
	int r;

	if (!s)
		return;
	r = remove_cgroup(s);
	if (r < 0)
		cli_failf("%s: cannot remove the cgroup: %s", s->own_cgroup, strerror(-r));
	if (s->enrolled)
		guard_release(s->guard, s->slot);
	guard_free(s->guard);
	trace_writer_free(s->trace);
	pipeline_free(s->pipeline);
	outputs_config_done(&s->outputs);
	identity_done(&s->identity);
	free(s->own_cgroup);
	closep(&s->events_fd);
	closep(&s->signal_fd);
	free(s);
}
