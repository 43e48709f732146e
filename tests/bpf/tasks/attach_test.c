/* SPDX-License-Identifier: Apache-2.0 */
/* What is attached while nothing is enrolled, and while that is about to change. */
#include "tests/support/bpf/test_program.h"

#include <bpf/libbpf.h>
#include <poll.h>

#include "user/guard/guard_impl.h"
#include "user/sys/process/cgroup.h"

#define MADE 100
#define CROWD 200
#define OURS SYS_getpgid /* nothing but the worker calls it */

static int work_calls(void)
{
	for (int i = 0; i < MADE; i++)
		syscall(OURS, 0);
	return 0;
}

static int work_crowd(void)
{
	for (int i = 1; i < CROWD && fork() > 0; i++)
		;
	pause();
	return 1;
}

static const struct worker workers[] = {{"calls", work_calls}, {"crowd", work_crowd}};

static void enroll_recorded(struct box *b)
{
	struct guard_enrolment e = {.cgroup = b->cgroup, .record = true, .next_exec = true};
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

/* Nothing has been enrolled for long. */
static void be_idle(struct box *b)
{
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	b->guard->idle_since_ns = 0;
	guard_detach_idle(b->guard);
}

static size_t count_recorded(const struct box *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == LUTRA_RECORD_SYSCALL && b->records[i].rec.nr == OURS;
	return n;
}

/* Each call once: nothing is attached twice, nor missing. */
static void assert_recorded_once(struct box *b)
{
	b->n_records = 0;
	assert_exited(box_run(b, "calls", NULL), 0);
	assert_int_equal(count_recorded(b), MADE);
}

/* Who looks at an idle guard does not wait until it is detached, and may enrol meanwhile. */
static void attach_again_while_a_thread_detaches(void **state)
{
	struct box *b = *state;
	struct err err = {};
	size_t links;

	if (guard_new(&b->guard, &box_handler, GUARD_NO_LSM | GUARD_LINGER, NULL, &err) < 0)
		fail_msg("guard_new: %s", err.msg);
	enroll_recorded(b);
	links = b->guard->n_links;
	assert_recorded_once(b);
	for (int i = 0; i < 2; i++) {
		be_idle(b);
		assert_true(b->guard->detaching);
		enroll_recorded(b);
		assert_false(b->guard->detaching);
		assert_int_equal(b->guard->n_links, links);
		assert_recorded_once(b);
	}
	be_idle(b);
	while (b->guard->detaching) {
		poll(NULL, 0, 10);
		guard_detach_idle(b->guard);
	}
	assert_int_equal(b->guard->n_links, 0);
	guard_free(b->guard);
}

static size_t count_processes(const struct box *b)
{
	char path[400], line[32];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", b->cgroup);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n++;
	fclose(f);
	return n;
}

/* As when a guard is being detached, in whatever order: nothing sees tasks begin and end. */
static void stop_following(struct guard *g)
{
	const size_t n = 4;

	assert_true(g->n_links > n);
	for (size_t i = 0; i < n; i++)
		bpf_link__destroy(g->links[i]);
	g->n_links -= n;
	for (size_t i = 0; i < g->n_links; i++)
		g->links[i] = g->links[i + n];
}

/* Processes of the host get the addresses of a container's that ended unseen. */
static void attach_of_a_part_takes_no_task_for_another(void **state)
{
	struct box *b = *state;
	struct err err = {};
	struct child *c;

	if (guard_new(&b->guard, &box_handler, GUARD_NO_LSM, NULL, &err) < 0)
		fail_msg("guard_new: %s", err.msg);
	enroll_recorded(b);
	c = box_fork(b, "crowd", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	while (count_processes(b) < CROWD)
		poll(NULL, 0, 10);
	stop_following(b->guard);
	assert_int_equal(cgroup_write(b->cgroup, "cgroup.kill", "1"), 0);
	assert_killed(box_child_wait(c));
	guard_drain(b->guard);
	b->n_records = 0;
	for (int i = 0; i < 5 * CROWD; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			syscall(OURS, 0);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	guard_drain(b->guard);
	assert_int_equal(count_recorded(b), 0);
	guard_free(b->guard);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(attach_again_while_a_thread_detaches, box_setup,
						box_teardown),
		cmocka_unit_test_setup_teardown(attach_of_a_part_takes_no_task_for_another,
						box_setup, box_teardown),
	};
	const char *why;
	int r;

	if (argc > 2 && !strcmp(argv[1], "--worker"))
		return test_program_run_worker(workers, sizeof(workers) / sizeof(workers[0]),
					       argv[2]);
	why = test_program_why_not();
	if (why) {
		fprintf(stderr, "%s\n", why);
		return 77;
	}
	r = cmocka_run_group_tests_name("attach", tests, NULL, NULL);
	box_guard_end();
	return r;
}
