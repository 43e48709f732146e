/* SPDX-License-Identifier: Apache-2.0 */
/* The event store. */
#include "user/events/store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/names.h"

#define BUSY_MS 1000

struct store {
	sqlite3 *db;
	sqlite3_stmt *insert;
	unsigned pending; /* events of the open transaction */
	bool open;	  /* a transaction is */
};

static const char schema[] =
	"CREATE TABLE events ("
	" id INTEGER PRIMARY KEY,"
	" time_ns INTEGER NOT NULL," /* CLOCK_REALTIME */
	" container_id TEXT, container TEXT, image TEXT, cgroup TEXT,"
	" verdict TEXT NOT NULL, mode TEXT NOT NULL, rule_group TEXT NOT NULL, kind TEXT NOT NULL,"
	" role TEXT NOT NULL, call TEXT NOT NULL, object TEXT, path TEXT, comm TEXT,"
	" pid INTEGER, tid INTEGER, ppid INTEGER, refused INTEGER, standin INTEGER,"
	" a INTEGER, b INTEGER, th_a INTEGER, th_b INTEGER," /* 1/4096 of a weight */
	" weight0 INTEGER, weight1 INTEGER, weight2 INTEGER,"
	" calls INTEGER, since_ns INTEGER, since_calls INTEGER,"
	" policy TEXT, policy_version INTEGER,"
	" alert TEXT NOT NULL,"
	" history TEXT GENERATED ALWAYS AS"
	"  (json_extract(alert, '$.output_fields.\"lutra.history\"')) VIRTUAL);"
	"CREATE INDEX events_time ON events(time_ns);"
	"CREATE INDEX events_container ON events(container, time_ns);"
	"CREATE INDEX events_verdict ON events(verdict, time_ns);"
	"PRAGMA user_version = 1;";

static const char insert[] =
	"INSERT INTO events (time_ns, container_id, container, image, cgroup, verdict, mode,"
	" rule_group, kind, role, call, object, path, comm, pid, tid, ppid, refused, standin, a, b,"
	" th_a, th_b, weight0, weight1, weight2, calls, since_ns, since_calls, policy,"
	" policy_version, alert) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	" ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31,"
	" ?32)";

static int fail(const struct store *s, struct err *err)
{
	int code = sqlite3_errcode(s->db) & 0xff;
	int r = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? -EBADMSG : -EIO;

	return err_set(err, r, "event store: %s", sqlite3_errmsg(s->db));
}

static int run(struct store *s, const char *sql, struct err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(s, err);
}

static int user_version(struct store *s, int *ret, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int r = 0;

	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		r = fail(s, err);
	else
		*ret = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	return r;
}

static int migrate(struct store *s, struct err *err)
{
	int version = 0, r;

	r = user_version(s, &version, err);
	if (r < 0)
		return r;
	if (version > STORE_SCHEMA_VERSION)
		return err_set(err, -ENOEXEC, "event store: schema %d is newer than this lutra",
			       version);
	if (version == STORE_SCHEMA_VERSION)
		return 0;
	r = run(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = run(s, schema, err);
	if (r == 0)
		r = run(s, "COMMIT", err);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

void store_free(struct store *s)
{
	if (!s)
		return;
	store_commit(s, NULL, NULL);
	sqlite3_finalize(s->insert);
	sqlite3_close(s->db);
	free(s);
}

int store_new(struct store **ret, const char *path, struct err *err)
{
	_cleanup_(store_freep) struct store *s = calloc(1, sizeof(*s));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	int r;

	if (!s)
		return err_set(err, -ENOMEM, "out of memory");
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
		return err_set(err, -EIO, "event store %s: %s", path,
			       s->db ? sqlite3_errmsg(s->db) : "out of memory");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	r = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", err);
	if (r == 0)
		r = migrate(s, err);
	if (r < 0)
		return r;
	if (sqlite3_prepare_v2(s->db, insert, -1, &s->insert, NULL) != SQLITE_OK)
		return fail(s, err);
	*ret = TAKE_PTR(s);
	return 0;
}

/* Binds in order; cleaned strings come from the alert, so that nothing raw is stored. */
struct binder {
	sqlite3_stmt *stmt;
	int at;
	const json_t *fields;
};

static void put_text(struct binder *b, const char *s)
{
	if (s)
		sqlite3_bind_text(b->stmt, ++b->at, s, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(b->stmt, ++b->at);
}

static void put_field(struct binder *b, const char *name)
{
	put_text(b, json_string_value(json_object_get(b->fields, name)));
}

static void put_int(struct binder *b, int64_t v)
{
	sqlite3_bind_int64(b->stmt, ++b->at, v);
}

static void bind_event(struct binder *b, const struct event *e)
{
	static const char *const texts[] = {"container.id", "container.name", "container.image",
					    "lutra.cgroup", "lutra.verdict",  "lutra.mode",
					    "lutra.group",  "lutra.kind",     "lutra.role",
					    "evt.type",	    "lutra.object",   "fd.name",
					    "proc.name"};
	const struct lutra_evidence *ev = e->ev;

	put_int(b, (int64_t)e->realtime_ns);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_field(b, texts[i]);
	put_int(b, ev->tgid);
	put_int(b, ev->tid);
	put_int(b, ev->ppid);
	put_int(b, ev->refused);
	put_int(b, ev->standin);
	put_int(b, ev->a);
	put_int(b, ev->b);
	put_int(b, ev->th_a);
	put_int(b, ev->th_b);
	for (int i = 0; i < 3; i++)
		put_int(b, ev->weight[i]);
	put_int(b, (int64_t)ev->calls);
	put_int(b, (int64_t)ev->since_ns);
	put_int(b, ev->since_calls);
	put_field(b, "lutra.policy");
	put_int(b, ev->policy_version);
}

/* The transaction failed: it and its events are gone. */
static int lose(struct store *s, unsigned *ret_lost, struct err *err)
{
	int r = fail(s, err);

	sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	if (ret_lost)
		*ret_lost = s->pending;
	s->pending = 0;
	s->open = false;
	return r;
}

int store_add(struct store *s, const struct event *e, json_t *alert, unsigned *ret_lost,
	      struct err *err)
{
	struct binder b = {.stmt = s->insert, .fields = json_object_get(alert, "output_fields")};
	_cleanup_free_ char *text = json_dumps(alert, JSON_COMPACT);
	int step;

	s->pending++;
	if (!s->open && sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
		return lose(s, ret_lost, err);
	s->open = true;
	bind_event(&b, e);
	put_text(&b, text ? text : "{}");
	step = sqlite3_step(s->insert);
	sqlite3_reset(s->insert);
	sqlite3_clear_bindings(s->insert);
	return step == SQLITE_DONE ? 0 : lose(s, ret_lost, err);
}

int store_commit(struct store *s, unsigned *ret_lost, struct err *err)
{
	if (!s->open)
		return 0;
	if (sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		return lose(s, ret_lost, err);
	s->pending = 0;
	s->open = false;
	return 0;
}

int store_last(struct store *s, uint32_t limit, int (*each)(void *ctx, const char *text), void *ctx,
	       struct err *err)
{
	static const char sql[] = "SELECT alert FROM (SELECT id, alert FROM events ORDER BY id DESC"
				  " LIMIT ?1) ORDER BY id";
	sqlite3_stmt *q = NULL;
	int step, r = 0;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return fail(s, err);
	sqlite3_bind_int64(q, 1, limit);
	while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW)
		r = each(ctx, (const char *)sqlite3_column_text(q, 0));
	if (r == 0 && step != SQLITE_DONE)
		r = fail(s, err);
	sqlite3_finalize(q);
	return r;
}
