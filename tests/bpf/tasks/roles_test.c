/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles as processes execute programs and their threads accept: each as the kernel side has it, and as
 * a replay of the same run has it.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "lib/replay/replay.h"

#define MARK SYS_personality /* no role knows it: its evidence tells the role of the caller */

/* ---- workers ---- */

static void accept_nothing(void)
{
	syscall(SYS_accept4, -1, NULL, NULL, 0);
}

static void make_mark(void)
{
	syscall(MARK, 0xffffffff);
}

static int work_mark(void)
{
	make_mark();
	return 0;
}

/* Executes this program in place. */
static int exec_worker(const char *worker)
{
	execl("/proc/self/exe", "worker", "--worker", worker, NULL);
	return 1;
}

/* Executes a shell in place, and this program in place of the shell. */
static int exec_shell(const char *worker)
{
	char self[300] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	execl("/bin/sh", "sh", "-c", "exec \"$0\" --worker \"$1\"", self, worker, NULL);
	return 1;
}

static int work_again(void)
{
	accept_nothing();
	return exec_worker("mark");
}

static int work_again_twice(void)
{
	accept_nothing();
	return exec_worker("again");
}

static int work_other(void)
{
	accept_nothing();
	return exec_shell("mark");
}

static int wait_for(pid_t pid)
{
	int status;

	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

/* A child executes this program: that is how a service starts another process of it. */
static int work_fork_exec(void)
{
	pid_t pid;

	accept_nothing();
	pid = fork();
	if (pid == 0)
		_exit(exec_worker("mark"));
	return wait_for(pid);
}

/* A spawned process executes itself. */
static int work_spawned_again(void)
{
	pid_t pid;

	accept_nothing();
	pid = fork();
	if (pid == 0)
		_exit(exec_worker("again"));
	return wait_for(pid);
}

static void *accept_in_thread(void *arg)
{
	(void)arg;
	accept_nothing();
	return NULL;
}

static int work_thread_accepts(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, accept_in_thread, NULL) || pthread_join(t, NULL))
		return 1;
	return work_mark();
}

static sem_t accepted;

static void *mark_once_accepted(void *arg)
{
	(void)arg;
	sem_wait(&accepted);
	make_mark();
	return NULL;
}

static int work_leader_accepts(void)
{
	pthread_t t;

	if (sem_init(&accepted, 0, 0) || pthread_create(&t, NULL, mark_once_accepted, NULL))
		return 1;
	accept_nothing();
	sem_post(&accepted);
	return pthread_join(t, NULL);
}

/* Of two threads, neither of which is the leader, one marks once the other has accepted. */
static int work_sibling_accepts(void)
{
	pthread_t a, b;

	if (sem_init(&accepted, 0, 0) || pthread_create(&a, NULL, mark_once_accepted, NULL) ||
	    pthread_create(&b, NULL, accept_in_thread, NULL) || pthread_join(b, NULL))
		return 1;
	sem_post(&accepted);
	return pthread_join(a, NULL);
}

static void *fork_then_mark(void *arg)
{
	pid_t pid = fork();

	(void)arg;
	if (pid == 0) {
		make_mark();
		_exit(0);
	}
	return wait_for(pid) ? arg : NULL;
}

/* A process that was forked before another thread of its parent accepted is one of its own. */
static int work_child_of_starting(void)
{
	pid_t pid;
	int fd[2];
	char c;

	if (pipe(fd) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		if (read(fd[0], &c, 1) != 1)
			_exit(1);
		make_mark();
		_exit(0);
	}
	accept_nothing();
	return write(fd[1], "", 1) == 1 ? wait_for(pid) : 1;
}

/* A thread that never accepted forks, once its process is steady. */
static int work_child_of_thread(void)
{
	pthread_t t;
	void *failed;

	accept_nothing();
	if (pthread_create(&t, NULL, fork_then_mark, &accepted) || pthread_join(t, &failed))
		return 1;
	return failed != NULL;
}

/* The process begins its start-up anew: no thread of the program before counts. */
static int work_other_then_accept(void)
{
	accept_nothing();
	return exec_shell("thread-accepts");
}

static const struct worker workers[] = {
	{"mark", work_mark},
	{"again", work_again},
	{"again-twice", work_again_twice},
	{"other", work_other},
	{"fork-exec", work_fork_exec},
	{"spawned-again", work_spawned_again},
	{"thread-accepts", work_thread_accepts},
	{"leader-accepts", work_leader_accepts},
	{"sibling-accepts", work_sibling_accepts},
	{"child-of-starting", work_child_of_starting},
	{"child-of-thread", work_child_of_thread},
	{"other-then-accept", work_other_then_accept},
};

/* ---- helpers ---- */

static struct policy *policy_without_mark(void)
{
	struct policy *p = kernel_policy_new();

	kernel_policy_forget(p, MARK, true);
	return p;
}

/* Returns the role of the last mark of the gathered records, as a replay has it. told: by aux too. */
static int replayed_role(const struct box *b, bool told)
{
	_cleanup_(policy_freep) struct policy *p = policy_without_mark();
	_cleanup_(replay_freep) struct replay *r = NULL;
	struct replay_step step;
	int role = -1;

	assert_int_equal(replay_new(&r, p, LUTRA_MODE_AUDIT, NULL), 0);
	for (size_t i = 0; i < b->n_records; i++) {
		struct lutra_record rec = b->records[i].rec;
		const char *str = b->records[i].str;

		if (rec.type == LUTRA_RECORD_EXEC && !told)
			rec.aux = LUTRA_EXEC_UNKNOWN;
		if (replay_next(r, &rec, str, strlen(str), &step) > 0 && !step.is_object &&
		    rec.nr == MARK)
			role = step.role;
	}
	return role;
}

/* Runs a worker and compares the role of its last mark. */
static void assert_role(struct box *b, const char *worker, uint8_t role)
{
	struct policy *p = policy_without_mark();
	size_t i;

	box_enroll(b, p, LUTRA_MODE_AUDIT, true);
	policy_free(p);
	assert_exited(box_run(b, worker, NULL), 0);
	for (i = b->n_evidence; i > 0 && b->evidence[i - 1].ev.nr != MARK; i--)
		;
	assert_true(i > 0);
	assert_int_equal(b->evidence[i - 1].ev.role, role);
	assert_int_equal(replayed_role(b, true), role);
}

/* ---- programs ---- */

static void roles_steady_process_that_executes_itself_stays_steady(void **state)
{
	struct box *b = *state;

	assert_role(b, "again", LUTRA_ROLE_STEADY);
	assert_int_equal(box_find_record(b, LUTRA_RECORD_EXEC, NULL)->rec.aux, LUTRA_EXEC_AGAIN);
}

static void roles_second_execution_of_itself_changes_nothing(void **state)
{
	struct box *b = *state;
	const struct seen_record *x;

	assert_role(b, "again-twice", LUTRA_ROLE_STEADY);
	x = box_find_record(b, LUTRA_RECORD_EXEC, NULL);
	assert_int_equal(x->rec.aux, LUTRA_EXEC_AGAIN);
	assert_int_equal(box_find_record(b, LUTRA_RECORD_EXEC, x)->rec.aux, LUTRA_EXEC_AGAIN);
	/* In an older recording the program of the armed process has no path: it moves on once. */
	assert_int_equal(replayed_role(b, false), LUTRA_ROLE_DEEPER);
}

static void roles_another_program_in_place_is_spawned(void **state)
{
	struct box *b = *state;

	assert_role(b, "other", LUTRA_ROLE_DEEPER);
	assert_int_equal(box_find_record(b, LUTRA_RECORD_EXEC, NULL)->rec.aux, LUTRA_EXEC_OTHER);
	assert_int_equal(replayed_role(b, false), LUTRA_ROLE_DEEPER);
}

static void roles_child_that_executes_the_program_is_spawned(void **state)
{
	struct box *b = *state;

	assert_role(b, "fork-exec", LUTRA_ROLE_SPAWNED);
	assert_int_equal(box_find_record(b, LUTRA_RECORD_EXEC, NULL)->rec.aux, LUTRA_EXEC_OTHER);
	assert_int_equal(replayed_role(b, false), LUTRA_ROLE_SPAWNED);
}

static void roles_spawned_process_that_executes_itself_is_deeper(void **state)
{
	assert_role(*state, "spawned-again", LUTRA_ROLE_DEEPER);
	assert_int_equal(replayed_role(*state, false), LUTRA_ROLE_DEEPER);
}

/* ---- threads ---- */

static void roles_leader_follows_a_thread_that_accepts(void **state)
{
	assert_role(*state, "thread-accepts", LUTRA_ROLE_STEADY);
}

static void roles_thread_follows_a_leader_that_accepts(void **state)
{
	assert_role(*state, "leader-accepts", LUTRA_ROLE_STEADY);
}

static void roles_thread_follows_another_that_accepts(void **state)
{
	assert_role(*state, "sibling-accepts", LUTRA_ROLE_STEADY);
}

static void roles_process_forked_before_is_in_its_own_startup(void **state)
{
	assert_role(*state, "child-of-starting", LUTRA_ROLE_STARTUP);
}

static void roles_child_of_a_thread_of_a_steady_process_is_steady(void **state)
{
	assert_role(*state, "child-of-thread", LUTRA_ROLE_STEADY);
}

static void roles_accept_of_a_spawned_process_changes_nothing(void **state)
{
	assert_role(*state, "other-then-accept", LUTRA_ROLE_DEEPER);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(roles_steady_process_that_executes_itself_stays_steady),
		TEST(roles_second_execution_of_itself_changes_nothing),
		TEST(roles_another_program_in_place_is_spawned),
		TEST(roles_child_that_executes_the_program_is_spawned),
		TEST(roles_spawned_process_that_executes_itself_is_deeper),
		TEST(roles_leader_follows_a_thread_that_accepts),
		TEST(roles_thread_follows_a_leader_that_accepts),
		TEST(roles_thread_follows_another_that_accepts),
		TEST(roles_process_forked_before_is_in_its_own_startup),
		TEST(roles_child_of_a_thread_of_a_steady_process_is_steady),
		TEST(roles_accept_of_a_spawned_process_changes_nothing),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
