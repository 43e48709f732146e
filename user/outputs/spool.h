/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue on disk: alerts that wait for a receiver, across restarts too. */
#ifndef LUTRA_USER_OUTPUTS_SPOOL_H
#define LUTRA_USER_OUTPUTS_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/outputs/sink.h"

struct spool;

/* Open or create an SQLite file; max_bytes: of alerts. -EIO, -ENOMEM. */
int spool_new(struct spool **ret, const char *path, uint64_t max_bytes, struct err *err);
void spool_free(struct spool *s);
DEFINE_FREEP(struct spool, spool_free);

/*
 * Add messages, all or none; those over max_bytes are left out: *ret_full. -EIO: nothing was added.
 */
int spool_put(struct spool *s, const struct message *list, uint64_t *ret_full, struct err *err);

struct spooled {
	int64_t id;
	const char *json;
	size_t len;
	char *own; /* the same, the caller's to free */
};

/* The oldest, up to max; *ret_n. -EIO, -ENOMEM: and none are given. */
int spool_oldest(struct spool *s, struct spooled *ret, size_t max, size_t *ret_n, struct err *err);
/* Remove those that arrived. -EIO: they stay, and will be sent again. */
int spool_remove(struct spool *s, const struct spooled *done, size_t n, struct err *err);
uint64_t spool_count(const struct spool *s);

#endif
