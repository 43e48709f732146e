/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards or records one cgroup: owns the guard, the trace, the store and the JSON output. One
 * thread.
 */
#include "user/cli/local/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syslog.h>
#include <sys/utsname.h>

#include "lib/trace/trace.h"
#include "user/sys/clock.h"
#include "user/guard/guard.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/process/cgroup.h"

#define FLUSH_NS (2 * NSEC_PER_SEC)

struct session {
	struct session_config config;
	struct guard *guard;
	struct trace_writer *trace;
	struct outputs_config outputs;
	struct pipeline *pipeline;
	struct subscriber subscriber;
	struct identity identity;
	struct session_result result;
	uint64_t flushed_ns;
	uint32_t slot;
	bool enrolled;
	bool trace_failed; /* a failure was reported */
	bool acted;	   /* the container was frozen or killed */
};

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
		s->result.records++;
	else
		s->result.records_lost++;
}

static void print_report(void *ctx, bool bad, const char *msg)
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
	s->result.alerts += ev->verdict >= LUTRA_VERDICT_ALERT;
	pipeline_put(s->pipeline, alert_new(ev, str, str_len, &container));
}

static int session_open_pipeline(struct session *s, struct err *err)
{
	struct pipeline_config config = {.store_path = s->config.events_db,
					 .need_store = s->config.events_db != NULL,
					 .outputs = &s->outputs,
					 .env.report = print_report};
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

static int session_open_trace(struct session *s, struct err *err)
{
	struct utsname uts = {};
	struct trace_meta meta = {};
	const char *image = s->config.image;
	int r;

	if (!s->config.record)
		return 0;
	if (!image && s->config.policy)
		image = s->config.policy->image;
	uname(&uts);
	meta.image = strdup(image ? image : "");
	meta.container_id = strdup(s->config.container_id ? s->config.container_id : "");
	meta.host = strdup(uts.nodename);
	meta.kernel = strdup(uts.release);
	meta.arch = strdup(uts.machine);
	meta.source = strdup(guard_has_lsm(s->guard) ? "lsm" : "tracepoint");
	meta.start_realtime_ns = clock_realtime_ns();
	meta.start_monotonic_ns = clock_now_ns();
	meta.ops = guard_ops(s->guard);
	r = trace_writer_new(&s->trace, s->config.record, &meta, err);
	trace_meta_done(&meta);
	return r;
}

static int session_open(struct session *s, struct err *err)
{
	const struct guard_handler handler = {
		.record = session_on_record,
		.evidence = session_on_evidence,
		.ctx = s,
	};
	const struct guard_enrolment e = {
		.cgroup = s->config.cgroup,
		.policy = s->config.policy,
		.mode = s->config.mode,
		.record = s->config.record != NULL,
		.next_exec = s->config.next_exec,
	};
	int r;

	r = session_open_pipeline(s, err);
	if (r < 0)
		return r;
	r = guard_new(&s->guard, &handler, GUARD_BRIEF | (s->config.no_lsm ? GUARD_NO_LSM : 0),
		      err);
	if (r < 0)
		return r;
	r = session_open_trace(s, err);
	if (r < 0)
		return r;
	r = guard_enroll(s->guard, &e, &s->slot, err);
	s->enrolled = r == 0;
	/* Remove the empty trace, so that the next try can use its name. */
	if (r < 0 && s->trace)
		unlink(s->config.record);
	return r;
}

int session_new(struct session **ret, const struct session_config *config, struct err *err)
{
	_cleanup_(session_freep) struct session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	s->config = *config;
	s->flushed_ns = clock_now_ns();
	r = session_open(s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

int session_fd(const struct session *s)
{
	return guard_epoll_fd(s->guard);
}

int session_poll(struct session *s)
{
	uint64_t now = clock_now_ns();
	int r = guard_drain(s->guard);

	guard_renew_seen(s->guard, now);
	subscribers_dispatch(pipeline_subscribers(s->pipeline));
	if (s->trace && now - s->flushed_ns > FLUSH_NS) {
		s->flushed_ns = now;
		trace_check(s, trace_writer_flush(s->trace));
	}
	return r < 0 ? r : 0;
}

int session_finish(struct session *s, struct session_result *ret, struct err *err)
{
	struct lutra_counters c = {};
	int r;

	r = session_poll(s);
	if (guard_counters(s->guard, s->slot, &c) == 0) {
		s->result.records_lost += c.n[LUTRA_COUNTER_RECORDS_LOST];
		s->result.evidence_lost += c.n[LUTRA_COUNTER_EVIDENCE_LOST];
	}
	guard_release(s->guard, s->slot);
	/* Take what came between the last poll and the release. */
	session_poll(s);
	s->enrolled = false;
	pipeline_sync(s->pipeline);
	subscribers_dispatch(pipeline_subscribers(s->pipeline));
	s->result.outputs_failed = count_unsent(s);
	if (r < 0)
		err_set(err, r, "cannot read the kernel's events: %s", strerror(-r));
	if (s->trace) {
		int e = trace_writer_close(TAKE_PTR(s->trace), s->result.records_lost, err);

		r = e < 0 ? e : r;
	}
	*ret = s->result;
	return r;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	if (s->enrolled)
		guard_release(s->guard, s->slot);
	guard_free(s->guard);
	trace_writer_free(s->trace);
	pipeline_free(s->pipeline);
	outputs_config_done(&s->outputs);
	identity_done(&s->identity);
	free(s);
}
