/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the event store and adds rows. */
#include "user/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "user/store/store_impl.h"
#include "user/sys/database_file.h"

#define BUSY_MS 1000
#define INSERT_MAX (512 + STORE_COLUMNS)
#define PAGE_BYTES 4096
#define PROBE_BYTES (256u << 10) /* that are free on a disk that takes rows again */
#define LOG_BYTES (16u << 20)
#define SETTINGS                                                                                   \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"                                  \
	"PRAGMA journal_size_limit = 67108864;"

int store_fail(struct store *s, struct err *err)
{
	int code = sqlite3_errcode(s->db) & 0xff;
	bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
	int r = damaged ? -EBADMSG : code == SQLITE_BUSY ? -EBUSY : -EIO;

	s->damaged |= damaged;
	if (code == SQLITE_INTERRUPT)
		return err_set(err, -ETIMEDOUT,
			       "event store: reading took too long: ask for a shorter time "
			       "(since, until), or for less");
	return err_set(err, r, "event store: %s", sqlite3_errmsg(s->db));
}

int store_exec(struct store *s, const char *sql, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : store_fail(s, err);
}

int store_number(struct store *s, const char *sql, int64_t *ret, struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		return store_fail(s, err);
	*ret = sqlite3_column_int64(q, 0);
	return 0;
}

/* ---- life ---- */

/* Returns true if the path leads to another file by now, or to none. */
static bool is_replaced(const struct store *s)
{
	struct stat st;

	if (!s->path || !s->st.st_ino)
		return false;
	if (stat(s->path, &st) < 0)
		return errno == ENOENT;
	return st.st_ino != s->st.st_ino || st.st_dev != s->st.st_dev;
}

/* The write-ahead log and its index are there as long as a connection is. */
static bool has_log(const struct store *s)
{
	_cleanup_free_ char *log = NULL, *index = NULL;

	if (asprintf(&log, "%s-wal", s->path) < 0 || asprintf(&index, "%s-shm", s->path) < 0)
		return true;
	return access(log, F_OK) == 0 && access(index, F_OK) == 0;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_commit(s, NULL, NULL);
	/* SQLite removes the log of the last connection by its name, which a new store may have. */
	if (s->db && is_replaced(s))
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_finalize(s->insert);
	for (int i = 0; i < STORE_KEPT; i++)
		sqlite3_finalize(s->kept[i]);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

bool store_is_damaged(const struct store *s)
{
	return s->damaged;
}

bool store_is_gone(const struct store *s)
{
	return is_replaced(s) || (s->had_log && !has_log(s));
}

/* Notes which file this is, for store_is_gone(). */
static void note_file(struct store *s)
{
	if (stat(s->path, &s->st) < 0)
		s->st = (struct stat){};
	s->had_log = has_log(s);
}

static int open_database(struct store *s, const char *path, int flags, struct err *err)
{
	s->path = strdup(path);
	if (!s->path)
		return err_oom(err);
	if (flags & SQLITE_OPEN_CREATE)
		database_file_make_private(path);
	if (sqlite3_open_v2(path, &s->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return err_set(err, -EIO, "event store %s: %s", path,
			       s->db ? sqlite3_errmsg(s->db) : "out of memory");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return 0;
}

/* Called after each commit with the pages of the log. */
static int on_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
	struct store *s = ctx;

	s->log_pages = (uint64_t)pages;
	if (s->log_pages > s->log_pages_max)
		sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return SQLITE_OK;
}

uint64_t store_log_bytes(const struct store *s)
{
	return s->log_pages * PAGE_BYTES;
}

void store_set_log_bytes(struct store *s, uint64_t max)
{
	s->log_pages_max = max / PAGE_BYTES;
}

int store_checkpoint(struct store *s, struct err *err)
{
	int r = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

	return r == SQLITE_OK || r == SQLITE_BUSY ? 0 : store_fail(s, err);
}

/* SQLite chooses the id. */
static int prepare_insert(struct store *s, struct err *err)
{
	char sql[INSERT_MAX], columns[STORE_COLUMNS];
	size_t len = (size_t)snprintf(sql, sizeof(sql), "INSERT INTO events (%s) VALUES (NULL",
				      store_columns("", columns));

	for (int f = 0; f < ALERT_FIELDS; f++)
		len += (size_t)snprintf(sql + len, sizeof(sql) - len, ", ?");
	snprintf(sql + len, sizeof(sql) - len, ")");
	return sqlite3_prepare_v2(s->db, sql, -1, &s->insert, NULL) == SQLITE_OK
		       ? 0
		       : store_fail(s, err);
}

int store_new(struct store **ret, const char *path, struct err *err)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	r = open_database(s, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (r == 0)
		r = store_exec(s, SETTINGS, err);
	if (r == 0)
		r = store_check_schema(s, true, err);
	if (r == 0)
		r = prepare_insert(s, err);
	if (r < 0)
		return r;
	note_file(s);
	store_set_log_bytes(s, LOG_BYTES);
	sqlite3_wal_hook(s->db, on_commit, s);
	*ret = TAKE_PTR(s);
	return 0;
}

int store_new_reader(struct store **ret, const char *path, struct err *err)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(err);
	/* A reader may have to recover the log, so SQLITE_OPEN_READONLY does not do. */
	r = open_database(s, path, SQLITE_OPEN_READWRITE, err);
	if (r == 0)
		r = store_exec(s, "PRAGMA query_only = 1", err);
	if (r == 0)
		r = store_check_schema(s, false, err);
	if (r < 0)
		return r;
	note_file(s);
	*ret = TAKE_PTR(s);
	return 0;
}

/* ---- rows ---- */

int store_roll_back(struct store *s, unsigned *ret_lost, struct err *err)
{
	int r = store_fail(s, err);

	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	/* Free the log's disk space: the database may have free pages for it. */
	sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (ret_lost)
		*ret_lost = s->pending;
	s->pending = 0;
	s->open = false;
	return r;
}

int store_begin(struct store *s, unsigned *ret_lost, struct err *err)
{
	if (!s->open && sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
		int r = store_fail(s, err);

		return r == -EBUSY ? r : store_roll_back(s, ret_lost, err);
	}
	s->open = true;
	return 0;
}

int store_probe(struct store *s, struct err *err)
{
	char sql[64];
	struct statvfs fs;

	if (statvfs(s->path, &fs) == 0 && fs.f_bavail * fs.f_frsize < PROBE_BYTES)
		return err_set(err, -ENOSPC, "event store: %s", strerror(ENOSPC));
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", STORE_SCHEMA_VERSION);
	return store_exec(s, sql, err);
}

static void bind_fields(struct store *s, const struct alert_fields *f)
{
	for (int i = 0; i < ALERT_FIELDS; i++) {
		if (alert_fields_is_unknown(f, i))
			sqlite3_bind_null(s->insert, i + 1);
		else if (alert_field_table[i].type == ALERT_TYPE_TEXT)
			sqlite3_bind_text(s->insert, i + 1, f->text[i], -1, SQLITE_STATIC);
		else
			sqlite3_bind_int64(s->insert, i + 1, f->number[i]);
	}
}

int store_add(struct store *s, const struct alert_fields *f, unsigned *ret_lost, struct err *err)
{
	int step, r;

	s->pending++;
	r = store_begin(s, ret_lost, err);
	if (r == -EBUSY) {
		s->pending--;
		if (ret_lost)
			*ret_lost = 1;
	}
	if (r < 0)
		return r;
	bind_fields(s, f);
	step = sqlite3_step(s->insert);
	sqlite3_reset(s->insert);
	sqlite3_clear_bindings(s->insert);
	return step == SQLITE_DONE ? 0 : store_roll_back(s, ret_lost, err);
}

int store_commit(struct store *s, unsigned *ret_lost, struct err *err)
{
	if (!s->open)
		return 0;
	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		return store_roll_back(s, ret_lost, err);
	s->pending = 0;
	s->open = false;
	return 0;
}

/* ---- size ---- */

int store_bytes(struct store *s, uint64_t *ret, struct err *err)
{
	static const char sql[] =
		"SELECT (page_count - freelist_count) * page_size"
		" FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
	int64_t bytes = 0;
	int r = store_number(s, sql, &bytes, err);

	if (r == 0)
		*ret = (uint64_t)bytes;
	return r;
}
