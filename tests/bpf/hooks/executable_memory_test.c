/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that was written and becomes executable, and personality(2) that makes all memory so: by hooks
 * and by the fallback.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>

static int try_personality(void)
{
	return outcome_of(personality(READ_IMPLIES_EXEC));
}

static int try_other_personality(void)
{
	return personality(0xffffffff) < 0 || personality(ADDR_NO_RANDOMIZE) < 0 ? ELSE : DONE;
}

static int try_heap(void)
{
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return ELSE;
	*p = 'x';
	return outcome_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static const struct worker workers[] = {
	{"personality", try_personality},
	{"other-personality", try_other_personality},
	{"heap", try_heap},
};

/* The mode that acts during the call: to deny, hooks are needed. */
static uint32_t mode_that_acts(void)
{
	return box_lsm_runs() ? LUTRA_MODE_DENY : LUTRA_MODE_KILL;
}

static void enroll_service(struct box *b, uint32_t mode, unsigned known)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_WX_LATER;
	p->action[LUTRA_RULE_WX] = LUTRA_ACTION_DENY;
	if (known)
		p->objects[p->n_objects++] =
			lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_WX_LATER) |
			lutra_object_token_put(LUTRA_FIELD_DETAIL, known);
	box_enroll(b, p, mode, false);
	policy_free(p);
}

static void assert_alert(const struct box *b, unsigned nr)
{
	const struct seen_evidence *e = box_find_evidence(b, LUTRA_RULE_WX);

	assert_non_null(e);
	assert_int_equal(e->ev.object.op, LUTRA_OP_WX_LATER);
	assert_int_equal(e->ev.object.mode, nr);
	assert_int_equal(e->ev.verdict, LUTRA_VERDICT_ALERT);
}

static void personality_that_makes_memory_executable_alerts(void **state)
{
	struct box *b = *state;

	enroll_service(b, LUTRA_MODE_AUDIT, 0);
	assert_exited(box_run(b, "personality", NULL), DONE);
	assert_alert(b, SYS_personality);
}

/* In mode deny too: no hook could refuse it. */
static void personality_that_makes_memory_executable_kills(void **state)
{
	struct box *b = *state;

	enroll_service(b, mode_that_acts(), 0);
	assert_killed(box_run(b, "personality", NULL));
}

static void personality_that_is_known_is_let_pass(void **state)
{
	struct box *b = *state;

	enroll_service(b, mode_that_acts(), SYS_personality);
	assert_exited(box_run(b, "personality", NULL), DONE);
	assert_null(box_find_evidence(b, LUTRA_RULE_WX));
}

static void personality_of_another_kind_is_let_pass(void **state)
{
	struct box *b = *state;

	enroll_service(b, mode_that_acts(), 0);
	assert_exited(box_run(b, "other-personality", NULL), DONE);
	assert_null(box_find_evidence(b, LUTRA_RULE_WX));
}

static void memory_that_was_written_alerts_when_it_becomes_executable(void **state)
{
	struct box *b = *state;

	enroll_service(b, LUTRA_MODE_AUDIT, 0);
	assert_exited(box_run(b, "heap", NULL), DONE);
	assert_alert(b, SYS_mprotect);
}

static void memory_of_a_jit_that_is_known_is_let_pass(void **state)
{
	struct box *b = *state;

	enroll_service(b, mode_that_acts(), SYS_mprotect);
	assert_exited(box_run(b, "heap", NULL), DONE);
	assert_null(box_find_evidence(b, LUTRA_RULE_WX));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(personality_that_makes_memory_executable_alerts),
		BOX_TEST(personality_that_makes_memory_executable_kills),
		BOX_TEST(personality_that_is_known_is_let_pass),
		BOX_TEST(personality_of_another_kind_is_let_pass),
		BOX_TEST(memory_that_was_written_alerts_when_it_becomes_executable),
		BOX_TEST(memory_of_a_jit_that_is_known_is_let_pass),
		BOX_TEST_STANDIN(memory_that_was_written_alerts_when_it_becomes_executable),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
