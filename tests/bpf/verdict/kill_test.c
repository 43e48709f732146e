/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a verdict of mode kill ends: the process whose thread it fell on, however that was made. Where
 * no hook refuses the call, also whoever shares memory, descriptors or the socket with it. No other; also
 * while that exits, and never who has its number afterwards.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#define NOVEL SYS_getpgid /* harmless, and nothing but the workers calls it */
#define KILLED 9	  /* exit code of a worker whose child was */
#define RACES 20
#define REUSE_TRIES 20

/* ---- workers ---- */

static int make_two_novel_calls(void)
{
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

static int make_known_calls(void)
{
	for (int i = 0; i < 20; i++)
		syscall(SYS_getppid);
	return 0;
}

static int novel_in_clone(void *arg)
{
	(void)arg;
	return make_two_novel_calls();
}

static void *novel_in_thread(void *arg)
{
	(void)arg;
	make_two_novel_calls();
	return NULL;
}

/* The other thread sleeps: it too must end. */
static int work_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, novel_in_thread, NULL))
		return 1;
	for (;;)
		pause();
}

static int child_fate(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, __WALL) != pid)
		return 1;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? KILLED : 2;
}

static int work_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(make_two_novel_calls());
	return child_fate(pid);
}

static int in_clone(int flags)
{
	static char stack[65536] __attribute__((__aligned__(16)));

	return clone(novel_in_clone, stack + sizeof(stack), flags, NULL);
}

static int work_vfork(void)
{
	return child_fate(in_clone(CLONE_VM | CLONE_VFORK | SIGCHLD));
}

static int work_clone_vm(void)
{
	return child_fate(in_clone(CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD));
}

static int work_clone_sighand(void)
{
	return child_fate(in_clone(CLONE_VM | CLONE_SIGHAND | SIGCHLD));
}

static int work_clone_quiet(void)
{
	return child_fate(in_clone(0));
}

/* The child is the test's, which reaps it. */
static int work_clone_parent(void)
{
	return in_clone(CLONE_PARENT | SIGCHLD) > 0 ? 0 : 1;
}

static int work_clone3(void)
{
	struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		_exit(make_two_novel_calls());
	return child_fate((pid_t)pid);
}

/* First process of a namespace: signals of its own do not kill it. */
static int work_init(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		return 1;
	return work_fork();
}

static int make_tcp_socket(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

/* A child listens at a socket of its parent's. */
static int work_shared_socket(void)
{
	int fd = make_tcp_socket();
	pid_t pid = fork();

	if (pid == 0)
		_exit(listen(fd, 1));
	return child_fate(pid);
}

/* A child listens at its own socket, which has the number of one of its parent's. */
static int work_own_socket(void)
{
	int fd = make_tcp_socket();
	pid_t pid = fork();

	if (pid == 0) {
		close(fd);
		fd = make_tcp_socket();
		_exit(listen(fd, 1));
	}
	return child_fate(pid);
}

/* Two children of one parent have the socket, and the parent has closed it. */
static int work_sibling_socket(void)
{
	int fd = make_tcp_socket(), go[2];
	pid_t first, second;
	char c;

	if (pipe(go) < 0)
		return 1;
	second = fork();
	if (second == 0) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(make_known_calls());
	}
	first = fork();
	if (first == 0)
		_exit(listen(fd, 1));
	close(fd);
	if (child_fate(first) != KILLED || write(go[1], "x", 1) != 1)
		return 1;
	return child_fate(second);
}

/* The socket comes in a message after its sender was killed. */
static int work_sent_socket(void)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, c = 'x';
	struct iovec data = {&c, 1};
	struct msghdr m = {.msg_iov = &data,
			   .msg_iovlen = 1,
			   .msg_control = space,
			   .msg_controllen = sizeof(space)};
	int pair[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);

		fd = make_tcp_socket();
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(h), &fd, sizeof(fd));
		if (sendmsg(pair[1], &m, 0) != 1)
			_exit(1);
		_exit(listen(fd, 1));
	}
	if (child_fate(pid) != KILLED || recvmsg(pair[0], &m, 0) != 1)
		return 1;
	make_known_calls();
	return KILLED;
}

static void *exec_in_thread(void *arg)
{
	(void)arg;
	execl("/proc/self/exe", "worker", "--worker", "novel", NULL);
	return NULL;
}

static int work_thread_exec(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, exec_in_thread, NULL))
		return 1;
	for (;;)
		pause();
}

/* Both the call that is novel and the end of the process. */
static int work_exit(void)
{
	syscall(SYS_exit_group, 0);
	return 1;
}

/* One thread under a verdict while the other ends the process. */
static int work_race(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, novel_in_thread, NULL))
		return 1;
	syscall(SYS_exit_group, 0);
	return 1;
}

static const struct worker workers[] = {
	{"novel", make_two_novel_calls},
	{"known", make_known_calls},
	{"thread", work_thread},
	{"fork", work_fork},
	{"vfork", work_vfork},
	{"clone-vm", work_clone_vm},
	{"clone-sighand", work_clone_sighand},
	{"clone-quiet", work_clone_quiet},
	{"clone-parent", work_clone_parent},
	{"clone3", work_clone3},
	{"init", work_init},
	{"shared-socket", work_shared_socket},
	{"own-socket", work_own_socket},
	{"sibling-socket", work_sibling_socket},
	{"sent-socket", work_sent_socket},
	{"thread-exec", work_thread_exec},
	{"exit", work_exit},
	{"race", work_race},
};

/* ---- helpers ---- */

static void enroll_killing(struct box *b, unsigned nr)
{
	struct policy *p = kernel_policy_new();

	kernel_policy_forget(p, nr, true);
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	box_enroll(b, p, LUTRA_MODE_KILL, false);
	policy_free(p);
}

/* The only evidence, of a kill. */
static const struct lutra_evidence *the_kill(const struct box *b)
{
	const struct lutra_evidence *ev = &b->evidence[0].ev;

	assert_int_equal(b->n_evidence, 1);
	assert_int_equal(ev->verdict, LUTRA_VERDICT_KILL);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SIGNAL_FAILED), 0);
	return ev;
}

/* The worker's child is killed at its first novel call; the worker lives to tell. */
static void assert_kills_child(struct box *b, const char *worker)
{
	enroll_killing(b, NOVEL);
	assert_exited(box_run(b, worker, NULL), KILLED);
	the_kill(b);
}

/*
 * The worker's child is killed at its novel call, and so is the worker, which shares with it. If a hook
 * refuses the call, the worker is spared.
 */
static void assert_kills_both(struct box *b, const char *worker, unsigned nr)
{
	int status;

	enroll_killing(b, nr);
	status = box_run(b, worker, NULL);
	if (box_lsm_runs())
		assert_exited(status, KILLED);
	else
		assert_killed(status);
	the_kill(b);
}

/* ---- threads and children ---- */

static void kill_of_a_thread_ends_its_process(void **state)
{
	struct box *b = *state;
	const struct lutra_evidence *ev;

	enroll_killing(b, NOVEL);
	assert_killed(box_run(b, "thread", NULL));
	ev = the_kill(b);
	assert_int_not_equal(ev->tid, ev->tgid);
}

static void kill_of_a_child_spares_its_parent(void **state)
{
	assert_kills_child(*state, "fork");
}

static void kill_of_a_vfork_child_ends_its_parent(void **state)
{
	assert_kills_both(*state, "vfork", NOVEL);
}

static void kill_of_a_child_in_the_same_memory_ends_its_parent(void **state)
{
	assert_kills_both(*state, "clone-vm", NOVEL);
}

static void kill_of_a_child_with_the_same_handlers_ends_its_parent(void **state)
{
	assert_kills_both(*state, "clone-sighand", NOVEL);
}

static void kill_of_a_child_without_an_exit_signal_ends_it(void **state)
{
	assert_kills_child(*state, "clone-quiet");
}

static void kill_of_a_child_with_the_same_descriptors_ends_its_parent(void **state)
{
	assert_kills_both(*state, "clone3", NOVEL);
}

static void kill_at_a_socket_ends_its_owner(void **state)
{
	assert_kills_both(*state, "shared-socket", SYS_listen);
}

static void kill_at_a_socket_spares_who_has_another(void **state)
{
	struct box *b = *state;

	enroll_killing(b, SYS_listen);
	assert_exited(box_run(b, "own-socket", NULL), KILLED);
	the_kill(b);
}

/* The worker reports what became of the second child. */
static void kill_at_a_socket_ends_siblings_that_have_it(void **state)
{
	struct box *b = *state;

	enroll_killing(b, SYS_listen);
	assert_exited(box_run(b, "sibling-socket", NULL), box_lsm_runs() ? 2 : KILLED);
	the_kill(b);
}

static void kill_at_a_socket_ends_who_receives_it_later(void **state)
{
	assert_kills_both(*state, "sent-socket", SYS_listen);
}

static void kill_of_a_namespaces_init_ends_it(void **state)
{
	assert_kills_child(*state, "init");
}

static void kill_of_a_sibling_by_clone_parent_ends_it_alone(void **state)
{
	struct box *b = *state;
	pid_t sibling;
	int status = 0;

	enroll_killing(b, NOVEL);
	assert_exited(box_run(b, "clone-parent", NULL), 0);
	sibling = waitpid(-1, &status, __WALL);
	assert_killed(status);
	guard_drain(b->guard);
	assert_int_equal(the_kill(b)->tgid, sibling);
}

static void kill_after_exec_in_a_thread_ends_the_process(void **state)
{
	struct box *b = *state;
	struct child *c = box_fork(b, "thread-exec", NULL);
	pid_t pid = c->pid;

	enroll_killing(b, NOVEL);
	assert_int_equal(box_cgroup_join(b->cgroup, pid), 0);
	assert_killed(box_child_wait(c));
	guard_drain(b->guard);
	assert_int_equal(the_kill(b)->tid, pid);
	assert_int_equal(b->evidence[0].ev.tgid, pid);
}

/* ---- exits ---- */

static void kill_at_the_exit_itself_is_reported(void **state)
{
	struct box *b = *state;

	enroll_killing(b, SYS_exit_group);
	assert_killed(box_run(b, "exit", NULL));
	assert_int_equal(the_kill(b)->nr, SYS_exit_group);
}

static void kill_races_exit_and_the_process_ends(void **state)
{
	struct box *b = *state;
	uint64_t killed = 0;

	enroll_killing(b, NOVEL);
	for (int i = 0; i < RACES; i++) {
		int status = box_run(b, "race", NULL);

		if (WIFSIGNALED(status))
			killed++;
		else
			assert_exited(status, 0);
		b->n_children = 0;
	}
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), b->n_evidence);
	assert_true(killed <= b->n_evidence);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST), 0);
}

/* ---- numbers used again ---- */

/* A process of that number, in the cgroup or not. -EEXIST: somebody has it. */
static int run_as(pid_t pid, const char *cgroup, const char *worker, int *ret_status)
{
	_cleanup_close_ int fd = cgroup ? open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct clone_args args = {.exit_signal = SIGCHLD,
				  .set_tid = (__u64)(uintptr_t)&pid,
				  .set_tid_size = 1,
				  .flags = cgroup ? CLONE_INTO_CGROUP : 0,
				  .cgroup = cgroup ? (__u64)fd : 0};
	long got = syscall(SYS_clone3, &args, sizeof(args));

	if (got < 0)
		return -errno;
	if (got == 0) {
		execl("/proc/self/exe", "worker", "--worker", worker, NULL);
		_exit(126);
	}
	return waitpid((pid_t)got, ret_status, 0) == pid ? 0 : -ECHILD;
}

/* A worker is killed, and its number is another's then. */
static int kill_and_reuse(struct box *b, const char *cgroup, const char *worker)
{
	int r = -EEXIST, status = 0;

	for (int i = 0; i < REUSE_TRIES && r == -EEXIST; i++) {
		struct child *c = box_fork(b, "novel", NULL);
		pid_t pid = c->pid;

		assert_int_equal(box_cgroup_join(b->cgroup, pid), 0);
		assert_killed(box_child_wait(c));
		guard_drain(b->guard);
		b->n_children = b->n_evidence = 0;
		r = run_as(pid, cgroup, worker, &status);
	}
	assert_int_equal(r, 0);
	guard_drain(b->guard);
	return status;
}

static void kill_does_not_meet_who_has_the_number_now(void **state)
{
	struct box *b = *state;
	uint64_t calls;

	enroll_killing(b, NOVEL);
	assert_exited(kill_and_reuse(b, NULL, "novel"), 0);
	assert_int_equal(b->n_evidence, 0);
	calls = box_counter(b, LUTRA_COUNTER_SYSCALLS);
	assert_exited(box_run(b, "known", NULL), 0);
	assert_true(box_counter(b, LUTRA_COUNTER_SYSCALLS) > calls);
}

static void kill_history_does_not_pass_to_who_has_the_number_now(void **state)
{
	struct box *b = *state;

	enroll_killing(b, NOVEL);
	assert_exited(kill_and_reuse(b, b->cgroup, "known"), 0);
	assert_int_equal(b->n_evidence, 0);
	assert_killed(kill_and_reuse(b, b->cgroup, "novel"));
	assert_int_equal(b->n_evidence, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(kill_of_a_thread_ends_its_process),
		TEST(kill_of_a_child_spares_its_parent),
		TEST(kill_of_a_vfork_child_ends_its_parent),
		TEST(kill_of_a_child_in_the_same_memory_ends_its_parent),
		TEST(kill_of_a_child_with_the_same_handlers_ends_its_parent),
		TEST(kill_of_a_child_without_an_exit_signal_ends_it),
		TEST(kill_of_a_child_with_the_same_descriptors_ends_its_parent),
		TEST(kill_at_a_socket_ends_its_owner),
		TEST(kill_at_a_socket_spares_who_has_another),
		TEST(kill_at_a_socket_ends_siblings_that_have_it),
		TEST(kill_at_a_socket_ends_who_receives_it_later),
		TEST(kill_of_a_namespaces_init_ends_it),
		TEST(kill_of_a_sibling_by_clone_parent_ends_it_alone),
		TEST(kill_after_exec_in_a_thread_ends_the_process),
		TEST(kill_at_the_exit_itself_is_reported),
		TEST(kill_races_exit_and_the_process_ends),
		TEST(kill_does_not_meet_who_has_the_number_now),
		TEST(kill_history_does_not_pass_to_who_has_the_number_now),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
