/* SPDX-License-Identifier: Apache-2.0 */
/* Updates that would make a policy weaker: they ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/support/sample.h"
#include "tests/support/trainer/made_run.h"
#include "tests/support/trainer/made_update.h"
#include "trainer/rules/calibration/calibrate.h"
#include "trainer/train.h"

struct answers {
	bool may;
	unsigned asked;
	bool asked_of_exec, asked_of_level;
};

static bool give_answer(void *ctx, const char *text)
{
	struct answers *a = ctx;

	a->asked++;
	a->asked_of_exec |= strcmp(text, "rule exec: deny instead of kill") == 0;
	a->asked_of_level |= strncmp(text, "threshold M: ", 13) == 0;
	return a->may;
}

/* Adds a run whose system calls follow no order. */
static void add_wild_run(struct corpus *c)
{
	static const unsigned nrs[] = {SYS_accept4, SYS_read, SYS_write, SYS_close, SYS_openat};
	struct made_run m = made_run_new(c);
	uint64_t rng = 3;

	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	for (int i = 0; i < 2000; i++)
		made_run_syscall(&m, 10, nrs[sample_random(&rng) % 5]);
	made_run_end(&m, "wild.ltr", false);
}

/*
 * Updates the policy, whose exec rule somebody made stricter, by a run that is unlike the others.
 */
static void update_wildly(struct made_update *f, struct answers *answers, struct policy **ret)
{
	const struct train_options options = {.old = f->old,
					      .image = "made",
					      .seed = f->old->seed,
					      .threads = 1,
					      .mode = TRAIN_MODE_DEFAULT,
					      .may_weaken = give_answer,
					      .may_weaken_ctx = answers};
	struct err err = {""};

	f->old->action[LUTRA_RULE_EXEC] = LUTRA_ACTION_KILL;
	add_wild_run(&f->corpus);
	if (train_policy(&f->corpus, &options, NULL, ret, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(answers->asked_of_exec && answers->asked_of_level);
}

static void update_stays_as_strict_as_the_policy_before(void **state)
{
	struct answers no = {.may = false};
	struct made_update *f = *state;

	update_wildly(f, &no, &f->p);
	assert_int_equal(f->p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_KILL);
	assert_int_equal(f->p->threshold, f->old->threshold);
}

static void update_becomes_weaker_if_it_may(void **state)
{
	struct answers yes = {.may = true};
	struct made_update *f = *state;

	update_wildly(f, &yes, &f->p);
	assert_int_equal(f->p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_DENY);
	assert_true(f->p->threshold > f->old->threshold);
}

/* The old policy's replays count as one, with the highest level of all of them. */
static void update_has_a_threshold_of_old_and_new_replays(void **state)
{
	struct answers yes = {.may = true};
	struct made_update *f = *state;
	struct m_highest both = {0};
	double typical = M_THRESHOLD_TYPICAL * CALIBRATE_UNITS;

	f->old->calibration.max_level = .125;
	update_wildly(f, &yes, &f->p);
	assert_true(f->p->calibration.max_level > .125);
	m_highest_add(&both, .125 * CALIBRATE_UNITS);
	m_highest_add(&both, f->p->calibration.max_level * CALIBRATE_UNITS);
	assert_int_equal(f->p->threshold,
			 ceil(M_THRESHOLD_MARGIN * m_highest_reference(&both, typical)));
}

#define T(f) cmocka_unit_test_setup_teardown(f, made_update_setup, made_update_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(update_stays_as_strict_as_the_policy_before),
		T(update_becomes_weaker_if_it_may),
		T(update_has_a_threshold_of_old_and_new_replays),
	};

	return cmocka_run_group_tests_name("update_strict", tests, NULL, NULL);
}
