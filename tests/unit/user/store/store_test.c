/* SPDX-License-Identifier: Apache-2.0 */
/* The event store: what it stores, finds and deletes, other schemas, a full disk. */
#include "tests/support/made_alert.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "user/store/store.h"

#define DAY_NS 86400000000000ull

static void add_rows(struct fixture *f, struct store *s, int n)
{
	for (int i = 0; i < n; i++) {
		struct alert_fields fields;
		unsigned lost;

		f->ev.tid = (uint32_t)i;
		made_alert_fields(f, &fields);
		assert_int_equal(store_add(s, &fields, &lost, NULL), 0);
	}
	assert_int_equal(store_commit(s, NULL, NULL), 0);
}

struct collected {
	int n, most;
	int64_t id[16], tid[16], time_ns[16];
};

static int collect_row(void *ctx, int64_t id, const struct alert_fields *a)
{
	struct collected *c = ctx;

	assert_in_range(c->n, 0, 15);
	c->id[c->n] = id;
	c->tid[c->n] = a->number[ALERT_TID];
	c->time_ns[c->n] = a->number[ALERT_TIME];
	return ++c->n == c->most;
}

static int select_all(struct store *s, const struct store_query *q, struct collected *c)
{
	*c = (struct collected){};
	return store_select(s, q, collect_row, c, NULL);
}

static void store_select_gives_the_newest_oldest_first(void **state)
{
	const struct store_query q = {.limit = 3, .oldest_first = true};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct collected c;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 5);
	assert_int_equal(select_all(s, &q, &c), 0);
	assert_int_equal(c.n, 3);
	assert_int_equal(c.tid[0], 2);
	assert_int_equal(c.tid[2], 4);
}

static void store_select_ends_where_the_callback_says(void **state)
{
	const struct store_query q = {.limit = 5};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct collected c = {.most = 2};

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 5);
	assert_int_equal(store_select(s, &q, collect_row, &c, NULL), 1);
	assert_int_equal(c.n, 2);
}

static int count_row(void *ctx, int64_t id, const struct alert_fields *a)
{
	(void)id;
	(void)a;
	++*(int *)ctx;
	return 0;
}

static void store_limit_time_ends_what_takes_too_long(void **state)
{
	const struct store_query q = {.limit = 2000};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct err err;
	int n = 0;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 2000);
	store_limit_time(s, 0);
	assert_int_equal(store_select(s, &q, count_row, &n, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "took too long"));
	store_limit_time(s, 60);
	n = 0;
	assert_int_equal(store_select(s, &q, count_row, &n, NULL), 0);
	assert_int_equal(n, 2000);
}

static void store_select_finds_by_container_image_verdict_and_time(void **state)
{
	static const struct {
		struct store_query q;
		int want;
	} cases[] = {
		{{.limit = 16}, 6},
		{{.limit = 4}, 4},
		{{.container = "shop", .limit = 16}, 3},
		{{.container = "none", .limit = 16}, 0},
		{{.container_id = "c0ffee", .limit = 16}, 3},
		{{.container_id = "c0ffee", .container = "mail", .limit = 16}, 0},
		{{.image = "mail:2", .limit = 16}, 3},
		{{.image = "mail:2", .container = "shop", .limit = 16}, 0},
		{{.verdict = "deny", .limit = 16}, 6},
		{{.verdict = "kill", .limit = 16}, 0},
		{{.since_ns = 2000, .limit = 16}, 3},
		{{.until_ns = 1999, .limit = 16}, 3},
		{{.since_ns = 1000, .until_ns = 2000, .limit = 16}, 6},
		{{.container = "shop' OR 1=1 --", .limit = 16}, 0},
		{{.rule = "exec", .limit = 16}, 6},
		{{.rule = "bind", .limit = 16}, 0},
		{{.path = "/bin/sh\\x0a\\xff", .limit = 16}, 6},
		{{.path = "/bin", .verdict = "deny", .limit = 16}, 6},
		{{.path = "/bin/", .limit = 16}, 6},
		{{.path = "/", .limit = 16}, 6},
		{{.path = "/bi", .limit = 16}, 0},
		{{.path = "/bin/sh", .limit = 16}, 0},
	};
	static char other[] = "mail:2", other_id[] = "decaf";
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct collected c;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	f->time_ns = 1000;
	add_rows(f, s, 3);
	f->time_ns = 2000;
	f->container.name = "mail";
	f->identity.image = other;
	f->identity.id = other_id;
	add_rows(f, s, 3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(select_all(s, &cases[i].q, &c), 0);
		assert_int_equal(c.n, cases[i].want);
	}
}

static void store_find_container_id_takes_the_beginning_of_one_id(void **state)
{
	static const struct {
		const char *word, *want;
		int error;
	} cases[] = {
		{"c0ff", "c0ffee", 0}, {"c0ffee", "c0ffee", 0}, {"c0f", "", 0},
		{"c0ffef", "", 0},     {"shop", "", 0},		{"c", "", 0},
	};
	static char other_id[] = "c0ffaa";
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	char *id = NULL;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 2);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(store_find_container_id(s, cases[i].word, 4, &id, NULL), 0);
		assert_string_equal(id, cases[i].want);
		free(id);
	}
	f->identity.id = other_id;
	add_rows(f, s, 1);
	assert_int_equal(store_find_container_id(s, "c0ff", 4, &id, NULL), -ENOTUNIQ);
	assert_int_equal(store_find_container_id(s, "c0ffa", 4, &id, NULL), 0);
	assert_string_equal(id, "c0ffaa");
	free(id);
}

static void store_last_of_each_gives_the_newest_event_of_each_container(void **state)
{
	static char ids[3][8] = {"bbb", "aaa", "ccc"};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct collected c = {};

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	assert_int_equal(store_last_of_each(s, collect_row, &c, NULL), 0);
	assert_int_equal(c.n, 0);
	for (unsigned i = 0; i < 3; i++) {
		f->identity.id = ids[i];
		f->time_ns = 1000 + i;
		add_rows(f, s, 3);
	}
	f->identity.id = NULL; /* an event of a container without an id is of none of them */
	add_rows(f, s, 1);
	assert_int_equal(store_last_of_each(s, collect_row, &c, NULL), 0);
	assert_int_equal(c.n, 3);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(c.time_ns[i], 1002 - i);
		assert_int_equal(c.tid[i], 2);
	}
}

static void store_select_pages_through_all_once(void **state)
{
	struct store_query q = {.container = "shop", .limit = 4};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	bool seen[16] = {};
	struct collected c;
	int n = 0;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	/* Many of one time: a page may end among them. */
	add_rows(f, s, 10);
	f->time_ns--;
	add_rows(f, s, 5);
	do {
		assert_int_equal(select_all(s, &q, &c), 0);
		for (int i = 0; i < c.n; i++) {
			assert_false(seen[c.id[i]]);
			seen[c.id[i]] = true;
		}
		n += c.n;
		if (c.n) {
			q.before_ns = (uint64_t)c.time_ns[c.n - 1];
			q.before_id = (uint64_t)c.id[c.n - 1];
		}
	} while (c.n);
	assert_int_equal(n, 15);
}

static void store_new_opens_what_was_there(void **state)
{
	const struct store_query q = {.limit = 10};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL, *again = NULL;
	struct collected c;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 2);
	store_free(TAKE_PTR(s));
	assert_int_equal(store_new(&again, f->db, NULL), 0);
	assert_int_equal(select_all(again, &q, &c), 0);
	assert_int_equal(c.n, 2);
}

static void store_new_reader_sees_what_is_added_later(void **state)
{
	const struct store_query q = {.limit = 10};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL, *reader = NULL;
	struct collected c;
	unsigned lost;
	struct alert_fields a;

	assert_int_equal(store_new_reader(&reader, f->db, NULL), -EIO);
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	assert_int_equal(store_new_reader(&reader, f->db, NULL), 0);
	add_rows(f, s, 2);
	assert_int_equal(select_all(reader, &q, &c), 0);
	assert_int_equal(c.n, 2);
	made_alert_fields(f, &a);
	assert_int_equal(store_add(reader, &a, &lost, NULL), -EIO);
}

static void assert_same_json(const json_t *a, const json_t *b)
{
	_cleanup_free_ char *x = json_dumps(a, JSON_SORT_KEYS), *y = json_dumps(b, JSON_SORT_KEYS);

	assert_string_equal(x, y);
}

static int compare_row(void *ctx, int64_t id, const struct alert_fields *a)
{
	json_auto_t *j = alert_fields_to_json(a);

	(void)id;
	assert_same_json(j, ctx);
	return 0;
}

static void store_gives_back_the_alert_that_went_in(void **state)
{
	const struct store_query q = {.limit = 1};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	json_auto_t *j = NULL;

	f->ev.tid = 0;
	j = made_alert_json(f);
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 1);
	assert_int_equal(store_select(s, &q, compare_row, j, NULL), 0);
}

/* ---- schemas ---- */

static void execute_sql(const char *db, const char *sql)
{
	sqlite3 *handle;

	assert_int_equal(sqlite3_open(db, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(handle);
}

static void store_new_refuses_what_is_no_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *missing = scratch_path(f->dir, "no/such/dir.db");
	char junk[8192];
	struct store *s = NULL;
	struct err err;

	assert_int_equal(store_new(&s, missing, &err), -EIO);
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(file_create(AT_FDCWD, f->db, 0600, junk, sizeof(junk)), 0);
	assert_int_equal(store_new(&s, f->db, &err), -EBADMSG);
	unlink(f->db);
	/* The version says that there are tables, and a column or a table is missing. */
	execute_sql(f->db, "PRAGMA user_version = 7");
	assert_int_equal(store_new(&s, f->db, &err), -EBADMSG);
	unlink(f->db);
	assert_int_equal(store_new(&s, f->db, &err), 0);
	store_free(TAKE_PTR(s));
	execute_sql(f->db, "DROP TABLE findings");
	assert_int_equal(store_new(&s, f->db, &err), -EBADMSG);
	unlink(f->db);
	execute_sql(f->db, "PRAGMA user_version = 8");
	assert_int_equal(store_new(&s, f->db, &err), -ENOEXEC);
	execute_sql(f->db, "PRAGMA user_version = 1");
	assert_int_equal(store_new(&s, f->db, &err), -ENOEXEC);
	assert_int_equal(store_new_reader(&s, f->db, &err), -ENOEXEC);
}

/* What a store of schema 6 did not have. */
#define NOT_IN_6                                                                                   \
	"ALTER TABLE events DROP COLUMN n; ALTER TABLE events DROP COLUMN th_n;"                   \
	"DROP INDEX events_rule; DROP INDEX events_path; DROP INDEX events_container_verdict;"     \
	"DROP INDEX events_image_verdict; ALTER TABLE events DROP COLUMN cmdline;"                 \
	"ALTER TABLE events DROP COLUMN exepath; ALTER TABLE events DROP COLUMN cwd;"              \
	"ALTER TABLE events DROP COLUMN parent_cmdline;"                                           \
	"ALTER TABLE events DROP COLUMN parent_exepath; ALTER TABLE events DROP COLUMN user_uid;"  \
	"ALTER TABLE events DROP COLUMN user_name; PRAGMA user_version = 6;"

/* What a store of schema 5 did not have, and what it had in its place. */
#define NOT_IN_5                                                                                   \
	NOT_IN_6                                                                                   \
	"ALTER TABLE events RENAME COLUMN m TO a; ALTER TABLE events RENAME COLUMN th_m TO th_a;"  \
	"ALTER TABLE events ADD COLUMN b INTEGER; ALTER TABLE events ADD COLUMN th_b INTEGER;"     \
	"PRAGMA user_version = 5;"

/* What a store of schema 4 did not have. */
#define NOT_IN_4 NOT_IN_5 "ALTER TABLE events DROP COLUMN starter; PRAGMA user_version = 4;"

/* What a store of schema 3 did not have. */
#define NOT_IN_3                                                                                   \
	NOT_IN_4                                                                                   \
	"DROP INDEX events_incident; DROP INDEX events_container_id; ALTER TABLE events DROP "     \
	"COLUMN finding;"                                                                          \
	"ALTER TABLE events DROP COLUMN incident; ALTER TABLE events DROP COLUMN policy_sha256;"   \
	"ALTER TABLE events DROP COLUMN expected; DROP TABLE findings; DROP TABLE incidents;"      \
	"DROP TABLE incident_findings; PRAGMA user_version = 3;"

/* A store of an earlier version gets the columns and tables that it lacks, and keeps its rows. */
static void check_update(struct fixture *f, const char *to_old)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct err err;

	unlink(f->db);
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 2);
	store_free(TAKE_PTR(s));
	execute_sql(f->db, to_old);
	assert_int_equal(store_new_reader(&s, f->db, &err), -ENOEXEC);
	assert_int_equal(store_new(&s, f->db, &err), 0);
	add_rows(f, s, 1);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM events"), 3);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM incidents, findings"), 0);
	assert_int_equal(made_alert_query(f->db, "PRAGMA user_version"), STORE_SCHEMA_VERSION);
}

static void store_of_an_earlier_schema_is_updated(void **state)
{
	check_update(*state, NOT_IN_6);
	check_update(*state, NOT_IN_5);
	check_update(*state, NOT_IN_4);
	check_update(*state, NOT_IN_3);
	check_update(*state, NOT_IN_3 "ALTER TABLE events DROP COLUMN package;"
				      "PRAGMA user_version = 2;");
}

static int check_levels(void *ctx, int64_t id, const struct alert_fields *f)
{
	unsigned *n = ctx;

	(void)id;
	assert_string_equal(f->text[ALERT_RULE], "exec");
	assert_int_equal(f->number[ALERT_LEVEL], *n ? 0 : 5000);
	assert_int_equal(f->number[ALERT_PID], 10);
	++*n;
	return 0;
}

/* Rows of a store of schema 5 have no level M, and are read as they were; new ones have it. */
static void store_of_schema_5_keeps_its_rows(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	const struct store_query q = {.limit = 10};
	unsigned n = 0;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 1);
	store_free(TAKE_PTR(s));
	execute_sql(f->db, NOT_IN_5);
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	f->time_ns++;
	add_rows(f, s, 1);
	assert_int_equal(store_select(s, &q, check_levels, &n, NULL), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(store_last_of_each(s, check_levels, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(made_alert_query(f->db, "SELECT a FROM events ORDER BY id LIMIT 1"), 5000);
}

static void store_has_a_column_for_every_field(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	for (int i = 0; i < ALERT_FIELDS; i++) {
		const struct alert_field_info *info = &alert_field_table[i];
		char sql[256];

		snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM pragma_table_info('events') WHERE cid = %d AND"
			 " name = '%s' AND type = '%s' AND \"notnull\" = %d",
			 i + 1, info->column, info->type == ALERT_TYPE_TEXT ? "TEXT" : "INTEGER",
			 info->required);
		assert_int_equal(made_alert_query(f->db, sql), 1);
	}
	assert_int_equal(
		made_alert_query(f->db, "SELECT count(*) FROM pragma_table_info('events')"),
		ALERT_FIELDS + 1);
}

static void store_has_an_index_for_every_question(void **state)
{
	static const char *const where[] = {"container = 'shop'",
					    "container_id = 'c0ffee'",
					    "image = 'i'",
					    "verdict = 'deny'",
					    "time_ns > 5",
					    "incident = 5",
					    "rule_group = 'exec'",
					    "path = '/etc/passwd'",
					    "container = 'shop' AND verdict = 'deny'",
					    "image = 'i' AND verdict = 'deny'"};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	sqlite3 *db;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		sqlite3_stmt *q;
		char sql[256];

		snprintf(sql, sizeof(sql),
			 "EXPLAIN QUERY PLAN SELECT * FROM events WHERE %s"
			 " ORDER BY time_ns DESC, id DESC LIMIT 10",
			 where[i]);
		assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_step(q), SQLITE_ROW);
		assert_non_null(strstr((const char *)sqlite3_column_text(q, 3), "USING INDEX"));
		assert_int_equal(sqlite3_step(q), SQLITE_DONE); /* nothing is sorted */
		sqlite3_finalize(q);
	}
	sqlite3_close(db);
}

/* ---- limits ---- */

static void store_retain_deletes_by_age(void **state)
{
	const struct store_limits limits = {.max_age_ns = 30 * DAY_NS};
	const struct store_query q = {.limit = 16};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	const uint64_t start = f->time_ns;
	struct store_retained retained;
	struct collected c;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows(f, s, 3);
	f->time_ns = start + DAY_NS;
	add_rows(f, s, 2);
	assert_int_equal(store_retain(s, &limits, start + 30 * DAY_NS, &retained, NULL), 0);
	assert_int_equal(retained.expired, 0);
	assert_int_equal(store_retain(s, &limits, start + 30 * DAY_NS + 1, &retained, NULL), 0);
	assert_int_equal(retained.expired, 3);
	assert_int_equal(select_all(s, &q, &c), 0);
	assert_int_equal(c.n, 2);
	assert_int_equal(store_retain(s, &limits, start + 90 * DAY_NS, &retained, NULL), 0);
	assert_int_equal(retained.expired, 2);
}

static void store_retain_deletes_the_oldest_by_size(void **state)
{
	const struct store_limits limits = {.max_bytes = 4 << 20};
	const struct store_query q = {.limit = 1};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_retained retained;
	uint64_t all = 0, bytes;
	struct collected c;
	struct stat st;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	for (int i = 0; i < 10; i++) {
		f->time_ns += 1000;
		add_rows(f, s, 4000);
		assert_int_equal(store_retain(s, &limits, f->time_ns, &retained, NULL), 0);
		all += retained.displaced;
		assert_int_equal(retained.expired, 0);
		assert_int_equal(store_bytes(s, &bytes, NULL), 0);
		assert_true(bytes <= limits.max_bytes);
	}
	assert_in_range(all, 20000, 39999);
	assert_int_equal(select_all(s, &q, &c), 0);
	assert_int_equal(c.time_ns[0], f->time_ns);
	assert_int_equal((int)made_alert_query(f->db, "SELECT count(*) FROM events"), 40000 - all);
	/* Freed pages are used again: the file does not grow with what came through it. */
	assert_int_equal(stat(f->db, &st), 0);
	assert_true((uint64_t)st.st_size < 3 * limits.max_bytes);
}

/* Adds rows of a container of an image. */
static void add_rows_of(struct fixture *f, struct store *s, const char *container, char *image,
			int n)
{
	const struct alert_container saved = f->container;
	char *saved_image = f->identity.image;

	f->container.name = container;
	f->identity.image = image;
	add_rows(f, s, n);
	f->container = saved;
	f->identity.image = saved_image;
}

static int64_t count_rows_of(const struct fixture *f, const char *container)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM events WHERE container = '%s'", container);
	return made_alert_query(f->db, sql);
}

/* The rows of the others are the oldest, one container is of the same image as the flood. */
static void store_retain_by_size_takes_from_the_container_that_has_the_most(void **state)
{
	const struct store_limits limits = {.max_bytes = 4 << 20};
	char shop[] = "shop:1", mail[] = "mail:1";
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_retained retained;
	uint64_t lost = 0;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows_of(f, s, "mail", mail, 500);
	add_rows_of(f, s, "sibling", shop, 500);
	for (int i = 0; i < 6; i++) {
		f->time_ns += 1000;
		add_rows_of(f, s, "flood", shop, 4000);
		assert_int_equal(store_retain(s, &limits, f->time_ns, &retained, NULL), 0);
		lost += retained.displaced;
		assert_int_equal(retained.of_container, retained.displaced);
	}
	assert_true(lost > 4000);
	assert_string_equal(retained.container, "flood");
	assert_int_equal(count_rows_of(f, "mail"), 500);
	assert_int_equal(count_rows_of(f, "sibling"), 500);
	assert_int_equal(count_rows_of(f, "flood"), 24000 - (int)lost);
	assert_true(count_rows_of(f, "flood") > 500);
}

/* Containers that come and go have a few rows each, and together more than the others. */
static void store_retain_by_size_takes_from_the_image_that_has_the_most(void **state)
{
	const struct store_limits limits = {.max_bytes = 2 << 20};
	char shop[] = "shop:1", mail[] = "mail:1", name[32];
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_retained retained;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	add_rows_of(f, s, "mail", mail, 300);
	for (int i = 0; i < 60; i++) {
		f->time_ns += 1000;
		snprintf(name, sizeof(name), "shop-%d", i);
		add_rows_of(f, s, name, shop, 100);
	}
	assert_int_equal(store_retain(s, &limits, f->time_ns, &retained, NULL), 0);
	assert_true(retained.displaced > 0);
	assert_int_equal(count_rows_of(f, "mail"), 300);
}

static void store_checkpoint_empties_the_log_from_elsewhere(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL, *elsewhere = NULL;
	uint64_t full;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	store_set_log_bytes(s, 1ull << 40);
	assert_int_equal(store_new_reader(&elsewhere, f->db, NULL), 0);
	for (int i = 0; i < 5; i++)
		add_rows(f, s, 2000);
	full = store_log_bytes(s);
	assert_true(full > 1u << 20);
	assert_int_equal(store_checkpoint(elsewhere, NULL), 0);
	add_rows(f, s, 1);
	assert_true(store_log_bytes(s) < full / 10);
	/* Left alone, a store does it by itself. */
	store_set_log_bytes(s, 1u << 20);
	for (int i = 0; i < 20; i++) {
		add_rows(f, s, 1000);
		assert_true(store_log_bytes(s) < 8u << 20);
	}
}

static void store_add_on_a_full_disk_counts_and_recovers(void **state)
{
	const struct store_query q = {.limit = 1};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct rlimit old, limit;
	unsigned lost = 0, n = 0;
	struct collected c;
	struct err err = {};
	struct alert_fields a;
	int r = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){65536, old.rlim_max};
	made_alert_fields(f, &a);
	assert_int_equal(store_new(&s, f->db, NULL), 0);
	setrlimit(RLIMIT_FSIZE, &limit);
	for (n = 0; n < 2000 && r == 0; n++) {
		r = store_add(s, &a, &lost, &err);
		if (r == 0)
			r = store_commit(s, &lost, &err);
	}
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(r, -EIO);
	assert_int_equal(lost, 1);
	assert_int_not_equal(err.msg[0], '\0');
	assert_int_equal(store_add(s, &a, &lost, NULL), 0);
	assert_int_equal(store_commit(s, &lost, NULL), 0);
	assert_int_equal(select_all(s, &q, &c), 0);
	assert_int_equal(c.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_select_gives_the_newest_oldest_first),
		T(store_select_ends_where_the_callback_says),
		T(store_select_finds_by_container_image_verdict_and_time),
		T(store_limit_time_ends_what_takes_too_long),
		T(store_find_container_id_takes_the_beginning_of_one_id),
		T(store_last_of_each_gives_the_newest_event_of_each_container),
		T(store_select_pages_through_all_once),
		T(store_new_opens_what_was_there),
		T(store_new_reader_sees_what_is_added_later),
		T(store_gives_back_the_alert_that_went_in),
		T(store_new_refuses_what_is_no_store),
		T(store_of_an_earlier_schema_is_updated),
		T(store_of_schema_5_keeps_its_rows),
		T(store_has_a_column_for_every_field),
		T(store_has_an_index_for_every_question),
		T(store_retain_deletes_by_age),
		T(store_retain_deletes_the_oldest_by_size),
		T(store_retain_by_size_takes_from_the_container_that_has_the_most),
		T(store_retain_by_size_takes_from_the_image_that_has_the_most),
		T(store_checkpoint_empties_the_log_from_elsewhere),
		T(store_add_on_a_full_disk_counts_and_recovers),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
