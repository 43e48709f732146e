/* SPDX-License-Identifier: Apache-2.0 */
/* The event store: SQLite, write-ahead log, one row an event with all its evidence. */
#ifndef LUTRA_USER_STORE_STORE_H
#define LUTRA_USER_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_fields.h"

#define STORE_SCHEMA_VERSION 2

struct store;

/*
 * Open or create; one of an older schema is brought to this one. -ENOEXEC: written by a newer
 * lutra. -EBADMSG: not a database, or damaged. -EIO: everything else that SQLite says.
 */
int store_new(struct store **ret, const char *path, struct err *err);
/* The same to read what another store_new() made and writes meanwhile; -ENOEXEC also if older. */
int store_new_reader(struct store **ret, const char *path, struct err *err);
void store_free(struct store *s); /* commits */
DEFINE_FREEP(struct store, store_free);

/*
 * Add an event to the transaction that is open, or open one. 0, or -EIO with err, and then the
 * transaction is gone with what it held: *ret_lost events, this one included.
 */
int store_add(struct store *s, const struct alert *a, unsigned *ret_lost, struct err *err);
/* End the transaction, if one is open. Errors as store_add(). */
int store_commit(struct store *s, unsigned *ret_lost, struct err *err);

/*
 * Move what the log holds into the database, as far as nobody reads it; through a reader too. A
 * store does so by itself after some commits, and makes that one wait for the disk; to have it done
 * elsewhere, let it take more, and look at store_log_bytes(). -EIO.
 */
int store_checkpoint(struct store *s, struct err *err);
uint64_t store_log_bytes(const struct store *s);
void store_set_log_bytes(struct store *s, uint64_t max);

/* What is kept at most; 0: without limit. */
struct store_limits {
	uint64_t max_age_ns;
	uint64_t max_bytes; /* of events and indexes, not of the log beside them */
};

/*
 * Delete the oldest events until the limits hold, in transactions of a few thousand; none may be
 * open. now_ns: CLOCK_REALTIME. *ret_deleted is set on failure too. -EIO.
 */
int store_retain(struct store *s, const struct store_limits *limits, uint64_t now_ns,
		 uint64_t *ret_deleted, struct err *err);

/* Bytes that events and indexes take. -EIO. */
int store_bytes(struct store *s, uint64_t *ret, struct err *err);

/* Which events: all that are set must fit. */
struct store_query {
	const char *container, *image, *verdict; /* NULL: any */
	uint64_t since_ns, until_ns;		 /* time, both included; 0: any */
	uint64_t before_ns, before_id; /* older than this one; before_ns 0: from the newest */
	uint32_t limit;
	bool oldest_first; /* of those that were chosen */
};

/*
 * Chooses the newest that fit. A result other than 0 of the callback ends it and is returned. The
 * alert's texts are valid during the call. -EIO.
 */
int store_select(struct store *s, const struct store_query *q,
		 int (*each)(void *ctx, int64_t id, const struct alert *a), void *ctx,
		 struct err *err);

#endif
