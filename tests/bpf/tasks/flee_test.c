/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways out of the guard that need no attack on it: another cgroup, another container's, crowds of
 * children, a flood of anomalies. None leads out.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/socket.h>

#include "user/guard/guard_impl.h"

#define NOVEL SYS_getpgid /* harmless, and nothing but the workers calls it */
#define KILLED 9	  /* exit code of a worker whose child was */
#define CROWD 200
#define FLOOD 6000 /* signals; the ring holds fewer than 4000 */

static const char *worker_arg; /* a cgroup */

/* ---- workers ---- */

static int make_two_novel_calls(void)
{
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

static int child_fate(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid)
		return 1;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? KILLED : 2;
}

static int work_move(void)
{
	return box_cgroup_join(worker_arg, 0) < 0 ? 1 : make_two_novel_calls();
}

/* The runtime's way to a pending entry: a move, then an exec in the namespace it was moved in. */
static int work_move_exec(void)
{
	if (box_cgroup_join(worker_arg, 0) < 0)
		return 1;
	execl("/proc/self/exe", "worker", "--worker", "novel", NULL);
	return 1;
}

static int work_move_fork(void)
{
	pid_t pid;

	if (box_cgroup_join(worker_arg, 0) < 0)
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(make_two_novel_calls());
	return child_fate(pid);
}

static int work_born(void)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	long pid;

	args.cgroup = (__u64)open(worker_arg, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		_exit(make_two_novel_calls());
	return child_fate((pid_t)pid);
}

/* All at once, and all at the same moment: each needs an entry and scratch. 0: none lived on. */
static int work_crowd(void)
{
	int go[2], alive = 0, status;
	char c;

	if (pipe2(go, O_CLOEXEC) < 0)
		return 1;
	for (int i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid == 0) {
			close(go[1]);
			/* Until the parent closes its end. */
			_exit(read(go[0], &c, 1) < 0 ? 3 : make_two_novel_calls());
		}
	}
	close(go[1]);
	for (int i = 0; i < CROWD; i++)
		if (wait(&status) < 0 || !WIFSIGNALED(status))
			alive++;
	return alive != 0;
}

/* One after the other, each gone before the next. */
static int work_short_lives(void)
{
	for (int i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(make_two_novel_calls());
		if (child_fate(pid) != KILLED)
			return 1;
	}
	return 0;
}

/* Each alert is about another address of 127.0.0.0/8: one alone is reported once. */
static int work_flood(void)
{
	static uint32_t host = INADDR_LOOPBACK;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4714)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < FLOOD; i++) {
		a.sin_addr.s_addr = htonl(host++);
		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
			return 1;
	}
	close(fd);
	return 0;
}

static int work_flood_novel(void)
{
	int r = work_flood();

	return r || work_flood() || make_two_novel_calls();
}

static int work_flood_for_ever(void)
{
	while (work_flood() == 0)
		;
	return 1;
}

static const struct worker workers[] = {
	{"novel", make_two_novel_calls},
	{"move", work_move},
	{"move-exec", work_move_exec},
	{"move-fork", work_move_fork},
	{"born", work_born},
	{"crowd", work_crowd},
	{"short-lives", work_short_lives},
	{"flood", work_flood},
	{"flood-novel", work_flood_novel},
	{"flood-for-ever", work_flood_for_ever},
};

/* ---- helpers ---- */

static struct policy *novel_policy(void)
{
	struct policy *p = kernel_policy_new();

	kernel_policy_forget(p, NOVEL, true);
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	return p;
}

static void enroll_in_mode(struct box *b, struct policy *p, uint32_t mode)
{
	box_enroll(b, p, mode, false);
	policy_free(p);
}

/* Another cgroup, enrolled in mode learn if lenient. */
static void other_cgroup(struct box *b, char *ret, size_t size, bool lenient)
{
	struct guard_enrolment e = {.cgroup = ret, .mode = LUTRA_MODE_LEARN};
	struct err err = {};
	uint32_t slot;

	snprintf(ret, size, "%s-2", b->cgroup);
	assert_int_equal(mkdir(ret, 0755), 0);
	if (lenient && guard_enroll(b->guard, &e, &slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

static void assert_does_not_flee(struct box *b, const char *worker, bool lenient)
{
	char other[400];
	int status;

	other_cgroup(b, other, sizeof(other), lenient);
	enroll_in_mode(b, novel_policy(), LUTRA_MODE_KILL);
	status = box_run(b, worker, other);
	box_cgroup_remove(other);
	if (WIFEXITED(status))
		assert_exited(status, KILLED);
	else
		assert_killed(status);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 1);
}

/* ---- tests ---- */

static void flee_to_another_cgroup_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "move", false);
}

static void flee_to_another_containers_cgroup_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "move", true);
}

static void flee_and_exec_in_another_containers_cgroup_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "move-exec", true);
}

static void flee_and_fork_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "move-fork", true);
}

static void flee_by_birth_in_another_containers_cgroup_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "born", true);
}

static void flee_by_birth_outside_stays_guarded(void **state)
{
	assert_does_not_flee(*state, "born", false);
}

static void flee_in_a_crowd_is_met_by_a_verdict_each(void **state)
{
	struct box *b = *state;

	test_program_need_counts();
	enroll_in_mode(b, novel_policy(), LUTRA_MODE_KILL);
	assert_exited(box_run(b, "crowd", NULL), 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), CROWD);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
}

static void flee_by_short_lives_is_met_by_a_verdict_each(void **state)
{
	struct box *b = *state;

	test_program_need_counts();
	enroll_in_mode(b, novel_policy(), LUTRA_MODE_KILL);
	assert_exited(box_run(b, "short-lives", NULL), 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), CROWD);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
}

static void run_unread(struct box *b, const char *cgroup, const char *worker)
{
	struct child *c = box_fork(b, worker, NULL);

	assert_int_equal(box_cgroup_join(cgroup, c->pid), 0);
	assert_exited(box_child_wait(c), 0);
}

/* Nobody reads while one container floods; what another did then is reported all the same. */
static void flee_flood_of_one_leaves_room_for_the_evidence_of_others(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new(), *q = novel_policy();
	struct guard_enrolment e = {.policy = q, .mode = LUTRA_MODE_AUDIT, .next_exec = true};
	struct err err = {};
	char other[400];
	uint32_t slot;
	bool reported = false;

	other_cgroup(b, other, sizeof(other), false);
	e.cgroup = other;
	if (guard_enroll(b->guard, &e, &slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(q);
	p->ops = 1u << LUTRA_OP_CONNECT;
	enroll_in_mode(b, p, LUTRA_MODE_AUDIT);
	run_unread(b, b->cgroup, "flood");
	assert_true(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST) > 0);
	run_unread(b, other, "novel");
	guard_drain(b->guard);
	box_cgroup_remove(other);
	for (size_t i = 0; i < b->n_evidence; i++)
		reported |= b->evidence[i].ev.slot == slot && b->evidence[i].ev.nr == NOVEL;
	assert_true(reported);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_ALERT), FLOOD);
}

/* Nobody reads while a task floods and makes a new call right after: the call is told. */
static void flee_flood_leaves_room_for_the_first_of_each_kind(void **state)
{
	struct policy *p = novel_policy();
	struct box *b = *state;
	bool reported = false;

	p->ops = 1u << LUTRA_OP_CONNECT;
	enroll_in_mode(b, p, LUTRA_MODE_AUDIT);
	run_unread(b, b->cgroup, "flood-novel");
	assert_true(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST) > 0);
	guard_drain(b->guard);
	for (size_t i = 0; i < b->n_evidence; i++)
		reported |= b->evidence[i].ev.nr == NOVEL;
	assert_true(reported);
}

static struct box *flooded;
static uint64_t pieces;

/* Slower than what comes: there is always another piece. */
static void slow_reader(const struct lutra_evidence *ev)
{
	uint64_t reported = box_counter(flooded, LUTRA_COUNTER_ALERT);

	(void)ev;
	pieces++;
	while (box_counter(flooded, LUTRA_COUNTER_ALERT) == reported)
		sched_yield();
}

static void flee_flood_does_not_keep_its_reader_for_ever(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new();
	struct child *c = box_fork(b, "flood-for-ever", NULL);

	p->ops = 1u << LUTRA_OP_CONNECT;
	enroll_in_mode(b, p, LUTRA_MODE_AUDIT);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	flooded = b;
	box_evidence_watch = slow_reader;
	while (pieces == 0)
		guard_drain(b->guard);
	box_evidence_watch = NULL;
	assert_true(pieces > 0 && pieces <= 4096 /* a turn of user/guard/rings.c */);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(flee_to_another_cgroup_stays_guarded),
		TEST(flee_to_another_containers_cgroup_stays_guarded),
		TEST(flee_and_exec_in_another_containers_cgroup_stays_guarded),
		TEST(flee_and_fork_stays_guarded),
		TEST(flee_by_birth_in_another_containers_cgroup_stays_guarded),
		TEST(flee_by_birth_outside_stays_guarded),
		TEST(flee_in_a_crowd_is_met_by_a_verdict_each),
		TEST(flee_by_short_lives_is_met_by_a_verdict_each),
		TEST(flee_flood_of_one_leaves_room_for_the_evidence_of_others),
		TEST(flee_flood_leaves_room_for_the_first_of_each_kind),
		TEST(flee_flood_does_not_keep_its_reader_for_ever),
	};

	worker_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
