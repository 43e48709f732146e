/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and incidents in the event store: what is kept, found, changed and deleted. */
#include "tests/support/made_alert.h"

#include <errno.h>
#include <string.h>

#include "user/store/store_incidents.h"

#define DAY_NS 86400000000000ull
#define IDS 256

static struct finding finding_at(const char *id, uint64_t last_ns)
{
	struct finding x = {.image = "shop:1",
			    .rule = "exec",
			    .role = "steady",
			    .program = "sh",
			    .what = "exec /bin/sh",
			    .example = "exec /bin/sh",
			    .verdict = "alert",
			    .state = "new",
			    .exec_session = true,
			    .count = 3,
			    .first_ns = 5,
			    .told_ns = 7,
			    .containers = {.n = 2, .name = {"shop-1", "shop-2"}},
			    .hosts = {.n = 1, .name = {"host"}}};

	snprintf(x.id, sizeof(x.id), "%s", id);
	x.last_ns = last_ns;
	return x;
}

static void put_finding_at(struct store *s, const char *id, uint64_t last_ns)
{
	struct finding x = finding_at(id, last_ns);

	assert_int_equal(store_put_finding(s, &x, NULL, NULL), 0);
}

static void put_incident_at(struct store *s, uint64_t id, uint64_t begin_ns, const char *container)
{
	const struct incident_row row = {.id = id,
					 .begin_ns = begin_ns,
					 .end_ns = begin_ns + 10,
					 .events = 2,
					 .container = container,
					 .container_id = id < 2 ? "c0ffee" : "decaf",
					 .image = "shop:1",
					 .state = "open",
					 .severity = "low",
					 .sentence = "it happened",
					 .kinds = "[\"read\"]",
					 .processes = "[]"};

	assert_int_equal(store_put_incident(s, &row, NULL, NULL), 0);
}

/* Adds a word and a space to the list of a test, which has IDS bytes. */
static void add_to_list(char *ids, const char *word)
{
	size_t len = strlen(ids);

	snprintf(ids + len, IDS - len, "%s ", word);
}

static int count_finding(void *ctx, const struct finding *x)
{
	add_to_list(ctx, x->id);
	return 0;
}

static int count_incident(void *ctx, const struct incident_row *row)
{
	char id[32];

	snprintf(id, sizeof(id), "%llu:%s", (unsigned long long)row->id, row->state);
	add_to_list(ctx, id);
	return 0;
}

static void store_gives_back_the_finding_that_went_in(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct finding x = finding_at("f1", 9), got = {};

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	assert_int_equal(store_get_finding(s, "f1", &got, NULL), -ENOENT);
	assert_int_equal(store_put_finding(s, &x, NULL, NULL), 0);
	assert_int_equal(store_get_finding(s, "f1", &got, NULL), 0);
	assert_memory_equal(&got, &x, sizeof(x));
	assert_int_equal(store_commit(s, NULL, NULL), 0);
}

/* The writer counts on; what a person said of the finding stays. */
static void store_keeps_the_state_of_a_finding_that_is_counted_on(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct finding got;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_finding_at(s, "f1", 9);
	assert_int_equal(store_set_finding_state(s, "f1", "accepted", "a1", NULL, NULL), 0);
	put_finding_at(s, "f1", 20);
	assert_int_equal(store_get_finding(s, "f1", &got, NULL), 0);
	assert_string_equal(got.state, "accepted");
	assert_string_equal(got.accepted, "a1");
	assert_int_equal(got.last_ns, 20);
	assert_int_equal(store_set_finding_state(s, "f1", "new", NULL, NULL, NULL), 0);
	assert_int_equal(store_get_finding(s, "f1", &got, NULL), 0);
	assert_string_equal(got.accepted, "");
}

static void store_keeps_note_and_state_of_an_incident_that_grows(void **state)
{
	const struct store_incident_query q = {.limit = 9};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	char ids[IDS] = "";
	uint64_t n = 9;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_incident_at(s, 1, 100, "shop");
	put_incident_at(s, 2, 200, "shop");
	assert_int_equal(store_set_incident(s, 1, "closed", "known", NULL, NULL), 0);
	put_incident_at(s, 1, 100, "shop");
	assert_int_equal(store_select_incidents(s, &q, count_incident, ids, NULL), 0);
	assert_string_equal(ids, "2:open 1:closed ");
	assert_int_equal(store_count_open(s, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(store_commit(s, NULL, NULL), 0);
	assert_int_equal(
		made_alert_query(f->db, "SELECT note = 'known' FROM incidents WHERE id = 1"), 1);
}

static void store_selects_incidents_by_what_is_asked(void **state)
{
	static const struct {
		struct store_incident_query q;
		const char *want;
	} cases[] = {
		{{.limit = 9}, "3:open 2:open 1:open "},
		{{.limit = 2}, "3:open 2:open "},
		{{.before_id = 3, .limit = 9}, "2:open 1:open "},
		{{.id = 2, .limit = 9}, "2:open "},
		{{.container = "mail", .limit = 9}, "3:open "},
		/* A name that was used again */
		{{.container = "shop", .container_id = "c0ffee", .limit = 9}, "1:open "},
		{{.container = "shop", .container_id = "decaf", .limit = 9}, "2:open "},
		{{.container_id = "decaf", .limit = 9}, "3:open 2:open "},
		{{.container_id = "dec", .limit = 9}, ""},
		{{.image = "shop:1' OR 1 --", .limit = 9}, ""},
		{{.state = "closed", .limit = 9}, ""},
		{{.since_ns = 211, .limit = 9}, "3:open "},
		{{.until_ns = 199, .limit = 9}, "1:open "},
	};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_incident_at(s, 1, 100, "shop");
	put_incident_at(s, 2, 200, "shop");
	put_incident_at(s, 3, 300, "mail");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char ids[IDS] = "";

		assert_int_equal(store_select_incidents(s, &cases[i].q, count_incident, ids, NULL),
				 0);
		assert_string_equal(ids, cases[i].want);
	}
}

static void store_pages_through_findings_and_has_those_of_an_incident(void **state)
{
	struct store_finding_query q = {.limit = 2};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	char ids[IDS] = "";

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_finding_at(s, "f1", 10);
	put_finding_at(s, "f2", 20);
	put_finding_at(s, "f3", 20);
	assert_int_equal(store_select_findings(s, &q, count_finding, ids, NULL), 0);
	q.before_ns = 20;
	q.before_id = "f2";
	assert_int_equal(store_select_findings(s, &q, count_finding, ids, NULL), 0);
	assert_string_equal(ids, "f3 f2 f1 ");
	assert_int_equal(store_link_finding(s, 7, "f1", NULL, NULL), 0);
	assert_int_equal(store_link_finding(s, 7, "f1", NULL, NULL), 0);
	q = (struct store_finding_query){.incident = 7, .limit = 9};
	ids[0] = '\0';
	assert_int_equal(store_select_findings(s, &q, count_finding, ids, NULL), 0);
	assert_string_equal(ids, "f1 ");
}

static void store_claims_the_event_of_a_process(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct alert_fields fields;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	made_alert_fields(f, &fields);
	assert_int_equal(store_add(s, &fields, NULL, NULL), 0);
	fields.number[ALERT_PID]++;
	assert_int_equal(store_add(s, &fields, NULL, NULL), 0);
	assert_int_equal(store_claim_event(s, f->time_ns, f->ev.tgid, 12, NULL, NULL), 0);
	assert_int_equal(store_commit(s, NULL, NULL), 0);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM events WHERE incident = 12"),
			 1);
	assert_int_equal(
		made_alert_query(f->db, "SELECT count(*) FROM events WHERE incident IS NULL"), 1);
}

static void store_deletes_findings_and_incidents_by_age(void **state)
{
	const struct store_limits limits = {.max_age_ns = DAY_NS};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_retained retained;
	uint64_t last = 0;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_finding_at(s, "f1", DAY_NS);
	put_finding_at(s, "f2", 3 * DAY_NS);
	put_incident_at(s, 1, DAY_NS, "shop");
	put_incident_at(s, 2, 3 * DAY_NS, "shop");
	assert_int_equal(store_link_finding(s, 1, "f1", NULL, NULL), 0);
	assert_int_equal(store_link_finding(s, 2, "f2", NULL, NULL), 0);
	assert_int_equal(store_commit(s, NULL, NULL), 0);
	assert_int_equal(store_retain(s, &limits, 3 * DAY_NS + 1, &retained, NULL), 0);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM findings"), 1);
	assert_int_equal(made_alert_query(f->db, "SELECT id FROM incidents"), 2);
	assert_int_equal(made_alert_query(f->db, "SELECT incident FROM incident_findings"), 2);
	assert_int_equal(store_last_incident(s, &last, NULL), 0);
	assert_int_equal(last, 2);
}

static void put_findings_of_image(struct store *s, const char *image, unsigned n, uint64_t last_ns)
{
	struct finding x = finding_at("", last_ns);

	snprintf(x.image, sizeof(x.image), "%s", image);
	for (unsigned i = 0; i < n; i++) {
		snprintf(x.id, sizeof(x.id), "%.3s%u", image, i);
		assert_int_equal(store_put_finding(s, &x, NULL, NULL), 0);
	}
}

/* The findings of the other image are older, and so are the one that killed and the accepted one. */
static void store_deletes_findings_of_an_image_that_has_too_many(void **state)
{
	const struct store_limits limits = {};
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *s = NULL;
	struct finding killed = finding_at("k", 1);
	struct store_retained retained;

	assert_int_equal(store_new(&s, f->db, NULL), 0);
	put_findings_of_image(s, "mail:1", 3, 2);
	snprintf(killed.verdict, sizeof(killed.verdict), "kill");
	assert_int_equal(store_put_finding(s, &killed, NULL, NULL), 0);
	put_finding_at(s, "a", 1);
	assert_int_equal(store_set_finding_state(s, "a", "accepted", "a1", NULL, NULL), 0);
	put_finding_at(s, "old", 1);
	assert_int_equal(store_link_finding(s, 1, "old", NULL, NULL), 0);
	put_incident_at(s, 1, 1, "shop");
	put_findings_of_image(s, "shop:1", 10000, 3);
	assert_int_equal(store_commit(s, NULL, NULL), 0);
	assert_int_equal(store_retain(s, &limits, 4, &retained, NULL), 0);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM findings"), 10003);
	assert_int_equal(
		made_alert_query(f->db, "SELECT count(*) FROM findings WHERE image = 'mail:1'"), 3);
	assert_int_equal(
		made_alert_query(f->db, "SELECT count(*) FROM findings WHERE id IN ('a', 'k')"), 2);
	assert_int_equal(made_alert_query(f->db, "SELECT count(*) FROM incident_findings"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(store_gives_back_the_finding_that_went_in),
		T(store_keeps_the_state_of_a_finding_that_is_counted_on),
		T(store_keeps_note_and_state_of_an_incident_that_grows),
		T(store_selects_incidents_by_what_is_asked),
		T(store_pages_through_findings_and_has_those_of_an_incident),
		T(store_claims_the_event_of_a_process),
		T(store_deletes_findings_and_incidents_by_age),
		T(store_deletes_findings_of_an_image_that_has_too_many),
	};

	return cmocka_run_group_tests_name("store_incidents", tests, NULL, NULL);
}
