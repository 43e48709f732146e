/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rows from the event store. */

#include "user/store/store_impl.h"

#define SQL_MAX 512

/* Only the conditions that are set are written, so that the planner sees which index fits. */
static int prepare_query(struct store *s, const struct store_query *q, sqlite3_stmt **ret,
			 struct err *err)
{
	char sql[SQL_MAX];

	snprintf(sql, sizeof(sql),
		 "%sSELECT * FROM events WHERE 1%s%s%s%s%s%s%s"
		 " ORDER BY %s LIMIT ?8%s",
		 q->oldest_first ? "SELECT * FROM (" : "",
		 q->container ? " AND container = ?1" : "", q->image ? " AND image = ?2" : "",
		 q->verdict ? " AND verdict = ?3" : "", q->since_ns ? " AND time_ns >= ?4" : "",
		 q->until_ns ? " AND time_ns <= ?5" : "", q->incident ? " AND incident = ?9" : "",
		 q->before_ns ? " AND (time_ns, id) < (?6, ?7)" : "",
		 q->first ? "time_ns, id" : "time_ns DESC, id DESC",
		 q->oldest_first ? ") ORDER BY time_ns, id" : "");
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
	sqlite3_bind_int64(*ret, 9, (int64_t)q->incident);
	return 0;
}

/* Borrows the row's texts. The columns are the id and the fields of an alert in their order. */
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
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
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
	return r;
}
