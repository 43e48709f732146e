/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event store: an SQLite database with a write-ahead log, one row for each alert. A struct
 * store is one connection, for one thread at a time.
 */
#ifndef LUTRA_USER_STORE_STORE_H
#define LUTRA_USER_STORE_STORE_H

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_fields.h"

#define STORE_SCHEMA_VERSION 7

struct store;

/*
 * Opens a store, or creates it. -ENOEXEC: it has another schema. -EBADMSG: it is not a database, or
 * damaged. -EIO: any other error of SQLite. The caller frees *ret.
 */
int store_new(struct store **ret, const char *path, struct err *err);
/* Opens a store to read while another connection writes. -ENOEXEC also if it is empty. */
int store_new_reader(struct store **ret, const char *path, struct err *err);
/*
 * Has what is read from the store fail with -ETIMEDOUT once so many seconds have passed from now
 * on.
 */
void store_limit_time(struct store *s, unsigned seconds);
/* Commits what is open and closes the store. */
void store_free(struct store *s);
DEFINE_FREEP(struct store, store_free);

/*
 * Opens a transaction if none is open. -EBUSY: another program has locked the store; nothing has
 * changed. -EIO, -EBADMSG: rows that were added are lost, as store_add() says.
 */
int store_begin(struct store *s, unsigned *ret_lost, struct err *err);
/*
 * Adds a row to the open transaction, or opens one. -EIO: the transaction is rolled back, and
 * *ret_lost rows are lost, this one included.
 */
int store_add(struct store *s, const struct alert_fields *f, unsigned *ret_lost, struct err *err);
/* Commits the open transaction, if there is one. Errors as store_add(). */
int store_commit(struct store *s, unsigned *ret_lost, struct err *err);

/* Returns true if a call has found the file damaged. */
bool store_is_damaged(const struct store *s);
/* Returns true if the file, or its write-ahead log, was removed, moved or replaced. */
bool store_is_gone(const struct store *s);
/*
 * Writes something that changes nothing, to see whether the store takes rows. No transaction is
 * open.
 */
int store_probe(struct store *s, struct err *err);

/*
 * Moves the write-ahead log into the database, as far as no reader uses it; a reader can do it too.
 * -EIO.
 *
 * A store does this in a commit when its log has grown, and that commit waits for the disk. To do
 * it elsewhere, raise the limit and watch store_log_bytes().
 */
int store_checkpoint(struct store *s, struct err *err);
uint64_t store_log_bytes(const struct store *s);
void store_set_log_bytes(struct store *s, uint64_t max);

/* What is kept at most; 0: without limit. */
struct store_limits {
	uint64_t max_age_ns;
	uint64_t max_bytes; /* of rows and indexes, without the log */
};

/* What store_retain() deleted. */
struct store_retained {
	uint64_t expired;    /* events that were too old */
	uint64_t displaced;  /* events that left because the store was full */
	char container[256]; /* that lost the most of these; "": none, or it has no name */
	uint64_t of_container;
};

/*
 * Deletes events until the limits hold, in transactions of a few thousand: those that are too old;
 * then, while there are too many, the oldest of the container that has the most, of the image that
 * has the most. Deletes findings and incidents that are too old; of these it keeps 50,000 each, and
 * 10,000 findings of an image. No transaction may be open. now_ns: CLOCK_REALTIME. *ret is also set
 * on failure. -EIO, -ENOMEM.
 */
int store_retain(struct store *s, const struct store_limits *limits, uint64_t now_ns,
		 struct store_retained *ret, struct err *err);

/* Reads how many bytes rows and indexes take. -EIO. */
int store_bytes(struct store *s, uint64_t *ret, struct err *err);

/* Which events: all conditions that are set must hold. */
struct store_query {
	const char *container, *image, *verdict; /* NULL: any */
	const char *container_id;		 /* NULL: any */
	const char *rule;			 /* its name; NULL: any */
	const char *path;			 /* this path, or below it; NULL: any */
	uint64_t since_ns, until_ns;		 /* both included; 0: any */
	uint64_t incident;			 /* its number; 0: any */
	uint64_t before_ns, before_id; /* older than this row; before_ns 0: from the newest */
	uint32_t limit;
	bool oldest_first; /* order of the chosen rows */
	bool first;	   /* choose the oldest rows, not the newest; they come oldest first */
};

/*
 * Calls on_row for the newest rows that match. A result other than 0 ends the query and is
 * returned. The texts of a row are valid during the call. -EIO.
 */
int store_select(struct store *s, const struct store_query *q,
		 int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f), void *ctx,
		 struct err *err);

/*
 * Reads which container a person means by a word: *ret is the whole id if the word is the beginning of
 * one, of min characters at least, and no event has it for the name of its container; else "". The
 * caller frees *ret. -ENOTUNIQ: several ids begin so. -EIO, -ENOMEM.
 */
int store_find_container_id(struct store *s, const char *word, size_t min, char **ret,
			    struct err *err);

/*
 * Calls on_row for the newest event of each container by its id, the newest first, of 4096
 * containers at most. Else as store_select().
 */
int store_last_of_each(struct store *s,
		       int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f),
		       void *ctx, struct err *err);

#endif
