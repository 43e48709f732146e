/* SPDX-License-Identifier: Apache-2.0 */
/* The event store's schema and the way there from older ones. */
#include <errno.h>

#include "user/store/store_impl.h"

/* Times in ns: time_ns CLOCK_REALTIME. Levels and thresholds in 1/4096 of a weight. */
#define EVENTS_TABLE                                                                               \
	"CREATE TABLE events ("                                                                    \
	" id INTEGER PRIMARY KEY,"                                                                 \
	" time_ns INTEGER NOT NULL,"                                                               \
	" container_id TEXT, container TEXT, image TEXT, cgroup TEXT,"                             \
	" verdict TEXT NOT NULL, mode TEXT NOT NULL, rule_group TEXT NOT NULL,"                    \
	" kind TEXT NOT NULL, role TEXT NOT NULL, call TEXT NOT NULL,"                             \
	" object TEXT, path TEXT, comm TEXT,"                                                      \
	" pid INTEGER, tid INTEGER, ppid INTEGER, refused INTEGER, standin INTEGER,"               \
	" a INTEGER, b INTEGER, th_a INTEGER, th_b INTEGER,"                                       \
	" weight0 INTEGER, weight1 INTEGER, weight2 INTEGER,"                                      \
	" calls INTEGER, since_ns INTEGER, since_calls INTEGER,"                                   \
	" policy TEXT, policy_version INTEGER,"                                                    \
	" lineage TEXT,"                                                                           \
	" exec_session INTEGER, engine TEXT, digest TEXT, pod TEXT, pod_namespace TEXT,"           \
	" history TEXT);"

/* Each also orders by id: a row's key ends every entry of an index. */
#define EVENTS_INDEXES                                                                             \
	"CREATE INDEX events_time ON events(time_ns);"                                             \
	"CREATE INDEX events_container ON events(container, time_ns);"                             \
	"CREATE INDEX events_image ON events(image, time_ns);"                                     \
	"CREATE INDEX events_verdict ON events(verdict, time_ns);"

/* Columns that version 1 had too. */
#define OLD_COLUMNS                                                                                \
	"id, time_ns, container_id, container, image, cgroup, verdict, mode, rule_group, kind,"    \
	" role, call, object, path, comm, pid, tid, ppid, refused, standin, a, b, th_a, th_b,"     \
	" weight0, weight1, weight2, calls, since_ns, since_calls, policy, policy_version"

static const char create[] = EVENTS_TABLE EVENTS_INDEXES "PRAGMA user_version = 2;";

/* Version 1 kept the whole alert as JSON; of it, the history is in no column. */
static const char from_1[] =
	"DROP INDEX events_time; DROP INDEX events_container; DROP INDEX events_verdict;"
	"ALTER TABLE events RENAME TO events_1;" EVENTS_TABLE "INSERT INTO events (" OLD_COLUMNS
	", lineage, history) SELECT " OLD_COLUMNS ", NULL,"
	" (SELECT group_concat(json_extract(value, '$.call') || ' ' || json_extract(value, "
	"'$.role')"
	"  || ' ' || json_extract(value, '$.weight') ||"
	"  CASE json_extract(value, '$.novel') WHEN 1 THEN ' novel' ELSE '' END, ',')"
	"  FROM json_each(alert, '$.output_fields.\"lutra.history\"')) FROM events_1;"
	"DROP TABLE events_1;" EVENTS_INDEXES "PRAGMA user_version = 2;";

static int newer(int64_t version, struct err *err)
{
	return err_set(err, -ENOEXEC,
		       "event store: schema %d is not this lutra's (%d): use the lutra that wrote "
		       "it, or move the file away",
		       (int)version, STORE_SCHEMA_VERSION);
}

int store_check_schema(struct store *s, struct err *err)
{
	int64_t version;
	int r = store_number(s, "PRAGMA user_version", &version, err);

	if (r < 0)
		return r;
	return version == STORE_SCHEMA_VERSION ? 0 : newer(version, err);
}

int store_migrate(struct store *s, struct err *err)
{
	int64_t version;
	int r = store_number(s, "PRAGMA user_version", &version, err);

	if (r < 0)
		return r;
	if (version > STORE_SCHEMA_VERSION)
		return newer(version, err);
	if (version == STORE_SCHEMA_VERSION)
		return 0;
	r = store_exec(s, "BEGIN IMMEDIATE", err);
	if (r == 0)
		r = store_exec(s, version == 1 ? from_1 : create, err);
	if (r == 0)
		r = store_exec(s, "COMMIT", err);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
