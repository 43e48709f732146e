/* SPDX-License-Identifier: Apache-2.0 */
/* What `make alarms` counts of a run: new things, episodes, events, exec sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "bench/alarms/judged_run.h"
#include "bench/alarms/thing.h"
#include "lib/abi/rules.h"
#include "lib/trace/trace.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

#define SEC 1000000000ull

struct fixture {
	struct policy *p;
	struct judged_run run;
	struct window window;
	struct trace_writer *w;
	char *dir, *trace;
};

/* A policy whose pairs have no weight, and which only alerts on a connection. */
static int judged_setup(void **state)
{
	char arch[] = "x86_64", none[] = "";
	const struct trace_meta meta = {none, none, none, none, arch, none, 0, 0, 0};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->p = sample_policy();
	for (size_t i = 0; i < (size_t)f->p->v * f->p->v; i++)
		f->p->t0[i] &= 0xff;
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		f->p->t1[i] &= 0xff;
		f->p->t2[i] &= 0xff;
	}
	f->p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_ALERT;
	f->dir = scratch_dir();
	f->trace = scratch_path(f->dir, "run.ltr");
	*state = f;
	return trace_writer_new(&f->w, f->trace, &meta, NULL);
}

static int judged_teardown(void **state)
{
	struct fixture *f = *state;

	trace_writer_free(f->w);
	judged_run_done(&f->run);
	policy_free(f->p);
	scratch_remove(f->dir);
	free(f->trace);
	free(f);
	return 0;
}

static void add_record(struct fixture *f, uint64_t ts_ns, uint32_t tid, struct lutra_record rec,
		       const char *str)
{
	rec.ts_ns = ts_ns;
	rec.tid = rec.tgid = tid;
	assert_int_equal(trace_writer_add(f->w, &rec, str, str ? strlen(str) : 0), 0);
}

static void arm_task(struct fixture *f, uint64_t ts_ns, uint32_t tid)
{
	add_record(f, ts_ns, tid, (struct lutra_record){.type = LUTRA_RECORD_ARM}, NULL);
}

static void open_file(struct fixture *f, uint64_t ts_ns, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .nr = SYS_openat};

	lutra_object_pack(&o, &rec);
	add_record(f, ts_ns, tid, rec, path);
}

static void connect_port(struct fixture *f, uint64_t ts_ns, uint32_t tid, uint16_t port)
{
	const struct lutra_object o = {.op = LUTRA_OP_CONNECT,
				       .family = LUTRA_AF_INET,
				       .addr_class = LUTRA_ADDR_PRIVATE,
				       .port = port};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .nr = SYS_connect};

	lutra_object_pack(&o, &rec);
	add_record(f, ts_ns, tid, rec, NULL);
}

static void judge_trace(struct fixture *f)
{
	assert_int_equal(trace_writer_close(TAKE_PTR(f->w), 0, NULL), 0);
	assert_int_equal(judged_run_replay(&f->run, f->p, f->trace, NULL), 0);
}

/* Returns the thing with this name, which must be there. */
static const struct run_thing *find_thing(const struct fixture *f, const char *name)
{
	uint32_t i;

	assert_true(intern_find(f->run.names, name, strlen(name), &i));
	return &f->run.things[i];
}

static void judged_run_counts_a_thing_once(void **state)
{
	struct fixture *f = *state;
	const struct outcome_counts *refused = &f->run.outcome[OUTCOME_REFUSED];
	const struct outcome_counts *alerted = &f->run.outcome[OUTCOME_ALERTED];

	open_file(f, 1 * SEC, 7, "/etc/hosts"); /* known */
	open_file(f, 2 * SEC, 7, "/etc/key1");
	open_file(f, 4 * SEC, 7, "/etc/key2"); /* the same one, folded */
	open_file(f, 4 * SEC, 7, "/etc/other");
	open_file(f, 8 * SEC, 7, "/etc/other");
	judge_trace(f);
	assert_int_equal(refused->things, 2);
	assert_int_equal(refused->operations, 4);
	assert_int_equal(refused->episodes, 3);
	assert_int_equal(refused->new_episodes, 2);
	assert_int_equal(alerted->things, 2);
	assert_int_equal(alerted->operations, 3); /* the last is not reported again */
	assert_int_equal(alerted->episodes, 2);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/other")->alerted, 1);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/other")->matched, 2);
	assert_int_equal(intern_count(f->run.names), 2);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/#")->refused, 2);
	assert_int_equal(f->run.objects, 5);
}

/* What only alerts is no refusal. Ports from 32768 on are one thing. */
static void judged_run_keeps_alerts_and_refusals_apart(void **state)
{
	struct fixture *f = *state;

	connect_port(f, 1 * SEC, 7, 80);
	connect_port(f, 2 * SEC, 7, 40000);
	connect_port(f, 3 * SEC, 7, 50000);
	judge_trace(f);
	assert_int_equal(f->run.outcome[OUTCOME_ALERTED].things, 2);
	assert_int_equal(f->run.outcome[OUTCOME_REFUSED].things, 0);
	assert_int_equal(find_thing(f, "connect\tstartup\tconnect ipv4 private 80")->alerted, 1);
	assert_int_equal(find_thing(f, "connect\tstartup\tconnect ipv4 private ephemeral")->alerted,
			 1);
}

/* Task 8 is armed after the first one; 9 is its child; 6 is forked by the service. */
static void judged_run_tells_exec_sessions_from_the_service(void **state)
{
	struct fixture *f = *state;
	const struct lutra_record fork = {.type = LUTRA_RECORD_FORK, .arg = 9 | 9ull << 32};
	const struct lutra_record own = {.type = LUTRA_RECORD_FORK, .arg = 6 | 6ull << 32};

	f->window = (struct window){.begin_ns = 3 * SEC, .end_ns = 6 * SEC};
	f->run.windows = &f->window;
	f->run.n_windows = 1;
	arm_task(f, 1 * SEC, 7);
	add_record(f, 1 * SEC, 7, own, NULL);
	arm_task(f, 2 * SEC, 8);
	add_record(f, 2 * SEC, 8, fork, NULL);
	open_file(f, 2 * SEC, 8, "/etc/a"); /* before the window */
	open_file(f, 3 * SEC, 8, "/etc/a");
	open_file(f, 4 * SEC, 9, "/etc/b");
	open_file(f, 5 * SEC, 6, "/etc/b");
	open_file(f, 5 * SEC, 7, "/etc/c");
	open_file(f, 7 * SEC, 7, "/etc/c"); /* after it */
	judge_trace(f);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/a")->own_refused, 0);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/c")->own_refused, 2);
	assert_int_equal(f->window.rule[LUTRA_RULE_OPEN_READ_PROTECTED].refused, 4);
	assert_int_equal(f->window.rule[LUTRA_RULE_OPEN_READ_PROTECTED].alerted, 2);
	assert_int_equal(f->window.rule[LUTRA_RULE_OPEN_READ_PROTECTED].own_refused, 2);
	assert_int_equal(f->window.n_things, 3);
	assert_false(f->window.things[0].own_refused);
	assert_true(f->window.things[1].own_refused);
}

/* Event 0 replaces a file for good, events 1 and 2 leave nothing. */
static void judged_run_counts_later_refusals_for_the_event_that_lasts(void **state)
{
	struct fixture *f = *state;
	struct window windows[] = {{.begin_ns = 2 * SEC, .end_ns = 3 * SEC, .lasts = true},
				   {.begin_ns = 4 * SEC, .end_ns = 5 * SEC},
				   {.begin_ns = 6 * SEC, .end_ns = 7 * SEC}};
	const unsigned rule = LUTRA_RULE_OPEN_READ_PROTECTED;

	f->run.windows = windows;
	f->run.n_windows = 3;
	open_file(f, 1 * SEC, 7, "/etc/before");
	open_file(f, 2 * SEC, 7, "/etc/before"); /* no doing of event 0 */
	open_file(f, 2 * SEC, 7, "/etc/replaced");
	open_file(f, 4 * SEC, 7, "/etc/replaced");
	open_file(f, 4 * SEC, 7, "/etc/mine");
	open_file(f, 6 * SEC, 7, "/etc/replaced");
	open_file(f, 6 * SEC, 7, "/etc/mine");
	open_file(f, 6 * SEC, 7, "/etc/before");
	judge_trace(f);
	assert_int_equal(windows[0].rule[rule].own_refused, 4);
	assert_int_equal(windows[1].rule[rule].own_refused, 1);
	assert_int_equal(windows[2].rule[rule].own_refused, 2);
	assert_int_equal(windows[0].n_things, 2);
	assert_int_equal(windows[1].n_things, 1);
	f->run.windows = NULL;
	f->run.n_windows = 0;
}

/* A recording whose records have aux says itself which tasks are of an exec session. */
static void judged_run_believes_what_the_recording_says_of_sessions(void **state)
{
	struct fixture *f = *state;
	const struct lutra_record call = {.type = LUTRA_RECORD_SYSCALL, .nr = SYS_read, .aux = 1};
	const struct lutra_record session = {.type = LUTRA_RECORD_ARM, .aux = 1};

	arm_task(f, 1 * SEC, 7);
	add_record(f, 1 * SEC, 7, call, NULL);
	arm_task(f, 2 * SEC, 8);
	add_record(f, 2 * SEC, 9, session, NULL);
	open_file(f, 3 * SEC, 8, "/etc/a");
	open_file(f, 3 * SEC, 9, "/etc/b");
	judge_trace(f);
	assert_int_equal(find_thing(f, "open-r-P\tstartup\topen /etc/a")->own_refused, 1);
	assert_int_equal(find_thing(f, "open-r-P\tsession\topen /etc/b")->own_refused, 0);
}

static void m_and_n_are_levels(void **state)
{
	(void)state;
	for (unsigned rule = 0; rule < RULES_COUNT; rule++)
		assert_int_equal(thing_is_of_level(rule), lutra_is_level_rule(rule));
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, judged_setup, judged_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(judged_run_counts_a_thing_once),
		TEST(judged_run_keeps_alerts_and_refusals_apart),
		TEST(judged_run_believes_what_the_recording_says_of_sessions),
		TEST(judged_run_tells_exec_sessions_from_the_service),
		TEST(judged_run_counts_later_refusals_for_the_event_that_lasts),
		cmocka_unit_test(m_and_n_are_levels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
