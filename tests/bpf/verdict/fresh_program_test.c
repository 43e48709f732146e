/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program is fresh if its file changed after the enrolment. Where hooks see who writes, a change of
 * its owner, mode or links by the host does not count.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/sys/clock.h"

#include <sys/sendfile.h>
#include <time.h>

#define PROGRAM "/tmp/lutra-test-program"
#define LINK "/tmp/lutra-test-link"
#define OLD_SECONDS 1000000000

static int work_nothing(void)
{
	return 0;
}

static int work_program(void)
{
	execl(PROGRAM, "worker", "--worker", "nothing", NULL);
	return 1;
}

/* Writes the first byte anew, and gives the file the time of its old bytes. */
static int work_write(void)
{
	const struct timespec old[2] = {{.tv_sec = OLD_SECONDS}, {.tv_sec = OLD_SECONDS}};
	int fd = open(PROGRAM, O_RDWR | O_CLOEXEC);
	char byte;

	if (fd < 0 || pread(fd, &byte, 1, 0) != 1 || pwrite(fd, &byte, 1, 0) != 1)
		return 1;
	return futimens(fd, old) < 0;
}

static const struct worker workers[] = {
	{"program", work_program},
	{"nothing", work_nothing},
	{"write", work_write},
};

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
	copy_program();
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
	unlink(PROGRAM);
}

/* Enrols with a program that is older than the enrolment. The host then makes a link to it. */
static void enroll_and_link(struct box *b)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_EXEC;
	copy_program();
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	await_tick();
	unlink(LINK);
	assert_int_equal(link(PROGRAM, LINK), 0);
}

/* As with a host's clock that was set back: the change time is later than the enrolment, the bytes are not. */
static void verdict_program_is_not_fresh_if_the_host_links_it(void **state)
{
	struct box *b = *state;

	if (!box_lsm_runs())
		test_program_skip("this kernel does not run BPF LSM programs");
	enroll_and_link(b);
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC));
	assert_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
}

static void verdict_program_is_fresh_if_the_container_wrote_it(void **state)
{
	struct box *b = *state;

	enroll_and_link(b);
	assert_exited(box_run(b, "write", NULL), 0);
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
}

/* Without hooks, some writes are not seen: the change time decides. */
static void verdict_program_is_fresh_by_its_change_time_without_hooks(void **state)
{
	struct box *b = *state;

	enroll_and_link(b);
	assert_exited(box_run(b, "program", NULL), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_EXEC_FRESH));
}

static int teardown_program(void **state)
{
	unlink(PROGRAM);
	unlink(LINK);
	return box_teardown(state);
}

#define TEST(f, setup) cmocka_unit_test_setup_teardown(f, setup, teardown_program)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(verdict_program_is_fresh_if_changed_since_enrolment, box_setup),
		TEST(verdict_program_is_not_fresh_if_the_host_links_it, box_setup),
		TEST(verdict_program_is_fresh_if_the_container_wrote_it, box_setup),
		TEST(verdict_program_is_fresh_by_its_change_time_without_hooks, box_setup_standin),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
