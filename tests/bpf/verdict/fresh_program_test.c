/* SPDX-License-Identifier: Apache-2.0 */
/* A program is fresh if its file changed after the enrolment. */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/sys/clock.h"

#include <sys/sendfile.h>
#include <time.h>

#define PROGRAM "/tmp/lutra-test-program"

static int work_nothing(void)
{
	return 0;
}

static int work_program(void)
{
	execl(PROGRAM, "worker", "--worker", "nothing", NULL);
	return 1;
}

static const struct worker workers[] = {{"program", work_program}, {"nothing", work_nothing}};

/* A copy of this program, its times looked at: the kernel may note that beside them. */
static void copy_program(void)
{
	_cleanup_close_ int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	struct stat st;

	unlink(PROGRAM);
	to = open(PROGRAM, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &st), 0);
	assert_int_equal(sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
	assert_int_equal(fstat(to, &st), 0);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* Files are stamped by a clock that moves with the timer: wait until it is past this moment. */
static void await_tick(void)
{
	int64_t now = now_ns(CLOCK_REALTIME);

	while (now_ns(CLOCK_REALTIME_COARSE) <= now)
		;
}

static void verdict_program_is_fresh_if_changed_since_enrolment(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_EXEC;
	copy_program();
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC));
	assert_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
	await_tick();
	assert_int_equal(chmod(PROGRAM, 0700), 0);
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
	unlink(PROGRAM);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(verdict_program_is_fresh_if_changed_since_enrolment,
						box_setup, box_teardown),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
