/* SPDX-License-Identifier: Apache-2.0 */
/* Incidents: what belongs together, how bad it is, and what its sentence says. */
#include "tests/support/made_alert.h"

#include <string.h>

#include "lib/abi/rules.h"
#include "lutra/types.h"
#include "user/incidents/incident_json.h"
#include "user/incidents/incident_table.h"

#define START_S 1700000000ull

/* An alert of a test: what differs from the fixture's. */
struct given {
	const char *rule, *object, *path; /* NULL: those of a read of /etc/hosts */
	const char *verdict;		  /* NULL: alert */
	const char *cgroup, *ancestors;
	uint64_t at_s; /* after the start */
	uint32_t pid;  /* 0: 10 */
	bool session, quiet;
};

static struct incident_placed place_event(struct incident_table *t, struct fixture *f,
					  const struct given *g,
					  const struct incident_maintenance *maintenance)
{
	struct alert_fields fields;
	struct incident_placed p;

	made_alert_fields(f, &fields);
	fields.text[ALERT_RULE] = g->rule ? g->rule : "open-r-O";
	fields.text[ALERT_OBJECT] = g->object ? g->object : "open r file /etc/hosts";
	fields.text[ALERT_PATH] = g->path ? g->path : "/etc/hosts";
	fields.text[ALERT_VERDICT] = g->verdict ? g->verdict : "alert";
	fields.text[ALERT_COMM] = "nginx";
	fields.text[ALERT_ANCESTORS] = g->ancestors;
	if (g->cgroup)
		fields.text[ALERT_CGROUP] = g->cgroup;
	fields.number[ALERT_TIME] = (int64_t)((START_S + g->at_s) * NSEC_PER_SEC);
	fields.number[ALERT_PID] = g->pid ? g->pid : 10;
	fields.number[ALERT_PPID] = 1;
	fields.number[ALERT_REFUSED] = g->verdict && strcmp(g->verdict, "deny") == 0;
	fields.number[ALERT_EXEC_SESSION] = g->session;
	assert_int_equal(incident_table_place(t, &fields, !g->quiet, maintenance, &p), 0);
	return p;
}

static struct incident *get_placed(struct incident_table *t, struct fixture *f,
				   const struct given *g)
{
	return place_event(t, f, g, NULL).incident;
}

static void incident_takes_what_is_near_in_time(void **state)
{
	struct incident_table t = {};
	struct incident *i = get_placed(&t, *state, &(struct given){});

	assert_non_null(i);
	assert_ptr_equal(get_placed(&t, *state, &(struct given){.at_s = 59, .pid = 11}), i);
	assert_ptr_equal(get_placed(&t, *state, &(struct given){.at_s = 118, .pid = 12}), i);
	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){.at_s = 180, .pid = 13}), i);
	assert_int_equal(i->events, 3);
	assert_int_equal(t.n, 2);
	incident_table_done(&t);
}

static void incident_takes_its_lineage_for_longer(void **state)
{
	struct incident_table t = {};
	struct incident *i = get_placed(&t, *state, &(struct given){.pid = 20});

	assert_ptr_equal(
		get_placed(&t, *state,
			   &(struct given){.at_s = 1800,
					   .pid = 40,
					   .ancestors = "id[40] < sh[30] < nginx[20] < x[1]"}),
		i);
	/* Every process descends from the host's first: that is no lineage. */
	assert_ptr_not_equal(
		get_placed(&t, *state,
			   &(struct given){.at_s = 2200, .pid = 50, .ancestors = "id[50] < x[1]"}),
		i);
	incident_table_done(&t);
}

static void incident_is_of_one_container(void **state)
{
	struct incident_table t = {};
	struct incident *i = get_placed(&t, *state, &(struct given){});

	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){.cgroup = "/other", .pid = 10}),
			     i);
	incident_table_done(&t);
}

static void incident_does_not_grow_for_ever(void **state)
{
	struct incident_table t = {};
	struct incident *i = get_placed(&t, *state, &(struct given){});

	for (uint64_t s = 60; s <= 3600; s += 60)
		assert_ptr_equal(get_placed(&t, *state,
					    &(struct given){.at_s = s, .pid = 100 + (uint32_t)s}),
				 i);
	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){.at_s = 3660, .pid = 99}), i);
	incident_table_done(&t);
}

static void incident_is_not_opened_by_what_was_told_or_is_only_noted(void **state)
{
	struct incident_table t = {};
	struct incident *i;

	assert_null(get_placed(&t, *state, &(struct given){.quiet = true}));
	assert_null(get_placed(&t, *state, &(struct given){.verdict = "allow"}));
	i = get_placed(&t, *state, &(struct given){});
	assert_ptr_equal(get_placed(&t, *state, &(struct given){.quiet = true, .pid = 77}), i);
	assert_null(get_placed(&t, *state, &(struct given){.verdict = "allow", .pid = 78}));
	assert_ptr_equal(get_placed(&t, *state, &(struct given){.verdict = "allow", .pid = 77}), i);
	incident_table_done(&t);
}

static void incident_that_is_closed_takes_nothing(void **state)
{
	struct incident_table t = {};
	struct incident *i = get_placed(&t, *state, &(struct given){});

	i->is_closed = true;
	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){}), i);
	incident_table_done(&t);
}

/* A shell that a person opens. */
static const struct given shell = {.rule = "session",
				   .object = "session root pts0 /bin/bash",
				   .path = "/bin/bash",
				   .verdict = "allow",
				   .session = true,
				   .pid = 30};

static void session_with_a_terminal_is_an_incident(void **state)
{
	struct incident_table t = {};
	struct incident_placed p = place_event(&t, *state, &shell, NULL);
	char text[INCIDENT_TEXT];

	assert_true(p.opened);
	incident_sentence(p.incident, text);
	assert_string_equal(text, "a shell was opened in container shop by root (/bin/bash, "
				  "terminal pts0)");
	assert_int_equal(incident_severity(p.incident), SEVERITY_LOW);
	/* What it does is told under it; the service is not. */
	assert_ptr_equal(get_placed(&t, *state,
				    &(struct given){.session = true,
						    .pid = 31,
						    .ancestors = "cat[31] < bash[30] < conmon[5]"}),
			 p.incident);
	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){.pid = 8}), p.incident);
	incident_sentence(p.incident, text);
	assert_non_null(strstr(text, "; it read /etc/hosts"));
	incident_table_done(&t);
}

static void session_without_a_terminal_is_one_when_it_alerts(void **state)
{
	struct incident_table t = {};
	struct given exec = {.rule = "session",
			     .object = "session uid-1000 - /usr/bin/id",
			     .path = "/usr/bin/id",
			     .verdict = "allow",
			     .session = true,
			     .pid = 30};
	struct incident_placed p;
	char text[INCIDENT_TEXT];

	assert_null(place_event(&t, *state, &exec, NULL).incident);
	p = place_event(&t, *state, &(struct given){.session = true, .at_s = 1, .pid = 30}, NULL);
	assert_true(p.opened);
	assert_int_equal(p.session_pid, 30);
	assert_int_equal(p.session_time_ns, START_S * NSEC_PER_SEC);
	assert_int_equal(p.incident->events, 2);
	incident_sentence(p.incident, text);
	assert_string_equal(text,
			    "a session was opened in container shop by uid-1000 (/usr/bin/id, no "
			    "terminal); it read /etc/hosts");
	incident_table_done(&t);
}

/* A command that somebody runs in the container without a terminal. */
static const struct given command = {.rule = "session",
				     .object = "session root - /usr/bin/ls",
				     .path = "/usr/bin/ls",
				     .verdict = "allow",
				     .session = true,
				     .pid = 30};

static void session_does_not_take_what_the_service_does(void **state)
{
	struct incident_table t = {};
	struct incident *session, *service;
	char text[INCIDENT_TEXT];

	get_placed(&t, *state, &command);
	session = get_placed(&t, *state, &(struct given){.session = true, .at_s = 1, .pid = 30});
	service = get_placed(&t, *state,
			     &(struct given){.rule = "exec",
					     .object = "exec /usr/bin/id",
					     .path = "/usr/bin/id",
					     .verdict = "deny",
					     .at_s = 3,
					     .pid = 40,
					     .ancestors = "id[40] < nginx[8] < conmon[5]"});
	assert_non_null(service);
	assert_ptr_not_equal(service, session);
	incident_sentence(service, text);
	assert_string_equal(text, "nginx in container shop ran /usr/bin/id; 1 operation was "
				  "refused");
	incident_sentence(session, text);
	assert_null(strstr(text, "/usr/bin/id"));
	/* What the session started stays under it, also when it counts as the service's. */
	assert_ptr_equal(get_placed(&t, *state,
				    &(struct given){.at_s = 4,
						    .pid = 50,
						    .ancestors = "x[50] < ls[30] < conmon[5]"}),
			 session);
	incident_table_done(&t);
}

static void session_with_a_terminal_takes_no_earlier_session(void **state)
{
	struct incident_table t = {};
	struct given with_terminal = shell;
	struct incident_placed p;
	char text[INCIDENT_TEXT];

	get_placed(&t, *state, &command);
	with_terminal.at_s = 2;
	with_terminal.pid = 40;
	p = place_event(&t, *state, &with_terminal, NULL);
	assert_true(p.opened);
	assert_int_equal(p.session_pid, 0);
	assert_int_equal(p.incident->begin_ns, (START_S + 2) * NSEC_PER_SEC);
	incident_sentence(p.incident, text);
	assert_string_equal(text, "a shell was opened in container shop by root (/bin/bash, "
				  "terminal pts0)");
	incident_table_done(&t);
}

static void session_with_a_terminal_does_not_take_what_another_session_does(void **state)
{
	struct incident_table t = {};
	struct given other = command;
	struct incident *with_terminal = get_placed(&t, *state, &shell), *without;
	char text[INCIDENT_TEXT];

	other.at_s = 1;
	other.pid = 40;
	assert_null(get_placed(&t, *state, &other));
	without = get_placed(&t, *state,
			     &(struct given){.session = true,
					     .at_s = 2,
					     .pid = 41,
					     .ancestors = "cat[41] < ls[40] < conmon[5]"});
	assert_non_null(without);
	assert_ptr_not_equal(without, with_terminal);
	incident_sentence(without, text);
	assert_string_equal(text, "a session was opened in container shop by root (/usr/bin/ls, no "
				  "terminal); it read /etc/hosts");
	/* The shell still takes what it does itself. */
	assert_ptr_equal(get_placed(&t, *state,
				    &(struct given){.session = true,
						    .at_s = 1,
						    .pid = 50,
						    .ancestors = "cat[50] < bash[30] < conmon[5]"}),
			 with_terminal);
	incident_table_done(&t);
}

static void session_does_not_keep_the_service_from_being_told_again(void **state)
{
	struct incident_table t = {};
	struct given later = {.at_s = 330, .pid = 12};
	struct incident *service = get_placed(&t, *state, &(struct given){.pid = 11});

	for (uint32_t s = 1; s <= 300; s += 50)
		assert_ptr_not_equal(
			get_placed(&t, *state,
				   &(struct given){.session = true, .at_s = s, .pid = 30}),
			service);
	assert_true(place_event(&t, *state, &later, NULL).opened);
	incident_table_done(&t);
}

static void session_that_was_read_from_a_row_takes_no_service(void **state)
{
	struct incident_table t = {};
	struct incident *i, back = {};
	struct incident_made_row made;

	get_placed(&t, *state, &command);
	i = get_placed(&t, *state, &(struct given){.session = true, .at_s = 1, .pid = 30});
	assert_int_equal(incident_row_make(&made, i), 0);
	incident_from_row(&back, &made.row);
	assert_true(back.own_session);
	incident_row_done(&made);
	incident_table_done(&t);
}

static void maintenance_makes_one_incident(void **state)
{
	const struct incident_maintenance m = {.until_ns = (START_S + 7200) * NSEC_PER_SEC,
					       .reason = "upgrade"};
	struct incident_table t = {};
	struct incident *i = place_event(&t, *state, &(struct given){}, &m).incident;
	char text[INCIDENT_TEXT];

	assert_ptr_equal(
		place_event(&t, *state, &(struct given){.cgroup = "/b", .at_s = 5000, .pid = 5}, &m)
			.incident,
		i);
	incident_sentence(i, text);
	assert_string_equal(text, "maintenance (upgrade): nginx in container shop read "
				  "/etc/hosts 2 times");
	assert_ptr_not_equal(get_placed(&t, *state, &(struct given){.at_s = 7201, .pid = 10}), i);
	incident_table_done(&t);
}

static void severity_counts_kinds_not_events(void **state)
{
	struct incident_table t = {};
	struct incident *many = NULL, *two, *refused;

	for (int k = 0; k < 10; k++)
		many = get_placed(&t, *state, &(struct given){});
	get_placed(&t, *state, &(struct given){.cgroup = "/b"});
	two = get_placed(&t, *state,
			 &(struct given){.cgroup = "/b",
					 .rule = "connect",
					 .object = "connect 10.0.0.1:80",
					 .path = "10.0.0.1:80"});
	refused = get_placed(&t, *state, &(struct given){.cgroup = "/c", .verdict = "deny"});
	assert_int_equal(incident_severity(many), SEVERITY_LOW);
	assert_int_equal(incident_severity(two), SEVERITY_MEDIUM);
	assert_int_equal(incident_severity(refused), SEVERITY_HIGH);
	get_placed(&t, *state, &(struct given){.cgroup = "/c", .verdict = "kill"});
	assert_int_equal(incident_severity(refused), SEVERITY_CRITICAL);
	incident_table_done(&t);
}

static void incident_grows_in_kind_by_service_and_session_apart(void **state)
{
	struct incident_table t = {};
	/* The process is that of the session: its events stay under it. */
	struct given exec = {.rule = "exec", .object = "exec /bin/sh", .path = "/bin/sh"};

	assert_true(place_event(&t, *state, &(struct given){.session = true}, NULL).opened);
	assert_false(place_event(&t, *state, &(struct given){.session = true}, NULL).grew);
	assert_true(place_event(&t, *state, &(struct given){}, NULL).grew);
	assert_true(place_event(&t, *state, &exec, NULL).grew);
	assert_false(place_event(&t, *state, &exec, NULL).grew);
	exec.verdict = "deny";
	assert_true(place_event(&t, *state, &exec, NULL).grew);
	assert_false(place_event(&t, *state, &exec, NULL).grew);
	incident_table_done(&t);
}

static void incident_that_goes_on_after_quiet_minutes_is_told_again(void **state)
{
	struct incident_table t = {};

	assert_true(place_event(&t, *state, &(struct given){}, NULL).opened);
	assert_false(place_event(&t, *state, &(struct given){.at_s = 300}, NULL).grew);
	assert_false(
		place_event(&t, *state, &(struct given){.at_s = 601, .quiet = true}, NULL).grew);
	assert_true(place_event(&t, *state, &(struct given){.at_s = 602}, NULL).grew);
	incident_table_done(&t);
}

static void sentence_says_what_happened_in_order(void **state)
{
	static const struct given done[] = {
		{.rule = "exec", .object = "exec /bin/sh", .path = "/bin/sh"},
		{.rule = "exec", .object = "exec /usr/bin/id", .path = "/usr/bin/id"},
		{.rule = "connect", .object = "connect 10.0.0.1:80", .path = "10.0.0.1:80"},
		{.rule = "M"},
		{.rule = "open-w-O", .object = "open w file /x", .path = "/x", .verdict = "deny"},
		{.rule = "path-O", .object = "unlink /y", .path = "/y", .verdict = "kill"},
	};
	struct incident_table t = {};
	struct incident *i = NULL;
	char text[INCIDENT_TEXT];

	for (size_t k = 0; k < sizeof(done) / sizeof(done[0]); k++)
		i = get_placed(&t, *state, &done[k]);
	incident_sentence(i, text);
	assert_string_equal(
		text, "nginx in container shop ran /bin/sh (and 1 more of this kind), connected "
		      "to 10.0.0.1:80, made unusual system calls, wrote /x and did 1 "
		      "other kind of unusual things; 1 operation was refused; 1 process "
		      "was killed");
	incident_table_done(&t);
}

static void sentence_names_the_gravest_of_a_kind_and_counts_the_same(void **state)
{
	static const struct given done[] = {
		{.rule = "exec", .object = "exec /bin/true", .path = "/bin/true"},
		{.rule = "exec", .object = "exec /bin/id", .path = "/bin/id", .verdict = "deny"},
		{.rule = "exec", .object = "exec /bin/id", .path = "/bin/id"},
		{.rule = "exec", .object = "exec /bin/ls", .path = "/bin/ls", .verdict = "deny"},
	};
	struct incident_table t = {};
	struct incident *i = NULL;
	char text[INCIDENT_TEXT];

	for (size_t k = 0; k < sizeof(done) / sizeof(done[0]); k++)
		i = get_placed(&t, *state, &done[k]);
	incident_sentence(i, text);
	assert_string_equal(text, "nginx in container shop ran /bin/id 2 times (and 2 more of this "
				  "kind); 2 operations were refused");
	incident_table_done(&t);
}

static void sentence_without_a_container_is_of_the_kernel(void **state)
{
	struct incident i = {.act[0][INCIDENT_POLICY] = {.n = 1, .same = 1}};
	char text[INCIDENT_TEXT];

	(void)state;
	snprintf(i.act[0][INCIDENT_POLICY].words, sizeof(i.act[0][INCIDENT_POLICY].words),
		 "skipped runs of the guard's programs");
	incident_sentence(&i, text);
	assert_string_equal(text, "the kernel skipped runs of the guard's programs");
}

static void every_rule_has_a_kind(void **state)
{
	(void)state;
	for (unsigned k = 0; k < RULES_COUNT; k++)
		assert_int_equal(k == LUTRA_RULE_SESSION,
				 incident_kind_of(rule_name(k)) == INCIDENT_SESSION);
	assert_int_equal(incident_kind_of("none such"), INCIDENT_POLICY);
}

static void incident_table_is_bounded(void **state)
{
	struct incident_table t = {};
	char cgroup[32];

	for (unsigned k = 0; k < INCIDENT_TABLE_MAX + 50; k++) {
		snprintf(cgroup, sizeof(cgroup), "/c%u", k);
		get_placed(&t, *state, &(struct given){.cgroup = cgroup, .at_s = k});
	}
	assert_int_equal(t.n, INCIDENT_TABLE_MAX);
	assert_null(incident_table_get(&t, 1));
	incident_table_expire(&t, (START_S + 100000) * NSEC_PER_SEC);
	assert_int_equal(t.n, 0);
	incident_table_done(&t);
}

static void incident_processes_make_a_tree_that_is_bounded(void **state)
{
	struct incident_table t = {};
	struct incident *i;

	i = get_placed(
		&t, *state,
		&(struct given){.pid = 40,
				.ancestors = "id[40] < sh[30] < nginx[20] < conmon[5] < x[1]"});
	assert_int_equal(i->n_processes, 3);
	assert_int_equal(i->process[0].ppid, 30);
	assert_int_equal(i->process[2].pid, 20);
	assert_string_equal(i->process[2].name, "nginx");
	assert_int_equal(i->process[2].events, 0);
	for (uint32_t k = 0; k < 1000; k++)
		get_placed(&t, *state, &(struct given){.pid = 1000 + k});
	assert_int_equal(i->n_processes, INCIDENT_PROCESSES);
	incident_table_done(&t);
}

static void ancestors_are_read_whatever_a_process_is_called(void **state)
{
	static const char *const bad[] = {"",	 "x",	 "[", "]", "x[0]", "x[99999999999]",
					  " < ", "x[-1]"};
	struct incident_ancestor a[INCIDENT_ANCESTORS];

	(void)state;
	assert_int_equal(incident_read_ancestors(NULL, a), 0);
	for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++)
		assert_int_equal(incident_read_ancestors(bad[k], a), 0);
	assert_int_equal(incident_read_ancestors("a[b][12] < [13]", a), 2);
	assert_int_equal(a[0].pid, 12);
	assert_string_equal(a[0].name, "a[b]");
	assert_string_equal(a[1].name, "");
	assert_int_equal(incident_read_ancestors("a[1] < a[2] < a[3] < a[4] < a[5] < a[6] < a[7] < "
						 "a[8] < a[9] < a[10] < a[11] < a[12]",
						 a),
			 INCIDENT_ANCESTORS);
}

static void incident_json_goes_to_a_row_and_back(void **state)
{
	const struct incident_maintenance m = {.until_ns = (START_S + 60) * NSEC_PER_SEC,
					       .reason = "upgrade"};
	struct incident_table t = {};
	struct incident *i = place_event(&t, *state, &shell, &m).incident, back = {};
	struct incident_made_row made;
	json_auto_t *j = NULL;

	assert_int_equal(incident_row_make(&made, i), 0);
	incident_from_row(&back, &made.row);
	assert_memory_equal(&back.session, &i->session, sizeof(back.session));
	assert_int_equal(back.maintenance.until_ns, m.until_ns);
	assert_string_equal(back.maintenance.reason, "upgrade");
	j = incident_row_to_json(&made.row);
	assert_null(json_object_get(json_object_get(j, "maintenance"), "until_ns"));
	assert_true(json_is_null(json_object_get(j, "note")));
	incident_row_done(&made);
	incident_table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(incident_takes_what_is_near_in_time),
		T(incident_takes_its_lineage_for_longer),
		T(incident_is_of_one_container),
		T(incident_does_not_grow_for_ever),
		T(incident_is_not_opened_by_what_was_told_or_is_only_noted),
		T(incident_that_is_closed_takes_nothing),
		T(session_with_a_terminal_is_an_incident),
		T(session_without_a_terminal_is_one_when_it_alerts),
		T(session_does_not_take_what_the_service_does),
		T(session_with_a_terminal_takes_no_earlier_session),
		T(session_with_a_terminal_does_not_take_what_another_session_does),
		T(session_does_not_keep_the_service_from_being_told_again),
		T(session_that_was_read_from_a_row_takes_no_service),
		T(maintenance_makes_one_incident),
		T(severity_counts_kinds_not_events),
		T(incident_grows_in_kind_by_service_and_session_apart),
		T(incident_that_goes_on_after_quiet_minutes_is_told_again),
		T(sentence_says_what_happened_in_order),
		T(sentence_names_the_gravest_of_a_kind_and_counts_the_same),
		T(sentence_without_a_container_is_of_the_kernel),
		T(every_rule_has_a_kind),
		T(incident_table_is_bounded),
		T(incident_processes_make_a_tree_that_is_bounded),
		T(ancestors_are_read_whatever_a_process_is_called),
		T(incident_json_goes_to_a_row_and_back),
	};

	return cmocka_run_group_tests_name("incident_table", tests, NULL, NULL);
}
