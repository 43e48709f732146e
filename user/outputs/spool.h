/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue on disk: alerts that wait for a receiver, also across restarts. One thread. */
#ifndef LUTRA_USER_OUTPUTS_SPOOL_H
#define LUTRA_USER_OUTPUTS_SPOOL_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/outputs/sink.h"

struct spool;

/*
 * Opens or creates an SQLite file. max_bytes: of the alerts in it. -EBADMSG: the file is no database, or
 * damaged. -EIO, -ENOMEM.
 */
int spool_new(struct spool **ret, const char *path, uint64_t max_bytes, struct err *err);
void spool_free(struct spool *s);
DEFINE_FREEP(struct spool, spool_free);

/*
 * Adds alerts in one transaction. *ret_full: how many were left out because max_bytes is reached.
 * -EIO: nothing was added.
 */
int spool_put(struct spool *s, const struct sink_item *items, uint64_t *ret_full, struct err *err);

/* What became of an alert. PAGE: refused by a page of HTML, of the receiver or of a proxy before it. */
enum outcome { AGAIN, ARRIVED, REFUSED, PAGE };

struct spooled {
	int64_t id;
	char *json;
	size_t len;
	enum outcome outcome;
};

/*
 * Reads up to max of the oldest alerts, with the outcome AGAIN. The caller frees the json of each.
 * -EIO, -ENOMEM: none is returned.
 */
int spool_oldest(struct spool *s, struct spooled *ret, size_t max, size_t *ret_n, struct err *err);
/* Removes the alerts of the list but those with the outcome AGAIN. -EIO: they all stay. */
int spool_remove(struct spool *s, const struct spooled *list, size_t n, struct err *err);
/* Returns true if a call has failed because the file is damaged. */
bool spool_is_damaged(const struct spool *s);
/* Returns true if the file was removed, moved or replaced. */
bool spool_is_gone(const struct spool *s);
uint64_t spool_count(const struct spool *s);

#endif
