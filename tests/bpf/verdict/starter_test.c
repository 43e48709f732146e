/* SPDX-License-Identifier: Apache-2.0 */
/* A program that a person accepted where a certain program starts it is known there alone. */
#include "lib/policy/accepted/accepted.h"
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define STARTER "/tmp/lutra-test-starter"
#define OTHER "/tmp/lutra-test-other"
#define STARTED "/tmp/lutra-test-started"
#define NOW 1700000000

/* Runs STARTED to its end in a child. */
static int work_start(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl(STARTED, "worker", "--worker", "started-ends", NULL);
		_exit(1);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

/* Does so from a child that shares the memory of its parent until it executes. */
static int work_spawn(void)
{
	char name[] = "worker", option[] = "--worker", worker[] = "started-ends";
	char *const argv[] = {name, option, worker, NULL};
	int status;
	pid_t pid;

	return posix_spawn(&pid, STARTED, NULL, NULL, argv, environ) != 0 ||
	       waitpid(pid, &status, 0) != pid || status != 0;
}

static int work_started(void)
{
	return 0;
}

static int work_by_starter(void)
{
	execl(STARTER, "worker", "--worker", "starter-forks", NULL);
	return 1;
}

static int work_by_spawn(void)
{
	execl(STARTER, "worker", "--worker", "starter-spawns", NULL);
	return 1;
}

static int work_by_other(void)
{
	execl(OTHER, "worker", "--worker", "starter-forks", NULL);
	return 1;
}

/* STARTER executes OTHER in its place, which starts the program. */
static int work_by_other_at_last(void)
{
	execl(STARTER, "worker", "--worker", "starter-other", NULL);
	return 1;
}

/* An execution that fails leaves the task what it was. */
static int work_after_failure(void)
{
	execl("/tmp", "worker", NULL);
	execl(STARTER, "worker", "--worker", "starter-fails-and-forks", NULL);
	return 1;
}

static int work_fail_and_start(void)
{
	execl("/tmp/lutra-test-missing", "worker", NULL);
	execl("/tmp", "worker", NULL);
	return work_start();
}

static const struct worker workers[] = {{"starter-forks", work_start},
					{"starter-spawns", work_spawn},
					{"started-ends", work_started},
					{"starter-begins", work_by_starter},
					{"starter-begins-spawn", work_by_spawn},
					{"starter-other", work_by_other},
					{"starter-other-at-last", work_by_other_at_last},
					{"starter-after-failure", work_after_failure},
					{"starter-fails-and-forks", work_fail_and_start}};

static void copy_to(const char *path)
{
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	struct stat st;

	unlink(path);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &st), 0);
	assert_int_equal(sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
}

static void accept_program(json_t *delta, const char *path, const char *starter)
{
	struct accepted_scope s = {.kind = ACCEPTED_OBJECT,
				   .role = ACCEPTED_ANY_ROLE,
				   .nr = LUTRA_NR_NONE,
				   .object = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH}};
	const struct accepted_request q = {.finding = "f0", .by = "root"};
	json_t *entry;

	snprintf(s.path, sizeof(s.path), "%s", path);
	snprintf(s.starter, sizeof(s.starter), "%s", starter);
	entry = accepted_entry_new(&s, &q, NOW);
	assert_non_null(entry);
	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	json_decref(entry);
}

/* Returns a policy that knows STARTER and OTHER, and STARTED where STARTER starts it. */
static struct policy *policy_of_starter(void)
{
	json_auto_t *delta = accepted_new("/tmp");
	struct policy *p = kernel_policy_new();
	struct err left_out, err;

	p->ops = 1u << LUTRA_OP_EXEC;
	accept_program(delta, STARTER, "");
	accept_program(delta, OTHER, "");
	accept_program(delta, STARTED, STARTER);
	if (accepted_apply(p, delta, NOW, &left_out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(left_out.msg, "");
	return p;
}

static int starter_setup(void **state)
{
	copy_to(STARTER);
	copy_to(OTHER);
	copy_to(STARTED);
	return box_setup(state);
}

static int starter_setup_standin(void **state)
{
	copy_to(STARTER);
	copy_to(OTHER);
	copy_to(STARTED);
	return box_setup_standin(state);
}

static int starter_teardown(void **state)
{
	unlink(STARTER);
	unlink(OTHER);
	unlink(STARTED);
	return box_teardown(state);
}

static void enroll_with_starter(struct box *b)
{
	struct policy *p = policy_of_starter();

	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
}

static void starter_makes_its_program_known(void **state)
{
	static const char *const ways[] = {"starter-begins", "starter-begins-spawn",
					   "starter-after-failure"};
	struct box *b = *state;

	enroll_with_starter(b);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_exited(box_run(b, ways[i], NULL), 0);
		assert_null(box_find_evidence(b, LUTRA_RULE_EXEC));
	}
	assert_true(box_counter(b, LUTRA_COUNTER_OBJECTS) >= 6);
}

static void starter_other_than_the_accepted_one_is_told(void **state)
{
	const struct seen_evidence *e;
	struct box *b = *state;

	enroll_with_starter(b);
	assert_exited(box_run(b, "starter-other", NULL), 0);
	e = box_find_evidence(b, LUTRA_RULE_EXEC);
	assert_non_null(e);
	assert_string_equal(e->str, STARTED);
	assert_string_equal(e->starter, OTHER);
}

static void starter_is_what_the_task_executed_last(void **state)
{
	const struct seen_evidence *e;
	struct box *b = *state;

	enroll_with_starter(b);
	assert_exited(box_run(b, "starter-other-at-last", NULL), 0);
	e = box_find_evidence(b, LUTRA_RULE_EXEC);
	assert_non_null(e);
	assert_string_equal(e->starter, OTHER);
}

static void starter_counts_also_under_a_later_policy(void **state)
{
	struct box *b = *state;

	enroll_with_starter(b);
	box_swap_policy(b, policy_of_starter());
	assert_exited(box_run(b, "starter-begins", NULL), 0);
	assert_null(box_find_evidence(b, LUTRA_RULE_EXEC));
	assert_exited(box_run(b, "starter-other", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC));
}

/* A test by hooks, where they work, and by the fallback. */
#define CASE(f)                                                                                    \
	cmocka_unit_test_setup_teardown(f, starter_setup, starter_teardown),                       \
	{                                                                                          \
#f "_standin", f, starter_setup_standin, starter_teardown, NULL                    \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(starter_makes_its_program_known),
		CASE(starter_other_than_the_accepted_one_is_told),
		CASE(starter_is_what_the_task_executed_last),
		CASE(starter_counts_also_under_a_later_policy),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
