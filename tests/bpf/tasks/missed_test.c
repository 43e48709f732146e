/* SPDX-License-Identifier: Apache-2.0 */
/* Each system call is seen, or counted as one that the kernel has skipped. */
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <unistd.h>

#define MADE 2000
#define OURS SYS_getpgid /* nothing but the worker calls it */

/* Two processes on one CPU preempt each other. */
static int work_crowded(void)
{
	cpu_set_t one;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return 1;
	child = fork();
	for (int i = 0; i < MADE; i++)
		syscall(OURS, 0);
	if (child == 0)
		_exit(0);
	return waitpid(child, NULL, 0) == child ? 0 : 1;
}

static const struct worker workers[] = {{"crowded", work_crowded}};

static void missed_calls_are_counted(void **state)
{
	struct box *b = *state;
	uint64_t before = guard_missed(b->guard), seen = 0;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	b->n_records = 0;
	assert_exited(box_run(b, "crowded", NULL), 0);
	for (size_t i = 0; i < b->n_records; i++)
		seen += b->records[i].rec.type == LUTRA_RECORD_SYSCALL &&
			b->records[i].rec.nr == OURS;
	assert_true(seen <= 2 * MADE);
	assert_true(seen + guard_missed(b->guard) - before >= 2 * MADE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {BOX_TEST(missed_calls_are_counted)};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
