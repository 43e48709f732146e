/* SPDX-License-Identifier: Apache-2.0 */
/* Between the parts of the event store. */
#ifndef LUTRA_USER_STORE_STORE_IMPL_H
#define LUTRA_USER_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "user/store/store.h"

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert;
	unsigned pending;	/* events of the open transaction */
	bool open;		/* a transaction is */
	uint64_t log_pages;	/* as of the last commit */
	uint64_t log_pages_max; /* above this a commit empties the log */
};

/* SQLite's last words as an error: -EBADMSG or -EIO. */
int store_fail(const struct store *s, struct err *err);
int store_exec(struct store *s, const char *sql, struct err *err);
/* One number that a query gives. */
int store_number(struct store *s, const char *sql, int64_t *ret, struct err *err);

/* Create the tables, or bring older ones to STORE_SCHEMA_VERSION. Errors as store_new(). */
int store_migrate(struct store *s, struct err *err);
/* -ENOEXEC: the schema is another one. */
int store_check_schema(struct store *s, struct err *err);

#endif
