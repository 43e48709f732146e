/* SPDX-License-Identifier: Apache-2.0 */
/* Levels M and N, and objects: an object counts right after the syscall that met it, also from the cache. */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#define PLACE "/tmp/lutra-test-level"
#define NOVEL SYS_getpgid /* harmless, and nothing but the worker calls it */
#define OPENS 6
#define WEIGHT 50		/* of a known object after a syscall with an odd number */
#define THRESHOLD (WEIGHT << 8) /* half of what one such object adds */

/* ---- workers ---- */

/* Opens a file that the policy knows, a few times, then makes a call that it does not. */
static int work_open(void)
{
	int r = DONE;

	for (int i = 0; i < OPENS; i++) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, PLACE, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			r = outcome_of(fd);
		else
			close(fd);
	}
	syscall(NOVEL, 0);
	return r;
}

static const struct worker workers[] = {{"open", work_open}};

/* ---- helpers ---- */

static struct policy *open_policy(void)
{
	struct policy *p = kernel_policy_of_path(PLACE);

	kernel_policy_forget(p, NOVEL, true);
	p->level_counts = LUTRA_M_COUNTS;
	return p;
}

/* Returns the policy of open_policy(), in which nothing but a known object has a weight. */
static struct policy *weighing_policy(void)
{
	struct policy *p = open_policy();

	for (uint32_t a = 0; a < p->v; a++)
		p->t0[a * p->v + LUTRA_UNK] = 0;
	p->t0[KERNEL_POLICY_ODD * p->v + KERNEL_POLICY_OBJECT] = WEIGHT << 8;
	return p;
}

static int run_opens(struct box *b, struct policy *p, uint32_t mode)
{
	close(open(PLACE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	box_enroll(b, p, mode, false);
	policy_free(p);
	return box_run(b, "open", NULL);
}

/* Returns the evidence of a rule that names the file, or NULL. */
static const struct lutra_evidence *find_evidence_of_file(const struct box *b, unsigned rule)
{
	for (size_t i = 0; i < b->n_evidence; i++)
		if (b->evidence[i].ev.rule == rule && strcmp(b->evidence[i].str, PLACE) == 0)
			return &b->evidence[i].ev;
	return NULL;
}

/* Checks that the history of NOVEL has an object after each open, of which the first ones weigh. */
static void assert_objects_in_history(const struct box *b, unsigned weigh)
{
	const struct lutra_history *h = box_find_evidence(b, LUTRA_RULE_NEW_HOOKABLE)->ev.history;
	unsigned objects = 0;

	for (int i = 1; i < LUTRA_HISTORY; i++) {
		if ((h[i - 1].nr_role & (LUTRA_HISTORY_OBJECT | LUTRA_HISTORY_NR)) != SYS_openat)
			continue;
		assert_int_equal(h[i].nr_role, LUTRA_HISTORY_OBJECT | KERNEL_POLICY_KEY);
		assert_int_equal(h[i].weight, objects < weigh ? WEIGHT : 0);
		objects++;
	}
	assert_int_equal(objects, OPENS);
}

/* ---- tests ---- */

static void level_counts_each_object_after_its_syscall(void **state)
{
	struct box *b = *state;

	assert_exited(run_opens(b, open_policy(), LUTRA_MODE_AUDIT), DONE);
	assert_objects_in_history(b, 0);
}

static void level_object_weighs_four_times(void **state)
{
	struct box *b = *state;

	assert_exited(run_opens(b, weighing_policy(), LUTRA_MODE_AUDIT), DONE);
	assert_objects_in_history(b, LUTRA_M_COUNTS);
}

static void level_object_may_pass_the_threshold(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();
	const struct lutra_evidence *ev;

	p->threshold = THRESHOLD;
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	ev = find_evidence_of_file(b, LUTRA_RULE_LEVEL);
	assert_non_null(ev);
	assert_int_equal(ev->kind, LUTRA_KIND_KNOWN);
	assert_int_equal(ev->verdict, LUTRA_VERDICT_ALERT);
	assert_int_equal(ev->nr, SYS_openat);
	assert_int_equal(ev->object.op, LUTRA_OP_OPEN);
	assert_int_equal(ev->refused, 0);
	assert_int_equal(ev->weight[0], WEIGHT);
	assert_int_equal(ev->weight[1], 0);
	assert_int_equal(ev->level, WEIGHT << 9);
	assert_int_equal(ev->threshold, THRESHOLD);
	assert_int_equal(ev->history[LUTRA_HISTORY - 1].nr_role,
			 LUTRA_HISTORY_OBJECT | KERNEL_POLICY_KEY);
	assert_int_equal(ev->history[LUTRA_HISTORY - 1].weight, WEIGHT);
}

/* Level N matches after level M, in the same event, also if only N passes its threshold. */
static void level_n_of_an_object_may_pass_the_threshold(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();
	const struct lutra_evidence *ev;

	p->novelty_threshold = LUTRA_N_ONE >> (KERNEL_POLICY_SHIFT + 1);
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	assert_null(find_evidence_of_file(b, LUTRA_RULE_LEVEL));
	ev = find_evidence_of_file(b, LUTRA_RULE_NOVELTY);
	assert_non_null(ev);
	assert_int_equal(ev->verdict, LUTRA_VERDICT_ALERT);
	assert_int_equal(ev->nr, SYS_openat);
	assert_int_equal(ev->novelty, LUTRA_N_ONE >> KERNEL_POLICY_SHIFT);
	assert_int_equal(ev->novelty_threshold, LUTRA_N_ONE >> (KERNEL_POLICY_SHIFT + 1));
	assert_int_equal(ev->weight[0], WEIGHT);
}

/* The object is told once, by level M. */
static void levels_both_match_at_one_object(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();
	const struct lutra_evidence *m, *n;

	p->threshold = THRESHOLD;
	p->novelty_threshold = LUTRA_N_ONE >> (KERNEL_POLICY_SHIFT + 1);
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	m = find_evidence_of_file(b, LUTRA_RULE_LEVEL);
	n = find_evidence_of_file(b, LUTRA_RULE_NOVELTY);
	assert_non_null(m);
	assert_non_null(n);
	assert_int_equal(m->verdict, LUTRA_VERDICT_ALERT);
	assert_int_equal(n->verdict, LUTRA_VERDICT_ALLOW);
}

/* No object is looked at, and one syscall is new. */
static void level_n_of_a_syscall_may_pass_the_threshold(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new();
	const struct lutra_evidence *ev;

	kernel_policy_forget(p, NOVEL, true);
	p->novelty_threshold = LUTRA_N_ONE >> (KERNEL_POLICY_SHIFT + 1);
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	ev = &box_find_evidence(b, LUTRA_RULE_NOVELTY)->ev;
	assert_int_equal(ev->nr, NOVEL);
	assert_int_equal(ev->object.op, LUTRA_OP_NONE);
	assert_int_equal(ev->weight[0], KERNEL_POLICY_WEIGHT);
}

static void level_leaves_out_what_the_recordings_could_not_see(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();

	p->threshold = THRESHOLD;
	p->ops = 0;
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	assert_null(find_evidence_of_file(b, LUTRA_RULE_LEVEL));
}

static void level_leaves_out_a_key_without_a_token(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();

	p->threshold = THRESHOLD;
	memset(p->keys[1].token, LUTRA_PAD, sizeof(p->keys[1].token));
	assert_exited(run_opens(b, p, LUTRA_MODE_AUDIT), DONE);
	assert_null(find_evidence_of_file(b, LUTRA_RULE_LEVEL));
}

static void level_that_denies_refuses_the_object(void **state)
{
	struct box *b = *state;
	struct policy *p = weighing_policy();
	const struct lutra_evidence *ev;

	if (!guard_has_lsm(b->guard))
		test_program_skip("this kernel does not run BPF LSM programs");
	p->threshold = THRESHOLD;
	p->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_DENY;
	assert_exited(run_opens(b, p, LUTRA_MODE_DENY), REFUSED);
	ev = find_evidence_of_file(b, LUTRA_RULE_LEVEL);
	assert_non_null(ev);
	assert_int_equal(ev->verdict, LUTRA_VERDICT_DENY);
	assert_int_equal(ev->refused, 1);
}

static int level_teardown(void **state)
{
	unlink(PLACE);
	return box_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, level_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(level_counts_each_object_after_its_syscall),
		TEST(level_object_weighs_four_times),
		TEST(level_object_may_pass_the_threshold),
		TEST(level_n_of_an_object_may_pass_the_threshold),
		TEST(levels_both_match_at_one_object),
		TEST(level_n_of_a_syscall_may_pass_the_threshold),
		TEST(level_leaves_out_what_the_recordings_could_not_see),
		TEST(level_leaves_out_a_key_without_a_token),
		TEST(level_that_denies_refuses_the_object),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
