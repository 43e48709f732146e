/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the event store again and again. One thread, but for the atomic members. */
#include "user/pipeline/event_store.h"

#include <errno.h>
#include <string.h>

#include "lib/base/file.h"
#include "lutra/types.h"
#include "user/sys/clock.h"

#define RETRY_NS (30 * NSEC_PER_SEC)
#define LOCKED_NS (60 * NSEC_PER_SEC) /* that a lock is waited for */
#define LOG_BYTES_MAX (256u << 20)    /* of the write-ahead log: a commit makes a checkpoint */

static void report_store(const struct event_store *e, bool bad, const char *msg)
{
	if (e->report)
		e->report(e->ctx, bad, msg);
}

/* Renames the damaged file of a store that is closed. Returns 0 or -errno. */
static int set_aside(struct event_store *e, const char *why)
{
	static const char *const also[] = {"-wal", "-shm", NULL};
	_cleanup_free_ char *aside = NULL;
	char msg[900];
	int r = file_set_aside(e->path, also, &aside);

	if (r < 0)
		return r;
	snprintf(msg, sizeof(msg),
		 "%.300s: it is now %.300s, and a new event store begins; `sqlite3 FILE .recover` "
		 "may read the old one",
		 why, aside);
	report_store(e, true, msg);
	return 0;
}

int event_store_open(struct event_store *e, struct err *err)
{
	struct err why;
	int r;

	e->retry_ns = clock_now_ns() + RETRY_NS;
	r = store_new(&e->store, e->path, &why);
	if (r == -EBADMSG && set_aside(e, why.msg) == 0)
		r = store_new(&e->store, e->path, &why);
	if (r == 0) {
		store_set_log_bytes(e->store, LOG_BYTES_MAX);
		atomic_fetch_add(&e->generation, 1);
	}
	atomic_store(&e->open, r == 0);
	return r < 0 ? err_set(err, r, "%s", why.msg) : 0;
}

static void close_store(struct event_store *e)
{
	store_free(TAKE_PTR(e->store));
	atomic_store(&e->open, false);
	e->retry_ns = 0;
}

static void open_or_report(struct event_store *e)
{
	struct err err;
	char msg[600];

	if (event_store_open(e, &err) == 0)
		return;
	snprintf(msg, sizeof(msg), "%.500s: events are not stored; containers stay guarded",
		 err.msg);
	report_store(e, true, msg);
}

bool event_store_check(struct event_store *e)
{
	unsigned before = atomic_load(&e->generation);
	bool was_open = e->store != NULL;
	char msg[600];

	if (!e->path)
		return false;
	if (e->store && store_is_damaged(e->store)) {
		close_store(e);
		set_aside(e, "the event store is damaged");
	} else if (e->store && store_is_gone(e->store)) {
		snprintf(msg, sizeof(msg),
			 "%.400s was removed or moved while lutrad runs: a new event store begins",
			 e->path);
		report_store(e, true, msg);
		close_store(e);
	}
	if (!e->store && clock_now_ns() > e->retry_ns)
		open_or_report(e);
	return atomic_load(&e->generation) != before || was_open != (e->store != NULL);
}

int event_store_begin(struct event_store *e, bool (*may_wait)(void *ctx), void *ctx,
		      unsigned *ret_lost, struct err *err)
{
	const uint64_t begin_ns = clock_now_ns();
	int r;

	while ((r = store_begin(e->store, ret_lost, err)) == -EBUSY) {
		uint64_t now = clock_now_ns();

		if (!e->locked_ns || now - e->locked_ns > LOCKED_NS) {
			e->locked_ns = now;
			report_store(e, true,
				     "another program has locked the event store: events wait");
		}
		if (now - begin_ns > LOCKED_NS || !may_wait(ctx))
			break;
	}
	return r;
}

void event_store_probe(struct event_store *e)
{
	if (e->store && atomic_load(&e->failing) && store_probe(e->store, NULL) == 0)
		atomic_store(&e->failing, false);
}

void event_store_done(struct event_store *e)
{
	store_free(TAKE_PTR(e->store));
	free(TAKE_PTR(e->path));
}
