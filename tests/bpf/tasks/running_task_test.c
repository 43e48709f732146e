/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that ran before they were enrolled. Their role is not known. Until their next accept, what
 * is known in any role is known of them.
 */
#include "tests/support/bpf/caches/open_cache.h"

#include <sched.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#define FILE_ "/tmp/lutra-test-running"

/* Executes the opener in a new mount namespace, as a runtime starts a container. */
static int work_runtime(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 1;
	execl("/proc/self/exe", "worker", "--worker", "opener", opener_fds, NULL);
	return 1;
}

static int work_novel(void)
{
	syscall(NOVEL, 0);
	return 0;
}

static const struct worker workers[] = {
	{"opener", opener_work}, {"runtime", work_runtime}, {"novel", work_novel}};

static int setup_file(void **state)
{
	make_file(FILE_);
	return box_setup_flags(state, box_usual_flags() | GUARD_BRIEF);
}

static int teardown_file(void **state)
{
	int r = box_teardown(state);

	unlink(FILE_);
	return r;
}

/* Enrols the running tasks by a policy that knows the call in one role, the file in another. */
static void enroll_running(struct box *b)
{
	struct policy *p = kernel_policy_of_opens();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT};
	struct err err = {};

	kernel_policy_forget(p, NOVEL, false);
	p->token[LUTRA_ROLE_SPAWNED][NOVEL] = KERNEL_POLICY_TOKEN;
	kernel_policy_know(p, FILE_, 0, S_IFREG, LUTRA_ROLE_DEEPER);
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
}

static void assert_calls_novel(struct box *b, const struct opener *opener, uint64_t want)
{
	uint64_t before = box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS);

	opener_do(opener, OPENER_CALL_NOVEL);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS) - before, want);
}

static void running_task_may_do_what_is_known_in_any_role(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_start(b, b->cgroup);

	enroll_running(b);
	assert_becomes_cached(b, &opener, FILE_);
	assert_is_cached(b, &opener, FILE_);
	assert_calls_novel(b, &opener, 0);
	assert_is_novel(b, &opener, "/dev/null", O_RDONLY);
	opener_end(&opener);
}

static void running_task_is_steady_from_its_next_accept(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_start(b, b->cgroup);

	enroll_running(b);
	assert_becomes_cached(b, &opener, FILE_);
	opener_do(&opener, OPENER_ACCEPT);
	assert_is_novel(b, &opener, FILE_, O_RDONLY);
	assert_calls_novel(b, &opener, 1);
	guard_drain(b->guard);
	assert_true(b->n_evidence > 0);
	for (size_t i = 0; i < b->n_evidence; i++)
		assert_int_equal(b->evidence[i].ev.role, LUTRA_ROLE_STEADY);
	opener_end(&opener);
}

static void running_task_keeps_any_role_after_exec(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "novel", NULL);

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	enroll_running(b);
	assert_exited(box_child_wait(c), 0);
	assert_true(box_counter(b, LUTRA_COUNTER_SYSCALLS) > 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 0);
}

static void running_task_passes_no_role_to_later_tasks(void **state)
{
	struct box *b = *state;
	struct opener opener = opener_start(b, b->cgroup), later;

	enroll_running(b);
	assert_becomes_cached(b, &opener, FILE_);
	later = opener_start_by(b, b->cgroup, "runtime");
	assert_is_novel(b, &later, FILE_, O_RDONLY);
	assert_calls_novel(b, &later, 1);
	assert_is_cached(b, &opener, FILE_);
	opener_end(&later);
	opener_end(&opener);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_file, teardown_file)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(running_task_may_do_what_is_known_in_any_role),
		TEST(running_task_is_steady_from_its_next_accept),
		TEST(running_task_keeps_any_role_after_exec),
		TEST(running_task_passes_no_role_to_later_tasks),
	};

	opener_fds = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
