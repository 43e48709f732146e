/* SPDX-License-Identifier: Apache-2.0 */
/* The package of a file, by a database of rpm, which may be anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/package/package_rpm.h"

#define HEADER_MAX 1024

/* ---- a header ---- */

struct header {
	uint8_t bytes[HEADER_MAX];
	size_t entries, len; /* len: of the data */
	uint8_t data[HEADER_MAX];
};

static void add_be32(uint8_t *at, uint32_t v)
{
	v = htobe32(v);
	memcpy(at, &v, sizeof(v));
}

static void add_values(struct header *h, uint32_t tag, uint32_t type, uint32_t count,
		       const void *data, size_t len)
{
	uint8_t *entry = h->bytes + 8 + 16 * h->entries++;

	add_be32(entry, tag);
	add_be32(entry + 4, type);
	add_be32(entry + 8, (uint32_t)h->len);
	add_be32(entry + 12, count);
	memcpy(h->data + h->len, data, len);
	h->len += len;
}

static void end_header(struct header *h)
{
	add_be32(h->bytes, (uint32_t)h->entries);
	add_be32(h->bytes + 4, (uint32_t)h->len);
	memcpy(h->bytes + 8 + 16 * h->entries, h->data, h->len);
	h->len += 8 + 16 * h->entries;
}

/* The header of zlib: /usr/lib64/libz.so.1, /usr/share/doc/zlib and /usr/share/doc/README. */
static void make_zlib(struct header *h)
{
	static const uint8_t indexes[12] = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1};

	*h = (struct header){};
	add_values(h, 1000, 6, 1, "zlib", 5);
	add_values(h, 1001, 6, 1, "1.2.11", 7);
	add_values(h, 1002, 6, 1, "40.el9", 7);
	add_values(h, 1116, 4, 3, indexes, sizeof(indexes));
	add_values(h, 1117, 8, 3, "libz.so.1\0zlib\0README", 22);
	add_values(h, 1118, 8, 2, "/usr/lib64/\0/usr/share/doc/", 28);
	end_header(h);
}

static void rpm_header_has_its_files_alone(void **state)
{
	struct package p = {};
	struct header h;

	(void)state;
	make_zlib(&h);
	assert_true(package_rpm_header(h.bytes, h.len, "/usr/lib64/", "libz.so.1", &p));
	assert_string_equal(p.name, "zlib");
	assert_string_equal(p.version, "1.2.11-40.el9");
	assert_true(package_rpm_header(h.bytes, h.len, "/usr/share/doc/", "README", &p));
	/* It has such a directory and such a name, but not one in the other. */
	assert_false(package_rpm_header(h.bytes, h.len, "/usr/lib64/", "README", &p));
	assert_false(package_rpm_header(h.bytes, h.len, "/usr/bin/", "libz.so.1", &p));
}

/* In memory of its own length, so that the sanitizers see what is read behind it. */
static void judge_copy(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	struct package p = {};

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	package_rpm_header(copy, len, "/usr/share/doc/", "README", &p);
	assert_true(strnlen(p.name, PACKAGE_WORD) < PACKAGE_WORD);
	assert_true(strnlen(p.version, PACKAGE_WORD) < PACKAGE_WORD);
	free(copy);
}

static void rpm_header_of_any_bytes_is_read_within_its_end(void **state)
{
	struct header h;

	(void)state;
	make_zlib(&h);
	for (size_t len = 0; len < h.len; len++)
		judge_copy(h.bytes, len);
	for (size_t i = 0; i < h.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			h.bytes[i] ^= (uint8_t)(1u << bit);
			judge_copy(h.bytes, h.len);
			h.bytes[i] ^= (uint8_t)(1u << bit);
		}
}

/* ---- a database ---- */

static const char schema[] =
	"CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);"
	"CREATE TABLE Basenames (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);"
	"CREATE TABLE Dirnames (key 'TEXT' NOT NULL, hnum INTEGER NOT NULL, idx INTEGER NOT NULL);"
	"CREATE INDEX Basenames_key_idx ON Basenames(key);"
	"CREATE INDEX Dirnames_key_idx ON Dirnames(key);";
static const char rows[] =
	"INSERT INTO Packages VALUES (7, x'00');"
	"INSERT INTO Basenames VALUES ('libz.so.1', 7, 0), ('libz.so.1', 8, 0), ('README', 8, 2);"
	"INSERT INTO Dirnames VALUES ('/usr/lib64/', 7, 0), ('/usr/lib64/', 8, 0),"
	" ('/usr/share/doc/', 8, 1);";

/* Makes a database by statements, with the header of zlib as package 8. The caller frees it. */
static char *make_database(const char *first, const char *second, size_t *ret_len)
{
	static const char insert[] = "INSERT INTO Packages VALUES (8, ?1)";
	sqlite3_stmt *s = NULL;
	sqlite3_int64 len;
	struct header h;
	sqlite3 *db;
	char *bytes;

	make_zlib(&h);
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, first, NULL, NULL, NULL), SQLITE_OK);
	if (second) {
		assert_int_equal(sqlite3_exec(db, second, NULL, NULL, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, insert, -1, &s, NULL), SQLITE_OK);
		sqlite3_bind_blob(s, 1, h.bytes, (int)h.len, SQLITE_STATIC);
		assert_int_equal(sqlite3_step(s), SQLITE_DONE);
		sqlite3_finalize(s);
	}
	bytes = (char *)sqlite3_serialize(db, "main", &len, 0);
	assert_non_null(bytes);
	*ret_len = (size_t)len;
	sqlite3_close(db);
	return bytes;
}

static int find_in(char *database, size_t len, const char *path, struct package *ret)
{
	*ret = (struct package){};
	return package_rpm_find(database, len, path, ret);
}

static void rpm_package_has_name_and_version(void **state)
{
	struct package p;
	size_t len;
	char *db = make_database(schema, rows, &len);

	(void)state;
	/* As rpm leaves it, with a log beside it. */
	db[18] = db[19] = 2;
	assert_int_equal(find_in(db, len, "/usr/lib64/libz.so.1", &p), 0);
	assert_string_equal(p.name, "zlib");
	assert_string_equal(p.version, "1.2.11-40.el9");
	assert_int_equal(find_in(db, len, "/usr/share/doc/README", &p), 0);
	assert_int_equal(find_in(db, len, "/usr/lib64/README", &p), -ENOENT);
	assert_int_equal(find_in(db, len, "/usr/lib64/libz.so", &p), -ENOENT);
	assert_int_equal(find_in(db, len, "libz.so.1", &p), -ENOENT);
	sqlite3_free(db);
}

static void rpm_package_of_a_path_behind_a_link_is_found(void **state)
{
	struct package p;
	size_t len;
	char *db = make_database(schema, rows, &len);

	(void)state;
	assert_int_equal(find_in(db, len, "/usr/usr/lib64/libz.so.1", &p), 0);
	sqlite3_free(db);
}

/* Databases that would have SQLite do what a lookup needs not. */
static void rpm_database_that_is_hostile_is_refused(void **state)
{
	static const char *const hostile[] = {
		/* Tables that work without an end, or call functions. */
		"CREATE TABLE Packages (hnum, blob); CREATE TABLE Dirnames (key, hnum);"
		"CREATE VIEW Basenames AS WITH RECURSIVE n(i) AS"
		" (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'libz.so.1' AS key, i AS hnum "
		"FROM n;",
		"CREATE TABLE Packages (hnum, blob); CREATE TABLE Dirnames (key, hnum);"
		"CREATE TABLE Basenames (hnum, key AS (upper('libz.so.1')));",
		"CREATE TABLE Packages (hnum, blob); CREATE TABLE Dirnames (key, hnum);"
		"CREATE VIRTUAL TABLE Basenames USING fts4(key, hnum);",
		"CREATE TABLE other (key);",
	};
	struct package p;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char *db = make_database(hostile[i], NULL, &len);

		if (find_in(db, len, "/usr/lib64/libz.so.1", &p) != -EBADMSG)
			fail_msg("not refused: %s", hostile[i]);
		sqlite3_free(db);
	}
	assert_int_equal(find_in((char[]){"SQLite format 3"}, 16, "/a", &p), -EBADMSG);
}

/* A lookup without an index reads all rows: it ends when it has taken too long. */
static void rpm_database_that_takes_too_long_is_refused(void **state)
{
	static const char many[] =
		"CREATE TABLE Packages (hnum, blob); CREATE TABLE Dirnames (key, hnum);"
		"CREATE TABLE Basenames (key, hnum);"
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000)"
		" INSERT INTO Basenames SELECT 'a', i FROM n;"
		"INSERT INTO Packages VALUES (1, x'00'); INSERT INTO Dirnames VALUES ('/', 1);";
	struct package p;
	size_t len;
	char *db = make_database(many, NULL, &len);

	(void)state;
	assert_int_equal(find_in(db, len, "/a", &p), -EBADMSG);
	sqlite3_free(db);
}

/* Returns true if a page of 512 bytes is a leaf with one row, which is of megabytes or not. */
static bool is_leaf_of_one(const uint8_t *page, bool large)
{
	size_t row = page[5] * 256u + page[6]; /* begins with its length, 7 bits a byte */

	return page[0] == 13 && page[3] == 0 && page[4] == 1 && row < 510 &&
	       (page[row] & page[row + 1] & page[row + 2] & 0x80) == (large ? 0x80 : 0);
}

/* Few rows, each of which leads to the same megabytes: few steps, but each takes long. */
static void rpm_database_whose_rows_share_pages_is_refused(void **state)
{
	static const char tables[] =
		"PRAGMA page_size = 512; CREATE TABLE Packages (hnum, blob);"
		"CREATE TABLE Dirnames (key, hnum); CREATE TABLE Basenames (key, hnum);";
	static const char large[] =
		"INSERT INTO Basenames VALUES (zeroblob(15 << 20), 1);"
		"WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n LIMIT 4000)"
		" INSERT INTO Basenames SELECT zeroblob(465), i FROM n;"
		"INSERT INTO Packages VALUES (1, x'00'); INSERT INTO Dirnames VALUES ('/', 1);";
	const uint8_t *shared = NULL;
	struct package p;
	unsigned n = 0;
	size_t len;
	char *db = make_database(tables, large, &len);
	uint8_t *page = (uint8_t *)db;

	(void)state;
	for (size_t at = 512; at < len; at += 512)
		if (!shared && is_leaf_of_one(page + at, true))
			shared = page + at;
	assert_non_null(shared);
	for (size_t at = 512; at < len; at += 512)
		if (shared && is_leaf_of_one(page + at, false)) {
			memcpy(page + at, shared, 512);
			n++;
		}
	assert_true(n > 3000);
	assert_int_equal(find_in(db, len, "/a", &p), -EBADMSG);
	sqlite3_free(db);
}

static void rpm_database_of_any_bytes_is_survived(void **state)
{
	uint32_t random = 1;
	struct package p;
	size_t len;
	char *db = make_database(schema, rows, &len);
	char *copy = malloc(len);

	(void)state;
	assert_non_null(copy);
	for (unsigned i = 0; i < 3000; i++) {
		memcpy(copy, db, len);
		for (unsigned n = 0; n < 1 + i % 4; n++) {
			random = random * 1664525u + 1013904223u;
			copy[(random >> 8) % len] = (char)random;
		}
		find_in(copy, len - (i % 7 ? 0 : (random >> 8) % len), "/usr/lib64/libz.so.1", &p);
	}
	free(copy);
	sqlite3_free(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rpm_header_has_its_files_alone),
		cmocka_unit_test(rpm_header_of_any_bytes_is_read_within_its_end),
		cmocka_unit_test(rpm_package_has_name_and_version),
		cmocka_unit_test(rpm_package_of_a_path_behind_a_link_is_found),
		cmocka_unit_test(rpm_database_that_is_hostile_is_refused),
		cmocka_unit_test(rpm_database_that_takes_too_long_is_refused),
		cmocka_unit_test(rpm_database_whose_rows_share_pages_is_refused),
		cmocka_unit_test(rpm_database_of_any_bytes_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
