/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the database of rpm. */
#include "lib/base/package/package_rpm.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* ---- headers of packages ---- */

/*
 * A header: the number of entries and the bytes of data, then the entries, then the data. Numbers are
 * big-endian.
 */
struct entry {
	uint32_t tag, type, offset, count;
};

enum { TAG_NAME = 1000, TAG_VERSION = 1001, TAG_RELEASE = 1002 };
enum { TAG_DIR_INDEXES = 1116, TAG_BASE_NAMES = 1117, TAG_DIR_NAMES = 1118 };
enum { TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRINGS = 8 };

/* The data of a tag, from its first value to the end of the header. */
struct values {
	const uint8_t *at;
	size_t len;
	uint32_t count;
};

static uint32_t read_be32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return be32toh(v);
}

/* Finds the values of a tag. Returns false if the header has none of that type. */
static bool find_values(const uint8_t *header, size_t len, uint32_t tag, uint32_t type,
			struct values *ret)
{
	size_t n, data;

	if (len < 8)
		return false;
	n = read_be32(header);
	if (n > (len - 8) / sizeof(struct entry))
		return false;
	data = len - 8 - n * sizeof(struct entry);
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = header + 8 + i * sizeof(struct entry);
		uint32_t offset = read_be32(at + 8);

		if (read_be32(at) != tag || read_be32(at + 4) != type || offset > data)
			continue;
		*ret = (struct values){header + len - data + offset, data - offset,
				       read_be32(at + 12)};
		return true;
	}
	return false;
}

/* Takes the next string of the values. Returns NULL at their end. */
static const char *next_string(struct values *v)
{
	const char *s = (const char *)v->at;
	const uint8_t *end = v->len ? memchr(v->at, '\0', v->len) : NULL;

	if (!v->count || !end)
		return NULL;
	v->len -= (size_t)(end + 1 - v->at);
	v->at = end + 1;
	v->count--;
	return s;
}

/* Finds a string among values. Returns its index, or -1. */
static long find_string(struct values v, const char *text)
{
	const char *s;

	for (long i = 0; (s = next_string(&v)); i++)
		if (strcmp(s, text) == 0)
			return i;
	return -1;
}

/* Returns true if a file of that name is in the directory with that index. */
static bool has_file(struct values names, struct values dirs, long dir, const char *name)
{
	const char *s;

	for (size_t i = 0; (s = next_string(&names)); i++)
		if (strcmp(s, name) == 0 && i < dirs.count && i < dirs.len / 4 &&
		    read_be32(dirs.at + 4 * i) == (uint32_t)dir)
			return true;
	return false;
}

static const char *find_text(const uint8_t *header, size_t len, uint32_t tag)
{
	struct values v;

	if (!find_values(header, len, tag, TYPE_STRING, &v))
		return "";
	v.count = 1;
	return next_string(&v) ?: "";
}

bool package_rpm_header(const uint8_t *header, size_t len, const char *dir, const char *name,
			struct package *ret)
{
	char version[2 * PACKAGE_WORD];
	struct values names, dirs, indexes;
	struct package p = {};
	const char *text;
	long at;

	if (!find_values(header, len, TAG_BASE_NAMES, TYPE_STRINGS, &names) ||
	    !find_values(header, len, TAG_DIR_NAMES, TYPE_STRINGS, &dirs) ||
	    !find_values(header, len, TAG_DIR_INDEXES, TYPE_INT32, &indexes))
		return false;
	at = find_string(dirs, dir);
	if (at < 0 || !has_file(names, indexes, at, name))
		return false;
	text = find_text(header, len, TAG_NAME);
	if (!package_word_set(text, strlen(text), p.name))
		return false;
	snprintf(version, sizeof(version), "%s-%s", find_text(header, len, TAG_VERSION),
		 find_text(header, len, TAG_RELEASE));
	package_word_set(version, strlen(version), p.version);
	*ret = p;
	return true;
}

/* ---- the database ---- */

#define STEPS 100	/* of SQLite's machine between two looks at the count and the clock */
#define STEPS_MAX 20000 /* of these: two million in all */
#define TIME_MS 1000	/* rows may share pages, so that few steps read gigabytes */
#define VALUE_BYTES (16 << 20)
#define TABLES 4

static const char *const tables[TABLES] = {"Packages", "Basenames", "Dirnames", "sqlite_master"};

static const char query[] = "SELECT blob FROM Packages WHERE"
			    " hnum IN (SELECT hnum FROM Basenames WHERE key = ?1) AND"
			    " hnum IN (SELECT hnum FROM Dirnames WHERE key = ?2)";

/* What a lookup may take. */
struct budget {
	unsigned steps;
	int64_t end_ms; /* of thread_time_ms() */
};

/* Returns the processor time of the thread: a busy machine cuts no lookup short. */
static int64_t thread_time_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Returns 1, which ends the statement, if the budget is used up. */
static int on_steps(void *ctx)
{
	struct budget *b = ctx;

	return ++b->steps > STEPS_MAX || thread_time_ms() > b->end_ms;
}

/* Allows SQLite to read the tables, and nothing else. */
static int authorize_read(void *ctx, int action, const char *table, const char *column,
			  const char *db, const char *view)
{
	(void)ctx;
	(void)column;
	(void)db;
	if (action == SQLITE_SELECT)
		return SQLITE_OK;
	for (size_t i = 0; action == SQLITE_READ && !view && i < TABLES; i++)
		if (sqlite3_stricmp(table, tables[i]) == 0)
			return SQLITE_OK;
	return SQLITE_DENY;
}

static void set_limits(sqlite3 *db)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_drop_modules(db, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 4096);
	sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 10);
	sqlite3_limit(db, SQLITE_LIMIT_COLUMN, 16);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
}

/* Opens a database in memory. The caller closes it, also after an error. Returns 0 or -errno. */
static int open_rpm_database(char *database, size_t len, struct budget *budget, sqlite3 **ret)
{
	static const char magic[16] = "SQLite format 3";
	sqlite3 *db;

	if (len < 100 || len > INT_MAX || memcmp(database, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	/* rpm's journal is a log beside the file, which a database in memory has not. */
	database[18] = database[19] = 1;
	if (sqlite3_open_v2(":memory:", ret, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL))
		return -ENOMEM;
	db = *ret;
	/* Nothing of the database is read before the limits are set, which forbid this call. */
	if (sqlite3_deserialize(db, "main", (unsigned char *)database, (sqlite3_int64)len,
				(sqlite3_int64)len, SQLITE_DESERIALIZE_READONLY) != SQLITE_OK)
		return -EBADMSG;
	set_limits(db);
	sqlite3_progress_handler(db, STEPS, on_steps, budget);
	sqlite3_set_authorizer(db, authorize_read, NULL);
	return 0;
}

/* Returns true if a statement has the word AS, without which no column is calculated. */
static bool calculates_column(const char *sql)
{
	static const char word[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$";

	for (size_t n; *sql; sql += n) {
		n = strspn(sql, word);
		if (n == 2 && strncasecmp(sql, "as", 2) == 0)
			return true;
		n = n ? n : 1;
	}
	return false;
}

/*
 * Checks that no table calculates what is read: a function may take any time. Returns 0 or -EBADMSG.
 */
static int check_schema(sqlite3 *db)
{
	sqlite3_stmt *s = NULL;
	int step, r = 0;

	if (sqlite3_prepare_v2(db, "SELECT sql FROM sqlite_master ORDER BY rowid", -1, &s, NULL) !=
	    SQLITE_OK)
		return -EBADMSG;
	while ((step = sqlite3_step(s)) == SQLITE_ROW) {
		const char *sql = (const char *)sqlite3_column_text(s, 0);

		if (sql &&
		    (calculates_column(sql) || strlen(sql) != (size_t)sqlite3_column_bytes(s, 0)))
			r = -EBADMSG;
	}
	sqlite3_finalize(s);
	return step == SQLITE_DONE ? r : -EBADMSG;
}

/* Looks for the package that has a file in a directory, whose path ends with a slash. */
static int find_file(sqlite3 *db, const char *dir, const char *name, struct package *ret)
{
	sqlite3_stmt *s = NULL;
	int r = -ENOENT, step;

	if (sqlite3_prepare_v2(db, query, -1, &s, NULL) != SQLITE_OK)
		return -EBADMSG;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, dir, -1, SQLITE_STATIC);
	while (r < 0 && (step = sqlite3_step(s)) == SQLITE_ROW)
		if (sqlite3_column_type(s, 0) == SQLITE_BLOB &&
		    package_rpm_header(sqlite3_column_blob(s, 0),
				       (size_t)sqlite3_column_bytes(s, 0), dir, name, ret))
			r = 0;
	sqlite3_finalize(s);
	return r < 0 && step != SQLITE_DONE ? -EBADMSG : r;
}

/* Splits a path, and looks for it. */
static int find_path(sqlite3 *db, const char *path, struct package *ret)
{
	const char *name = strrchr(path, '/');
	char dir[PATH_MAX];

	if (!name || (size_t)(name - path) + 1 >= sizeof(dir))
		return -ENOENT;
	snprintf(dir, sizeof(dir), "%.*s", (int)(name - path) + 1, path);
	return find_file(db, dir, name + 1, ret);
}

int package_rpm_find(char *database, size_t len, const char *path, struct package *ret)
{
	struct budget budget = {.end_ms = thread_time_ms() + TIME_MS};
	sqlite3 *db = NULL;
	int r = open_rpm_database(database, len, &budget, &db);

	if (r == 0)
		r = check_schema(db);
	if (r == 0)
		r = find_path(db, path, ret);
	if (r == -ENOENT && package_short_path(path) != path)
		r = find_path(db, package_short_path(path), ret);
	sqlite3_close(db);
	return r;
}
