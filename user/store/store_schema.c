/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event store's schema. The table events has one column for each field of alert_field_table;
 * the others hold what events were put together to: findings and incidents.
 */
#include <errno.h>

#include "user/store/store_impl.h"

/* Each index also orders by id, which ends every entry of an index. */
#define INDEXES                                                                                    \
	"CREATE INDEX events_time ON events(time_ns);"                                             \
	"CREATE INDEX events_container ON events(container, time_ns);"                             \
	"CREATE INDEX events_image ON events(image, time_ns);"                                     \
	"CREATE INDEX events_verdict ON events(verdict, time_ns);"

/* Of schema 7. Questions of one container or image that also name a verdict have an index of their own. */
#define MORE_INDEXES                                                                               \
	"CREATE INDEX events_rule ON events(rule_group, time_ns);"                                 \
	"CREATE INDEX events_path ON events(path, time_ns) WHERE path IS NOT NULL;"                \
	"CREATE INDEX events_container_verdict ON events(container, verdict, time_ns);"            \
	"CREATE INDEX events_image_verdict ON events(image, verdict, time_ns);"

/*
 * The lists and objects are JSON text: containers, hosts, kinds, session, maintenance, processes.
 */
#define INCIDENTS                                                                                  \
	"CREATE INDEX events_container_id ON events(container_id, time_ns);"                       \
	"CREATE INDEX events_incident ON events(incident, time_ns) WHERE incident IS NOT NULL;"    \
	"CREATE TABLE findings (id TEXT PRIMARY KEY, image TEXT NOT NULL, rule TEXT NOT NULL,"     \
	" role TEXT NOT NULL, exec_session INTEGER NOT NULL, program TEXT NOT NULL,"               \
	" what TEXT NOT NULL, example TEXT NOT NULL, path_example TEXT, count INTEGER NOT NULL,"   \
	" first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, told_ns INTEGER NOT NULL,"          \
	" verdict TEXT NOT NULL, containers TEXT NOT NULL, hosts TEXT NOT NULL,"                   \
	" state TEXT NOT NULL, accepted TEXT);"                                                    \
	"CREATE INDEX findings_last ON findings(last_ns, id);"                                     \
	"CREATE INDEX findings_image ON findings(image, last_ns, id);"                             \
	"CREATE TABLE incidents (id INTEGER PRIMARY KEY, container TEXT, container_id TEXT,"       \
	" image TEXT, engine TEXT, pod TEXT, begin_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,"  \
	" state TEXT NOT NULL, severity TEXT NOT NULL, sentence TEXT NOT NULL, note TEXT,"         \
	" events INTEGER NOT NULL, refused INTEGER NOT NULL, killed INTEGER NOT NULL,"             \
	" kinds TEXT NOT NULL, session TEXT, maintenance TEXT, processes TEXT NOT NULL);"          \
	"CREATE INDEX incidents_state ON incidents(state);"                                        \
	"CREATE INDEX incidents_container ON incidents(container);"                                \
	"CREATE INDEX incidents_image ON incidents(image);"                                        \
	"CREATE INDEX incidents_end ON incidents(end_ns);"                                         \
	"CREATE TABLE incident_findings (incident INTEGER NOT NULL, finding TEXT NOT NULL,"        \
	" PRIMARY KEY (incident, finding)) WITHOUT ROWID;"

/*
 * Each schema adds columns at the end: schema 3 one, 4 four, 5 one, 6 two, 7 nine. Schema 4 also has
 * new tables, schema 7 new indexes. Schemas before 6 have the columns a, b, th_a and th_b. They stay
 * in a file that is updated, without use.
 */
#define FROM_2 "ALTER TABLE events ADD COLUMN package TEXT;"
#define FROM_3                                                                                     \
	"ALTER TABLE events ADD COLUMN finding TEXT;"                                              \
	"ALTER TABLE events ADD COLUMN incident INTEGER;"                                          \
	"ALTER TABLE events ADD COLUMN policy_sha256 TEXT;"                                        \
	"ALTER TABLE events ADD COLUMN expected TEXT;" INCIDENTS
#define FROM_4 "ALTER TABLE events ADD COLUMN starter TEXT;"
#define FROM_5                                                                                     \
	"ALTER TABLE events ADD COLUMN m INTEGER;"                                                 \
	"ALTER TABLE events ADD COLUMN th_m INTEGER;"
#define FROM_6                                                                                     \
	"ALTER TABLE events ADD COLUMN n INTEGER;"                                                 \
	"ALTER TABLE events ADD COLUMN th_n INTEGER;"                                              \
	"ALTER TABLE events ADD COLUMN cmdline TEXT;"                                              \
	"ALTER TABLE events ADD COLUMN exepath TEXT;"                                              \
	"ALTER TABLE events ADD COLUMN cwd TEXT;"                                                  \
	"ALTER TABLE events ADD COLUMN parent_cmdline TEXT;"                                       \
	"ALTER TABLE events ADD COLUMN parent_exepath TEXT;"                                       \
	"ALTER TABLE events ADD COLUMN user_uid TEXT;"                                             \
	"ALTER TABLE events ADD COLUMN user_name TEXT;" MORE_INDEXES
#define END "PRAGMA user_version = 7; COMMIT"

static int update_tables(struct store *s, int64_t version, struct err *err)
{
	static const char *const updates[] = {
		[2] = "BEGIN IMMEDIATE;" FROM_2 FROM_3 FROM_4 FROM_5 FROM_6 END,
		[3] = "BEGIN IMMEDIATE;" FROM_3 FROM_4 FROM_5 FROM_6 END,
		[4] = "BEGIN IMMEDIATE;" FROM_4 FROM_5 FROM_6 END,
		[5] = "BEGIN IMMEDIATE;" FROM_5 FROM_6 END,
		[6] = "BEGIN IMMEDIATE;" FROM_6 END,
	};
	int r = store_exec(s, updates[version], err);

	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

const char *store_columns(const char *before, char buf[static STORE_COLUMNS])
{
	size_t len = (size_t)snprintf(buf, STORE_COLUMNS, "%sid", before);

	for (int i = 0; i < ALERT_FIELDS && len < STORE_COLUMNS; i++)
		len += (size_t)snprintf(buf + len, STORE_COLUMNS - len, ", %s%s", before,
					alert_field_table[i].column);
	return buf;
}

static int create_tables(struct store *s, struct err *err)
{
	_cleanup_free_ char *sql = NULL;
	size_t len;
	FILE *f = open_memstream(&sql, &len);

	if (!f)
		return err_oom(err);
	fputs("BEGIN IMMEDIATE; CREATE TABLE events (id INTEGER PRIMARY KEY", f);
	for (int i = 0; i < ALERT_FIELDS; i++)
		fprintf(f, ", %s %s%s", alert_field_table[i].column,
			alert_field_table[i].type == ALERT_TYPE_TEXT ? "TEXT" : "INTEGER",
			alert_field_table[i].required ? " NOT NULL" : "");
	fputs("); " INDEXES MORE_INDEXES INCIDENTS END, f);
	return fclose(f) == 0 ? store_exec(s, sql, err) : err_oom(err);
}

/* Checks that the file has the tables that its version says. -EBADMSG: it has not. */
static int check_tables(struct store *s, struct err *err)
{
	static const char *const tables[] = {"findings", "incidents", "incident_findings"};
	char sql[STORE_COLUMNS + 64], columns[STORE_COLUMNS];

	snprintf(sql, sizeof(sql), "SELECT %s FROM events", store_columns("", columns));
	for (size_t i = 0; i <= sizeof(tables) / sizeof(tables[0]); i++) {
		_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;
		int r = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

		/* No such table, or no such column. */
		if (r == SQLITE_ERROR) {
			s->damaged = true;
			return err_set(err, -EBADMSG, "event store: %s", sqlite3_errmsg(s->db));
		}
		if (r != SQLITE_OK)
			return store_fail(s, err);
		if (i < sizeof(tables) / sizeof(tables[0]))
			snprintf(sql, sizeof(sql), "SELECT * FROM %s", tables[i]);
	}
	return 0;
}

int store_check_schema(struct store *s, bool create, struct err *err)
{
	int64_t version;
	int r = store_number(s, "PRAGMA user_version", &version, err);

	if (r < 0)
		return r;
	if (version == STORE_SCHEMA_VERSION)
		return check_tables(s, err);
	if (version >= 2 && version < STORE_SCHEMA_VERSION && create)
		return update_tables(s, version, err);
	if (version != 0 || !create)
		return err_set(err, -ENOEXEC,
			       "event store: schema %d is not this lutra's (%d): use the lutra "
			       "that wrote it, or move the file away",
			       (int)version, STORE_SCHEMA_VERSION);
	r = create_tables(s, err);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
