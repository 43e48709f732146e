/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that ran before they were enrolled. In which role they are cannot be seen: until their next
 * accept, what is known in any role is known of them.
 */
#include "tests/bpf/known.h"

#define FILE_ "/tmp/lutra-test-adopted"

/* As a runtime starts a container: in a mount namespace of its own. */
static int work_runtime(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 1;
	execl("/proc/self/exe", "worker", "--worker", "servant", servant_fds, NULL);
	return 1;
}

static int work_novel(void)
{
	syscall(NOVEL, 0);
	return 0;
}

static const struct worker workers[] = {
	{"servant", work_servant}, {"runtime", work_runtime}, {"novel", work_novel}};

static int setup(void **state)
{
	make_file(FILE_);
	return box_setup_flags(state, usual_flags() | GUARD_BRIEF);
}

static int teardown(void **state)
{
	int r = box_teardown(state);

	unlink(FILE_);
	return r;
}

/* Enrol what runs, by a policy that knows the call in one role, and the file in another. */
static void adopt(struct box *b)
{
	struct policy *p = open_policy();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT};
	struct err err = {};

	sample_forget(p, NOVEL, false);
	p->token[LUTRA_ROLE_SPAWNED][NOVEL] = SAMPLE_TOKEN;
	know(p, FILE_, 0, S_IFREG, LUTRA_ROLE_DEEPER);
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
}

static void assert_calls_novel(struct box *b, const struct servant *sv, uint64_t want)
{
	uint64_t before = counter(b, LUTRA_COUNTER_NOVEL_TOKENS);

	servant_do(sv, CALL_NOVEL);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS) - before, want);
}

static void adopted_task_may_do_what_is_known_in_any_role(void **state)
{
	struct box *b = *state;
	struct servant sv = servant_new(b, b->cgroup);

	adopt(b);
	assert_known(b, &sv, FILE_);
	assert_remembered(b, &sv, FILE_);
	assert_calls_novel(b, &sv, 0);
	assert_novel(b, &sv, "/dev/null", O_RDONLY);
	servant_end(&sv);
}

static void adopted_task_is_steady_from_its_next_accept(void **state)
{
	struct box *b = *state;
	struct servant sv = servant_new(b, b->cgroup);

	adopt(b);
	assert_known(b, &sv, FILE_);
	servant_do(&sv, ACCEPT);
	assert_novel(b, &sv, FILE_, O_RDONLY);
	assert_calls_novel(b, &sv, 1);
	guard_drain(b->guard);
	assert_true(b->n_evidence > 0);
	for (size_t i = 0; i < b->n_evidence; i++)
		assert_int_equal(b->evidence[i].ev.role, LUTRA_ROLE_STEADY);
	servant_end(&sv);
}

static void adopted_tasks_program_is_in_any_role_too(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "novel", NULL);

	assert_int_equal(cgroup_join(b->cgroup, c->pid), 0);
	adopt(b);
	assert_exited(child_wait(c), 0);
	assert_true(counter(b, LUTRA_COUNTER_SYSCALLS) > 0);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 0);
}

static void adopted_tasks_roles_are_not_those_of_who_starts_later(void **state)
{
	struct box *b = *state;
	struct servant sv = servant_new(b, b->cgroup), later;

	adopt(b);
	assert_known(b, &sv, FILE_);
	later = servant_by(b, b->cgroup, "runtime");
	assert_novel(b, &later, FILE_, O_RDONLY);
	assert_calls_novel(b, &later, 1);
	assert_remembered(b, &sv, FILE_);
	servant_end(&later);
	servant_end(&sv);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(adopted_task_may_do_what_is_known_in_any_role),
		TEST(adopted_task_is_steady_from_its_next_accept),
		TEST(adopted_tasks_program_is_in_any_role_too),
		TEST(adopted_tasks_roles_are_not_those_of_who_starts_later),
	};

	servant_fds = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, why_not);
}
