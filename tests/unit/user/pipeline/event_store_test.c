/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline whose store is removed, damaged, locked or full: what it says, loses and makes anew. */
#include "tests/support/made_alert.h"
#include "tests/support/scratch.h"

#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lutra/types.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"

#define PATIENCE_NS 60000000000ull

struct heard {
	atomic_uint bad, good;
	char last_bad[900]; /* written before bad is raised */
};

static void on_report(void *ctx, bool bad, const char *msg)
{
	struct heard *h = ctx;

	if (bad)
		snprintf(h->last_bad, sizeof(h->last_bad), "%s", msg);
	if (bad)
		h->bad++;
	else
		h->good++;
}

static struct pipeline *start_on(const struct fixture *f, struct heard *h)
{
	const struct pipeline_config config = {
		.store_path = f->db, .env = {.state_dir = f->dir, .report = on_report, .ctx = h}};
	struct pipeline *p = NULL;

	assert_int_equal(pipeline_new(&p, &config, NULL), 0);
	return p;
}

static void put_some(const struct fixture *f, struct pipeline *p, unsigned n)
{
	while (n--)
		assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
}

static int64_t rows_of(const char *db)
{
	return made_alert_query(db, "SELECT count(*) FROM events");
}

/* Returns how many files a pattern below the directory of the fixture has. */
static size_t count_files(const struct fixture *f, const char *pattern)
{
	_cleanup_free_ char *path = scratch_path(f->dir, pattern);
	glob_t found = {};
	size_t n = glob(path, 0, NULL, &found) == 0 ? found.gl_pathc : 0;

	globfree(&found);
	return n;
}

static int count_row(void *ctx, int64_t id, const struct alert_fields *a)
{
	(void)id;
	(void)a;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned rows_by_reader(struct pipeline *p)
{
	const struct store_query q = {.limit = 100};
	struct store *s = NULL;
	unsigned n = 0;

	assert_int_equal(pipeline_reader(p, &s, NULL), 0);
	assert_int_equal(store_select(s, &q, count_row, &n, NULL), 0);
	return n;
}

static void remove_store(const struct fixture *f)
{
	static const char *const endings[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		_cleanup_free_ char *path = NULL;

		assert_true(asprintf(&path, "%s%s", f->db, endings[i]) > 0);
		unlink(path);
	}
}

static void store_that_is_removed_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct heard h = {};
	struct pipeline *p = start_on(f, &h);

	put_some(f, p, 3);
	assert_int_equal(rows_by_reader(p), 3);
	remove_store(f);
	put_some(f, p, 2);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "was removed or moved"));
	assert_int_equal(rows_by_reader(p), 2);
	pipeline_free(p);
	assert_int_equal(rows_of(f->db), 2);
}

/* Its write-ahead log has rows that are not in the database yet. */
static void store_whose_log_is_removed_loses_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *log = NULL;
	struct heard h = {};
	struct pipeline *p = start_on(f, &h);

	assert_true(asprintf(&log, "%s-wal", f->db) > 0);
	put_some(f, p, 3);
	assert_int_equal(unlink(log), 0);
	put_some(f, p, 2);
	assert_int_equal(h.bad, 1);
	pipeline_free(p);
	assert_int_equal(rows_of(f->db), 5);
}

static void store_that_is_damaged_is_set_aside(void **state)
{
	static const char text[] = "this is no database at all, but a text of some length";
	struct fixture *f = *state;
	struct heard h = {};
	struct pipeline *p;

	scratch_write(f->db, text, sizeof(text));
	p = start_on(f, &h);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "events.db.damaged-"));
	put_some(f, p, 2);
	assert_int_equal(h.bad, 1);
	pipeline_free(p);
	assert_int_equal(rows_of(f->db), 2);
	assert_int_equal(count_files(f, "events.db.damaged-*"), 1);
}

/* Overwrites all of a file but its first page. */
static void damage_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	char noise[4096];
	struct stat st;

	memset(noise, 0xa5, sizeof(noise));
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = sizeof(noise); at < st.st_size; at += (off_t)sizeof(noise))
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
	close(fd);
}

static void store_that_is_damaged_while_it_is_in_use_is_set_aside(void **state)
{
	struct fixture *f = *state;
	struct pipeline_stats stats = {};
	struct heard h = {};
	struct pipeline *p = start_on(f, &h);

	put_some(f, p, 3);
	pipeline_free(p);
	damage_file(f->db);
	p = start_on(f, &h);
	for (unsigned n = 0; n < 10 && count_files(f, "events.db.damaged-*") == 0; n++)
		put_some(f, p, 1);
	put_some(f, p, 2);
	pipeline_stats(p, &stats);
	assert_int_equal(count_files(f, "events.db.damaged-*[0-9]"), 1);
	assert_true(h.bad >= 1);
	assert_true(stats.open);
	assert_false(stats.failing);
	pipeline_free(p);
	assert_true(rows_of(f->db) >= 2);
}

/* Locks the store of the fixture. The caller closes the connection, which ends the lock. */
static sqlite3 *lock_store(const struct fixture *f)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void store_that_is_locked_gets_the_events_later(void **state)
{
	const struct timespec pause = {.tv_sec = 3}; /* over the patience of one try */
	struct fixture *f = *state;
	struct pipeline_stats stats;
	struct heard h = {};
	struct pipeline *p = start_on(f, &h);
	sqlite3 *db;

	put_some(f, p, 1);
	db = lock_store(f);
	assert_true(pipeline_put(p, made_alert_new(f)));
	assert_true(pipeline_put(p, made_alert_new(f)));
	nanosleep(&pause, NULL);
	sqlite3_close(db);
	pipeline_sync(p);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.lost_store, 0);
	assert_int_equal(stats.stored, 3);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "locked"));
	pipeline_free(p);
}

static void fill_and_free(struct fixture *f)
{
	_cleanup_free_ char *filler = scratch_path(f->dir, "filler");
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 50000000};
	struct pipeline_stats stats = {};
	struct heard h = {};
	struct pipeline *p = start_on(f, &h);
	FILE *full = fopen(filler, "we");
	char zeros[4096] = {};

	put_some(f, p, 10);
	pipeline_stats(p, &stats);
	assert_false(stats.failing);
	while (fwrite(zeros, sizeof(zeros), 1, full) == 1 && fflush(full) == 0)
		continue;
	for (unsigned n = 0; !stats.failing && n < 20000; n++) {
		put_some(f, p, 1);
		pipeline_stats(p, &stats);
	}
	assert_true(stats.failing);
	assert_true(stats.lost_store > 0);
	/* There is room again, and no event comes to show it. */
	unlink(filler);
	fclose(full);
	while (stats.failing && clock_now_ns() < until) {
		nanosleep(&pause, NULL);
		pipeline_stats(p, &stats);
	}
	assert_false(stats.failing);
	pipeline_free(p);
}

static void store_on_a_full_disk_fails_until_there_is_room(void **state)
{
	struct fixture *f = *state;

	made_alert_on_tmpfs(f, f->dir, "size=3m", fill_and_free);
}

static void store_s_files_are_for_their_owner_alone(void **state)
{
	static const char *const files[] = {"events.db", "events.db-wal", "events.db-shm"};
	struct fixture *f = *state;
	struct heard h = {};
	struct pipeline *p;

	/* An older lutrad made it for everybody. */
	scratch_write(f->db, "", 0);
	assert_int_equal(chmod(f->db, 0644), 0);
	p = start_on(f, &h);
	put_some(f, p, 1);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		_cleanup_free_ char *path = scratch_path(f->dir, files[i]);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	pipeline_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_that_is_removed_begins_anew),
		T(store_whose_log_is_removed_loses_nothing),
		T(store_that_is_damaged_is_set_aside),
		T(store_that_is_damaged_while_it_is_in_use_is_set_aside),
		T(store_that_is_locked_gets_the_events_later),
		T(store_on_a_full_disk_fails_until_there_is_room),
		T(store_s_files_are_for_their_owner_alone),
	};

	return cmocka_run_group_tests_name("event_store", tests, NULL, NULL);
}
