/* SPDX-License-Identifier: Apache-2.0 */
/* Level M in training: tokens, histories, weights, replays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "trainer/model/level_m/m_level.h"

struct fixture {
	struct corpus corpus;
	struct lutra_policy *roles;
	struct tokens_source source;
	struct m_corpus m;
};

static int m_level_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->roles = made_run_roles();
	*state = f;
	return corpus_init(&f->corpus);
}

static int m_level_teardown(void **state)
{
	struct fixture *f = *state;

	m_corpus_done(&f->m);
	corpus_done(&f->corpus);
	free(f->roles);
	free(f);
	return 0;
}

static void read_corpus(struct fixture *f, unsigned threads)
{
	f->source = (struct tokens_source){&f->corpus, f->roles, true, threads, NULL, false};
	assert_int_equal(m_corpus_init(&f->m, &f->source), 0);
}

/* Returns the token of the file that was read or written, in a role. */
static uint8_t file_token(const struct fixture *f, uint8_t role, const char *path, bool write)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN,
		.mode = 0x8000,
		.flags = (uint8_t)(LUTRA_OBJ_PATH | (write ? LUTRA_OBJ_WRITE : 0))};
	const struct tokens *t = &f->m.tokens;

	return tokens_object(t, role, object_keys_find(&t->keys, &o, path, strlen(path)));
}

static void tokens_are_of_calls_and_objects_by_role(void **state)
{
	struct fixture *f = *state;
	uint8_t page;

	made_run_service(&f->corpus, "a.ltr", 1, 50);
	made_run_service(&f->corpus, "b.ltr", 2, 50);
	read_corpus(f, 1);
	page = file_token(f, LUTRA_ROLE_STEADY, "/srv/#.html", false);
	assert_in_range(page, LUTRA_TOKEN0, f->m.tokens.v - 1);
	/* The first request's page is opened after the first accept. */
	assert_int_equal(file_token(f, LUTRA_ROLE_STARTUP, "/srv/#.html", false), LUTRA_UNK);
	assert_in_range(file_token(f, LUTRA_ROLE_STARTUP, "/etc/service.conf", false), LUTRA_TOKEN0,
			f->m.tokens.v - 1);
	assert_int_equal(file_token(f, LUTRA_ROLE_STEADY, "/etc/service.conf", false), LUTRA_UNK);
	assert_in_range(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, SYS_read), LUTRA_TOKEN0,
			f->m.tokens.v - 1);
	assert_int_equal(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, SYS_ptrace), LUTRA_UNK);
	assert_int_equal(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, LUTRA_NR), LUTRA_UNK);
	/* Any role knows what one role of the service knows. */
	assert_int_equal(file_token(f, LUTRA_ROLE_ANY, "/srv/#.html", false), page);
	assert_int_equal(f->m.tokens.run[page], TOKENS_RUN_MANY);
}

static void tokens_of_one_run_are_unknown_in_its_replay(void **state)
{
	struct fixture *f = *state;
	struct made_run m;
	struct lutra_state steady = {.role = LUTRA_ROLE_STARTUP};
	struct run_event e = {.state = &steady, .is_syscall = true, .nr = SYS_getppid};
	uint8_t token;

	made_run_service(&f->corpus, "a.ltr", 1, 5);
	m = made_run_new(&f->corpus);
	made_run_syscall(&m, 10, SYS_getppid);
	made_run_syscall(&m, 10, SYS_openat);
	made_run_end(&m, "b.ltr", false);
	read_corpus(f, 1);
	token = m_level_token(&f->m.tokens, &e, 0);
	assert_in_range(token, LUTRA_TOKEN0, f->m.tokens.v - 1);
	assert_int_equal(f->m.tokens.run[token], 1);
	assert_int_equal(m_level_token(&f->m.tokens, &e, 1), LUTRA_UNK);
	e.nr = SYS_openat;
	assert_int_not_equal(m_level_token(&f->m.tokens, &e, 1), LUTRA_UNK);
}

/* An allocator or a lock may make such a call between any two others. */
static void tokens_leave_out_syscalls_of_allocators_and_locks(void **state)
{
	static const unsigned left_out[] = {SYS_brk,	 SYS_mmap,  SYS_munmap,	    SYS_mremap,
					    SYS_madvise, SYS_futex, SYS_sched_yield};
	static const unsigned kept[] = {SYS_read, SYS_mprotect, SYS_clone};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);

	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++)
		made_run_syscall(&m, 10, left_out[i]);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		made_run_syscall(&m, 10, kept[i]);
	made_run_end(&m, "a.ltr", false);
	read_corpus(f, 1);
	for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]); i++) {
		assert_int_equal(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, left_out[i]),
				 LUTRA_PAD);
		/* A role in which no run made the call does not know it. */
		assert_int_equal(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, left_out[i]),
				 LUTRA_UNK);
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_in_range(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, kept[i]),
				LUTRA_TOKEN0, f->m.tokens.v - 1);
}

/* Returns number i of the system calls that have a token and change no role. */
static unsigned nth_syscall(unsigned i)
{
	static const unsigned others[] = {SYS_accept, SYS_restart_syscall, SYS_accept4};

	for (unsigned nr = 0;; nr++) {
		bool is_other = tokens_has_none(nr);

		for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++)
			is_other |= nr == others[k];
		if (!is_other && i-- == 0)
			return nr;
	}
}

/* 129 calls in start-up, the later the more frequent, and 128 of them in steady: 257 cells for 253. */
static void tokens_merge_the_rarest_of_start_up_if_there_are_too_many(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	const struct tokens *t = &f->m.tokens;
	unsigned merged = 0;

	for (unsigned i = 0; i < 128; i++)
		for (unsigned k = 0; k < i + 2; k++)
			made_run_syscall(&m, 10, nth_syscall(i));
	made_run_syscall(&m, 10, SYS_accept);
	for (unsigned i = 0; i < 128; i++)
		made_run_syscall(&m, 10, nth_syscall(i));
	made_run_end(&m, "a.ltr", false);
	read_corpus(f, 1);
	assert_int_equal(t->v, LUTRA_V_MAX);
	for (unsigned i = 0; i < 128; i++) {
		uint8_t startup = tokens_syscall(t, LUTRA_ROLE_STARTUP, nth_syscall(i)),
			steady = tokens_syscall(t, LUTRA_ROLE_STEADY, nth_syscall(i));

		assert_in_range(startup, LUTRA_TOKEN0, LUTRA_V_MAX - 1);
		merged += startup == steady;
		if (i < 4)
			assert_int_equal(startup, steady);
	}
	assert_int_equal(merged, 4);
}

static void tokens_of_too_many_syscalls_are_e2big(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);

	for (unsigned i = 0; i < LUTRA_V_MAX - LUTRA_TOKEN0 + 1; i++)
		made_run_syscall(&m, 10, nth_syscall(i));
	made_run_end(&m, "a.ltr", false);
	f->source = (struct tokens_source){&f->corpus, f->roles, true, 1, NULL, false};
	assert_int_equal(m_corpus_init(&f->m, &f->source), -E2BIG);
}

/* What exec sessions alone did is not in level M, but their system calls have tokens. */
static void tokens_of_exec_sessions_are_of_calls_if_they_do_not_count(void **state)
{
	const struct lutra_record joins = {.type = LUTRA_RECORD_ARM, .tid = 7, .aux = 1};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);

	made_run_syscall(&m, 10, SYS_read);
	assert_int_equal(made_run_record(&m, joins, NULL), 0);
	made_run_open(&m, 7, "/etc/passwd", false);
	made_run_syscall(&m, 7, SYS_uname);
	made_run_syscall(&m, 7, SYS_read);
	made_run_end(&m, "a.ltr", false);
	f->source = (struct tokens_source){&f->corpus, f->roles, false, 1, NULL, false};
	assert_int_equal(m_corpus_init(&f->m, &f->source), 0);
	assert_int_equal(f->m.histories.map.n, 1);
	assert_int_equal(f->m.tokens.n_keys, 0);
	assert_int_equal(f->m.tokens.v, LUTRA_TOKEN0 + 2);
	assert_in_range(tokens_syscall(&f->m.tokens, LUTRA_ROLE_SESSION, SYS_uname), LUTRA_TOKEN0,
			LUTRA_TOKEN0 + 1);
	assert_int_equal(tokens_syscall(&f->m.tokens, LUTRA_ROLE_SESSION, SYS_read),
			 tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_read));
}

static void tokens_leave_out_objects_of_workers(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct lutra_state startup = {.role = LUTRA_ROLE_STARTUP};
	struct run_event e = {.state = &startup, .object = 0};

	made_run_open(&m, 10, "/etc/passwd", false);
	made_run_end(&m, "a.ltr", false);
	read_corpus(f, 1);
	assert_int_equal(tokens_event(&f->m.tokens, &e), LUTRA_TOKEN0);
	e.is_worker = true;
	assert_int_equal(tokens_event(&f->m.tokens, &e), LUTRA_PAD);
}

/* With too many keys, the rarest are left out of the stream; calls never are. */
static void tokens_leave_out_the_rarest_keys(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	char path[64];

	for (unsigned i = 0; i < 300; i++) {
		unsigned times = i < 10 ? 1 : 2;

		snprintf(path, sizeof(path), "/data%c/%c%c/x", 'a' + i / 100, 'a' + i % 26,
			 'a' + i % 100 / 26);
		while (times--)
			made_run_open(&m, 10, path, false);
	}
	made_run_syscall(&m, 10, SYS_read);
	made_run_end(&m, "a.ltr", false);
	read_corpus(f, 1);
	assert_int_equal(f->m.tokens.v, LUTRA_V_MAX);
	assert_int_equal(file_token(f, LUTRA_ROLE_STARTUP, "/dataa/aa/x", false), LUTRA_PAD);
	assert_in_range(tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_read), LUTRA_TOKEN0,
			LUTRA_V_MAX - 1);
}

static void histories_leave_out_repeats_and_follow_forks(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	const struct run_histories *h;
	uint64_t r, w;
	uint32_t at;

	for (int i = 0; i < 5; i++)
		made_run_syscall(&m, 10, SYS_read);
	made_run_task(&m, 10, LUTRA_RECORD_FORK, 11 | 11ull << 32);
	made_run_syscall(&m, 11, SYS_write);
	made_run_syscall(&m, 10, SYS_read);
	made_run_end(&m, "a.ltr", false);
	read_corpus(f, 1);
	r = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_read);
	w = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_write);
	h = &f->m.histories.runs[0];
	assert_int_equal(h->n, 3);
	assert_true(number_map_find(&f->m.histories.map, r, &at));
	assert_true(number_map_find(&f->m.histories.map, r << 8 | r, &at));
	assert_true(number_map_find(&f->m.histories.map, r << 16 | r << 8 | w, &at));
	for (size_t i = 0; i < h->n; i++)
		assert_int_equal(h->list[i].n, 1);
}

/*
 * Firsts 0 and 1: 0 in 4 runs, with one b of one run and one b of all; 1 in 2 runs, each with a b of
 * its own. By hand: D1 = 1, 2; g = 3.5 / 7; e(0) = 2 / 6; e(1) = 3 / 4.
 */
static void m_weights_news_is_good_and_turings_estimate_by_runs(void **state)
{
	uint32_t runs[4 * 2] = {1, 4, 0, 0, 1, 1, 0, 0}, firsts[4] = {4, 2}, count[8];
	const struct m_pairs pairs = {count, runs, firsts};
	double e[4];

	(void)state;
	memcpy(count, runs, sizeof(count));
	m_weights_news(&pairs, 2, 2, e);
	assert_true(fabs(e[0] - 2. / 6) < 1e-12);
	assert_true(fabs(e[1] - 3. / 4) < 1e-12);
}

/* A pair that a run had weighs nothing, any other one from 1/5 to 12 nat. */
static void m_weights_gate_what_was_seen(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ struct lutra_m_tables *all = calloc(1, sizeof(*all)),
					     *less = calloc(1, sizeof(*less));
	_cleanup_(m_codes_done) struct m_codes codes = {0};
	const struct layer_options options = {.seed = 1, .threads = 1};
	uint8_t accept, getuid, read, getppid;
	struct made_run m;

	made_run_service(&f->corpus, "a.ltr", 1, 30);
	made_run_service(&f->corpus, "b.ltr", 2, 30);
	m = made_run_new(&f->corpus);
	made_run_syscall(&m, 10, SYS_getuid);
	made_run_syscall(&m, 10, SYS_getppid);
	made_run_end(&m, "c.ltr", false);
	read_corpus(f, 1);
	assert_non_null(all);
	assert_non_null(less);
	assert_int_equal(
		m_codes_train(&codes, &f->m.histories, f->m.tokens.v, HISTORIES_NO_RUN, &options),
		0);
	assert_int_equal(m_weights_tables(all, &codes, &f->m.histories, HISTORIES_NO_RUN), 0);
	assert_int_equal(m_weights_tables(less, &codes, &f->m.histories, 2), 0);
	accept = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, SYS_accept4);
	read = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STEADY, SYS_read);
	getuid = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_getuid);
	getppid = tokens_syscall(&f->m.tokens, LUTRA_ROLE_STARTUP, SYS_getppid);
	assert_int_equal(all->t0[accept << 8 | read] >> 8, 0);
	assert_in_range(all->t0[read << 8 | accept] >> 8, 3, LUTRA_M_WEIGHT);
	assert_int_equal(all->t0[getuid << 8 | getppid] >> 8, 0);
	assert_in_range(less->t0[getuid << 8 | getppid] >> 8, 3, LUTRA_M_WEIGHT);
	/* The codes stay. */
	for (size_t i = 0; i < 65536; i++)
		assert_int_equal(all->t0[i] & 0xff, less->t0[i] & 0xff);
}

static void m_level_train_gives_the_same_bytes_on_any_number_of_threads(void **state)
{
	struct fixture *f = *state;
	struct m_level one, two;
	const struct m_level_options first = {.seed = 3, .anew = true, .threads = 1},
				     second = {.seed = 3, .anew = true, .threads = 2};

	made_run_service(&f->corpus, "a.ltr", 1, 30);
	made_run_service(&f->corpus, "b.ltr", 2, 30);
	made_run_service(&f->corpus, "c.ltr", 4, 30);
	read_corpus(f, 2);
	assert_int_equal(m_level_train(&one, &f->m, &first), 0);
	assert_int_equal(m_level_train(&two, &f->m, &second), 0);
	assert_memory_equal(one.tables, two.tables, sizeof(*one.tables));
	assert_memory_equal(&one.shared, &two.shared, sizeof(one.shared));
	assert_memory_equal(&one.anew, &two.anew, sizeof(one.anew));
	m_level_done(&one);
	m_level_done(&two);
}

/* Adds three runs; the last one makes new pairs `times` times. Returns the highest level of the replays. */
static int32_t highest_with(unsigned times)
{
	struct fixture *f;
	void *state;
	struct m_level level;
	const struct m_level_options options = {.seed = 1, .random_codes = true, .threads = 1};
	struct made_run m;
	int32_t highest;

	assert_int_equal(m_level_setup(&state), 0);
	f = state;
	made_run_service(&f->corpus, "a.ltr", 0, 30);
	made_run_service(&f->corpus, "b.ltr", 0, 30);
	m = made_run_new(&f->corpus);
	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	for (unsigned i = 0; i < times; i++) {
		made_run_syscall(&m, 10, SYS_bind);
		made_run_syscall(&m, 10, SYS_execve);
	}
	made_run_syscall(&m, 10, SYS_execve);
	made_run_end(&m, "c.ltr", false);
	read_corpus(f, 1);
	assert_int_equal(m_level_train(&level, &f->m, &options), 0);
	highest = (int32_t)level.shared.first;
	m_level_done(&level);
	m_level_teardown(&state);
	return highest;
}

static void m_level_replays_find_what_one_run_alone_does(void **state)
{
	(void)state;
	assert_true(highest_with(4) > highest_with(0));
	/* A pair counts four times a container: thirty more change only what is expected. */
	assert_true(highest_with(60) < 1.2 * highest_with(30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tokens_are_of_calls_and_objects_by_role,
						m_level_setup, m_level_teardown),
		cmocka_unit_test_setup_teardown(tokens_of_one_run_are_unknown_in_its_replay,
						m_level_setup, m_level_teardown),
		cmocka_unit_test_setup_teardown(tokens_leave_out_syscalls_of_allocators_and_locks,
						m_level_setup, m_level_teardown),
		cmocka_unit_test_setup_teardown(
			tokens_merge_the_rarest_of_start_up_if_there_are_too_many, m_level_setup,
			m_level_teardown),
		cmocka_unit_test_setup_teardown(tokens_of_too_many_syscalls_are_e2big,
						m_level_setup, m_level_teardown),
		cmocka_unit_test_setup_teardown(
			tokens_of_exec_sessions_are_of_calls_if_they_do_not_count, m_level_setup,
			m_level_teardown),
		cmocka_unit_test_setup_teardown(tokens_leave_out_objects_of_workers, m_level_setup,
						m_level_teardown),
		cmocka_unit_test_setup_teardown(tokens_leave_out_the_rarest_keys, m_level_setup,
						m_level_teardown),
		cmocka_unit_test_setup_teardown(histories_leave_out_repeats_and_follow_forks,
						m_level_setup, m_level_teardown),
		cmocka_unit_test(m_weights_news_is_good_and_turings_estimate_by_runs),
		cmocka_unit_test_setup_teardown(m_weights_gate_what_was_seen, m_level_setup,
						m_level_teardown),
		cmocka_unit_test_setup_teardown(
			m_level_train_gives_the_same_bytes_on_any_number_of_threads, m_level_setup,
			m_level_teardown),
		cmocka_unit_test(m_level_replays_find_what_one_run_alone_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
