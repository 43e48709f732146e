/* SPDX-License-Identifier: Apache-2.0 */
/* A program that only refuses is attached while a container is in a mode that refuses. */
#include "tests/support/bpf/test_program.h"

#include "tests/support/bpf/kernel_policy.h"
#include "user/guard/guard_impl.h"
#include "user/sys/clock.h"

static int work_nothing(void)
{
	return 0;
}

static const struct worker workers[] = {{"nothing", work_nothing}};

static bool is_attached(const struct box *b)
{
	return b->guard->extra[GUARD_REFUSAL];
}

static void set_mode(struct box *b, uint32_t mode)
{
	struct err err = {};

	if (guard_set_mode(b->guard, b->slot, mode, &err) < 0)
		fail_msg("guard_set_mode: %s", err.msg);
}

static void enroll_in_mode(struct box *b, uint32_t mode)
{
	struct policy *p = kernel_policy_of_opens();

	box_enroll(b, p, mode, false);
	policy_free(p);
}

/* Newer kernels keep the hook to themselves. */
static void need_hook(const struct box *b)
{
	if (!guard_has_refusal(b->guard))
		test_program_skip("this kernel has no such hook for BPF programs");
}

static void refusal_is_attached_by_enrolment_in_a_mode_that_refuses(void **state)
{
	struct box *b = *state;

	need_hook(b);
	enroll_in_mode(b, LUTRA_MODE_DENY);
	assert_true(is_attached(b));
}

static void refusal_follows_the_mode(void **state)
{
	struct box *b = *state;

	need_hook(b);
	enroll_in_mode(b, LUTRA_MODE_AUDIT);
	guard_choose_programs(b->guard, clock_now_ns());
	assert_false(is_attached(b));
	set_mode(b, LUTRA_MODE_FREEZE);
	assert_true(is_attached(b));
	guard_choose_programs(b->guard, clock_now_ns());
	assert_true(is_attached(b));
	set_mode(b, LUTRA_MODE_AUDIT);
	guard_choose_programs(b->guard, clock_now_ns());
	assert_false(is_attached(b));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(refusal_is_attached_by_enrolment_in_a_mode_that_refuses),
		BOX_TEST(refusal_follows_the_mode),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
