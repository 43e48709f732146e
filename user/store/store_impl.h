/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the event store only. */
#ifndef LUTRA_USER_STORE_STORE_IMPL_H
#define LUTRA_USER_STORE_STORE_IMPL_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "user/store/store.h"

DEFINE_FREEP(sqlite3_stmt, sqlite3_finalize);

#define STORE_COLUMNS 1024 /* bytes of the names of all columns of an event */

/* Statements that are prepared at their first use and kept. */
enum store_kept {
	STORE_GET_FINDING,
	STORE_PUT_FINDING,
	STORE_LINK_FINDING,
	STORE_PUT_INCIDENT,
	STORE_CLAIM_EVENT,
	STORE_KEPT
};

struct store {
	sqlite3 *db;
	char *path;
	struct stat st;	      /* of the file when it was opened */
	bool had_log;	      /* its write-ahead log was there then */
	bool damaged;	      /* SQLite has found the file damaged */
	uint64_t deadline_ns; /* of store_limit_time(), CLOCK_MONOTONIC */
	sqlite3_stmt *insert; /* NULL: a reader */
	sqlite3_stmt *kept[STORE_KEPT];
	unsigned pending;	/* events of the open transaction */
	bool open;		/* a transaction is open */
	uint64_t log_pages;	/* of the write-ahead log, after the last commit */
	uint64_t log_pages_max; /* a commit above this makes a checkpoint */
};

/*
 * Fills err from SQLite's last error. Returns -EBADMSG if the file is damaged, -EBUSY if it is
 * locked, else -EIO.
 */
int store_fail(struct store *s, struct err *err);
int store_exec(struct store *s, const char *sql, struct err *err);
/* Reads the one number that a query gives. */
int store_number(struct store *s, const char *sql, int64_t *ret, struct err *err);

/* Rolls back a transaction that failed, and counts its rows as lost. Returns as store_fail(). */
int store_roll_back(struct store *s, unsigned *ret_lost, struct err *err);

/*
 * Writes the names of an event's columns: the id, and the fields of an alert in their order. A file
 * that an older version made has another order of columns, and more of them. before: what to write
 * before each name. Returns buf.
 */
const char *store_columns(const char *before, char buf[static STORE_COLUMNS]);

/* Checks the schema; creates the tables in an empty file if asked to. Errors as store_new(). */
int store_check_schema(struct store *s, bool create, struct err *err);

#endif
