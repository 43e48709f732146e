/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records containers whose image is learned, one file a run. On the main loop; a recording that
 * cannot be written is dropped, and its reason noted for `lutra learn`.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/trace/trace.h"
#include "user/learn/learn_impl.h"
#include "user/sys/clock.h"

#define FLUSH_NS (2 * NSEC_PER_SEC)
#define MIB (1ull << 20)
#define WHY_BYTES 160

struct recording {
	struct lifecycle_image *image;
	struct container *container;
	struct trace_writer *trace; /* NULL: no run is under way */
	char file[32];		    /* name of its file once it is whole */
	char *part;		    /* path of the file while it is written */
	uint64_t start_ns, last_ns; /* CLOCK_MONOTONIC, of its first and last record */
	uint64_t lost;		    /* records that were lost before this run */
	int failed;		    /* -errno of what could not be written; 0: nothing */
	bool incomplete;	    /* nothing counts until the container's last task has ended */
};

struct lifecycle_image *recorder_image(const struct learn *l, const struct container *c)
{
	const struct recording *r = l->recordings[c->slot];

	return r ? r->image : NULL;
}

/* ---- one run ---- */

static void drop_run(struct learn *l, struct recording *r, const char *why)
{
	if (r->part)
		unlink(r->part);
	trace_writer_free(TAKE_PTR(r->trace));
	free(TAKE_PTR(r->part));
	r->failed = 0;
	r->image->dropped++;
	lifecycle_set_note(l->parts.lifecycle, r->image, "a run of %.100s is not counted: %s",
			   r->container->name, why);
	log_warning("%s: %s", r->image->image,
		    r->image->note ? r->image->note : "a run is not counted");
	learn_save(l);
}

static uint64_t count_lost_records(const struct learn *l, const struct recording *r)
{
	struct lutra_counters n = {};

	guard_counters(l->parts.guard, r->container->slot, &n);
	return n.n[LUTRA_COUNTER_RECORDS_LOST];
}

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
	char part[sizeof(r->file) + sizeof(RECORDER_PART)];
	int n = make_dirs(l, r->image);

	if (n < 0)
		return n;
	snprintf(r->file, sizeof(r->file), "run%06u.ltr", ++r->image->number);
	snprintf(part, sizeof(part), "%s" RECORDER_PART, r->file);
	r->part = learn_path(l, r->image, part);
	return r->part ? open_trace(l, r) : -ENOMEM;
}

/* The container's first record. */
static void start_run(struct learn *l, struct recording *r, uint64_t ts_ns)
{
	r->start_ns = ts_ns;
	r->failed = open_run(l, r);
	l->parts.lifecycle->changed = true;
	if (r->failed < 0)
		log_error("%s: cannot record: %s", r->container->name, strerror(-r->failed));
	else
		log_info("%s: a run of %s begins", r->container->name, r->image->image);
}

void learn_on_record(struct learn *l, uint32_t slot, const struct lutra_record *rec,
		     const char *str, size_t str_len)
{
	struct recording *r = slot < LUTRA_SLOTS ? l->recordings[slot] : NULL;

	if (!r || r->incomplete)
		return;
	/* Records of ended tasks may still be in the ring: a run begins where a task is armed. */
	if (!r->trace && !r->failed && rec->type == LUTRA_RECORD_ARM)
		start_run(l, r, rec->ts_ns);
	r->last_ns = rec->ts_ns;
	if (r->trace && !r->failed)
		r->failed = trace_writer_add(r->trace, rec, str, str_len);
}

/* Closes the recording; why: the reason if the run does not count, else "". */
static void close_run(struct learn *l, struct recording *r, char why[static WHY_BYTES])
{
	uint64_t lost = count_lost_records(l, r) - r->lost;
	uint64_t ms = (r->last_ns - r->start_ns) / 1000000, min_ms = l->parts.config->life.run_ms;
	_cleanup_free_ char *path = learn_path(l, r->image, r->file);
	int failed = r->failed;
	struct err err;

	*why = '\0';
	r->lost += lost;
	if (failed == 0)
		failed = trace_writer_close(TAKE_PTR(r->trace), lost, &err);
	if (failed < 0)
		snprintf(why, WHY_BYTES, "it could not be written: %s", strerror(-failed));
	else if (lost)
		snprintf(why, WHY_BYTES, "%llu of its events were lost", (unsigned long long)lost);
	else if (ms < min_ms)
		snprintf(why, WHY_BYTES, "it ended after %llu ms (life.run_ms is %llu)",
			 (unsigned long long)ms, (unsigned long long)min_ms);
	else if (!path || rename(r->part, path) < 0)
		snprintf(why, WHY_BYTES, "%s", strerror(errno));
	else if (lifecycle_add_run(l->parts.lifecycle, r->image, r->file) < 0)
		snprintf(why, WHY_BYTES, "out of memory");
}

/* The container's last task has ended: the run counts, if it is whole. */
static void finish_run(struct learn *l, struct recording *r)
{
	char why[WHY_BYTES];

	close_run(l, r, why);
	if (*why) {
		drop_run(l, r, why);
		return;
	}
	log_info("%s: run %u of %u of %s is recorded", r->container->name,
		 lifecycle_waiting_runs(r->image), r->image->wanted, r->image->image);
	free(TAKE_PTR(r->part));
	learn_save(l);
}

/* ---- containers ---- */

void recorder_begin(struct learn *l, struct container *c, bool incomplete)
{
	struct lifecycle_image *i = learn_image_of(l, c);
	struct recording *r = calloc(1, sizeof(*r));

	if (!r || !i || !i->learning) {
		free(r);
		container_set_recorded(c, false);
		return;
	}
	r->image = i;
	r->container = c;
	r->incomplete = incomplete;
	r->lost = count_lost_records(l, r);
	l->recordings[c->slot] = r;
	if (incomplete)
		log_info("%s: it runs already, so it is recorded from its next start on", c->name);
}

void recorder_end(struct learn *l, struct container *c)
{
	struct recording *r = l->recordings[c->slot];

	if (!r)
		return;
	if (container_is_populated(c)) {
		recorder_stop(l, c, "it runs on, unrecorded");
		return;
	}
	if (r->trace || r->failed)
		finish_run(l, r);
	r->incomplete = false;
}

static void end_recording(struct learn *l, uint32_t slot, const char *why)
{
	struct recording *r = TAKE_PTR(l->recordings[slot]);

	if (r && (r->trace || r->failed))
		drop_run(l, r, why);
	free(r);
}

void recorder_stop(struct learn *l, struct container *c, const char *why)
{
	container_set_recorded(c, false);
	end_recording(l, c->slot, why);
}

void recorder_stop_all(struct learn *l)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++)
		end_recording(l, s, "lutrad ended before it did");
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
		char why[WHY_BYTES];

		if (!r || !r->trace)
			continue;
		snprintf(why, sizeof(why),
			 "recordings fill life.disk_mib, %llu MiB: raise it, or ask for fewer runs",
			 (unsigned long long)l->parts.config->life.disk_mib);
		drop_run(l, r, why);
		r->incomplete = true;
	}
}

void recorder_flush(struct learn *l)
{
	uint64_t now = clock_now_ns();
	bool any = false;

	if (now - l->flushed_ns < FLUSH_NS)
		return;
	l->flushed_ns = now;
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = l->recordings[s];

		if (!r || !r->trace || r->failed)
			continue;
		any = true;
		r->failed = trace_writer_flush(r->trace);
	}
	while (any && disk_bytes_of_all(l) > l->parts.config->life.disk_mib * MIB)
		if (!remove_used_run(l)) {
			drop_runs_under_way(l);
			return;
		}
}
