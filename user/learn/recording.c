/* SPDX-License-Identifier: Apache-2.0 */
/* Begins, writes and ends the runs of one container. */
#include "user/learn/recording.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/abi/rules.h"
#include "lib/abi/syscall_traits.h"
#include "user/sys/clock.h"

#define WHY_BYTES 160
#define LOST_PART 1000 /* a run counts if less than one record in so many is missing */

struct recording *recording_new(struct lifecycle_image *i, struct container *c)
{
	struct recording *r = calloc(1, sizeof(*r));
	struct utsname uts = {};

	if (!r)
		return NULL;
	uname(&uts);
	live_roles_init(&r->live, uts.machine);
	r->image = i;
	r->container = c;
	return r;
}

void recording_free(struct recording *r)
{
	if (!r)
		return;
	trace_writer_free(r->trace);
	live_roles_reset(&r->live);
	free(r->part);
	free(r);
}

void recording_counters(const struct learn *l, const struct recording *r,
			struct lutra_counters *ret)
{
	*ret = (struct lutra_counters){};
	guard_counters(l->parts.guard, r->container->slot, ret);
}

static bool is_under_way(const struct recording *r)
{
	return r->trace || r->failed;
}

/* ---- its end ---- */

/* Closes and forgets the run's files, which stay. */
static void close_files(struct recording *r)
{
	trace_writer_free(TAKE_PTR(r->trace));
	free(TAKE_PTR(r->part));
	r->failed = 0;
	*r->run.file = '\0';
}

void recording_drop(struct learn *l, struct recording *r, const char *why)
{
	if (!is_under_way(r))
		return;
	if (r->part)
		unlink(r->part);
	recording_forget(l, r);
	close_files(r);
	if (!why)
		return;
	r->image->dropped++;
	lifecycle_set_note(l->parts.lifecycle, r->image, "a run of %.100s is not counted: %s",
			   r->container->name, why);
	log_warning("%s: %s", r->image->image,
		    r->image->note ? r->image->note : "a run is not counted");
	learn_save(l);
}

/* Says in why, for `lutra learn`, what keeps the run from counting; "": nothing does. */
static void check_run(const struct learn *l, const struct recorded_run *run, char why[WHY_BYTES])
{
	uint64_t ms = (run->last_ns - run->start_ns) / 1000000;
	uint64_t min_ms = l->parts.config->life.run_ms;

	*why = '\0';
	if (run->lost > run->events / LOST_PART)
		snprintf(why, WHY_BYTES, "%llu of its %llu events were lost",
			 (unsigned long long)run->lost,
			 (unsigned long long)run->events + run->lost);
	else if (!run->syscalls)
		snprintf(why, WHY_BYTES, "nothing happened in it: the service only waited");
	else if (ms < min_ms)
		snprintf(why, WHY_BYTES, "it ended after %llu ms (life.run_ms is %llu)",
			 (unsigned long long)ms, (unsigned long long)min_ms);
}

/* Closes the file and adds the run to the image's. Sets why as check_run(). */
static void close_run(struct learn *l, struct recording *r, char why[WHY_BYTES])
{
	_cleanup_free_ char *path = learn_path(l, r->image, r->run.file);
	int failed = r->failed;
	struct err err;

	if (failed == 0)
		failed = trace_writer_close(TAKE_PTR(r->trace), r->run.missing + r->run.lost, &err);
	r->failed = failed < 0 ? failed : -ECANCELED; /* still under way, for recording_drop() */
	if (failed < 0)
		snprintf(why, WHY_BYTES, "it could not be written: %s", strerror(-failed));
	else
		check_run(l, &r->run, why);
	if (*why)
		return;
	if (!path || rename(r->part, path) < 0)
		snprintf(why, WHY_BYTES, "%s", strerror(errno));
	else if (lifecycle_add_run(l->parts.lifecycle, r->image, r->run.file, r->run.has_start) < 0)
		snprintf(why, WHY_BYTES, "out of memory");
}

void recording_finish(struct learn *l, struct recording *r)
{
	char why[WHY_BYTES] = "";

	if (!is_under_way(r))
		return;
	close_run(l, r, why);
	if (*why) {
		log_info("%s: a run ends that does not count: %s", r->container->name, why);
		recording_drop(l, r, r->run.syscalls ? why : NULL);
		return;
	}
	log_info("%s: run %u of %u of %s is recorded: %llu events", r->container->name,
		 lifecycle_waiting_runs(r->image), r->image->wanted, r->image->image,
		 (unsigned long long)r->run.events);
	learn_save(l);
	recording_forget(l, r);
	close_files(r);
}

/* ---- its beginning ---- */

static int make_dirs(const struct learn *l, const struct lifecycle_image *i)
{
	const char *state_dir = l->parts.config->state_dir;
	_cleanup_free_ char *dir = learn_path(l, i, NULL), *parent = NULL;

	if (!dir || asprintf(&parent, "%s/learn", state_dir) < 0)
		return -ENOMEM;
	mkdir(state_dir, 0700);
	mkdir(parent, 0700);
	return mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_trace(struct learn *l, struct recording *r)
{
	const struct container *c = r->container;
	struct trace_meta meta = {.image = r->image->image,
				  .container_id = c->identity.id ? c->identity.id : c->name,
				  .start_realtime_ns = clock_realtime_ns(),
				  .start_monotonic_ns = clock_now_ns(),
				  .ops = guard_ops(l->parts.guard)};
	char lsm[] = "lsm", fallback[] = "tracepoint";
	struct utsname uts = {};
	struct err err;

	uname(&uts);
	meta.host = uts.nodename;
	meta.kernel = uts.release;
	meta.arch = uts.machine;
	meta.source = guard_has_lsm(l->parts.guard) ? lsm : fallback;
	return trace_writer_new(&r->trace, r->part, &meta, &err);
}

static int open_run(struct learn *l, struct recording *r)
{
	char part[sizeof(r->run.file) + sizeof(RECORDING_PART)];
	int n = make_dirs(l, r->image);

	if (n < 0)
		return n;
	snprintf(part, sizeof(part), "%s" RECORDING_PART, r->run.file);
	r->part = learn_path(l, r->image, part);
	return r->part ? open_trace(l, r) : -ENOMEM;
}

/* Adds the mark of an unusual task to the trace. onset_ns: of the lineage's first unusual event. */
static int add_unusual_mark(struct recording *r, const struct lutra_record *task, uint64_t onset_ns,
			    const char *rule)
{
	const struct lutra_record mark = {.ts_ns = task->ts_ns,
					  .arg = onset_ns,
					  .tid = task->tid,
					  .tgid = task->tgid,
					  .type = LUTRA_RECORD_MARK,
					  .aux = LUTRA_MARK_UNUSUAL};

	return trace_writer_add(r->trace, &mark, rule, rule ? strlen(rule) : 0);
}

/* Adds an ARM record for each live task: the trace goes on from here with their roles. */
static int add_live_tasks(struct recording *r, uint64_t ts_ns)
{
	_cleanup_free_ struct lutra_record *arms = NULL;
	size_t n = 0;
	int e = live_roles_list(&r->live, ts_ns, &arms, &n);

	for (size_t i = 0; i < n && e == 0; i++) {
		e = trace_writer_add(r->trace, &arms[i], NULL, 0);
		if (e == 0 && live_roles_is_marked(&r->live, arms[i].tid))
			e = add_unusual_mark(r, &arms[i], ts_ns, NULL);
	}
	return e;
}

static void begin_run(struct learn *l, struct recording *r, uint64_t ts_ns)
{
	struct recorded_run *run = &r->run;

	*run = (struct recorded_run){.start_ns = ts_ns,
				     .last_ns = ts_ns,
				     .received = run->received,
				     .lost_before = run->lost_before};
	snprintf(run->file, sizeof(run->file), RECORDING_FILE, ++r->image->number);
	/* A lutrad that follows after a crash must not give the number again. */
	learn_save(l);
	r->failed = open_run(l, r);
	if (r->failed == 0)
		r->failed = add_live_tasks(r, ts_ns);
	if (r->failed < 0)
		log_error("%s: cannot record: %s", r->container->name, strerror(-r->failed));
	else
		log_info("%s: a run of %s begins", r->container->name, r->image->image);
	recording_flush(l, r, false);
}

void recording_cut(struct learn *l, struct recording *r, uint64_t missing)
{
	const uint64_t ts_ns = r->run.last_ns;

	recording_finish(l, r);
	begin_run(l, r, ts_ns);
	r->run.missing = missing;
}

void recording_pass_gap(struct recording *r, uint64_t lost)
{
	if (!r->trace || r->failed)
		return;
	log_warning("%s: %llu events of the run under way were lost: its tasks begin anew, in the "
		    "roles that they had",
		    r->container->name, (unsigned long long)lost);
	r->run.lost += lost;
	r->failed = add_live_tasks(r, r->run.last_ns);
}

/* ---- its records ---- */

/* Returns true if a run begins with this record. */
static bool begins_run(const struct recording *r, const struct lutra_record *rec)
{
	if (is_under_way(r) || r->disk_full)
		return false;
	/* Records of ended tasks may still be in the ring: a run begins where a task is armed. */
	return rec->type == LUTRA_RECORD_ARM || (r->runs_already && rec->type != LUTRA_RECORD_EXIT);
}

static void write_record(struct recording *r, const struct lutra_record *rec, const char *str,
			 size_t str_len)
{
	int e = live_roles_step(&r->live, rec);

	if (r->trace && !r->failed)
		r->failed = e < 0 ? e : trace_writer_add(r->trace, rec, str, str_len);
}

/* Adds an ARM record for a task without one: it ran before the recording, or records are missing. */
static void begin_unknown_task(struct recording *r, const struct lutra_record *rec)
{
	struct lutra_record arm = {.ts_ns = rec->ts_ns,
				   .tid = rec->tid,
				   .tgid = rec->tgid,
				   .type = LUTRA_RECORD_ARM,
				   .nr = 1};

	if (rec->type == LUTRA_RECORD_EXEC && rec->arg)
		arm.tid = (uint32_t)rec->arg;
	if (rec->type != LUTRA_RECORD_ARM && rec->type != LUTRA_RECORD_EXIT &&
	    !live_roles_knows(&r->live, arm.tid))
		write_record(r, &arm, NULL, 0);
}

/* Returns true if the container starts: nothing runs in it, and its first program is executed. */
static bool is_start(const struct recording *r, const struct lutra_record *rec)
{
	return rec->type == LUTRA_RECORD_ARM && !rec->nr && !rec->aux && !r->live.tasks.n;
}

void recording_add(struct learn *l, struct recording *r, const struct lutra_record *rec,
		   const char *str, size_t str_len)
{
	struct lutra_record arm = *rec;

	r->run.received++;
	/* Roles that are known are better than what the kernel says of a task that ran already. */
	if (rec->type == LUTRA_RECORD_ARM && rec->nr) {
		live_roles_fill(&r->live, &arm);
		rec = &arm;
	}
	/* The container starts again, and the end of its last start was not reported yet. */
	if (r->run.events && is_start(r, rec)) {
		recording_finish(l, r);
		r->runs_already = false;
	}
	if (begins_run(r, rec))
		begin_run(l, r, rec->ts_ns);
	r->run.has_start |= !r->run.events && !r->runs_already && is_start(r, rec);
	if (!is_under_way(r) && !r->disk_full)
		return;
	begin_unknown_task(r, rec);
	write_record(r, rec, str, str_len);
	r->run.last_ns = rec->ts_ns;
	r->run.events += rec->type != LUTRA_RECORD_ARM;
	r->run.syscalls += rec->type == LUTRA_RECORD_SYSCALL && syscall_is_work(rec, l->idle);
}

void recording_mark(struct recording *r, const struct lutra_evidence *ev)
{
	const struct lutra_record task = {.ts_ns = ev->ts_ns, .tid = ev->tid, .tgid = ev->tgid};
	uint64_t onset_ns = ev->ts_ns - ev->since_ns;

	live_roles_mark(&r->live, ev->tid, onset_ns);
	if (r->trace && !r->failed)
		r->failed = add_unusual_mark(r, &task, onset_ns, rule_name(ev->rule));
}

void recording_flush(struct learn *l, struct recording *r, bool is_clean)
{
	if (!r->trace || r->failed)
		return;
	r->failed = trace_writer_flush(r->trace);
	if (r->failed)
		return;
	r->run.bytes = trace_writer_bytes(r->trace);
	r->run.is_clean = is_clean;
	recording_save(l, r);
}
