/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rows from the event store. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/store/store_impl.h"

#define SQL_MAX 2048

/* Writes "id, a, b, c" with all columns. */
static size_t write_columns(char *sql, size_t size)
{
	size_t len = (size_t)snprintf(sql, size, "id");

	for (int f = 0; f < ALERT_FIELDS; f++)
		len += (size_t)snprintf(sql + len, size - len, ", %s", alert_field_table[f].column);
	return len;
}

/* Writes only the conditions that are set, so that the planner sees which index fits. */
static size_t write_where(char *sql, size_t size, const struct store_query *q)
{
	size_t len = (size_t)snprintf(sql, size, " FROM events WHERE 1");

	if (q->container)
		len += (size_t)snprintf(sql + len, size - len, " AND container = ?1");
	if (q->image)
		len += (size_t)snprintf(sql + len, size - len, " AND image = ?2");
	if (q->verdict)
		len += (size_t)snprintf(sql + len, size - len, " AND verdict = ?3");
	if (q->since_ns)
		len += (size_t)snprintf(sql + len, size - len, " AND time_ns >= ?4");
	if (q->until_ns)
		len += (size_t)snprintf(sql + len, size - len, " AND time_ns <= ?5");
	if (q->before_ns)
		len += (size_t)snprintf(sql + len, size - len, " AND (time_ns, id) < (?6, ?7)");
	len += (size_t)snprintf(sql + len, size - len, " ORDER BY time_ns DESC, id DESC LIMIT ?8");
	return len;
}

static int prepare_query(struct store *s, const struct store_query *q, sqlite3_stmt **ret,
			 struct err *err)
{
	char sql[SQL_MAX];
	size_t len = 0;

	len += (size_t)snprintf(sql, sizeof(sql), q->oldest_first ? "SELECT * FROM (" : "");
	len += (size_t)snprintf(sql + len, sizeof(sql) - len, "SELECT ");
	len += write_columns(sql + len, sizeof(sql) - len);
	len += write_where(sql + len, sizeof(sql) - len, q);
	if (q->oldest_first)
		snprintf(sql + len, sizeof(sql) - len, ") ORDER BY time_ns, id");
	if (sqlite3_prepare_v2(s->db, sql, -1, ret, NULL) != SQLITE_OK)
		return store_fail(s, err);
	/* Binding a value that the statement does not use fails without harm. */
	sqlite3_bind_text(*ret, 1, q->container, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 2, q->image, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 3, q->verdict, -1, SQLITE_STATIC);
	sqlite3_bind_int64(*ret, 4, (int64_t)q->since_ns);
	sqlite3_bind_int64(*ret, 5, (int64_t)q->until_ns);
	sqlite3_bind_int64(*ret, 6, (int64_t)q->before_ns);
	sqlite3_bind_int64(*ret, 7, (int64_t)q->before_id);
	sqlite3_bind_int64(*ret, 8, q->limit);
	return 0;
}

/* Borrows the row's texts. */
static void read_row(sqlite3_stmt *row, struct alert_fields *f)
{
	for (int i = 0; i < ALERT_FIELDS; i++) {
		f->text[i] = NULL;
		f->number[i] = 0;
		if (alert_field_table[i].type == ALERT_TYPE_TEXT)
			f->text[i] = (const char *)sqlite3_column_text(row, i + 1);
		else
			f->number[i] = sqlite3_column_int64(row, i + 1);
	}
	f->used = 0;
}

int store_select(struct store *s, const struct store_query *q,
		 int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f), void *ctx,
		 struct err *err)
{
	_cleanup_free_ struct alert_fields *f = malloc(sizeof(*f));
	sqlite3_stmt *row = NULL;
	int step = SQLITE_DONE, r = 0;

	if (!f)
		return err_oom(err);
	r = prepare_query(s, q, &row, err);
	while (r == 0 && (step = sqlite3_step(row)) == SQLITE_ROW) {
		read_row(row, f);
		r = on_row(ctx, sqlite3_column_int64(row, 0), f);
	}
	if (r == 0 && step != SQLITE_DONE)
		r = store_fail(s, err);
	sqlite3_finalize(row);
	return r;
}
