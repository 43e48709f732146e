/* SPDX-License-Identifier: Apache-2.0 */
/* Findings and incidents in the pipeline: what is told once, what survives a restart, what is changed. */
#include "tests/support/made_alert.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <string.h>

#include "lutra/score.h"
#include "lutra/types.h"
#include "user/incidents/finding.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"

/* A pipeline with an output of incidents to a file. */
struct started {
	struct outputs_config outputs;
	struct pipeline *p;
	char *lines, *maintenance;
};

static void start_pipeline(struct started *s, struct fixture *f)
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *list = NULL;
	struct pipeline_config config = {.store_path = f->db, .outputs = &s->outputs};

	s->lines = scratch_path(f->dir, "messages");
	s->maintenance = scratch_path(f->dir, "maintenance.json");
	assert_true(asprintf(&text, "[{\"type\": \"file\", \"path\": \"%s\"}]", s->lines) > 0);
	list = json_loads(text, 0, NULL);
	assert_int_equal(outputs_config_parse(list, NULL, &s->outputs, NULL), 0);
	config.maintenance_path = s->maintenance;
	assert_int_equal(pipeline_new(&s->p, &config, NULL), 0);
}

static void stop_pipeline(struct started *s)
{
	pipeline_free(s->p);
	outputs_config_done(&s->outputs);
	free(s->lines);
	free(s->maintenance);
}

/* Puts an alert about a path, of a verdict, at a second after the fixture's time. */
static void put_alert(struct started *s, struct fixture *f, const char *path, unsigned verdict,
		      uint64_t at_s)
{
	uint64_t time_ns = f->time_ns;

	f->str = path;
	f->str_len = strlen(path);
	f->ev.verdict = (uint8_t)verdict;
	f->ev.refused = verdict >= LUTRA_VERDICT_DENY;
	f->time_ns += at_s * NSEC_PER_SEC;
	assert_true(pipeline_put(s->p, made_alert_new(f)));
	f->time_ns = time_ns;
	pipeline_sync(s->p);
}

static unsigned count_messages(const struct started *s)
{
	_cleanup_fclose_ FILE *file = fopen(s->lines, "re");
	unsigned n = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		n += c == '\n';
	return n;
}

static int64_t query_number(const struct fixture *f, const char *sql)
{
	return made_alert_query(f->db, sql);
}

static void use_present_time(struct fixture *f)
{
	f->time_ns = clock_realtime_ns();
}

static void alert_of_a_finding_is_told_once_and_counted(void **state)
{
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	start_pipeline(&s, f);
	for (int i = 0; i < 40; i++)
		put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	assert_int_equal(count_messages(&s), 1);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 1);
	assert_int_equal(query_number(f, "SELECT events FROM incidents"), 40);
	assert_int_equal(query_number(f, "SELECT count FROM findings"), 40);
	assert_int_equal(
		query_number(f,
			     "SELECT count(*) FROM events WHERE finding = (SELECT id FROM findings)"
			     " AND incident = 1"),
		40);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incident_findings"), 1);
}

/* Ten minutes later the incident takes nothing by time, and the finding was told today. */
static void finding_that_was_told_opens_no_incident_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	f->time_ns -= 7200 * NSEC_PER_SEC;
	start_pipeline(&s, f);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	stop_pipeline(&s);
	start_pipeline(&s, f);
	f->ev.tgid++;
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 7000);
	assert_int_equal(count_messages(&s), 1);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_DENY, 7001);
	assert_int_equal(count_messages(&s), 2);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 2);
	assert_int_equal(query_number(f, "SELECT count FROM findings"), 3);
	assert_int_equal(query_number(f, "SELECT count(*) FROM events WHERE incident IS NULL"), 1);
}

static void incident_goes_on_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	start_pipeline(&s, f);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	stop_pipeline(&s);
	start_pipeline(&s, f);
	put_alert(&s, f, "/bin/y", LUTRA_VERDICT_ALERT, 1);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 1);
	assert_int_equal(query_number(f, "SELECT events FROM incidents"), 2);
	assert_int_equal(query_number(f, "SELECT sentence LIKE '%ran /bin/x (and 1 more of this "
					 "kind)%' FROM incidents"),
			 1);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incident_findings"), 2);
}

/* More events than are read again, and the gravest last. */
static void incident_of_many_events_is_as_grave_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	start_pipeline(&s, f);
	for (int i = 0; i < 600; i++)
		put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	f->ev.rule = LUTRA_RULE_CONNECT;
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_KILL, 1);
	stop_pipeline(&s);
	start_pipeline(&s, f);
	f->ev.rule = LUTRA_RULE_EXEC;
	put_alert(&s, f, "/bin/y", LUTRA_VERDICT_ALERT, 2);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 1);
	assert_int_equal(query_number(f, "SELECT events FROM incidents"), 602);
	assert_int_equal(query_number(f, "SELECT killed FROM incidents"), 1);
	assert_int_equal(query_number(f, "SELECT severity = 'critical' FROM incidents"), 1);
	assert_int_equal(query_number(f, "SELECT kinds LIKE '%network%' FROM incidents"), 1);
}

static void incident_is_changed_by_a_person(void **state)
{
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	start_pipeline(&s, f);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	assert_int_equal(pipeline_set_incident(s.p, 1, "closed", "known"), 0);
	/* The change comes before what is put after it, or with it. */
	pipeline_sync(s.p);
	put_alert(&s, f, "/bin/other", LUTRA_VERDICT_ALERT, 1);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT state = 'closed' AND note = 'known' FROM incidents"
					 " WHERE id = 1"),
			 1);
}

static bool has_finding_state(const struct fixture *f, const char *state, const char *accepted)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
		 "SELECT state = '%s' AND coalesce(accepted, '') = '%s' FROM findings", state,
		 accepted);
	return query_number(f, sql) == 1;
}

/* A finding is a class: who accepts one file of it has not accepted the next. */
static void accepted_finding_that_comes_again_is_new_again(void **state)
{
	struct fixture *f = *state;
	struct started s = {};
	struct alert_fields fields;
	struct finding x;

	use_present_time(f);
	start_pipeline(&s, f);
	f->ev.rule = LUTRA_RULE_OPEN_READ_ELSEWHERE;
	f->ev.kind = LUTRA_KIND_ELSEWHERE;
	f->ev.object.op = LUTRA_OP_OPEN;
	f->ev.object.mode = LUTRA_S_IFREG_TYPE << 12;
	put_alert(&s, f, "/srv/reports/a.json", LUTRA_VERDICT_ALERT, 0);
	made_alert_fields(f, &fields);
	finding_describe(&x, &fields);
	assert_int_equal(pipeline_set_finding(s.p, x.id, "accepted", "a1"), 0);
	/* It was on its way when the finding was accepted. */
	put_alert(&s, f, "/srv/reports/a.json", LUTRA_VERDICT_ALERT, 0);
	assert_true(has_finding_state(f, "accepted", "a1"));
	put_alert(&s, f, "/srv/reports/b.json", LUTRA_VERDICT_ALERT, 60);
	assert_true(has_finding_state(f, "new", "a1"));
	assert_int_equal(pipeline_set_finding(s.p, x.id, "accepted", "a2"), 0);
	stop_pipeline(&s);
	assert_true(has_finding_state(f, "accepted", "a2"));
	start_pipeline(&s, f);
	put_alert(&s, f, "/srv/reports/c.json", LUTRA_VERDICT_ALERT, 120);
	assert_true(has_finding_state(f, "new", "a2"));
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count FROM findings"), 4);
}

static void maintenance_is_one_incident_and_says_nothing_of_later(void **state)
{
	struct maintenance_request q = {
		.image = "example.org/shop", .reason = "upgrade", .by = "command"};
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	q.now_ns = f->time_ns - NSEC_PER_SEC;
	q.until_ns = f->time_ns + 1000 * NSEC_PER_SEC;
	start_pipeline(&s, f);
	assert_int_equal(maintenance_begin(pipeline_maintenance(s.p), &q, NULL), 0);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	f->container.cgroup = "/another";
	put_alert(&s, f, "/bin/y", LUTRA_VERDICT_ALERT, 900);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 1);
	/* The list is read again. */
	start_pipeline(&s, f);
	assert_int_equal(maintenance_end(pipeline_maintenance(s.p), "nginx", f->time_ns, NULL),
			 -ENOENT);
	assert_int_equal(
		maintenance_end(pipeline_maintenance(s.p), "example.org/shop", f->time_ns, NULL),
		0);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 950);
	stop_pipeline(&s);
	assert_int_equal(
		query_number(f, "SELECT count(*) FROM incidents WHERE maintenance IS NULL"), 1);
}

/* Longer than another incident goes on without an event. */
static void maintenance_that_was_quiet_for_hours_goes_on_after_a_restart(void **state)
{
	struct maintenance_request q = {
		.image = "example.org/shop", .reason = "upgrade", .by = "command"};
	struct fixture *f = *state;
	struct started s = {};

	use_present_time(f);
	f->time_ns -= 7200 * NSEC_PER_SEC;
	q.now_ns = f->time_ns - NSEC_PER_SEC;
	q.until_ns = f->time_ns + 9000 * NSEC_PER_SEC;
	start_pipeline(&s, f);
	assert_int_equal(maintenance_begin(pipeline_maintenance(s.p), &q, NULL), 0);
	put_alert(&s, f, "/bin/x", LUTRA_VERDICT_ALERT, 0);
	stop_pipeline(&s);
	start_pipeline(&s, f);
	put_alert(&s, f, "/bin/y", LUTRA_VERDICT_ALERT, 7100);
	stop_pipeline(&s);
	assert_int_equal(query_number(f, "SELECT count(*) FROM incidents"), 1);
}

static void maintenance_refuses_what_is_no_image_or_reason(void **state)
{
	static const struct {
		const char *image, *reason;
	} bad[] = {{"", "x"}, {"nginx", ""}, {"nginx", "a\nb"}, {"a\033b", "x"}};
	_cleanup_(maintenance_freep) struct maintenance *m = NULL;
	char image[32];
	int r = 0;

	(void)state;
	assert_int_equal(maintenance_new(&m, NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct maintenance_request q = {.image = bad[i].image,
						.reason = bad[i].reason,
						.by = "command",
						.now_ns = 1,
						.until_ns = 2};

		assert_int_equal(maintenance_begin(m, &q, NULL), -EINVAL);
	}
	for (unsigned i = 0; i <= MAINTENANCE_MAX && r == 0; i++) {
		struct maintenance_request q = {
			.image = image, .reason = "x", .by = "command", .now_ns = 1, .until_ns = 9};

		snprintf(image, sizeof(image), "image-%u", i);
		r = maintenance_begin(m, &q, NULL);
	}
	assert_int_equal(r, -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(alert_of_a_finding_is_told_once_and_counted),
		T(finding_that_was_told_opens_no_incident_after_a_restart),
		T(incident_goes_on_after_a_restart),
		T(incident_of_many_events_is_as_grave_after_a_restart),
		T(incident_is_changed_by_a_person),
		T(accepted_finding_that_comes_again_is_new_again),
		T(maintenance_is_one_incident_and_says_nothing_of_later),
		T(maintenance_that_was_quiet_for_hours_goes_on_after_a_restart),
		T(maintenance_refuses_what_is_no_image_or_reason),
	};

	return cmocka_run_group_tests_name("tracker", tests, NULL, NULL);
}
