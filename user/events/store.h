/* SPDX-License-Identifier: Apache-2.0 */
/* The event store: SQLite, write-ahead log, one row an event with all its evidence. */
#ifndef LUTRA_USER_STORE_H
#define LUTRA_USER_STORE_H

#include <jansson.h>
#include <stdint.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "user/events/event.h"

#define STORE_SCHEMA_VERSION 1

struct store;

/*
 * Open or create. -ENOEXEC: written by a newer lutra. -EBADMSG: not a database, or damaged.
 * -EIO: everything else that SQLite says.
 */
int store_new(struct store **ret, const char *path, struct err *err);
void store_free(struct store *s); /* commits */
DEFINE_FREEP(struct store, store_free);

/*
 * Add an event and its alert (event_json()) to the transaction that is open, or open one. 0, or
 * -EIO with err, and then the transaction is gone with what it held: *ret_lost events.
 */
int store_add(struct store *s, const struct event *e, json_t *alert, unsigned *ret_lost,
	      struct err *err);
/* End the transaction, if one is open. Errors as store_add(). */
int store_commit(struct store *s, unsigned *ret_lost, struct err *err);

/*
 * The last limit alerts, oldest first: text is one alert's JSON. A result other than 0 of the
 * callback ends it and is returned. -EIO.
 */
int store_last(struct store *s, uint32_t limit, int (*each)(void *ctx, const char *text), void *ctx,
	       struct err *err);

#endif
