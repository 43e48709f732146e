/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the event store only. */
#ifndef LUTRA_USER_STORE_STORE_IMPL_H
#define LUTRA_USER_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "user/store/store.h"

DEFINE_FREEP(sqlite3_stmt, sqlite3_finalize);

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert;	/* NULL: a reader */
	unsigned pending;	/* events of the open transaction */
	bool open;		/* a transaction is open */
	uint64_t log_pages;	/* of the write-ahead log, after the last commit */
	uint64_t log_pages_max; /* a commit above this makes a checkpoint */
};

/* Fills err from SQLite's last error. Returns -EBADMSG if the file is damaged, else -EIO. */
int store_fail(const struct store *s, struct err *err);
int store_exec(struct store *s, const char *sql, struct err *err);
/* Reads the one number that a query gives. */
int store_number(struct store *s, const char *sql, int64_t *ret, struct err *err);

/* Checks the schema; creates the tables in an empty file if asked to. Errors as store_new(). */
int store_check_schema(struct store *s, bool create, struct err *err);

#endif
