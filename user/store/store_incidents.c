/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads findings and incidents. */
#include "user/store/store_incidents.h"

#include <errno.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/store/store_impl.h"

#define SQL_MAX 1024
#define FINDING_COLUMNS                                                                            \
	"id, image, rule, role, exec_session, program, what, example, path_example, count,"        \
	" first_ns, last_ns, told_ns, verdict, containers, hosts, state, accepted"
#define INCIDENT_COLUMNS                                                                           \
	"id, container, container_id, image, engine, pod, begin_ns, end_ns, state, severity,"      \
	" sentence, note, events, refused, killed, kinds, session, maintenance, processes"

/* Prepares a statement at its first use. */
static int prepare_kept(struct store *s, enum store_kept which, const char *sql, sqlite3_stmt **ret,
			struct err *err)
{
	if (!s->kept[which] && sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
						  &s->kept[which], NULL) != SQLITE_OK)
		return store_fail(s, err);
	*ret = s->kept[which];
	return 0;
}

/* Runs a kept statement once, in the transaction. Bound values are dropped. */
static int run_kept(struct store *s, sqlite3_stmt *q, unsigned *ret_lost, struct err *err)
{
	int r = store_begin(s, ret_lost, err), step;

	step = r == 0 ? sqlite3_step(q) : SQLITE_ERROR;
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return r == 0 && step != SQLITE_DONE ? store_roll_back(s, ret_lost, err) : r;
}

static void bind_text(sqlite3_stmt *q, int at, const char *s)
{
	sqlite3_bind_text(q, at, s, -1, SQLITE_STATIC);
}

static const char *column_text(sqlite3_stmt *row, int at)
{
	return (const char *)sqlite3_column_text(row, at);
}

/* ---- findings ---- */

static const char put_finding[] =
	"INSERT INTO findings (" FINDING_COLUMNS ") VALUES"
	" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
	" ON CONFLICT (id) DO UPDATE SET example = ?8, path_example = ?9, count = ?10,"
	" first_ns = ?11, last_ns = ?12, told_ns = ?13, verdict = ?14, containers = ?15, hosts = "
	"?16";

int store_put_finding(struct store *s, const struct finding *x, unsigned *ret_lost, struct err *err)
{
	_cleanup_free_ char *containers = finding_names_text(&x->containers);
	_cleanup_free_ char *hosts = finding_names_text(&x->hosts);
	const char *const text[] = {x->image, x->rule, x->role};
	sqlite3_stmt *q = NULL;
	int r = prepare_kept(s, STORE_PUT_FINDING, put_finding, &q, err);

	if (r < 0)
		return r;
	bind_text(q, 1, x->id);
	for (int k = 0; k < 3; k++)
		bind_text(q, 2 + k, text[k]);
	sqlite3_bind_int(q, 5, x->exec_session);
	bind_text(q, 6, x->program);
	bind_text(q, 7, x->what);
	bind_text(q, 8, x->example);
	bind_text(q, 9, *x->path_example ? x->path_example : NULL);
	sqlite3_bind_int64(q, 10, (int64_t)x->count);
	sqlite3_bind_int64(q, 11, (int64_t)x->first_ns);
	sqlite3_bind_int64(q, 12, (int64_t)x->last_ns);
	sqlite3_bind_int64(q, 13, (int64_t)x->told_ns);
	bind_text(q, 14, x->verdict);
	bind_text(q, 15, containers ? containers : "[]");
	bind_text(q, 16, hosts ? hosts : "[]");
	bind_text(q, 17, x->state);
	bind_text(q, 18, *x->accepted ? x->accepted : NULL);
	return run_kept(s, q, ret_lost, err);
}

static void read_finding(sqlite3_stmt *row, struct finding *x)
{
	struct {
		char *to;
		size_t size;
		int at;
	} const text[] = {
		{x->id, sizeof(x->id), 0},
		{x->image, sizeof(x->image), 1},
		{x->rule, sizeof(x->rule), 2},
		{x->role, sizeof(x->role), 3},
		{x->program, sizeof(x->program), 5},
		{x->what, sizeof(x->what), 6},
		{x->example, sizeof(x->example), 7},
		{x->path_example, sizeof(x->path_example), 8},
		{x->verdict, sizeof(x->verdict), 13},
		{x->state, sizeof(x->state), 16},
		{x->accepted, sizeof(x->accepted), 17},
	};

	for (size_t k = 0; k < sizeof(text) / sizeof(text[0]); k++) {
		const char *s = column_text(row, text[k].at);

		text_copy(text[k].to, text[k].size, s ? s : "");
	}
	x->exec_session = sqlite3_column_int(row, 4) != 0;
	x->count = (uint64_t)sqlite3_column_int64(row, 9);
	x->first_ns = (uint64_t)sqlite3_column_int64(row, 10);
	x->last_ns = (uint64_t)sqlite3_column_int64(row, 11);
	x->told_ns = (uint64_t)sqlite3_column_int64(row, 12);
	finding_names_read(&x->containers, column_text(row, 14));
	finding_names_read(&x->hosts, column_text(row, 15));
}

int store_get_finding(struct store *s, const char *id, struct finding *ret, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int r = prepare_kept(s, STORE_GET_FINDING,
			     "SELECT " FINDING_COLUMNS " FROM findings WHERE id = ?1", &q, err);

	if (r < 0)
		return r;
	bind_text(q, 1, id);
	switch (sqlite3_step(q)) {
	case SQLITE_ROW:
		read_finding(q, ret);
		break;
	case SQLITE_DONE:
		r = err_set(err, -ENOENT, "no such finding: it expired, or the id is wrong");
		break;
	default:
		r = store_fail(s, err);
	}
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
	return r;
}

int store_set_finding_state(struct store *s, const char *id, const char *state,
			    const char *accepted, unsigned *ret_lost, struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, "UPDATE findings SET state = ?2, accepted = ?3 WHERE id = ?1",
			       -1, &q, NULL) != SQLITE_OK)
		return store_fail(s, err);
	bind_text(q, 1, id);
	bind_text(q, 2, state);
	bind_text(q, 3, accepted);
	return run_kept(s, q, ret_lost, err);
}

int store_select_findings(struct store *s, const struct store_finding_query *q,
			  int (*on_finding)(void *ctx, const struct finding *x), void *ctx,
			  struct err *err)
{
	_cleanup_free_ struct finding *x = malloc(sizeof(*x));
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
	char sql[SQL_MAX];
	int step = SQLITE_DONE, r = 0;

	if (!x)
		return err_oom(err);
	snprintf(sql, sizeof(sql),
		 "SELECT " FINDING_COLUMNS " FROM findings WHERE 1%s%s%s%s%s"
		 " ORDER BY last_ns DESC, id DESC LIMIT ?6",
		 q->image ? " AND image = ?1" : "", q->state ? " AND state = ?2" : "",
		 q->has_entry ? " AND accepted IS NOT NULL" : "",
		 q->before_ns ? " AND (last_ns, id) < (?3, ?4)" : "",
		 q->incident
			 ? " AND id IN (SELECT finding FROM incident_findings WHERE incident = ?5)"
			 : "");
	if (sqlite3_prepare_v2(s->db, sql, -1, &row, NULL) != SQLITE_OK)
		return store_fail(s, err);
	bind_text(row, 1, q->image);
	bind_text(row, 2, q->state);
	sqlite3_bind_int64(row, 3, (int64_t)q->before_ns);
	bind_text(row, 4, q->before_id);
	sqlite3_bind_int64(row, 5, (int64_t)q->incident);
	sqlite3_bind_int64(row, 6, q->limit);
	while (r == 0 && (step = sqlite3_step(row)) == SQLITE_ROW) {
		read_finding(row, x);
		r = on_finding(ctx, x);
	}
	return r == 0 && step != SQLITE_DONE ? store_fail(s, err) : r;
}

int store_link_finding(struct store *s, uint64_t incident, const char *finding, unsigned *ret_lost,
		       struct err *err)
{
	sqlite3_stmt *q = NULL;
	int r = prepare_kept(s, STORE_LINK_FINDING,
			     "INSERT OR IGNORE INTO incident_findings VALUES (?1, ?2)", &q, err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, (int64_t)incident);
	bind_text(q, 2, finding);
	return run_kept(s, q, ret_lost, err);
}

/* ---- incidents ---- */

static const char put_incident[] =
	"INSERT INTO incidents (" INCIDENT_COLUMNS ") VALUES"
	" (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"
	" ON CONFLICT (id) DO UPDATE SET begin_ns = ?7, end_ns = ?8, severity = ?10,"
	" sentence = ?11, events = ?13, refused = ?14, killed = ?15, kinds = ?16, session = ?17,"
	" maintenance = ?18, processes = ?19";

int store_put_incident(struct store *s, const struct incident_row *row, unsigned *ret_lost,
		       struct err *err)
{
	const char *const text[20] = {
		[2] = row->container,  [3] = row->container_id, [4] = row->image,
		[5] = row->engine,     [6] = row->pod,		[9] = row->state,
		[10] = row->severity,  [11] = row->sentence,	[12] = row->note,
		[16] = row->kinds,     [17] = row->session,	[18] = row->maintenance,
		[19] = row->processes,
	};
	sqlite3_stmt *q = NULL;
	int r = prepare_kept(s, STORE_PUT_INCIDENT, put_incident, &q, err);

	if (r < 0)
		return r;
	for (int k = 2; k < 20; k++)
		if (text[k])
			bind_text(q, k, text[k]);
	sqlite3_bind_int64(q, 1, (int64_t)row->id);
	sqlite3_bind_int64(q, 7, (int64_t)row->begin_ns);
	sqlite3_bind_int64(q, 8, (int64_t)row->end_ns);
	sqlite3_bind_int64(q, 13, (int64_t)row->events);
	sqlite3_bind_int64(q, 14, (int64_t)row->refused);
	sqlite3_bind_int64(q, 15, (int64_t)row->killed);
	return run_kept(s, q, ret_lost, err);
}

int store_set_incident(struct store *s, uint64_t id, const char *state, const char *note,
		       unsigned *ret_lost, struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db,
			       "UPDATE incidents SET state = coalesce(?2, state),"
			       " note = coalesce(?3, note) WHERE id = ?1",
			       -1, &q, NULL) != SQLITE_OK)
		return store_fail(s, err);
	sqlite3_bind_int64(q, 1, (int64_t)id);
	bind_text(q, 2, state);
	bind_text(q, 3, note);
	return run_kept(s, q, ret_lost, err);
}

int store_claim_event(struct store *s, uint64_t time_ns, uint32_t pid, uint64_t incident,
		      unsigned *ret_lost, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int r = prepare_kept(s, STORE_CLAIM_EVENT,
			     "UPDATE events SET incident = ?3 WHERE time_ns = ?1 AND pid = ?2", &q,
			     err);

	if (r < 0)
		return r;
	sqlite3_bind_int64(q, 1, (int64_t)time_ns);
	sqlite3_bind_int64(q, 2, pid);
	sqlite3_bind_int64(q, 3, (int64_t)incident);
	return run_kept(s, q, ret_lost, err);
}

static struct incident_row read_incident(sqlite3_stmt *row)
{
	return (struct incident_row){
		.id = (uint64_t)sqlite3_column_int64(row, 0),
		.container = column_text(row, 1),
		.container_id = column_text(row, 2),
		.image = column_text(row, 3),
		.engine = column_text(row, 4),
		.pod = column_text(row, 5),
		.begin_ns = (uint64_t)sqlite3_column_int64(row, 6),
		.end_ns = (uint64_t)sqlite3_column_int64(row, 7),
		.state = column_text(row, 8),
		.severity = column_text(row, 9),
		.sentence = column_text(row, 10),
		.note = column_text(row, 11),
		.events = (uint64_t)sqlite3_column_int64(row, 12),
		.refused = (uint64_t)sqlite3_column_int64(row, 13),
		.killed = (uint64_t)sqlite3_column_int64(row, 14),
		.kinds = column_text(row, 15),
		.session = column_text(row, 16),
		.maintenance = column_text(row, 17),
		.processes = column_text(row, 18),
		.findings = (uint64_t)sqlite3_column_int64(row, 19),
	};
}

static int prepare_incidents(struct store *s, const struct store_incident_query *q,
			     sqlite3_stmt **ret, struct err *err)
{
	char sql[SQL_MAX];

	snprintf(sql, sizeof(sql),
		 "SELECT " INCIDENT_COLUMNS ", (SELECT count(*) FROM incident_findings"
		 " WHERE incident = incidents.id) FROM incidents WHERE 1%s%s%s%s%s%s%s%s"
		 " ORDER BY id DESC LIMIT ?8",
		 q->id ? " AND id = ?1" : "", q->state ? " AND state = ?2" : "",
		 q->container ? " AND container = ?3" : "", q->image ? " AND image = ?4" : "",
		 !q->since_ns	     ? ""
		 : q->or_maintenance ? " AND (end_ns >= ?5 OR maintenance IS NOT NULL)"
				     : " AND end_ns >= ?5",
		 q->until_ns ? " AND begin_ns <= ?6" : "", q->before_id ? " AND id < ?7" : "",
		 q->container_id ? " AND container_id = ?9" : "");
	if (sqlite3_prepare_v2(s->db, sql, -1, ret, NULL) != SQLITE_OK)
		return store_fail(s, err);
	sqlite3_bind_int64(*ret, 1, (int64_t)q->id);
	bind_text(*ret, 2, q->state);
	bind_text(*ret, 3, q->container);
	bind_text(*ret, 4, q->image);
	sqlite3_bind_int64(*ret, 5, (int64_t)q->since_ns);
	sqlite3_bind_int64(*ret, 6, (int64_t)q->until_ns);
	sqlite3_bind_int64(*ret, 7, (int64_t)q->before_id);
	sqlite3_bind_int64(*ret, 8, q->limit);
	bind_text(*ret, 9, q->container_id);
	return 0;
}

int store_select_incidents(struct store *s, const struct store_incident_query *q,
			   int (*on_incident)(void *ctx, const struct incident_row *row), void *ctx,
			   struct err *err)
{
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *row = NULL;
	int r = prepare_incidents(s, q, &row, err), step = SQLITE_DONE;

	while (r == 0 && (step = sqlite3_step(row)) == SQLITE_ROW) {
		const struct incident_row i = read_incident(row);

		r = on_incident(ctx, &i);
	}
	return r == 0 && step != SQLITE_DONE ? store_fail(s, err) : r;
}

int store_count_open(struct store *s, uint64_t *ret, struct err *err)
{
	int64_t n = 0;
	int r = store_number(s, "SELECT count(*) FROM incidents WHERE state = 'open'", &n, err);

	*ret = (uint64_t)n;
	return r;
}

int store_count_findings(struct store *s, uint64_t incident, uint64_t *ret, struct err *err)
{
	char sql[96];
	int64_t n = 0;
	int r;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM incident_findings WHERE incident = %lld",
		 (long long)incident);
	r = store_number(s, sql, &n, err);
	*ret = (uint64_t)n;
	return r;
}

/* Ids are not used again: an event may still name an incident that expired. */
int store_last_incident(struct store *s, uint64_t *ret, struct err *err)
{
	static const char sql[] =
		"SELECT max(coalesce((SELECT max(id) FROM incidents), 0),"
		" coalesce((SELECT max(incident) FROM events WHERE incident IS NOT NULL), 0))";
	int64_t id = 0;
	int r = store_number(s, sql, &id, err);

	*ret = (uint64_t)id;
	return r;
}
