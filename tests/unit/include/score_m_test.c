/* SPDX-License-Identifier: Apache-2.0 */
/* The step of levels M and N: repeats, counters, levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lutra/score_m.h"

struct fixture {
	struct lutra_m_tables tables;
	struct lutra_m_counters counters, before;
	struct lutra_m_state state;
	int claims;
};

static int score_m_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->tables.shift = LUTRA_M_SHIFT;
	f->tables.counts = LUTRA_M_COUNTS;
	f->tables.novelty_shift = LUTRA_M_SHIFT;
	f->tables.novelty_counts = LUTRA_M_COUNTS;
	*state = f;
	return 0;
}

static int score_m_teardown(void **state)
{
	free(*state);
	return 0;
}

static void claim_pairs(void *ctx, const struct lutra_m_tables *p, struct lutra_m_score *x)
{
	struct fixture *f = ctx;

	f->claims++;
	lutra_m_claim(&f->counters, x, p->counts, p->novelty_counts);
}

/* Steps a token. Returns the weight that counted, or -1 if the token was left out. */
static int step_token(struct fixture *f, uint8_t token)
{
	struct lutra_m_score score;

	if (!lutra_m_step(&f->state, &f->tables, token, claim_pairs, f, &score))
		return -1;
	return (int)lutra_m_sum(&score);
}

static void m_step_leaves_out_a_token_that_equals_the_last_two(void **state)
{
	struct fixture *f = *state;
	struct lutra_m_state after;

	lutra_m_init(&f->state, &f->tables);
	assert_int_equal(step_token(f, 5), 0);
	assert_int_equal(step_token(f, 5), 0);
	after = f->state;
	assert_int_equal(step_token(f, 5), -1);
	assert_memory_equal(&after, &f->state, sizeof(after));
	assert_int_equal(step_token(f, 6), 0);
	assert_int_equal(step_token(f, 5), 0);
}

static void m_step_leaves_out_what_has_no_token(void **state)
{
	struct fixture *f = *state;
	struct lutra_m_state after;

	f->tables.t0[5 << 8 | 6] = 100 << 8;
	lutra_m_init(&f->state, &f->tables);
	assert_int_equal(step_token(f, LUTRA_PAD), -1);
	assert_int_equal(step_token(f, 5), 0);
	after = f->state;
	assert_int_equal(step_token(f, LUTRA_PAD), -1);
	assert_memory_equal(&after, &f->state, sizeof(after));
	assert_int_equal(step_token(f, 6), 100);
}

static void m_step_counts_a_pair_four_times_and_claims_for_weights_only(void **state)
{
	struct fixture *f = *state;

	f->tables.t0[5 << 8 | 6] = 100 << 8;
	lutra_m_init(&f->state, &f->tables);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(step_token(f, 5), 0);
		assert_int_equal(step_token(f, 6), i < 4 ? 100 : 0);
	}
	assert_int_equal(f->claims, 6);
}

/* As an older lutra made them of few runs: a pair counts once, and level M moves by an eighth. */
static void m_step_follows_the_constants_of_the_tables(void **state)
{
	struct fixture *f = *state;

	f->tables.shift = 3;
	f->tables.counts = 1;
	f->tables.t0[5 << 8 | 6] = 16 << 8;
	lutra_m_init(&f->state, &f->tables);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(step_token(f, 5), 0);
		assert_int_equal(step_token(f, 6), i == 0 ? 16 : 0);
		if (i == 0)
			assert_int_equal(f->state.level, 16 * 4096 / 8);
	}
}

/* Level N counts a pair oftener or less often than the others, each as much, whatever it weighs. */
static void m_step_moves_level_n_by_new_pairs(void **state)
{
	struct fixture *f = *state;

	f->tables.novelty_shift = 4;
	f->tables.novelty_counts = 2;
	f->tables.t0[5 << 8 | 6] = 100 << 8;
	f->tables.t0[6 << 8 | 7] = 3 << 8;
	lutra_m_init(&f->state, &f->tables);
	for (int i = 0; i < 4; i++) {
		f->state.novelty = 0;
		assert_int_equal(step_token(f, 5), 0);
		assert_int_equal(f->state.novelty, 0);
		assert_int_equal(step_token(f, 6), 100);
		assert_int_equal(f->state.novelty, i < 2 ? 4096 : 0);
		assert_int_equal(step_token(f, 7), 3);
		assert_int_equal(f->state.novelty, i < 2 ? 4096 + (65536 - 4096) / 16 : 0);
	}
}

/* Layers 1 and 2 see more than two tokens: level N is of layer 0 alone. */
static void m_step_moves_level_n_by_layer_0_alone(void **state)
{
	struct fixture *f = *state;

	f->tables.t1[0] = f->tables.t2[0] = 100 << 8;
	lutra_m_init(&f->state, &f->tables);
	assert_int_equal(step_token(f, 5), 200);
	assert_true(f->state.level > 0);
	assert_int_equal(f->state.novelty, 0);
}

/* A policy of an older lutra has no level N: its constants are 0. */
static void m_step_leaves_level_n_at_0_without_its_constants(void **state)
{
	struct fixture *f = *state;

	f->tables.novelty_shift = f->tables.novelty_counts = 0;
	f->tables.t0[5 << 8 | 6] = 100 << 8;
	lutra_m_init(&f->state, &f->tables);
	assert_int_equal(step_token(f, 5), 0);
	assert_int_equal(step_token(f, 6), 100);
	assert_int_equal(f->state.novelty, 0);
}

/* One that counts nothing leaves no trace: the kernel may find no counters. */
static void m_step_without_a_claim_weighs_nothing(void **state)
{
	struct fixture *f = *state;
	struct lutra_m_score score;

	f->tables.t0[5 << 8 | 6] = 100 << 8;
	lutra_m_init(&f->state, &f->tables);
	assert_true(lutra_m_step(&f->state, &f->tables, 5, NULL, NULL, &score));
	assert_true(lutra_m_step(&f->state, &f->tables, 6, NULL, NULL, &score));
	assert_int_equal(lutra_m_sum(&score), 0);
	assert_int_equal(f->state.level, 0);
	assert_int_equal(f->state.novelty, 0);
}

static void m_count_leaves_the_neighbours_of_a_counter(void **state)
{
	struct fixture *f = *state;

	memset(&f->counters, 0x33, sizeof(f->counters));
	for (uint32_t i = 0; i < 64; i++) {
		f->before = f->counters;
		for (int n = 0; n < 3; n++)
			assert_int_equal(lutra_m_count(f->counters.t1, i, 4), n == 0 ? 3 : 4);
		for (uint32_t k = 0; k < 64; k++)
			assert_int_equal(f->counters.t1[k >> 3] >> 4 * (k & 7) & 15,
					 k <= i ? 4 : 3);
	}
}

/* The level after n weights w in a row, in double: w (1 - (127 / 128)^n). */
static void m_step_moves_the_level_by_a_128th(void **state)
{
	struct fixture *f = *state;
	double level = 0;
	struct lutra_m_score x = {.weight = {92, 60, 40}};

	for (int i = 0; i < 1000; i++) {
		lutra_m_move(&f->state, &f->tables, &x, (uint8_t)(2 + (i & 1)));
		level += (192. * 4096 - level) / 128;
		assert_true(level - f->state.level >= 0 && level - f->state.level < 128);
	}
	memset(x.weight, 0, sizeof(x.weight));
	for (int i = 0; i < 4000; i++)
		lutra_m_move(&f->state, &f->tables, &x, (uint8_t)(2 + (i & 1)));
	assert_int_equal(f->state.level, 0);
}

/* Any bytes give a defined result: run with sanitizers. */
static void m_step_takes_any_tables_and_states(void **state)
{
	struct fixture *f = *state;
	uint32_t x = 1;

	for (size_t i = 0; i < sizeof(f->tables); i++)
		((uint8_t *)&f->tables)[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	memset(&f->state, 0xff, sizeof(f->state));
	f->state.level = f->state.novelty = 0;
	for (int i = 0; i < 100000; i++) {
		assert_in_range(step_token(f, (uint8_t)((x = x * 1664525 + 1013904223) >> 24)) + 1,
				0, 3 * 255 + 1);
		assert_in_range(f->state.level, 0, 3 * 255 << 12);
		assert_in_range(f->state.novelty, 0, LUTRA_N_ONE);
	}
}

/* Layer 1 pairs codes two tokens apart, layer 2 four: the same history gives the same pairs. */
static void m_step_sees_the_last_eight_tokens(void **state)
{
	struct fixture *f = *state;
	struct lutra_m_score one, two;

	for (uint32_t i = 0; i < 65536; i++)
		f->tables.t0[i] = (i * 2654435761u) >> 25;
	for (uint32_t i = 0; i < 16384; i++)
		f->tables.t1[i] = (i * 2654435761u) >> 25;
	lutra_m_init(&f->state, &f->tables);
	for (uint8_t i = 0; i < 20; i++)
		lutra_m_step(&f->state, &f->tables, (uint8_t)(40 + i), NULL, NULL, &one);
	lutra_m_init(&f->state, &f->tables);
	for (uint8_t i = 0; i < 3; i++)
		lutra_m_step(&f->state, &f->tables, (uint8_t)(90 + i), NULL, NULL, &two);
	for (uint8_t i = 12; i < 20; i++)
		lutra_m_step(&f->state, &f->tables, (uint8_t)(40 + i), NULL, NULL, &two);
	assert_int_equal(one.i0, two.i0);
	assert_int_equal(one.i1, two.i1);
	assert_int_equal(one.i2, two.i2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(m_step_leaves_out_a_token_that_equals_the_last_two,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_leaves_out_what_has_no_token, score_m_setup,
						score_m_teardown),
		cmocka_unit_test_setup_teardown(
			m_step_counts_a_pair_four_times_and_claims_for_weights_only, score_m_setup,
			score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_follows_the_constants_of_the_tables,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_moves_level_n_by_new_pairs, score_m_setup,
						score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_moves_level_n_by_layer_0_alone,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_leaves_level_n_at_0_without_its_constants,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_without_a_claim_weighs_nothing,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_count_leaves_the_neighbours_of_a_counter,
						score_m_setup, score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_moves_the_level_by_a_128th, score_m_setup,
						score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_takes_any_tables_and_states, score_m_setup,
						score_m_teardown),
		cmocka_unit_test_setup_teardown(m_step_sees_the_last_eight_tokens, score_m_setup,
						score_m_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
