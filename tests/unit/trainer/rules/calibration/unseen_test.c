/* SPDX-License-Identifier: Apache-2.0 */
/* New things at the end of training: counted by hand, and their intervals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
#include "trainer/rules/calibration/episodes.h"
#include "trainer/rules/calibration/unseen.h"
#include "trainer/train.h"

static bool is_near(double a, double b)
{
	return fabs(a - b) <= 1e-3 * fabs(b) + 1e-9;
}

/* ---- intervals of clumps ---- */

/* Garwood's ends for 0, 1 and 3 episodes are 0 and 3.6889, .0253 and 5.5716, .6187 and 8.7673. */
static void episodes_clumped_rate_is_garwoods_for_even_runs(void **state)
{
	const struct episodes_of_run even[] = {{1, 1}, {1, 1}, {1, 1}}, none[] = {{0, 1}, {0, 1}};
	double rate[2];

	(void)state;
	episodes_clumped_rate_95(even, 3, rate);
	assert_true(is_near(rate[0], .6187 / 3) && is_near(rate[1], 8.7673 / 3));
	episodes_clumped_rate_95(none, 2, rate);
	assert_true(rate[0] == 0 && is_near(rate[1], 3.6889 / 2));
}

/*
 * 4 of 4 in one of three runs: 4/3 are expected in each, chi-square is (16/9 + 16/9 + 64/9) / (4/3)
 * = 8, for 2 degrees of freedom: 4 episodes are one clump.
 */
static void episodes_clumped_rate_is_wide_where_one_run_has_all(void **state)
{
	const struct episodes_of_run one[] = {{0, 1}, {4, 1}, {0, 1}};
	double rate[2];

	(void)state;
	episodes_clumped_rate_95(one, 3, rate);
	assert_true(is_near(rate[0], 4 * .0253 / 3) && is_near(rate[1], 4 * 5.5716 / 3));
}

/* 6 and 0 in runs of 2 h and 1 h: 4 and 2 are expected, chi-square is 4/4 + 4/2 = 3: two clumps. */
static void episodes_clumped_rate_knows_the_length_of_runs(void **state)
{
	const struct episodes_of_run uneven[] = {{6, 2}, {0, 1}}, even[] = {{4, 2}, {2, 1}};
	double rate[2], two[2];

	(void)state;
	episodes_clumped_rate_95(uneven, 2, rate);
	episodes_rate_95(2, 3, two);
	assert_true(is_near(rate[0], 3 * two[0]) && is_near(rate[1], 3 * two[1]));
	episodes_clumped_rate_95(even, 2, rate);
	episodes_rate_95(6, 3, two);
	assert_true(is_near(rate[1], two[1]));
}

static void episodes_clumped_rate_without_hours_is_zero(void **state)
{
	const struct episodes_of_run runs[] = {{3, 0}};
	double rate[2] = {1, 1};

	(void)state;
	episodes_clumped_rate_95(runs, 1, rate);
	assert_true(rate[0] == 0 && rate[1] == 0);
}

/* ---- the estimate ---- */

static void unseen_estimate_adds_up_runs_and_kinds(void **state)
{
	struct unseen_counts counts[] = {{.hours = 2}, {.hours = 1}};
	struct policy_unseen u;
	double two[2];

	(void)state;
	counts[0].things[POLICY_UNSEEN_NAMES] = 1;
	counts[1].things[POLICY_UNSEEN_NAMES] = 1;
	counts[0].things[POLICY_UNSEEN_CALLS] = 1;
	assert_int_equal(unseen_estimate(counts, 2, &u), 0);
	assert_int_equal(u.runs, 2);
	assert_true(u.hours == 3);
	assert_int_equal(u.all.things, 3);
	assert_int_equal(u.kind[POLICY_UNSEEN_NAMES].things, 2);
	assert_int_equal(u.kind[POLICY_UNSEEN_CALLS].things, 1);
	episodes_rate_95(2, 3, two);
	assert_true(is_near(u.kind[POLICY_UNSEEN_NAMES].per_hour_95[1], two[1]));
	assert_true(is_near(u.kind[POLICY_UNSEEN_PROGRAMS].per_hour_95[1], 3.6889 / 3));
}

/* ---- by policies ---- */

static int unseen_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return corpus_init(c);
}

static int unseen_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

/* A run of a small service that also reads the files of a list. */
static void add_run(struct corpus *c, const char *name, const char *const *files)
{
	struct made_run m = made_run_new(c);

	for (int i = 0; i < 50; i++) {
		made_run_syscall(&m, 1, SYS_read);
		made_run_syscall(&m, 1, SYS_accept);
		made_run_open(&m, 1, "/etc/conf", false);
	}
	for (; *files; files++)
		for (int i = 0; i < 3; i++)
			made_run_open(&m, 1, *files, false);
	made_run_end(&m, name, false);
}

static struct policy_unseen train_unseen(const struct corpus *c)
{
	const struct train_options options = {
		.image = "made", .seed = 1, .threads = 1, .mode = TRAIN_MODE_DEFAULT};
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err err = {""};

	if (train_policy(c, &options, NULL, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p->calibration.unseen;
}

/* "/etc/a" is in two runs, "/etc/b" and "/etc/c" are in one, each read three times. */
static void unseen_counts_things_of_one_run_once(void **state)
{
	static const char *const none[] = {NULL}, *const a[] = {"/etc/a", NULL},
				 *const abc[] = {"/etc/a", "/etc/b", "/etc/c", NULL};
	struct corpus *c = *state;
	struct policy_unseen u;

	add_run(c, "1", none);
	add_run(c, "22", a);
	add_run(c, "333", abc);
	u = train_unseen(c);
	assert_int_equal(u.runs, 3);
	assert_int_equal(u.kind[POLICY_UNSEEN_FILES_READ].things, 2);
	assert_int_equal(u.all.things, 2);
	assert_true(is_near(u.hours,
			    (c->runs[0].length_ms + c->runs[1].length_ms + c->runs[2].length_ms) /
				    3.6e6));
	/* Both are in one run of three that are about as long: they are one clump. */
	assert_true(u.all.per_hour_95[1] > 1.8 * 5.57 / u.hours);
}

/* Of the calls that one run alone made, those that an LSM hook can refuse alert. */
static void unseen_counts_calls_that_alert(void **state)
{
	static const char *const none[] = {NULL};
	struct corpus *c = *state;
	struct policy_unseen u;
	struct made_run m;

	add_run(c, "1", none);
	add_run(c, "22", none);
	m = made_run_new(c);
	for (int i = 0; i < 4; i++) {
		made_run_syscall(&m, 1, SYS_accept);
		made_run_syscall(&m, 1, SYS_uname);
		made_run_syscall(&m, 1, SYS_ptrace);
		made_run_open(&m, 1, "/etc/conf", false);
	}
	made_run_end(&m, "333", false);
	u = train_unseen(c);
	assert_int_equal(u.kind[POLICY_UNSEEN_CALLS].things, 1);
	assert_int_equal(u.all.things, 1);
}

static void unseen_is_not_known_after_one_run(void **state)
{
	static const char *const none[] = {NULL};
	struct corpus *c = *state;

	add_run(c, "1", none);
	assert_int_equal(train_unseen(c).runs, 0);
}

static void unseen_shares_objects_where_others_had_them_in_the_role(void **state)
{
	uint8_t roles[3][2] = {{1, 0}, {3, 0}, {1, 4}};
	struct run_counts counts[3] = {
		{.object_roles = roles[0]}, {.object_roles = roles[1]}, {.object_roles = roles[2]}};
	struct corpus *c = *state;
	struct model m = {.corpus = c, .counts = counts};
	struct made_run run = made_run_new(c);

	made_run_open(&run, 1, "/etc/a", false);
	made_run_open(&run, 1, "/etc/b", false);
	for (const char *name = "321"; *name; name++) {
		made_run_syscall(&run, 1, SYS_read);
		made_run_end(&run, name, false);
		run = made_run_new(c);
	}
	run_builder_free(run.b);
	assert_true(unseen_shares_objects(&m, 0));
	assert_false(unseen_shares_objects(&m, 1));
	assert_false(unseen_shares_objects(&m, 2));
}

#define T(f) cmocka_unit_test_setup_teardown(f, unseen_setup, unseen_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(episodes_clumped_rate_is_garwoods_for_even_runs),
		cmocka_unit_test(episodes_clumped_rate_is_wide_where_one_run_has_all),
		cmocka_unit_test(episodes_clumped_rate_knows_the_length_of_runs),
		cmocka_unit_test(episodes_clumped_rate_without_hours_is_zero),
		cmocka_unit_test(unseen_estimate_adds_up_runs_and_kinds),
		T(unseen_counts_things_of_one_run_once),
		T(unseen_counts_calls_that_alert),
		T(unseen_is_not_known_after_one_run),
		T(unseen_shares_objects_where_others_had_them_in_the_role),
	};

	return cmocka_run_group_tests_name("unseen", tests, NULL, NULL);
}
