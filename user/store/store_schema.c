/* SPDX-License-Identifier: Apache-2.0 */
/* The event store's schema: one column for each field of alert_field_table. */
#include <errno.h>

#include "user/store/store_impl.h"

/* Each index also orders by id, which ends every entry of an index. */
#define INDEXES                                                                                    \
	"CREATE INDEX events_time ON events(time_ns);"                                             \
	"CREATE INDEX events_container ON events(container, time_ns);"                             \
	"CREATE INDEX events_image ON events(image, time_ns);"                                     \
	"CREATE INDEX events_verdict ON events(verdict, time_ns);"

/* Schema 3 has the column of one field more, at its end. */
#define FROM_2                                                                                     \
	"BEGIN IMMEDIATE; ALTER TABLE events ADD COLUMN package TEXT;"                             \
	"PRAGMA user_version = 3; COMMIT"

static int update_tables(struct store *s, struct err *err)
{
	int r = store_exec(s, FROM_2, err);

	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
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
	fprintf(f, "); " INDEXES "PRAGMA user_version = %d; COMMIT", STORE_SCHEMA_VERSION);
	return fclose(f) == 0 ? store_exec(s, sql, err) : err_oom(err);
}

int store_check_schema(struct store *s, bool create, struct err *err)
{
	int64_t version;
	int r = store_number(s, "PRAGMA user_version", &version, err);

	if (r < 0 || version == STORE_SCHEMA_VERSION)
		return r;
	if (version == 2 && create)
		return update_tables(s, err);
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
