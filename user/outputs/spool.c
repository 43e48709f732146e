/* SPDX-License-Identifier: Apache-2.0 */
/* The queue on disk, as an SQLite table. */
#include "user/outputs/spool.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "user/sys/database_file.h"

#define SETUP                                                                                      \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"                                  \
	"PRAGMA journal_size_limit = 4194304;"                                                     \
	"CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, json TEXT NOT NULL)"

DEFINE_FREEP(sqlite3_stmt, sqlite3_finalize);

struct spool {
	sqlite3 *db;
	sqlite3_stmt *insert, *select, *remove;
	uint64_t max_bytes, bytes, count;
	char *path;
	struct stat st; /* of the file when it was opened */
	bool damaged;
};

static int spool_fail(struct spool *s, struct err *err)
{
	int code = sqlite3_errcode(s->db) & 0xff;

	s->damaged |= code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
	return err_set(err, s->damaged ? -EBADMSG : -EIO, "queue on disk: %s",
		       sqlite3_errmsg(s->db));
}

bool spool_is_damaged(const struct spool *s)
{
	return s->damaged;
}

bool spool_is_gone(const struct spool *s)
{
	struct stat st;

	return stat(s->path, &st) < 0 ? errno == ENOENT
				      : st.st_ino != s->st.st_ino || st.st_dev != s->st.st_dev;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	sqlite3_finalize(s->insert);
	sqlite3_finalize(s->select);
	sqlite3_finalize(s->remove);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

/* Counts what waits from an earlier run. */
static int count_waiting(struct spool *s, struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, "SELECT count(*), total(length(json)) FROM queue", -1, &q,
			       NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		return spool_fail(s, err);
	s->count = (uint64_t)sqlite3_column_int64(q, 0);
	s->bytes = (uint64_t)sqlite3_column_int64(q, 1);
	return 0;
}

static int prepare_statements(struct spool *s, struct err *err)
{
	const struct {
		sqlite3_stmt **at;
		const char *sql;
	} all[] = {
		{&s->insert, "INSERT INTO queue (json) VALUES (?1)"},
		{&s->select, "SELECT id, json FROM queue ORDER BY id LIMIT ?1"},
		{&s->remove, "DELETE FROM queue WHERE id = ?1"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int r = sqlite3_prepare_v2(s->db, all[i].sql, -1, all[i].at, NULL);

		s->damaged |= r == SQLITE_ERROR; /* the table has other columns */
		if (r != SQLITE_OK)
			return spool_fail(s, err);
	}
	return 0;
}

int spool_new(struct spool **ret, const char *path, uint64_t max_bytes, struct err *err)
{
	_cleanup_(spool_freep) struct spool *s = calloc(1, sizeof(*s));
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int r;

	if (!s)
		return err_oom(err);
	s->max_bytes = max_bytes;
	s->path = strdup(path);
	database_file_make_private(path);
	if (!s->path || sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return err_set(err, -EIO, "%s: %s", path,
			       s->db ? sqlite3_errmsg(s->db) : "out of memory");
	if (sqlite3_exec(s->db, SETUP, NULL, NULL, NULL) != SQLITE_OK)
		return spool_fail(s, err);
	r = prepare_statements(s, err);
	if (r == 0 && stat(path, &s->st) < 0)
		r = err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (r == 0)
		r = count_waiting(s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

/* Runs a statement that returns no rows. */
static bool run_statement(sqlite3_stmt *q)
{
	int step = sqlite3_step(q);

	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return step == SQLITE_DONE;
}

static bool begin_transaction(struct spool *s)
{
	return sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
}

static int end_transaction(struct spool *s, bool ok, struct err *err)
{
	int r = 0;

	if (!ok || sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
		r = spool_fail(s, err);
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return r;
}

int spool_put(struct spool *s, const struct sink_item *items, uint64_t *ret_full, struct err *err)
{
	uint64_t full = 0, n = 0, bytes = 0;
	bool ok = begin_transaction(s);
	int r;

	for (const struct sink_item *i = items; ok && i; i = sink_item_next(i)) {
		const struct alert_json *a = i->alert;

		if (s->bytes + bytes + a->len > s->max_bytes) {
			full++;
			continue;
		}
		sqlite3_bind_text(s->insert, 1, a->text, (int)a->len, SQLITE_STATIC);
		ok = run_statement(s->insert);
		bytes += a->len;
		n++;
	}
	r = end_transaction(s, ok, err);
	if (r < 0)
		return r;
	s->bytes += bytes;
	s->count += n;
	*ret_full = full;
	return 0;
}

int spool_oldest(struct spool *s, struct spooled *ret, size_t max, size_t *ret_n, struct err *err)
{
	size_t n = 0;
	int step, r = 0;

	sqlite3_bind_int64(s->select, 1, (sqlite3_int64)max);
	while ((step = sqlite3_step(s->select)) == SQLITE_ROW) {
		const char *json = (const char *)sqlite3_column_text(s->select, 1);

		if (!json && sqlite3_column_type(s->select, 1) == SQLITE_NULL) {
			s->damaged = true; /* the table allows none */
			r = err_set(err, -EBADMSG, "queue on disk: a row without an alert");
			break;
		}
		ret[n] = (struct spooled){.id = sqlite3_column_int64(s->select, 0),
					  .json = json ? strdup(json) : NULL};
		if (!ret[n].json) {
			r = err_oom(err);
			break;
		}
		ret[n].len = strlen(ret[n].json);
		n++;
	}
	if (r == 0 && step != SQLITE_DONE)
		r = spool_fail(s, err);
	sqlite3_reset(s->select);
	while (r < 0 && n > 0)
		free(ret[--n].json);
	*ret_n = n;
	return r;
}

int spool_remove(struct spool *s, const struct spooled *list, size_t n, struct err *err)
{
	uint64_t bytes = 0, removed = 0;
	bool ok = begin_transaction(s);
	int r;

	for (size_t i = 0; ok && i < n; i++) {
		if (list[i].outcome == AGAIN)
			continue;
		sqlite3_bind_int64(s->remove, 1, list[i].id);
		ok = run_statement(s->remove);
		bytes += list[i].len;
		removed++;
	}
	r = end_transaction(s, ok, err);
	if (r < 0)
		return r;
	s->bytes -= bytes < s->bytes ? bytes : s->bytes;
	s->count -= removed < s->count ? removed : s->count;
	return 0;
}

uint64_t spool_count(const struct spool *s)
{
	return s->count;
}
