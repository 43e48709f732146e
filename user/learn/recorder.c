/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records containers whose image is learned, one file a run. On the main loop; a recording that
 * cannot be written is dropped, and its reason noted for `lutra learn`.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/learn/recording.h"
#include "user/sys/clock.h"

#define FLUSH_NS (2 * NSEC_PER_SEC)
#define RETRY_NS (60 * NSEC_PER_SEC) /* after a run that could not be written */
#define MIB (1ull << 20)

struct lifecycle_image *recorder_image(const struct learn *l, const struct container *c)
{
	const struct recording *r = l->recordings[c->slot];

	return r ? r->image : NULL;
}

void learn_on_record(struct learn *l, uint32_t slot, const struct lutra_record *rec,
		     const char *str, size_t str_len)
{
	struct recording *r = slot < LUTRA_SLOTS ? l->recordings[slot] : NULL;

	if (r)
		recording_add(l, r, rec, str, str_len);
}

void recorder_mark(struct learn *l, const struct container *c, const struct lutra_evidence *ev)
{
	struct recording *r = l->recordings[c->slot];
	bool is_alerted = ev->verdict >= LUTRA_VERDICT_ALERT;

	if (r && *c->policy_dir && (is_alerted || ev->exec_session))
		recording_mark(r, ev);
}

/* ---- containers ---- */

void recorder_begin(struct learn *l, struct container *c, unsigned how)
{
	struct lifecycle_image *i = learn_image_of(l, c);
	struct recording *r = i && i->learning ? recording_new(i, c) : NULL;
	struct lutra_counters now;

	if (!r) {
		container_set_recorded(c, false);
		return;
	}
	l->recordings[c->slot] = r;
	recording_counters(l, r, &now);
	r->run.lost_before = now.n[LUTRA_COUNTER_RECORDS_LOST];
	if (how & RECORDER_ENROLLED_BEFORE)
		r->run.received = now.n[LUTRA_COUNTER_RECORDS];
	r->runs_already = how & RECORDER_RUNNING;
	if (how & RECORDER_RESTORED && recording_resume(l, r))
		return;
	if (r->runs_already)
		log_info("%s: it runs already: it is recorded from now on, and its tasks count as "
			 "steady",
			 c->name);
}

void recorder_end(struct learn *l, struct container *c)
{
	struct recording *r = l->recordings[c->slot];

	if (!r)
		return;
	recording_finish(l, r);
	live_roles_reset(&r->live);
	r->runs_already = container_is_populated(c);
}

void recorder_stop(struct learn *l, struct container *c, bool keep)
{
	struct recording *r = TAKE_PTR(l->recordings[c->slot]);

	container_set_recorded(c, false);
	if (!r)
		return;
	if (keep)
		recording_finish(l, r);
	recording_drop(l, r, NULL);
	recording_free(r);
}

void recorder_suspend(struct learn *l)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = TAKE_PTR(l->recordings[s]);

		if (!r)
			continue;
		recording_flush(l, r, true);
		if (r->failed)
			recording_finish(l, r);
		recording_free(r);
	}
}

/* ---- the disk ---- */

static uint64_t disk_bytes(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static uint64_t disk_bytes_of_all(const struct learn *l)
{
	uint64_t sum = 0;

	for (const struct lifecycle_image *i = l->parts.lifecycle->images; i; i = i->next) {
		for (size_t k = 0; k < i->n_runs; k++) {
			_cleanup_free_ char *path = learn_path(l, i, i->runs[k].file);

			sum += disk_bytes(path);
		}
	}
	for (unsigned s = 0; s < LUTRA_SLOTS; s++)
		if (l->recordings[s])
			sum += disk_bytes(l->recordings[s]->part);
	return sum;
}

/* Removes one recording that a policy has learned from. Returns false if there is none. */
static bool remove_used_run(struct learn *l)
{
	for (struct lifecycle_image *i = l->parts.lifecycle->images; i; i = i->next) {
		for (size_t k = 0; k < i->n_runs; k++) {
			_cleanup_free_ char *path = NULL;

			if (!i->runs[k].used)
				continue;
			path = learn_path(l, i, i->runs[k].file);
			if (path)
				unlink(path);
			log_info("%s: %s is removed: its policy has learned from it", i->image,
				 i->runs[k].file);
			lifecycle_drop_run(l->parts.lifecycle, i, k);
			return true;
		}
	}
	return false;
}

static void drop_runs_under_way(struct learn *l)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = l->recordings[s];
		char why[128];

		if (!r || !r->trace)
			continue;
		snprintf(why, sizeof(why),
			 "recordings fill life.disk_mib, %llu MiB: raise it, or ask for fewer runs",
			 (unsigned long long)l->parts.config->life.disk_mib);
		recording_drop(l, r, why);
		r->disk_full = true;
	}
}

/* Lets runs begin again when there is room. */
static void note_room(struct learn *l)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = l->recordings[s];

		if (!r || !r->disk_full)
			continue;
		r->disk_full = false;
		r->runs_already = r->live.tasks.n > 0;
	}
}

static void check_disk(struct learn *l)
{
	const uint64_t limit = l->parts.config->life.disk_mib * MIB;

	while (disk_bytes_of_all(l) > limit)
		if (!remove_used_run(l)) {
			drop_runs_under_way(l);
			return;
		}
	note_room(l);
}

/* ---- every second ---- */

/* After a restart of lutrad: counts the records that it had taken and not written. */
static void count_missing(struct learn *l, struct recording *r)
{
	struct lutra_counters now;
	uint64_t missing;

	recording_counters(l, r, &now);
	guard_drain(l->parts.guard);
	if (now.n[LUTRA_COUNTER_RECORDS] <= r->run.received)
		return;
	missing = now.n[LUTRA_COUNTER_RECORDS] - r->run.received;
	r->run.received += missing;
	r->run.missing += missing;
	log_warning("%s: lutrad was killed: %llu events are missing between two runs",
		    r->container->name, (unsigned long long)missing);
}

/*
 * Looks for records that the ring had no room for. After a restart they are those that came when the
 * ring was full, so the run ends before them.
 */
static void check_gap(struct learn *l, struct recording *r)
{
	struct lutra_counters now;
	uint64_t lost;

	recording_counters(l, r, &now);
	lost = now.n[LUTRA_COUNTER_RECORDS_LOST] - r->run.lost_before;
	if (!lost)
		return;
	r->run.lost_before += lost;
	if (!r->is_resumed) {
		recording_pass_gap(r, lost);
		return;
	}
	log_warning("%s: %llu events were lost between two runs, while no lutrad ran",
		    r->container->name, (unsigned long long)lost);
	recording_cut(l, r, lost);
}

/* Looks once at what happened before this lutrad took the first record. */
static void check_resumed(struct learn *l, struct recording *r)
{
	if (r->was_killed)
		count_missing(l, r);
	check_gap(l, r);
	r->is_resumed = r->was_killed = false;
	if (!container_is_populated(r->container))
		recorder_end(l, r->container);
}

/* Returns true if a run has to end. A container that does nothing has one long run. */
static bool is_to_be_cut(const struct learn *l, const struct recording *r)
{
	const struct config_life *life = &l->parts.config->life;
	uint64_t age_ns = clock_now_ns() - r->run.start_ns;

	if (r->failed)
		return age_ns >= RETRY_NS;
	return r->trace && r->run.syscalls &&
	       (age_ns >= life->run_max_s * NSEC_PER_SEC ||
		trace_writer_bytes(r->trace) >= life->run_max_mib * MIB);
}

/* Returns true if the kernel has no such thread any more, not even a zombie. */
static bool is_gone(const struct lutra_record *task)
{
	return syscall(SYS_tgkill, (pid_t)task->tgid, (pid_t)task->tid, 0) < 0 && errno == ESRCH;
}

/*
 * Forgets tasks whose exit was never recorded. The last records of a task that is gone are in the
 * ring before it is gone, so they are taken first. Its id may then be another task's.
 */
static void forget_gone_tasks(struct learn *l, struct recording *r)
{
	_cleanup_free_ struct lutra_record *tasks = NULL;
	size_t n = 0, gone = 0;

	if (live_roles_list(&r->live, 0, &tasks, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (is_gone(&tasks[i]))
			tasks[gone++] = tasks[i];
	if (gone)
		guard_drain(l->parts.guard);
	for (size_t i = 0; i < gone; i++) {
		tasks[i].type = LUTRA_RECORD_EXIT;
		if (is_gone(&tasks[i]))
			live_roles_step(&r->live, &tasks[i]);
	}
}

static void tick_recording(struct learn *l, struct recording *r, bool flush)
{
	if (r->is_resumed)
		check_resumed(l, r);
	else
		check_gap(l, r);
	if (flush)
		recording_flush(l, r, false);
	if (!is_to_be_cut(l, r))
		return;
	forget_gone_tasks(l, r);
	recording_cut(l, r, 0);
}

void recorder_tick(struct learn *l)
{
	uint64_t now = clock_now_ns();
	bool flush = now - l->flushed_ns >= FLUSH_NS, any = false;

	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		if (!l->recordings[s])
			continue;
		any = true;
		tick_recording(l, l->recordings[s], flush);
	}
	if (!flush)
		return;
	l->flushed_ns = now;
	if (any)
		check_disk(l);
}
