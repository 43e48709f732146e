/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of containers whose image is learned. */
#include "user/learn/recorder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/trace/trace.h"
#include "user/sys/cgroup.h"
#include "user/sys/clock.h"

#define FLUSH_NS (2 * NSEC_PER_SEC)
#define MIB (1ull << 20)

struct recording {
	struct lifecycle_image *image;
	struct container *container;
	struct trace_writer *trace; /* NULL: no run is under way */
	char *part, *file;	    /* path of the part; name in the end */
	uint64_t start_ns, last_ns; /* CLOCK_MONOTONIC, of its events */
	uint64_t lost;		    /* records, before this run */
	int failed;		    /* -errno of what could not be written */
	bool cut;		    /* until its last task ends, it is no whole run */
};

struct lifecycle_image *runs_image(const struct daemon *d, const struct container *c)
{
	const struct recording *r = d->learn->at[c->slot];

	return r ? r->image : NULL;
}

/* ---- one run ---- */

static void drop(struct daemon *d, struct recording *r, const char *why)
{
	if (r->part)
		unlink(r->part);
	trace_writer_free(TAKE_PTR(r->trace));
	free(TAKE_PTR(r->part));
	free(TAKE_PTR(r->file));
	r->failed = 0;
	r->image->dropped++;
	lifecycle_set_note(&d->learn->lifecycle, r->image, "a run of %.100s is not counted: %s",
			   r->container->name, why);
	daemon_log(d, LOG_LEVEL_WARNING, "%s: %s", r->image->image, r->image->note);
	learn_save(d);
}

static uint64_t records_lost(const struct daemon *d, const struct recording *r)
{
	struct lutra_counters n = {};

	guard_counters(d->guard, r->container->slot, &n);
	return n.n[LUTRA_COUNTER_RECORDS_LOST];
}

static int make_dirs(const struct daemon *d, const struct lifecycle_image *i)
{
	_cleanup_free_ char *dir = learn_path(d, i, NULL), *parent = NULL;

	if (!dir || asprintf(&parent, "%s/learn", d->config->state_dir) < 0)
		return -ENOMEM;
	mkdir(d->config->state_dir, 0700);
	mkdir(parent, 0700);
	return mkdir(dir, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_trace(struct daemon *d, struct recording *r, struct err *err)
{
	const struct container *c = r->container;
	struct trace_meta meta = {.image = r->image->image,
				  .container_id = c->who.id ? c->who.id : c->name,
				  .start_realtime_ns = clock_realtime_ns(),
				  .start_monotonic_ns = clock_now_ns(),
				  .ops = guard_ops(d->guard)};
	char lsm[] = "lsm", standin[] = "tracepoint";
	struct utsname uts = {};

	uname(&uts);
	meta.host = uts.nodename;
	meta.kernel = uts.release;
	meta.arch = uts.machine;
	meta.source = guard_has_lsm(d->guard) ? lsm : standin;
	return trace_writer_new(&r->trace, r->part, &meta, err);
}

/* The container's first event. */
static void start(struct daemon *d, struct recording *r, uint64_t ts_ns)
{
	struct err err = {"out of memory"};

	r->start_ns = ts_ns;
	r->failed = make_dirs(d, r->image);
	if (asprintf(&r->file, "run%06u.ltr", ++r->image->number) < 0)
		r->file = NULL;
	r->part = r->file ? learn_path(d, r->image, r->file) : NULL;
	if (r->part) {
		char *part = NULL;

		r->failed = asprintf(&part, "%s" RUNS_PART, r->part) < 0 ? -ENOMEM : r->failed;
		free(r->part);
		r->part = part;
	}
	if (r->failed == 0)
		r->failed = r->part ? open_trace(d, r, &err) : -ENOMEM;
	d->learn->lifecycle.changed = true;
	if (r->failed < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "%s: cannot record: %s", r->container->name,
			   strerror(-r->failed));
	else
		daemon_log(d, LOG_LEVEL_INFO, "%s: a run of %s begins", r->container->name,
			   r->image->image);
}

void learn_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
		  size_t str_len)
{
	struct daemon *d = ctx;
	struct recording *r = slot < LUTRA_SLOTS && d->learn ? d->learn->at[slot] : NULL;

	if (!r || r->cut)
		return;
	/* What ended tasks left in the ring is no beginning. */
	if (!r->trace && !r->failed && rec->type == LUTRA_RECORD_ARM)
		start(d, r, rec->ts_ns);
	r->last_ns = rec->ts_ns;
	if (r->trace && !r->failed)
		r->failed = trace_writer_add(r->trace, rec, str, str_len);
}

/* Its last task has ended: whole, if nothing is wrong with it. */
static void finish(struct daemon *d, struct recording *r)
{
	uint64_t lost = records_lost(d, r) - r->lost;
	uint64_t ms = (r->last_ns - r->start_ns) / 1000000;
	_cleanup_free_ char *path = learn_path(d, r->image, r->file);
	struct lifecycle *l = &d->learn->lifecycle;
	char why[160] = "";
	struct err err;
	int failed = r->failed;

	r->lost += lost;
	if (failed == 0)
		failed = trace_writer_close(TAKE_PTR(r->trace), lost, &err);
	if (failed < 0)
		snprintf(why, sizeof(why), "it could not be written: %s", strerror(-failed));
	else if (lost)
		snprintf(why, sizeof(why), "%llu of its events were lost",
			 (unsigned long long)lost);
	else if (ms < d->config->life.run_ms)
		snprintf(why, sizeof(why), "it ended after %llu ms (life.run_ms is %llu)",
			 (unsigned long long)ms, (unsigned long long)d->config->life.run_ms);
	else if (!path || rename(r->part, path) < 0)
		snprintf(why, sizeof(why), "%s", strerror(errno));
	else if (lifecycle_add_run(l, r->image, r->file) < 0)
		snprintf(why, sizeof(why), "out of memory");
	if (*why) {
		drop(d, r, why);
		return;
	}
	daemon_log(d, LOG_LEVEL_INFO, "%s: run %u of %u of %s is recorded", r->container->name,
		   lifecycle_waiting_runs(r->image), r->image->wanted, r->image->image);
	free(TAKE_PTR(r->part));
	free(TAKE_PTR(r->file));
	learn_save(d);
}

/* ---- containers ---- */

void learn_begin(struct daemon *d, struct container *c, bool cut)
{
	struct lifecycle_image *i = learn_image(d, c);
	struct recording *r = calloc(1, sizeof(*r));

	if (!r || !i || !i->learning) {
		free(r);
		c->recorded = false;
		guard_set_record(d->guard, c->slot, false);
		return;
	}
	r->image = i;
	r->container = c;
	r->cut = cut;
	r->lost = records_lost(d, r);
	d->learn->at[c->slot] = r;
	if (cut)
		daemon_log(d, LOG_LEVEL_INFO,
			   "%s: runs already: it is learned from its next start on", c->name);
}

void learn_end(struct daemon *d, struct container *c)
{
	struct recording *r = d->learn->at[c->slot];
	bool populated = false;

	if (!r)
		return;
	if (cgroup_populated(c->events.fd, &populated) == 0 && populated) {
		runs_forget(d, c, "it runs on, unrecorded");
		return;
	}
	if (r->trace || r->failed)
		finish(d, r);
	r->cut = false;
}

void runs_forget(struct daemon *d, struct container *c, const char *why)
{
	struct recording *r = TAKE_PTR(d->learn->at[c->slot]);

	c->recorded = false;
	guard_set_record(d->guard, c->slot, false);
	if (!r)
		return;
	if (r->trace || r->failed)
		drop(d, r, why);
	free(r);
}

void runs_close(struct daemon *d)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = TAKE_PTR(d->learn->at[s]);

		if (r && (r->trace || r->failed))
			drop(d, r, "lutrad ended before it did");
		free(r);
	}
}

/* ---- the disk ---- */

static uint64_t size_of(const char *path)
{
	struct stat st;

	return path && stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static uint64_t disk_used(const struct daemon *d)
{
	const struct learn *l = d->learn;
	uint64_t sum = 0;

	for (const struct lifecycle_image *i = l->lifecycle.images; i; i = i->next) {
		for (size_t k = 0; k < i->n_runs; k++) {
			_cleanup_free_ char *path = learn_path(d, i, i->runs[k].file);

			sum += size_of(path);
		}
	}
	for (unsigned s = 0; s < LUTRA_SLOTS; s++)
		if (l->at[s])
			sum += size_of(l->at[s]->part);
	return sum;
}

/* A recording that its policy has learned from. False: there is none. */
static bool make_room(struct daemon *d)
{
	for (struct lifecycle_image *i = d->learn->lifecycle.images; i; i = i->next) {
		for (size_t k = 0; k < i->n_runs; k++) {
			_cleanup_free_ char *path = NULL;

			if (!i->runs[k].used)
				continue;
			path = learn_path(d, i, i->runs[k].file);
			if (path)
				unlink(path);
			daemon_log(d, LOG_LEVEL_INFO, "%s: %s is removed, its policy has it",
				   i->image, i->runs[k].file);
			lifecycle_drop_run(&d->learn->lifecycle, i, k);
			return true;
		}
	}
	return false;
}

static void stop_all(struct daemon *d)
{
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = d->learn->at[s];
		char why[160];

		if (!r || !r->trace)
			continue;
		snprintf(why, sizeof(why),
			 "recordings fill life.disk_mib, %llu MiB: raise it, or ask for fewer runs",
			 (unsigned long long)d->config->life.disk_mib);
		drop(d, r, why);
		r->cut = true;
	}
}

void runs_flush(struct daemon *d)
{
	struct learn *l = d->learn;
	uint64_t now = clock_now_ns();
	bool any = false;

	if (now - l->flushed_ns < FLUSH_NS)
		return;
	l->flushed_ns = now;
	for (unsigned s = 0; s < LUTRA_SLOTS; s++) {
		struct recording *r = l->at[s];

		if (!r || !r->trace || r->failed)
			continue;
		any = true;
		r->failed = trace_writer_flush(r->trace);
	}
	while (any && disk_used(d) > d->config->life.disk_mib * MIB)
		if (!make_room(d)) {
			stop_all(d);
			return;
		}
}
