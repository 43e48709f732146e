/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation: what counts as false alarm, as detected and as in time; baselines; areas; the report.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/syscall.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/trace/trace.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "trainer/eval/report/figures.h"
#include "trainer/eval/report/html.h"

#define MS 1000000ull
#define SEC (1000 * MS)

struct fixture {
	struct policy *p;
	struct lutra_policy *image;
	struct detectors detectors;
	struct evaluated_run run;
	struct trace_writer *w;
	char *dir, *trace, *html;
};

/* A policy whose pairs have no weight: only tokens and objects match. */
static int eval_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char arch[] = "x86_64", none[] = "";
	const struct trace_meta meta = {none, none, none, none, arch, none, 0, 0, 0};

	assert_non_null(f);
	f->p = sample_policy();
	for (size_t i = 0; i < (size_t)f->p->v * f->p->v; i++)
		f->p->t0[i] &= 0xff;
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		f->p->t1[i] &= 0xff;
		f->p->t2[i] &= 0xff;
	}
	f->image = calloc(1, sizeof(*f->image));
	assert_non_null(f->image);
	assert_int_equal(policy_to_kernel(f->p, 1, f->image, NULL), 0);
	f->detectors = (struct detectors){.policy = f->p, .image = f->image};
	f->dir = scratch_dir();
	f->trace = scratch_path(f->dir, "run.ltr");
	f->html = scratch_path(f->dir, "report.html");
	*state = f;
	return trace_writer_new(&f->w, f->trace, &meta, NULL);
}

static int eval_teardown(void **state)
{
	struct fixture *f = *state;

	trace_writer_free(f->w);
	evaluated_run_done(&f->run);
	policy_free(f->p);
	free(f->image);
	scratch_remove(f->dir);
	free(f->trace);
	free(f->html);
	free(f);
	return 0;
}

static void add_record(struct fixture *f, uint64_t ts_ns, uint32_t tid, unsigned type, unsigned nr,
		       uint64_t arg)
{
	const struct lutra_record rec = {.ts_ns = ts_ns,
					 .tid = tid,
					 .tgid = tid,
					 .type = (uint16_t)type,
					 .nr = (uint16_t)nr,
					 .arg = arg};

	assert_int_equal(trace_writer_add(f->w, &rec, NULL, 0), 0);
}

static void add_syscall(struct fixture *f, uint64_t ts_ns, uint32_t tid, unsigned nr)
{
	add_record(f, ts_ns, tid, LUTRA_RECORD_SYSCALL, nr, 0);
}

static void add_mark(struct fixture *f, uint64_t ts_ns, uint32_t tid, unsigned aux,
		     const char *name)
{
	const struct lutra_record rec = {
		.ts_ns = ts_ns, .tid = tid, .type = LUTRA_RECORD_MARK, .aux = (uint16_t)aux};

	assert_int_equal(trace_writer_add(f->w, &rec, name, name ? strlen(name) : 0), 0);
}

static void open_file(struct fixture *f, uint64_t ts_ns, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	struct lutra_record rec = {
		.type = LUTRA_RECORD_OBJECT, .tid = tid, .ts_ns = ts_ns, .nr = SYS_openat};

	lutra_object_pack(&o, &rec);
	assert_int_equal(trace_writer_add(f->w, &rec, path, strlen(path)), 0);
}

static int judge_run(struct fixture *f, enum run_kind kind, struct err *err)
{
	assert_int_equal(trace_writer_close(TAKE_PTR(f->w), 0, NULL), 0);
	return evaluated_run_judge(&f->run, &f->detectors, f->trace, kind, true, err);
}

static void evaluated_run_counts_alarms_less_than_a_second_apart_as_one(void **state)
{
	struct fixture *f = *state;

	add_syscall(f, 1 * SEC, 7, SYS_read);
	add_syscall(f, 2 * SEC, 7, SYS_getppid);
	add_syscall(f, 2 * SEC + 900 * MS, 7, SYS_getppid);
	add_syscall(f, 3 * SEC + 800 * MS, 7, SYS_getppid);
	add_syscall(f, 5 * SEC, 7, SYS_getppid);
	add_syscall(f, 6 * SEC, 7, SYS_socket);
	add_syscall(f, 3601 * SEC, 7, SYS_read);
	assert_int_equal(judge_run(f, RUN_KIND_NORMAL, NULL), 0);
	assert_int_equal(f->run.results.detector[DETECTOR_T].false_alarms, 2);
	assert_int_equal(f->run.results.detector[DETECTOR_TH].false_alarms, 1);
	assert_int_equal(f->run.results.detector[DETECTOR_DENY].false_alarms, 1);
	assert_int_equal(f->run.results.detector[DETECTOR_OBJECTS].false_alarms, 0);
	assert_int_equal(f->run.results.benign_calls, 7);
	assert_true(fabs(run_labels_benign_hours(&f->run.labels) - 1) < 1e-9);
	assert_false(f->run.results.detector[DETECTOR_T].detected);
}

/* Task 8 is attacked at 10 s; 9 is its child; 7 and 6, its child from before, are not. */
static void make_attack(struct fixture *f)
{
	add_syscall(f, 1 * SEC, 7, SYS_read);
	add_syscall(f, 2 * SEC, 8, SYS_getppid); /* benign time: a false alarm of T */
	add_record(f, 3 * SEC, 8, LUTRA_RECORD_FORK, 0, 6 | 6ull << 32);
	add_syscall(f, 10 * SEC - 50 * MS, 7, SYS_socket); /* neither benign nor attack */
	add_mark(f, 10 * SEC, 8, LUTRA_MARK_ATTACK_ONSET, NULL);
	add_syscall(f, 10 * SEC + 1 * MS, 7, SYS_socket);
	add_syscall(f, 10 * SEC + 1 * MS, 6, SYS_socket);
	add_syscall(f, 10 * SEC + 2 * MS, 8, SYS_read);
	add_record(f, 10 * SEC + 3 * MS, 8, LUTRA_RECORD_FORK, 0, 9 | 9ull << 32);
	add_mark(f, 10 * SEC + 4 * MS, 8, LUTRA_MARK_HARM, "early");
	add_syscall(f, 10 * SEC + 4 * MS, 9, SYS_read);
	add_mark(f, 10 * SEC + 5 * MS, 8, LUTRA_MARK_HARM, "secret");
	add_mark(f, 10 * SEC + 5 * MS, 8, LUTRA_MARK_HARM, "own");
	add_syscall(f, 10 * SEC + 5 * MS, 9, SYS_openat);
	open_file(f, 10 * SEC + 6 * MS, 9, "/etc/<b>");
	add_syscall(f, 10 * SEC + 7 * MS, 9, SYS_socket);
	add_mark(f, 11 * SEC, 8, LUTRA_MARK_ATTACK_END, NULL);
	add_syscall(f, 12 * SEC, 9, SYS_getppid);
	add_syscall(f, 13 * SEC, 9, SYS_execve); /* later than 1.5 s after the end */
}

static void evaluated_run_detects_in_the_attacked_tree_only(void **state)
{
	struct fixture *f = *state;
	const struct evaluated_run *t = &f->run;
	size_t in_time;

	make_attack(f);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	assert_int_equal(t->results.detector[DETECTOR_T].false_alarms, 1);
	assert_int_equal(t->results.detector[DETECTOR_TH].false_alarms, 0);
	assert_true(fabs(run_labels_benign_hours(&t->labels) * 3600 - 8.9) < 1e-6);
	/* What a hook sees counts at the time of its system call. */
	assert_true(t->results.detector[DETECTOR_OBJECTS].detected);
	assert_int_equal(t->results.detector[DETECTOR_OBJECTS].first_ns - t->labels.onset_ns,
			 5 * MS);
	assert_int_equal(t->results.detector[DETECTOR_OBJECTS].first_calls, 3);
	assert_int_equal(t->results.detector[DETECTOR_TH].first_ns - t->labels.onset_ns, 7 * MS);
	assert_int_equal(t->results.detector[DETECTOR_TH].first_calls, 4);
	/* The service's own objects do not count as harm: of early and secret, only secret does. */
	assert_int_equal(evaluated_run_harm_in_time(t, DETECTOR_DENY, &in_time), 2);
	assert_int_equal(in_time, 1);
	assert_int_equal(evaluated_run_harm_in_time(t, DETECTOR_TH, &in_time), 2);
	assert_int_equal(in_time, 0);
	/* What mode deny would refuse kills. */
	assert_int_equal(t->results.detector[DETECTOR_KILL].first_ns - t->labels.onset_ns, 5 * MS);
	assert_false(t->results.detector[DETECTOR_M].detected);
}

/* Root task 0 stands for every task, also one that is new. Their time before is benign. */
static void evaluated_run_detects_in_all_tasks_if_the_root_is_none(void **state)
{
	struct fixture *f = *state;
	const struct detector_result *x = &f->run.results.detector[DETECTOR_T];

	add_syscall(f, 1 * SEC, 7, SYS_getppid);
	add_syscall(f, 1 * SEC, 8, SYS_read);
	add_mark(f, 10 * SEC, 0, LUTRA_MARK_ATTACK_ONSET, NULL);
	add_syscall(f, 10 * SEC + 1 * MS, 8, SYS_read);
	add_syscall(f, 10 * SEC + 2 * MS, 9, SYS_socket);
	add_syscall(f, 10 * SEC + 3 * MS, 7, SYS_getppid);
	add_mark(f, 11 * SEC, 0, LUTRA_MARK_ATTACK_END, NULL);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	assert_int_equal(x->false_alarms, 1);
	assert_int_equal(x->first_ns - f->run.labels.onset_ns, 2 * MS);
	assert_int_equal(f->run.results.attack_calls, 3);
	assert_int_equal(f->run.results.n_tasks, 5); /* 7 and 8 twice: before, and in the attack */
}

/* Its root task from a second before the onset on; every event that was new has a name. */
static void evaluated_run_keeps_the_levels_around_an_attack(void **state)
{
	struct fixture *f = *state;
	const struct timeline_point *p;
	size_t event[4];

	add_syscall(f, 1 * SEC, 8, SYS_getppid);
	add_syscall(f, 9 * SEC + 400 * MS, 7, SYS_getppid);
	add_syscall(f, 9 * SEC + 500 * MS, 8, SYS_getppid);
	add_mark(f, 10 * SEC, 8, LUTRA_MARK_ATTACK_ONSET, NULL);
	add_syscall(f, 10 * SEC + 1 * MS, 7, SYS_socket);
	add_syscall(f, 10 * SEC + 2 * MS, 8, SYS_socket);
	add_syscall(f, 11 * SEC, 8, SYS_read);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	p = f->run.results.points;
	assert_true(f->run.results.n_points >= 2);
	assert_true(p[0].ms == -500 && p[0].tid == 8);
	assert_true(p[1].ms == 2 && p[1].tid == 8);
	assert_string_equal(p[0].text, "getppid (startup)");
	assert_string_equal(p[1].text, "socket (startup)");
	assert_true(p[1].fired & 1u << DETECTOR_TH);
	assert_int_equal(figure_events(&f->run, 1, event), 1);
	assert_int_equal(figure_events(&f->run, 4, event), f->run.results.n_points);
	/* The time before the onset is in the timeline, but not in the attack. */
	assert_int_equal(f->run.results.detector[DETECTOR_T].first_calls, 1);
}

static void evaluated_run_refuses_an_attack_given_as_normal(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};

	make_attack(f);
	assert_int_equal(judge_run(f, RUN_KIND_NORMAL, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "--attack"));
}

static void evaluated_run_without_a_label_is_all_attack(void **state)
{
	struct fixture *f = *state;

	add_syscall(f, 1 * SEC, 7, SYS_read);
	add_syscall(f, 2 * SEC, 8, SYS_getppid);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	assert_true(f->run.results.detector[DETECTOR_T].detected);
	assert_int_equal(f->run.results.detector[DETECTOR_T].first_ns - f->run.labels.onset_ns,
			 SEC);
	assert_int_equal(f->run.results.benign_calls, 0);
	assert_true(run_labels_benign_hours(&f->run.labels) == 0);
}

static void summary_adds_up_and_gives_json(void **state)
{
	struct fixture *f = *state;
	struct summary o = {.runs = &f->run, .n = 1, .policy_image = "x"};
	const struct detection *d = &o.detector[DETECTOR_DENY].attacks;
	json_t *j, *deny;

	make_attack(f);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	assert_int_equal(summary_init(&o), 0);
	assert_int_equal(d->runs, 1);
	assert_int_equal(d->detected, 1);
	assert_true(d->ms_mean == 5 && d->ms_median == 5 && d->ms_p95 == 5);
	assert_true(d->calls_median == 3);
	j = summary_to_json(&o);
	assert_non_null(j);
	deny = json_object_get(json_object_get(j, "rules"), "deny");
	assert_true(json_real_value(json_object_get(deny, "in_time")) == .5);
	assert_true(json_real_value(json_object_get(deny, "detection_rate")) == 1);
	assert_int_equal(json_integer_value(json_object_get(deny, "false_alarms")), 0);
	assert_true(json_is_null(json_object_get(json_object_get(json_object_get(j, "rules"), "M"),
						 "delay_ms_mean")));
	assert_null(json_object_get(json_object_get(j, "rules"), "novel_call"));
	json_decref(j);
}

static void summary_auc_counts_ties_half(void **state)
{
	static const struct summary_score perfect[] = {{3, true}, {2, true}, {1, false}},
					  worst[] = {{3, false}, {2, true}},
					  tie[] = {{2, true}, {2, false}},
					  mixed[] = {{4, true}, {3, false}, {2, true}, {1, false}};

	(void)state;
	assert_true(summary_auc(perfect, 3) == 1);
	assert_true(summary_auc(worst, 2) == 0);
	assert_true(summary_auc(tie, 2) == .5);
	assert_true(summary_auc(mixed, 4) == .75);
	assert_true(isnan(summary_auc(perfect, 2)));
}

static void html_report_escapes_what_traces_name(void **state)
{
	struct fixture *f = *state;
	struct summary o = {.runs = &f->run, .n = 1, .policy_image = "a<i>b", .threshold = 1};
	_cleanup_free_ char *text = NULL;
	struct err err = {""};
	size_t len;

	make_attack(f);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	assert_int_equal(summary_init(&o), 0);
	assert_int_equal(html_report(&o, f->html, false, &err), 0);
	assert_int_equal(file_read(AT_FDCWD, f->html, 1u << 24, &text, &len, NULL), 0);
	assert_non_null(strstr(text, "a&lt;i&gt;b"));
	assert_non_null(strstr(text, "/etc/&lt;b&gt;"));
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "src="));
	assert_null(strstr(text, "href=\"http"));
	assert_non_null(strstr(text, "<svg"));
	assert_non_null(strstr(text, "prefers-color-scheme:dark"));
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf,"));
}

static void html_report_replaces_an_old_one_only_on_request(void **state)
{
	struct fixture *f = *state;
	struct summary o = {.runs = &f->run, .n = 1, .policy_image = "x", .threshold = 1};
	_cleanup_free_ char *text = NULL;
	struct err err = {""};
	size_t len;

	make_attack(f);
	assert_int_equal(judge_run(f, RUN_KIND_ATTACK, NULL), 0);
	scratch_write(f->html, "old", 3);
	assert_int_equal(summary_init(&o), 0);
	assert_int_equal(html_report(&o, f->html, false, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "report.html"));
	assert_int_equal(file_read(AT_FDCWD, f->html, 100, &text, &len, NULL), 0);
	assert_string_equal(text, "old");
	assert_int_equal(html_report(&o, f->html, true, &err), 0);
}

/* ---- baselines ---- */

static void ngrams_know_what_another_run_had(void **state)
{
	struct ngrams g;

	(void)state;
	assert_int_equal(ngrams_init(&g), 0);
	assert_int_equal(ngrams_add(&g, "ab", 2, 0), 0);
	assert_int_equal(ngrams_add(&g, "ab", 2, 1), 0);
	assert_int_equal(ngrams_add(&g, "cd", 2, 1), 0);
	assert_true(ngrams_known(&g, "ab", 2, 0));
	assert_true(ngrams_known(&g, "ab", 2, 1));
	assert_true(ngrams_known(&g, "cd", 2, 0));
	assert_false(ngrams_known(&g, "cd", 2, 1));
	assert_true(ngrams_known(&g, "cd", 2, NGRAMS_ALL));
	assert_false(ngrams_known(&g, "ef", 2, NGRAMS_ALL));
	ngrams_done(&g);
}

static void draw_gram(uint64_t *rng, uint16_t calls, uint16_t ret[WITTEN_BELL_ORDER])
{
	for (int k = 0; k < WITTEN_BELL_ORDER; k++)
		ret[k] = (uint16_t)(1 + sample_random(rng) % calls);
}

/* P over all calls, and one that was never seen, is 1, whatever came before. */
static void assert_adds_up(const struct witten_bell_model *m, uint64_t *rng)
{
	for (int i = 0; i < 20; i++) {
		uint16_t gram[WITTEN_BELL_ORDER];
		double sum = 0;

		draw_gram(rng, 5, gram);
		for (uint16_t last = 1; last <= 5; last++) {
			gram[WITTEN_BELL_ORDER - 1] = last;
			sum += exp(-witten_bell_surprise(m, gram));
		}
		assert_true(fabs(sum - 1) < 1e-9);
	}
}

static void witten_bell_probabilities_add_up_to_one(void **state)
{
	_cleanup_(witten_bell_done) struct witten_bell w = {0};
	uint64_t rng = 5;

	(void)state;
	assert_int_equal(witten_bell_init(&w, 2), 0);
	for (size_t i = 0; i < 500; i++) {
		uint16_t gram[WITTEN_BELL_ORDER];

		draw_gram(&rng, 4, gram);
		assert_int_equal(witten_bell_add(&w, gram, i & 1, 1), 0);
	}
	for (size_t without = 0; without < 3; without++) {
		_cleanup_(witten_bell_model_freep) struct witten_bell_model *m = NULL;

		assert_int_equal(witten_bell_model_new(&m, &w, without < 2 ? without : NGRAMS_ALL),
				 0);
		assert_adds_up(m, &rng);
	}
}

static void make_benign(struct fixture *f)
{
	for (unsigned i = 0; i < 300; i++)
		add_syscall(f, (i + 1) * MS, 7,
			    i % 3 == 0	 ? SYS_read
			    : i % 3 == 1 ? SYS_write
					 : SYS_poll);
	assert_int_equal(trace_writer_close(TAKE_PTR(f->w), 0, NULL), 0);
}

static void baselines_count_what_was_never_seen(void **state)
{
	struct fixture *f = *state;
	const char *files[] = {f->trace};
	struct baseline_levels x;
	struct syscall_history h = {0};
	struct baselines b;

	make_benign(f);
	assert_int_equal(baselines_train(&b, files, 1, 1, NULL), 0);
	for (unsigned i = 0; i < 30; i++) {
		baselines_score(&b, &h,
				i % 3 == 0   ? SYS_read
				: i % 3 == 1 ? SYS_write
					     : SYS_poll,
				&x);
		for (unsigned r = DETECTOR_NOVEL_CALL; r <= DETECTOR_WITTEN_BELL5; r++)
			assert_true(x.level[r] <= b.threshold[r]);
	}
	/* A known call in the wrong place: a new pair and sequence; but the bag was there, in
	 * order. */
	baselines_score(&b, &h, SYS_poll, &x);
	assert_true(x.level[DETECTOR_NOVEL_CALL] == 0);
	assert_true(x.level[DETECTOR_NOVEL_BIGRAM] == 1);
	assert_true(x.level[DETECTOR_STIDE6] == 1);
	assert_true(x.level[DETECTOR_BOSC] == 0);
	assert_true(x.level[DETECTOR_WITTEN_BELL5] > b.threshold[DETECTOR_WITTEN_BELL5]);
	baselines_score(&b, &h, SYS_socket, &x);
	assert_true(x.level[DETECTOR_NOVEL_CALL] == 1);
	assert_true(x.level[DETECTOR_STIDE6] == 2);
	assert_true(x.level[DETECTOR_BOSC] == 1);
	baselines_score(&b, &h, SYS_read | LUTRA_NR_IA32, &x);
	assert_true(x.level[DETECTOR_NOVEL_CALL] == 1);
	baselines_done(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, eval_setup, eval_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(evaluated_run_counts_alarms_less_than_a_second_apart_as_one),
		T(evaluated_run_detects_in_the_attacked_tree_only),
		T(evaluated_run_detects_in_all_tasks_if_the_root_is_none),
		T(evaluated_run_keeps_the_levels_around_an_attack),
		T(evaluated_run_refuses_an_attack_given_as_normal),
		T(evaluated_run_without_a_label_is_all_attack),
		T(summary_adds_up_and_gives_json),
		cmocka_unit_test(summary_auc_counts_ties_half),
		T(html_report_escapes_what_traces_name),
		T(html_report_replaces_an_old_one_only_on_request),
		cmocka_unit_test(ngrams_know_what_another_run_had),
		cmocka_unit_test(witten_bell_probabilities_add_up_to_one),
		T(baselines_count_what_was_never_seen),
	};

	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
