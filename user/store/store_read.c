/* SPDX-License-Identifier: Apache-2.0 */
/* Reads rows from the event store. */

#include <errno.h>
#include <string.h>

#include "user/store/store_impl.h"
#include "user/sys/clock.h"

#define SQL_MAX (1024 + 2 * STORE_COLUMNS)
#define STEPS 1000 /* of SQLite's machine, between two looks at the clock: far below 1 ms */

static int is_late(void *ctx)
{
	const struct store *s = ctx;

	return clock_now_ns() > s->deadline_ns;
}

void store_limit_time(struct store *s, unsigned seconds)
{
	s->deadline_ns = clock_now_ns() + seconds * 1000000000ull;
	sqlite3_progress_handler(s->db, STEPS, is_late, s);
}

/* Only the conditions that are set are written, so that the planner sees which index fits. */
static int prepare_query(struct store *s, const struct store_query *q, sqlite3_stmt **ret,
			 struct err *err)
{
	char sql[SQL_MAX], columns[STORE_COLUMNS];
	int path_len = q->path ? (int)strlen(q->path) : 0;

	/* A slash at the end of a directory says nothing. */
	while (path_len > 0 && q->path[path_len - 1] == '/')
		path_len--;
	store_columns("", columns);
	snprintf(sql, sizeof(sql),
		 "%sSELECT %s FROM events WHERE 1%s%s%s%s%s%s%s%s%s%s"
		 " ORDER BY %s LIMIT ?8%s",
		 q->oldest_first ? "SELECT * FROM (" : "", columns,
		 q->container ? " AND container = ?1" : "", q->image ? " AND image = ?2" : "",
		 q->verdict ? " AND verdict = ?3" : "", q->since_ns ? " AND time_ns >= ?4" : "",
		 q->until_ns ? " AND time_ns <= ?5" : "", q->incident ? " AND incident = ?9" : "",
		 q->container_id ? " AND container_id = ?10" : "",
		 q->rule ? " AND rule_group = ?11" : "",
		 q->path ? " AND (path = ?12 OR (path > ?12 || '/' AND path < ?12 || '0'))" : "",
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
	sqlite3_bind_text(*ret, 10, q->container_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 11, q->rule, -1, SQLITE_STATIC);
	sqlite3_bind_text(*ret, 12, q->path, path_len, SQLITE_STATIC);
	return 0;
}

/* Borrows the row's texts. The columns must be those of store_columns(). */
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

/* Calls on_row for each row of a statement. */
static int read_rows(struct store *s, sqlite3_stmt *row,
		     int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f), void *ctx,
		     struct err *err)
{
	_cleanup_free_ struct alert_fields *f = malloc(sizeof(*f));
	int step = SQLITE_DONE, r = 0;

	if (!f)
		return err_oom(err);
	while (r == 0 && (step = sqlite3_step(row)) == SQLITE_ROW) {
		read_row(row, f);
		r = on_row(ctx, sqlite3_column_int64(row, 0), f);
	}
	return r == 0 && step != SQLITE_DONE ? store_fail(s, err) : r;
}

int store_select(struct store *s, const struct store_query *q,
		 int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f), void *ctx,
		 struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
	int r = prepare_query(s, q, &row, err);

	return r < 0 ? r : read_rows(s, row, on_row, ctx, err);
}

/* Both ends of the range are one look into the index each: no event between them is read. */
#define IDS_OF_WORD                                                                                \
	"SELECT CASE WHEN EXISTS (SELECT 1 FROM events WHERE container = ?1) THEN NULL ELSE"       \
	" (SELECT min(container_id) FROM events WHERE container_id >= ?1 AND"                      \
	" container_id < ?1 || 'zz') END,"                                                         \
	" (SELECT max(container_id) FROM events WHERE container_id >= ?1 AND"                      \
	" container_id < ?1 || 'zz')"

int store_find_container_id(struct store *s, const char *word, size_t min, char **ret,
			    struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
	const char *first, *last;

	if (sqlite3_prepare_v2(s->db, IDS_OF_WORD, -1, &row, NULL) != SQLITE_OK ||
	    sqlite3_bind_text(row, 1, word, -1, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(row) != SQLITE_ROW)
		return store_fail(s, err);
	first = (const char *)sqlite3_column_text(row, 0);
	last = (const char *)sqlite3_column_text(row, 1);
	if (!first || strlen(word) < min)
		first = last = "";
	if (strcmp(first, last) != 0)
		return err_set(err, -ENOTUNIQ, "%.200s: several ids begin so: give more of the id",
			       word);
	*ret = strdup(first);
	return *ret ? 0 : err_oom(err);
}

/* From each id to the next one by the index, so that the time does not depend on the events. */
#define LAST_OF_EACH                                                                               \
	"WITH RECURSIVE ids(id) AS (SELECT min(container_id) FROM events UNION ALL"                \
	" SELECT (SELECT min(container_id) FROM events WHERE container_id > ids.id) FROM ids"      \
	" WHERE ids.id IS NOT NULL LIMIT 4096)"                                                    \
	" SELECT %s FROM ids JOIN events e ON e.id = (SELECT id FROM events"                       \
	" WHERE container_id = ids.id ORDER BY time_ns DESC, id DESC LIMIT 1)"                     \
	" ORDER BY e.time_ns DESC"

int store_last_of_each(struct store *s,
		       int (*on_row)(void *ctx, int64_t id, const struct alert_fields *f),
		       void *ctx, struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
	char sql[SQL_MAX], columns[STORE_COLUMNS];

	snprintf(sql, sizeof(sql), LAST_OF_EACH, store_columns("e.", columns));
	if (sqlite3_prepare_v2(s->db, sql, -1, &row, NULL) != SQLITE_OK)
		return store_fail(s, err);
	return read_rows(s, row, on_row, ctx, err);
}
