/* SPDX-License-Identifier: Apache-2.0 */
/* The thresholds of levels M and N, and that their replays are what the scorer does with the policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "lutra/score.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/rules/calibration/replayed_run.h"
#include "trainer/rules/objects.h"

static int calibrate_level_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return corpus_init(c);
}

static int calibrate_level_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

/*
 * By hand: in the odd run's replay uname and socket are unknown. New pairs are (file, UNK), (UNK, UNK)
 * and (UNK, file), each once. Level N moves by 1/16: 4096, 7936, 11536.
 */
static void calibrate_threshold_of_few_runs_has_a_margin(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;

	made_run_odd_one_out(c);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(p->novelty_shift, M_NOVELTY_SHIFT);
	assert_int_equal(p->novelty_counts, M_NOVELTY_COUNTS);
	assert_true(fabs(p->calibration.max_novelty - 11536 / 65536.) < 1e-9);
	assert_int_equal(p->novelty_threshold, 15382); /* 11536 * 4 / 3, rounded up */
	assert_int_equal(p->action[LUTRA_RULE_NOVELTY], LUTRA_ACTION_ALERT);
	assert_int_equal(p->action[LUTRA_RULE_LEVEL], LUTRA_ACTION_LOG);
	/* The odd run is judged by the threshold of the others, the floor: twice, 2 s apart. */
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_NOVELTY], 2);
}

/* Returns the level in units, from nat. */
static double level_units(double nat)
{
	return rint(nat * CALIBRATE_UNITS);
}

/* The last of the runs makes the same system calls as the others, at the end in two other orders. */
static void add_runs_with_an_odd_order(struct corpus *c, unsigned n)
{
	static const unsigned calls[] = {SYS_read,  SYS_write,	 SYS_close, SYS_fstat,
					 SYS_lseek, SYS_pread64, SYS_dup,   SYS_getpid};

	for (unsigned r = 0; r < n; r++) {
		char name[16];
		struct made_run m = made_run_new(c);

		snprintf(name, sizeof(name), "%.*s", (int)r + 1, "abcdefghijkl");
		for (unsigned i = 0; i < 400; i++)
			made_run_syscall(&m, 1, calls[i % 8]);
		for (unsigned i = 0; i < 64 && r == n - 1; i++)
			made_run_syscall(&m, 1, calls[7 - i % 8]);
		for (unsigned i = 0; i < 64 && r == n - 1; i++)
			made_run_syscall(&m, 1, calls[i * 3 % 8]);
		made_run_end(&m, name, false);
	}
}

/* Returns the threshold of many runs whose replays reach a level, in units, in one run alone. */
static double threshold_of_one_odd_run(double level)
{
	const struct m_highest highest = {level, 0};

	return ceil(M_THRESHOLD_MARGIN *
		    m_highest_reference(&highest, M_THRESHOLD_TYPICAL * CALIBRATE_UNITS));
}

/* The same of level N. It is at least the floor. */
static double novelty_threshold_of_one_odd_run(double level)
{
	const struct m_highest highest = {level, 0};

	return fmax(CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT),
		    ceil(N_THRESHOLD_MARGIN *
			 m_highest_reference(&highest, N_THRESHOLD_TYPICAL * LUTRA_N_ONE)));
}

static void calibrate_threshold_of_many_runs_is_pulled_towards_the_typical_level(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	double highest;

	add_runs_with_an_odd_order(c, M_WEIGHTS_RUNS);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(p->level_shift, LUTRA_M_SHIFT);
	assert_int_equal(p->level_counts, LUTRA_M_COUNTS);
	highest = level_units(p->calibration.max_level);
	assert_true(highest > CALIBRATE_FLOOR);
	assert_int_equal(p->threshold, threshold_of_one_odd_run(highest));
	assert_int_equal(p->calibration.alarms[LUTRA_RULE_LEVEL], 1);
	highest = rint(p->calibration.max_novelty * LUTRA_N_ONE);
	assert_true(N_THRESHOLD_MARGIN * highest > CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT));
	assert_int_equal(p->novelty_threshold, novelty_threshold_of_one_odd_run(highest));
}

/* The replay through the policy's keys, as of a recording, finds the levels of the replay of a run. */
static void calibrate_levels_are_those_of_the_scorer(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_free_ struct lutra_m_counters *counters = calloc(1, sizeof(*counters));
	_cleanup_(run_iter_done) struct run_iter it = {0};
	struct run_event e;
	int32_t highest = 0, novelty = 0;
	struct made_run m;

	for (unsigned i = 0; i < M_WEIGHTS_RUNS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%c-run-%0*u", 'a' + (char)i, (int)i, i);
		made_run_service(c, name, i, 200);
	}
	m = made_run_new(c);
	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	for (unsigned i = 0; i < 40; i++) {
		made_run_syscall(&m, 10, i % 3 ? SYS_accept4 : SYS_getppid);
		made_run_open(&m, 10, i % 2 ? "/srv/page1.html" : "/etc/shadow", i % 5 == 0);
		made_run_syscall(&m, 10, i % 2 ? SYS_close : SYS_bind);
	}
	made_run_end(&m, "held", true);
	p = made_policy_train(c, &made_policy_options);
	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	assert_int_equal(run_iter_init(&it, &c->runs[c->n_runs], image), 0);
	while (run_iter_next(&it, &e)) {
		struct lutra_key_search search;
		struct lutra_token_score score = {};
		struct lutra_object o;
		struct lutra_path path;

		if (e.is_syscall) {
			lutra_score_syscall(e.state, image, e.nr, lutra_m_claim_counters, counters,
					    &score);
		} else {
			objects_get(c, e.object, &o, &path);
			lutra_score_object(e.state, image,
					   lutra_object_key(image, &o, &path, &search),
					   lutra_m_claim_counters, counters, &score);
		}
		highest = e.state->m.level > highest ? e.state->m.level : highest;
		novelty = e.state->m.novelty > novelty ? e.state->m.novelty : novelty;
	}
	assert_true(highest > 0);
	assert_true(level_units(p->calibration.max_level) >= highest);
	assert_int_equal(highest, level_units(p->calibration.max_level));
	assert_true(novelty > 0);
	assert_int_equal(novelty, rint(p->calibration.max_novelty * LUTRA_N_ONE));
	assert_int_equal(p->novelty_threshold, novelty_threshold_of_one_odd_run(novelty));
}

static void calibrate_thresholds_are_lowest_for_equal_runs(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;

	for (int r = 0; r < 3; r++)
		made_run_service(c, r == 0 ? "a" : r == 1 ? "bb" : "ccc", 0, 150);
	p = made_policy_train(c, &made_policy_options);
	assert_true(p->calibration.max_level == 0);
	assert_int_equal(p->threshold, CALIBRATE_FLOOR);
	assert_int_equal(p->novelty_threshold, CALIBRATE_NOVELTY_FLOOR(M_NOVELTY_SHIFT));
	assert_int_equal(p->mode, LUTRA_MODE_DENY);
	for (int g = 0; g < LUTRA_RULE_COUNT; g++)
		assert_int_equal(p->calibration.alarms[g], 0);
}

/*
 * For level N of few runs a new pair counts once, and the first history that has it is new to the run. So
 * the histories of a run of one task say what its stream says.
 */
static void replayed_run_histories_find_the_level_of_the_stream(void **state)
{
	struct corpus *c = *state;
	_cleanup_(model_done) struct model m = {0};
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	const struct layer_options options = {.seed = 1, .threads = 1};
	struct replayed_run stream = {0}, histories = {0};
	size_t last = 3;

	add_runs_with_an_odd_order(c, last + 1);
	assert_non_null(image);
	assert_int_equal(policy_new(&p), 0);
	assert_int_equal(model_init(&m, c), 0);
	assert_int_equal(model_train(&m, &options), 0);
	assert_int_equal(model_policy(&m, last, p), 0);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	assert_int_equal(
		replayed_run_stream(&(struct replay_source){c, image, &m.level.tokens, last, false},
				    &c->runs[last], &stream),
		0);
	assert_int_equal(replayed_run_histories(&m.level, last, &image->m, &histories), 0);
	assert_true(stream.level[REPLAYED_N].highest > 0);
	assert_int_equal(histories.level[REPLAYED_N].highest, stream.level[REPLAYED_N].highest);
	assert_true(histories.level[REPLAYED_M].highest > 0);
	replayed_run_done(&stream);
	replayed_run_done(&histories);
}

#define T(f) cmocka_unit_test_setup_teardown(f, calibrate_level_setup, calibrate_level_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(calibrate_threshold_of_few_runs_has_a_margin),
		T(calibrate_threshold_of_many_runs_is_pulled_towards_the_typical_level),
		T(calibrate_levels_are_those_of_the_scorer),
		T(calibrate_thresholds_are_lowest_for_equal_runs),
		T(replayed_run_histories_find_the_level_of_the_stream),
	};

	return cmocka_run_group_tests_name("calibrate_level", tests, NULL, NULL);
}
