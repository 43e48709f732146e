/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, how a run is built, alphabets, and reading traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/stat.h>

#include "lib/abi/op_set.h"
#include "lib/abi/syscall_traits.h"
#include "lib/trace/trace.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "trainer/data/run_iter.h"

struct fixture {
	struct corpus corpus;
	struct lutra_policy *policy; /* steady after accept, and nothing else */
	char *dir;
};

static int corpus_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint64_t steady[LUTRA_NR / 64];

	f->policy = calloc(1, sizeof(*f->policy));
	syscall_mask(NULL, SYSCALL_ACCEPTS, steady);
	memcpy(f->policy->steady, steady, sizeof(steady));
	f->dir = scratch_dir();
	*state = f;
	return corpus_init(&f->corpus);
}

static int corpus_teardown(void **state)
{
	struct fixture *f = *state;

	corpus_done(&f->corpus);
	free(f->policy);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* ---- names ---- */

static void intern_numbers_strings_in_order(void **state)
{
	_cleanup_(intern_freep) struct intern *t = NULL;
	char s[32];
	uint32_t id;
	size_t len;

	(void)state;
	assert_int_equal(intern_new(&t), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 5000; i++) {
			int n = snprintf(s, sizeof(s), "name %u", i);

			assert_int_equal(intern_add(t, s, (size_t)n, &id), 0);
			assert_int_equal(id, i);
		}
	}
	assert_int_equal(intern_count(t), 5000);
	assert_memory_equal(intern_get(t, 77, &len), "name 77", 7);
	assert_int_equal(len, 7);
	assert_int_equal(intern_add(t, "", 0, &id), 0);
	assert_int_equal(id, 5000);
}

/* ---- runs ---- */

static void run_builder_folds_and_numbers_objects_once(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct run_object o;
	const char *path;
	size_t len;

	made_run_open(&m, 1, "/srv/page1.html", false);
	made_run_open(&m, 1, "/srv/page22.html", false);
	made_run_open(&m, 1, "/srv/page22.html", true);
	made_run_open(&m, 1, "//memfd:a/b7", true);
	made_run_open(&m, 1, "?/half", true);
	made_run_end(&m, "r", false);
	assert_int_equal(intern_count(f->corpus.names.objects), 4);
	run_names_object(&f->corpus.names, 0, &o);
	path = intern_get(f->corpus.names.paths, o.path, &len);
	assert_int_equal(len, strlen("/srv/#.html"));
	assert_memory_equal(path, "/srv/#.html", len);
	run_names_object(&f->corpus.names, 2, &o);
	path = intern_get(f->corpus.names.paths, o.path, &len);
	assert_memory_equal(path, "//memfd:a/#", len);
	run_names_object(&f->corpus.names, 3, &o);
	path = intern_get(f->corpus.names.paths, o.path, &len);
	assert_memory_equal(path, "?", len);
	assert_false(f->corpus.names.lib_digits);
}

/* Threads come and go under ids that the kernel reuses. Each stays in the role that it is in. */
static void run_builder_numbers_living_tasks_apart_and_reuses_numbers(void **state)
{
	struct fixture *f = *state;
	_cleanup_(run_iter_done) struct run_iter w = {0};
	struct made_run m = made_run_new(&f->corpus);
	static uint8_t expected[50000];
	bool live[512] = {false}, steady[512] = {false};
	uint64_t rng = 8;
	struct run_event e;
	size_t n = 0;

	for (int round = 0; round < 50000; round++) {
		uint64_t draw = sample_random(&rng);
		uint32_t tid = draw % 512;
		bool accept = (draw >> 32 & 3) == 0;

		if (live[tid] && (draw >> 40 & 1)) {
			made_run_task(&m, (tid + 1) * 4096, LUTRA_RECORD_EXIT, 0);
			live[tid] = steady[tid] = false;
			continue;
		}
		made_run_syscall(&m, (tid + 1) * 4096, accept ? SYS_accept4 : SYS_read);
		expected[n++] = steady[tid];
		live[tid] = true;
		steady[tid] |= accept;
	}
	made_run_end(&m, "a", false);
	assert_in_range(f->corpus.runs[0].n_tasks, 1, 512);
	assert_int_equal(run_iter_init(&w, &f->corpus.runs[0], f->policy), 0);
	for (size_t i = 0; i < n; i++) {
		assert_true(run_iter_next(&w, &e));
		assert_int_equal(e.state->role == LUTRA_ROLE_STEADY, expected[i]);
	}
	assert_false(run_iter_next(&w, &e));
}

static void run_builder_keeps_why_a_recording_is_partial(void **state)
{
	static const struct lutra_record mark = {.type = LUTRA_RECORD_MARK,
						 .aux = LUTRA_MARK_PARTIAL};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	_cleanup_(run_done) struct run run = {0};

	assert_int_equal(made_run_record(&m, mark, "a tool lost events"), 0);
	assert_int_equal(made_run_record(&m, mark, "the second reason"), 0);
	assert_int_equal(run_builder_take(m.b, &run), 0);
	assert_string_equal(run.partial, "a tool lost events");
	run_builder_free(m.b);
}

static void run_builder_refuses_bad_records(void **state)
{
	static const struct {
		struct lutra_record rec;
		int r;
	} cases[] = {
		{{.type = LUTRA_RECORD_COUNT}, -EINVAL},
		{{.type = LUTRA_RECORD_OBJECT, .arg = LUTRA_OP_COUNT}, -EINVAL},
		{{.type = LUTRA_RECORD_OBJECT, .arg = LUTRA_OP_NONE}, -EINVAL},
		{{.type = LUTRA_RECORD_MARK, .aux = LUTRA_MARK_ATTACK_ONSET}, -EINVAL},
		{{.type = LUTRA_RECORD_MARK, .aux = LUTRA_MARK_HARM}, -EINVAL},
		{{.type = LUTRA_RECORD_MARK, .aux = LUTRA_MARK_END, .arg = 4}, 0},
		{{.type = LUTRA_RECORD_IPC, .nr = SYS_shmat, .arg = 1}, 0},
	};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(made_run_record(&m, cases[i].rec, NULL), cases[i].r);
	m.ts_ns = UINT64_MAX - MADE_STEP_NS;
	assert_int_equal(made_run_record(&m, cases[5].rec, NULL), -E2BIG);
	run_builder_free(m.b);
}

/* ---- traits of system calls ---- */

static void syscall_mask_has_accepts_or_waits(void **state)
{
	uint64_t bits[LUTRA_NR / 64];

	(void)state;
	syscall_mask(NULL, SYSCALL_ACCEPTS, bits);
	assert_true(bits[SYS_accept4 / 64] >> (SYS_accept4 & 63) & 1);
	assert_false(bits[SYS_poll / 64] >> (SYS_poll & 63) & 1);
	syscall_mask(NULL, SYSCALL_WAITS, bits);
	assert_true(bits[SYS_epoll_pwait2 / 64] >> (SYS_epoll_pwait2 & 63) & 1);
	assert_false(bits[SYS_accept / 64] >> (SYS_accept & 63) & 1);
}

/* ---- traces ---- */

/* Keeps the last warning in ctx, a struct err. */
static void take_warning(void *ctx, const char *line)
{
	err_set(ctx, 0, "%s", line);
}

/* A trace of n reads; type of its last record. The caller's to free. */
static char *make_trace(const struct fixture *f, const char *name, const char *arch, int n,
			unsigned type)
{
	char *path = scratch_path(f->dir, name);
	char image[] = "i", none[] = "", machine[16];
	struct trace_meta meta = {.image = image,
				  .container_id = none,
				  .host = none,
				  .kernel = none,
				  .arch = machine,
				  .source = none,
				  .ops = 2};
	struct lutra_record rec = {.type = LUTRA_RECORD_SYSCALL, .tid = 1};
	struct trace_writer *w;

	snprintf(machine, sizeof(machine), "%s", arch);
	assert_int_equal(trace_writer_new(&w, path, &meta, NULL), 0);
	for (int i = 0; i < n; i++) {
		rec.ts_ns += 1000;
		assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	}
	rec.type = (uint16_t)type;
	rec.aux = LUTRA_MARK_ATTACK_ONSET;
	assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	assert_int_equal(trace_writer_flush(w), 0);
	assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	assert_int_equal(trace_writer_close(w, 0, NULL), 0);
	return path;
}

static void corpus_load_takes_traces_and_sorts_runs(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *b = make_trace(f, "b", "x86_64", 5, LUTRA_RECORD_SYSCALL);
	_cleanup_free_ char *a = make_trace(f, "a", "x86_64", 6, LUTRA_RECORD_SYSCALL);
	_cleanup_free_ char *h = make_trace(f, "0", "x86_64", 7, LUTRA_RECORD_SYSCALL);

	assert_int_equal(corpus_load(&f->corpus, h, true, NULL), 0);
	assert_int_equal(corpus_load(&f->corpus, b, false, NULL), 0);
	assert_int_equal(corpus_load(&f->corpus, a, false, NULL), 0);
	corpus_sort(&f->corpus);
	assert_int_equal(f->corpus.n_runs, 2);
	assert_int_equal(f->corpus.n_heldout, 1);
	assert_string_equal(f->corpus.runs[0].file, "a");
	assert_int_equal(f->corpus.runs[0].calls, 8);
	assert_string_equal(f->corpus.runs[2].file, "0");
	assert_int_equal(corpus_ops(&f->corpus), 2);
}

static void corpus_load_refuses_traces_that_cannot_train(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *good = make_trace(f, "good", "x86_64", 5, LUTRA_RECORD_SYSCALL);
	_cleanup_free_ char *attack = make_trace(f, "attack", "x86_64", 5, LUTRA_RECORD_MARK);
	_cleanup_free_ char *empty = make_trace(f, "empty", "x86_64", 0, LUTRA_RECORD_EXIT);
	_cleanup_free_ char *foreign = make_trace(f, "foreign", "riscv64", 5, LUTRA_RECORD_SYSCALL);
	struct err err;

	assert_int_equal(corpus_load(&f->corpus, attack, false, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "attack"));
	assert_int_equal(corpus_load(&f->corpus, empty, false, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "no system calls"));
	assert_int_equal(corpus_load(&f->corpus, foreign, false, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, "riscv64"));
	assert_int_equal(corpus_load(&f->corpus, "/nonexistent", false, &err), -ENOENT);
	assert_int_equal(corpus_load(&f->corpus, good, false, &err), 0);
	assert_int_equal(corpus_load(&f->corpus, good, true, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "same run"));
	assert_int_equal(f->corpus.n_runs + f->corpus.n_heldout, 1);
}

static void write_idle_record(struct trace_writer *w, unsigned i)
{
	static const uint16_t waits[] = {SYS_epoll_wait, SYS_futex, SYS_clock_nanosleep,
					 LUTRA_NR_RESTART};
	struct lutra_record rec = {.type = LUTRA_RECORD_SYSCALL,
				   .tid = 1,
				   .nr = waits[i % 4],
				   .ts_ns = 1000000ull * (i + 1)};

	assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
}

/* What waits is no work; the next trace has one read beside it. */
static void corpus_load_leaves_out_a_run_in_which_nothing_happened(void **state)
{
	struct fixture *f = *state;

	for (int busy = 0; busy < 2; busy++) {
		_cleanup_free_ char *path = scratch_path(f->dir, busy ? "busy" : "idle");
		const struct lutra_record read = {
			.type = LUTRA_RECORD_SYSCALL, .tid = 1, .nr = SYS_read, .ts_ns = 1u << 30};
		struct trace_writer *w = NULL;
		struct err warning = {""};
		char arch[] = "x86_64", none[] = "";
		struct trace_meta meta = {.image = none,
					  .container_id = none,
					  .host = none,
					  .kernel = none,
					  .arch = arch,
					  .source = none};

		assert_int_equal(trace_writer_new(&w, path, &meta, NULL), 0);
		for (unsigned i = 0; i < 8; i++)
			write_idle_record(w, i);
		if (busy)
			assert_int_equal(trace_writer_add(w, &read, NULL, 0), 0);
		assert_int_equal(trace_writer_close(w, 0, NULL), 0);
		f->corpus.warn = take_warning;
		f->corpus.warn_ctx = &warning;
		assert_int_equal(corpus_load(&f->corpus, path, false, NULL), 0);
		assert_int_equal(f->corpus.n_runs, (size_t)busy);
		assert_int_equal(warning.msg[0] != '\0', !busy);
	}
}

static void corpus_load_counts_a_torn_trace_as_a_run_up_to_the_tear(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = make_trace(f, "torn", "x86_64", 500, LUTRA_RECORD_SYSCALL);
	struct err warning = {""};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 3), 0);
	f->corpus.warn = take_warning;
	f->corpus.warn_ctx = &warning;
	assert_int_equal(corpus_load(&f->corpus, path, false, NULL), 0);
	assert_int_equal(strncmp(warning.msg, path, strlen(path)), 0);
	assert_non_null(strstr(warning.msg, "; 501 records before it are kept, and count as a run "
					    "that ends there"));
	assert_int_equal(f->corpus.n_runs, 1);
	assert_int_equal(f->corpus.runs[0].calls, 501);
}

#define T(f) cmocka_unit_test_setup_teardown(f, corpus_setup, corpus_teardown)

/* What only hooks see, an update learns from the new runs if the old ones saw nothing of it. */
static void corpus_ops_of_hooks_come_with_the_new_runs(void **state)
{
	const uint32_t fallback = LUTRA_OPS_ALL & ~OPS_OF_HOOKS;
	struct run runs[2] = {{.ops = fallback}, {.ops = LUTRA_OPS_ALL}};
	struct corpus c = {.runs = runs, .n_runs = 2, .n_old = 1};

	(void)state;
	assert_int_equal(corpus_ops(&c), LUTRA_OPS_ALL);
	runs[1].ops = fallback;
	assert_int_equal(corpus_ops(&c), fallback);
	c.n_runs = 1;
	assert_int_equal(corpus_ops(&c), fallback);
	/* An older policy of hooks stays as it is. */
	runs[0].ops = LUTRA_OPS_ALL & ~(1u << LUTRA_OP_PEER);
	runs[1].ops = LUTRA_OPS_ALL;
	c.n_runs = 2;
	assert_int_equal(corpus_ops(&c), runs[0].ops);
	/* Runs that are not those of a policy must all have seen it. */
	runs[0].ops = fallback;
	c.n_old = 0;
	assert_int_equal(corpus_ops(&c), fallback);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(corpus_ops_of_hooks_come_with_the_new_runs),
		T(intern_numbers_strings_in_order),
		T(run_builder_folds_and_numbers_objects_once),
		T(run_builder_numbers_living_tasks_apart_and_reuses_numbers),
		T(run_builder_keeps_why_a_recording_is_partial),
		T(run_builder_refuses_bad_records),
		T(syscall_mask_has_accepts_or_waits),
		T(corpus_load_takes_traces_and_sorts_runs),
		T(corpus_load_refuses_traces_that_cannot_train),
		T(corpus_load_leaves_out_a_run_in_which_nothing_happened),
		T(corpus_load_counts_a_torn_trace_as_a_run_up_to_the_tear),
	};

	return cmocka_run_group_tests_name("train_data", tests, NULL, NULL);
}
