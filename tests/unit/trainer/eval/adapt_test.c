/* SPDX-License-Identifier: Apache-2.0 */
/* Adaptive attacks as runs: what they are read from, where they begin, and how they are judged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/syscall.h>

#include "lutra/score.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "trainer/adapt.h"

#define SEED 5

struct fixture {
	struct policy *p;
	struct lutra_policy *image;
	struct detectors detectors;
	struct adapt_results *results[2];
	char *dir, *known, *other;
};

static int adapt_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->p = sample_policy();
	f->image = calloc(1, sizeof(*f->image));
	assert_non_null(f->image);
	assert_int_equal(policy_to_kernel(f->p, 1, f->image, NULL), 0);
	f->detectors = (struct detectors){.policy = f->p, .image = f->image};
	for (int i = 0; i < 2; i++) {
		f->results[i] = calloc(1, sizeof(*f->results[i]));
		assert_non_null(f->results[i]);
	}
	f->dir = scratch_dir();
	f->known = scratch_path(f->dir, "known.ltr");
	f->other = scratch_path(f->dir, "other.ltr");
	*state = f;
	return 0;
}

static int adapt_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->p);
	free(f->image);
	free(f->results[0]);
	free(f->results[1]);
	scratch_remove(f->dir);
	free(f->known);
	free(f->other);
	free(f);
	return 0;
}

struct written_run {
	struct trace_writer *w;
	uint64_t ts_ns;
};

static void write_record(struct written_run *r, struct lutra_record rec, const char *path)
{
	rec.ts_ns = r->ts_ns += 1000000;
	assert_int_equal(trace_writer_add(r->w, &rec, path, path ? strlen(path) : 0), 0);
}

static void write_syscall(struct written_run *r, uint32_t tid, unsigned nr)
{
	write_record(
		r,
		(struct lutra_record){
			.type = LUTRA_RECORD_SYSCALL, .tid = tid, .tgid = tid, .nr = (uint16_t)nr},
		NULL);
}

static void write_open(struct written_run *r, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	struct lutra_record rec = {
		.type = LUTRA_RECORD_OBJECT, .tid = tid, .tgid = tid, .nr = SYS_openat};

	lutra_object_pack(&o, &rec);
	write_syscall(r, tid, SYS_openat);
	write_record(r, rec, path);
}

/* Writes the run of a service: tasks 7 and 8 start, accept and answer requests in turn. */
static void write_run(const char *file, uint64_t random, unsigned requests)
{
	char arch[] = "x86_64", none[] = "";
	const struct trace_meta meta = {none, none, none, none, arch, none, 0, 0, 0};
	struct written_run r = {NULL, 1000000000};

	assert_int_equal(trace_writer_new(&r.w, file, &meta, NULL), 0);
	for (uint32_t tid = 7; tid <= 8; tid++) {
		write_open(&r, tid, "/etc/start.conf");
		write_syscall(&r, tid, SYS_accept4);
	}
	for (unsigned i = 0; i < requests; i++) {
		uint32_t tid = 7 + i % 2;

		write_syscall(&r, tid, SYS_epoll_wait);
		write_syscall(&r, tid, SYS_recvfrom);
		if (sample_random(&random) % 2)
			write_syscall(&r, tid, SYS_fstat);
		write_open(&r, tid, "/srv/pages/a.html");
		write_syscall(&r, tid, SYS_read);
		write_syscall(&r, tid, SYS_sendto);
		write_syscall(&r, tid, SYS_close);
	}
	assert_int_equal(trace_writer_close(r.w, 0, NULL), 0);
}

static void known_runs_have_the_steady_tasks_alone(void **state)
{
	struct fixture *f = *state;
	_cleanup_(known_runs_done) struct known_runs k = {0};
	const char *files[] = {f->known};
	unsigned ends = 0;

	write_run(f->known, 3, 100);
	assert_int_equal(known_runs_read(&k, f->p, files, 1, NULL), 0);
	/* Each task has a sequence. What came before the accept is not in it. */
	for (size_t i = 0; i < k.n; i++)
		ends += k.sequence[i] == MACRO_NONE;
	assert_int_equal(ends, 2);
	assert_int_equal(k.macros.list[k.sequence[0]].nr, SYS_epoll_wait);
	for (size_t i = 0; i < k.macros.n_events; i++)
		if (k.macros.events[i].string != LUTRA_NO_STRING) {
			size_t len;

			assert_string_equal(
				intern_get(k.macros.strings, k.macros.events[i].string, &len),
				"/srv/pages/a.html");
		}
}

static void attack_starts_are_where_a_task_has_received(void **state)
{
	struct fixture *f = *state;
	_cleanup_(known_runs_done) struct known_runs k = {0};
	struct attack_starts *s = calloc(1, sizeof(*s));
	const char *known[] = {f->known}, *other[] = {f->other};
	const struct attack_start_source source = {
		.policy = f->p, .files = other, .n = 1, .seed = SEED};

	write_run(f->known, 3, 100);
	write_run(f->other, 4, 2000);
	assert_int_equal(known_runs_read(&k, f->p, known, 1, NULL), 0);
	assert_int_equal(attack_starts_read(s, &source, &k.macros, NULL), 0);
	assert_int_equal(s->n, ATTACK_STARTS_MAX);
	for (size_t i = 0; i < s->n; i++) {
		const struct attack_start *x = &s->list[i];
		size_t calls = 0;

		assert_in_range(x->n, 30, ATTACK_STARTS_EVENTS);
		assert_true(macro_is_receive("x86_64", x->events[x->n - 1].rec.nr));
		for (size_t e = x->n; e-- > 0 && calls < ATTACK_STARTS_RECENT;) {
			if (x->events[e].rec.type != LUTRA_RECORD_SYSCALL)
				continue;
			assert_int_equal(x->calls[calls], x->events[e].rec.nr);
			assert_int_equal(k.macros.list[x->macros[calls]].nr, x->calls[calls]);
			calls++;
		}
		assert_int_equal(calls, ATTACK_STARTS_RECENT);
		/* All are of one task, in the order of time. */
		for (size_t e = 1; e < x->n; e++) {
			assert_int_equal(x->events[e].rec.tid, x->events[0].rec.tid);
			assert_true(x->events[e].rec.ts_ns > x->events[e - 1].rec.ts_ns);
		}
	}
	attack_starts_done(s);
	free(s);
}

/* Makes a macro event of a system call alone. */
static void know_syscall(struct macro_set *m, unsigned nr)
{
	const struct macro_event e = {{.type = LUTRA_RECORD_SYSCALL, .nr = (uint16_t)nr},
				      LUTRA_NO_STRING};
	struct macro_draft d = {0};
	uint32_t number;

	macro_draft_begin(&d, &e);
	assert_int_equal(macro_draft_end(m, &d, &number), 0);
}

/* The onset stands between the start and the attack: what the start did is not seen as the attack. */
static void splice_run_has_its_onset_before_the_attack(void **state)
{
	struct fixture *f = *state;
	_cleanup_(known_runs_done) struct known_runs k = {0};
	_cleanup_(splice_run_done) struct splice_run run = {0};
	struct macro_event before[40];
	struct splice_item items[3];
	struct splice splice = {items, 3, 3};
	struct attack_start start = {before, 40, {0}, {0}};
	struct splice_result result = {{0}, false, 0, 0, {{0}}};

	assert_int_equal(macro_set_init(&k.macros, "x86_64"), 0);
	know_syscall(&k.macros, SYS_read);
	know_syscall(&k.macros, SYS_getppid); /* new to the sample policy in role steady */
	for (size_t i = 0; i < 40; i++)
		before[i] = k.macros.events[0];
	for (size_t i = 0; i < 3; i++)
		items[i] = (struct splice_item){i == 1, i != 0};
	assert_int_equal(splice_run_make(&run, &k.macros, &start, &splice), 0);
	assert_int_equal(run.n, 1 + 40 + 1 + 3);
	assert_int_equal(run.records[41].type, LUTRA_RECORD_MARK);
	assert_int_equal(run.records[41].ts_ns, run.onset_ns);
	assert_int_equal(splice_run_judge(&run, &splice, NULL, &f->detectors, &result, NULL), 0);
	assert_true(result.made);
	assert_int_equal(result.calls, 3);
	assert_int_equal(result.payload, 2);
	/* The second call is the new one, the first of two that do a step. */
	assert_true(result.detector[DETECTOR_T].seen);
	assert_true(result.detector[DETECTOR_T].payload_done == .5);
	assert_true(result.detector[DETECTOR_T].score == 1);
	assert_false(result.detector[DETECTOR_OBJECTS].seen);
	/* The same call before the onset alone is no detection. */
	splice_run_done(&run);
	before[3] = k.macros.events[1];
	items[1].macro = 0;
	assert_int_equal(splice_run_make(&run, &k.macros, &start, &splice), 0);
	assert_int_equal(splice_run_judge(&run, &splice, NULL, &f->detectors, &result, NULL), 0);
	assert_false(result.detector[DETECTOR_T].seen);
}

static int adapt_files(struct fixture *f, uint64_t seed, unsigned threads,
		       struct adapt_results *ret, struct err *err)
{
	const char *known[] = {f->known}, *other[] = {f->other};
	const struct adapt_options o = {&f->detectors, known, 1, other, 1, seed, threads, NULL};

	return adapt_judge(&o, ret, err);
}

static void adapt_judge_gives_the_same_on_any_number_of_threads(void **state)
{
	struct fixture *f = *state;
	struct adapt_results *a = f->results[0], *b = f->results[1];
	size_t made = 0, differ = 0;

	write_run(f->known, 3, 300);
	write_run(f->other, 4, 300);
	assert_int_equal(adapt_files(f, SEED, 1, a, NULL), 0);
	assert_int_equal(adapt_files(f, SEED, 3, b, NULL), 0);
	assert_memory_equal(a->list, b->list, sizeof(a->list));
	for (size_t i = 0; i < ADAPT_ATTACKS; i++)
		made += a->list[i].made;
	assert_true(made > ADAPT_ATTACKS / 4);
	assert_int_equal(adapt_files(f, SEED + 1, 1, b, NULL), 0);
	for (size_t i = 0; i < ADAPT_ATTACKS; i++)
		differ += a->list[i].calls != b->list[i].calls;
	assert_true(differ > 0);
}

static void adapt_judge_says_what_the_runs_lack(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};

	write_run(f->known, 3, 0);
	write_run(f->other, 4, 100);
	assert_int_equal(adapt_files(f, SEED, 1, f->results[0], &err), -EINVAL);
	assert_non_null(strstr(err.msg, "training runs"));
}

/* ---- summary ---- */

/* Attacks of two orders: M sees those of the first. */
static void make_results(struct splice_result *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		list[i] = (struct splice_result){.plan = {.order = i % 2},
						 .made = i != 0,
						 .calls = i % 2 ? 40 : 20,
						 .payload = 20};
		list[i].detector[DETECTOR_M] = (struct splice_seen){i % 2 == 0, 1, .25};
	}
}

static void splice_summary_counts_what_was_made(void **state)
{
	struct splice_result list[21];
	struct splice_summary s = {list, 21, 1, DETECTOR_POLICY, {100, 50}, {30, 20}};
	const struct splice_filter all = {-1, -1, -1}, second = {-1, 1, -1}, none = {-1, 2, -1};
	double interval[2];
	json_t *j, *a;

	(void)state;
	make_results(list, 21);
	assert_true(splice_summary_seen(&s, DETECTOR_M, &all) == .5);
	assert_true(splice_summary_seen(&s, DETECTOR_M, &second) == 0);
	assert_true(isnan(splice_summary_seen(&s, DETECTOR_M, &none)));
	assert_true(splice_summary_price(&s, &all) == 1.5);
	assert_true(splice_summary_price(&s, &second) == 2);
	assert_true(splice_summary_payload_done(&s, DETECTOR_M) == .25);
	assert_true(isnan(splice_summary_payload_done(&s, DETECTOR_T)));
	/* There are two groups, so a draw may have one of them twice. */
	splice_summary_seen_95(&s, DETECTOR_M, interval);
	assert_true(interval[0] == 0 && interval[1] == 1);
	splice_summary_seen_95(&s, DETECTOR_T, interval);
	assert_true(interval[0] == 0 && interval[1] == 0);
	j = splice_summary_to_json(&s);
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "attacks")), 20);
	assert_int_equal(json_integer_value(json_object_get(j, "out_of_reach")), 1);
	a = json_object_get(json_object_get(j, "rules"), "M");
	assert_true(json_real_value(json_object_get(a, "seen")) == .5);
	assert_true(json_real_value(json_object_get(json_object_get(a, "by_order"), "1")) == 1);
	assert_true(json_is_null(json_object_get(json_object_get(a, "by_order"), "m4")));
	assert_int_equal(json_array_size(json_object_get(j, "each")), 20);
	json_decref(j);
}

#define T(f) cmocka_unit_test_setup_teardown(f, adapt_setup, adapt_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(known_runs_have_the_steady_tasks_alone),
		T(attack_starts_are_where_a_task_has_received),
		T(splice_run_has_its_onset_before_the_attack),
		T(adapt_judge_gives_the_same_on_any_number_of_threads),
		T(adapt_judge_says_what_the_runs_lack),
		cmocka_unit_test(splice_summary_counts_what_was_made),
	};

	return cmocka_run_group_tests_name("adapt", tests, NULL, NULL);
}
