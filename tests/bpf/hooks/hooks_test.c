/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refusals by LSM hooks. Each operation is first shown to succeed in mode audit, with the same
 * policy, so that nothing passes by accident. Skipped where LSM programs do not run.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>

#define NOVEL SYS_getpgid
#define COPY "/tmp/lutra-test-copy"

/* ---- workers: try one operation, exit with its outcome ---- */

static int run_program(const char *path)
{
	int fd[2], error = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		return ELSE;
	pid = fork();
	if (pid == 0) {
		execl(path, "worker", "--worker", "nothing", NULL);
		error = errno;
		_exit(write(fd[1], &error, sizeof(error)) < 0);
	}
	close(fd[1]);
	if (read(fd[0], &error, sizeof(error)) < 0)
		return ELSE;
	waitpid(pid, NULL, 0);
	errno = error;
	return outcome_of(error ? -1 : 0);
}

static int try_exec(void)
{
	return run_program("/proc/self/exe");
}

static int try_exec_copy(void)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = open(COPY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	struct stat st;
	int r;

	if (fstat(from, &st) < 0 || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
		return ELSE;
	close(to);
	r = run_program(COPY);
	unlink(COPY);
	return r;
}

static int try_open(void)
{
	return outcome_of(open("/proc/version", O_RDONLY | O_CLOEXEC));
}

static int try_socket(void)
{
	return outcome_of(socket(AF_INET, SOCK_DGRAM, 0));
}

static int with_address(int (*f)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(4712)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		return outcome_of(fd);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return outcome_of(f(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_connect(void)
{
	return with_address(connect);
}

static int try_bind(void)
{
	return with_address(bind);
}

static int try_mount(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return ELSE;
	return outcome_of(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
}

static int try_chroot(void)
{
	return outcome_of(chroot("/"));
}

static int do_nothing(void)
{
	return DONE;
}

/* An open by an io_uring worker, which has no entry of its own. */
static int try_uring(void)
{
	static const char path[] = "/proc/version";
	struct io_uring_params p = {};
	int fd = (int)syscall(SYS_io_uring_setup, 1, &p);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	if (fd < 0)
		return ELSE;
	sq = mmap(NULL, p.sq_off.array + 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		  IORING_OFF_CQ_RING);
	sqe = mmap(NULL, sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED)
		return ELSE;
	sqe->opcode = IORING_OP_OPENAT;
	sqe->flags = IOSQE_ASYNC;
	sqe->fd = AT_FDCWD;
	sqe->addr = (__u64)(uintptr_t)path;
	*(__u32 *)(void *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((__u32 *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return ELSE;
	cqe = (struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes);
	errno = -cqe->res;
	return outcome_of(cqe->res);
}

/* REFUSED: for as long as the alert window lasts, and not after it. DONE: not at all. */
static int try_window(void)
{
	struct timespec pause_ns = {.tv_nsec = 50000000};
	int outcome;

	syscall(NOVEL, 0);
	outcome = try_connect();
	if (outcome != REFUSED || try_open() != DONE)
		return outcome == DONE ? DONE : ELSE;
	for (int i = 0; i < 100; i++) {
		if (try_connect() == DONE)
			return REFUSED;
		nanosleep(&pause_ns, NULL);
	}
	return ELSE;
}

static void *socket_in_thread(void *arg)
{
	*(int *)arg = try_socket();
	return NULL;
}

/* What one thread is refused is refused to it alone. */
static int try_thread(void)
{
	int in_thread = ELSE;
	pthread_t t;

	if (pthread_create(&t, NULL, socket_in_thread, &in_thread))
		return ELSE;
	do {
		int fd = open("/proc/version", O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return ELSE;
		close(fd);
	} while (pthread_tryjoin_np(t, NULL));
	return in_thread;
}

static void *exec_in_thread(void *arg)
{
	execl("/proc/self/exe", "worker", "--worker", "nothing", NULL);
	*(int *)arg = outcome_of(-1);
	return NULL;
}

/* DONE by the program that takes the process over; refused, the process goes on. */
static int try_thread_exec(void)
{
	int in_thread = ELSE;
	pthread_t t;

	if (pthread_create(&t, NULL, exec_in_thread, &in_thread) || pthread_join(t, NULL))
		return ELSE;
	return in_thread;
}

static int exec_in_vfork(void *arg)
{
	exec_in_thread(arg);
	_exit(0);
}

static int try_vfork_exec(void)
{
	static char stack[65536] __attribute__((__aligned__(16)));
	int in_child = DONE;
	pid_t pid = clone(exec_in_vfork, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			  &in_child);

	return pid > 0 && waitpid(pid, NULL, 0) == pid ? in_child : ELSE;
}

/* The novel connect freezes; then everything that can be refused is. */
static int try_freeze(void)
{
	if (try_connect() != REFUSED || try_socket() != REFUSED)
		return ELSE;
	return try_open();
}

/* memfd_create by the 32-bit entry. */
static int make_memory_file_32(void)
{
	long r = 356;
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (low == MAP_FAILED)
		return ELSE;
	memcpy(low, "note", 5);
	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(low), "c"(0)
			 : "memory", "r8", "r9", "r10", "r11");
	return r >= 0 ? DONE : r == -EPERM ? REFUSED : ELSE;
}

static const struct worker workers[] = {
	{"memory-file-32", make_memory_file_32},
	{"exec", try_exec},
	{"exec-copy", try_exec_copy},
	{"open", try_open},
	{"socket", try_socket},
	{"connect", try_connect},
	{"bind", try_bind},
	{"mount", try_mount},
	{"ptrace", try_ptrace},
	{"chroot", try_chroot},
	{"uring", try_uring},
	{"window", try_window},
	{"freeze", try_freeze},
	{"nothing", do_nothing},
	{"thread", try_thread},
	{"thread-exec", try_thread_exec},
	{"vfork-exec", try_vfork_exec},
};

/* ---- policies ---- */

static struct policy *object_policy(unsigned op, unsigned group)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << op;
	p->nodes[0].flags = 0;
	kernel_policy_node(p, 0, "proc", true, LUTRA_NODE_PROTECTED);
	p->action[group] = LUTRA_ACTION_DENY;
	return p;
}

static struct policy *call_policy(unsigned nr)
{
	struct policy *p = kernel_policy_new();

	kernel_policy_forget(p, nr, true);
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	return p;
}

/* With p, the worker's operation is done in audit and refused in deny, with evidence of group. */
static void assert_denied(struct box *b, struct policy *p, const char *name, uint8_t group)
{
	struct err err = {};
	bool reported = false;

	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	assert_exited(box_run(b, name, NULL), DONE);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REFUSED), 0);
	assert_non_null(box_find_evidence(b, group));
	b->n_evidence = 0;
	assert_int_equal(guard_set_policy(b->guard, b->slot, p, &err), 0);
	policy_free(p);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	assert_exited(box_run(b, name, NULL), REFUSED);
	for (size_t i = 0; i < b->n_evidence; i++)
		reported |= b->evidence[i].ev.rule == group && b->evidence[i].ev.refused &&
			    b->evidence[i].ev.verdict == LUTRA_VERDICT_DENY;
	assert_true(reported);
	assert_true(box_counter(b, LUTRA_COUNTER_REFUSED) > 0);
}

/* ---- the eight hooks ---- */

static void hooks_bprm_check_security_refuses(void **state)
{
	assert_denied(*state, object_policy(LUTRA_OP_EXEC, LUTRA_RULE_EXEC), "exec",
		      LUTRA_RULE_EXEC);
}

static void hooks_file_open_refuses(void **state)
{
	struct box *b = *state;
	const struct seen_evidence *e;

	assert_denied(b, object_policy(LUTRA_OP_OPEN, LUTRA_RULE_OPEN_READ_PROTECTED), "open",
		      LUTRA_RULE_OPEN_READ_PROTECTED);
	e = box_find_evidence(b, LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_string_equal(e->str, "/proc/version");
	assert_int_equal(e->ev.kind, LUTRA_KIND_PROTECTED);
	assert_int_equal(e->ev.nr, SYS_openat);
}

static void hooks_socket_create_refuses(void **state)
{
	assert_denied(*state, call_policy(SYS_socket), "socket", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_socket_connect_refuses(void **state)
{
	assert_denied(*state, object_policy(LUTRA_OP_CONNECT, LUTRA_RULE_CONNECT), "connect",
		      LUTRA_RULE_CONNECT);
}

static void hooks_socket_bind_refuses(void **state)
{
	assert_denied(*state, object_policy(LUTRA_OP_BIND, LUTRA_RULE_BIND), "bind",
		      LUTRA_RULE_BIND);
}

static void hooks_sb_mount_refuses(void **state)
{
	assert_denied(*state, call_policy(SYS_mount), "mount", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_ptrace_access_check_refuses(void **state)
{
	assert_denied(*state, call_policy(SYS_ptrace), "ptrace", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_capable_refuses(void **state)
{
	assert_denied(*state, call_policy(SYS_chroot), "chroot", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_novel_call_refuses_its_connect(void **state)
{
	assert_denied(*state, call_policy(SYS_connect), "connect", LUTRA_RULE_NEW_HOOKABLE);
}

/* ---- threads and children ---- */

static void hooks_refuse_the_thread_alone(void **state)
{
	assert_denied(*state, call_policy(SYS_socket), "thread", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_refuse_an_exec_in_a_thread(void **state)
{
	assert_denied(*state, object_policy(LUTRA_OP_EXEC, LUTRA_RULE_EXEC), "thread-exec",
		      LUTRA_RULE_EXEC);
}

static void hooks_refuse_an_exec_after_vfork(void **state)
{
	assert_denied(*state, object_policy(LUTRA_OP_EXEC, LUTRA_RULE_EXEC), "vfork-exec",
		      LUTRA_RULE_EXEC);
}

/* ---- 32-bit calls ---- */

/* The policy knows the 64-bit call, and its runs made no 32-bit one. */
static void hooks_32_bit_call_is_refused_where_the_native_one_is_known(void **state)
{
	struct policy *p = kernel_policy_new();

	p->ops |= 1u << LUTRA_OP_NATIVE;
	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	assert_denied(*state, p, "memory-file-32", LUTRA_RULE_NEW_HOOKABLE);
}

static void hooks_32_bit_call_passes_where_the_runs_made_some(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;

	p->action[LUTRA_RULE_NEW_HOOKABLE] = LUTRA_ACTION_DENY;
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	assert_exited(box_run(b, "memory-file-32", NULL), DONE);
}

/* ---- beyond one call ---- */

static void hooks_fresh_program_is_refused_known_one_is_not(void **state)
{
	struct box *b = *state;
	struct err err = {};

	assert_denied(b, object_policy(LUTRA_OP_EXEC, LUTRA_RULE_EXEC_FRESH), "exec-copy",
		      LUTRA_RULE_EXEC_FRESH);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	assert_exited(box_run(b, "exec", NULL), DONE);
}

static void hooks_io_uring_open_is_refused(void **state)
{
	struct io_uring_params params = {};
	int fd = (int)syscall(SYS_io_uring_setup, 1, &params);
	struct box *b = *state;

	if (fd < 0)
		test_program_skip("this host has no io_uring, or has turned it off");
	close(fd);
	assert_denied(b, object_policy(LUTRA_OP_OPEN, LUTRA_RULE_OPEN_READ_PROTECTED), "uring",
		      LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_OPEN_READ_PROTECTED)->ev.nr, 0xffff);
}

/* Returns how many refusals evidence of the level names, after the worker exited as wanted. */
static size_t run_window(struct box *b, enum lutra_action action, int outcome)
{
	struct policy *p = kernel_policy_new();
	size_t refused = 0;

	kernel_policy_forget(p, NOVEL, false);
	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	p->action[LUTRA_RULE_LEVEL] = (uint8_t)action;
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	assert_exited(box_run(b, "window", NULL), outcome);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_LEVEL));
	for (size_t i = 0; i < b->n_evidence; i++)
		refused += b->evidence[i].ev.rule == LUTRA_RULE_LEVEL && b->evidence[i].ev.refused;
	return refused;
}

static void hooks_level_that_denies_refuses_for_a_second(void **state)
{
	assert_true(run_window(*state, LUTRA_ACTION_DENY, REFUSED) > 0);
}

static void hooks_level_that_alerts_refuses_nothing(void **state)
{
	assert_int_equal(run_window(*state, LUTRA_ACTION_ALERT, DONE), 0);
}

static void hooks_freeze_refuses_everything(void **state)
{
	struct box *b = *state;
	struct policy *p = object_policy(LUTRA_OP_CONNECT, LUTRA_RULE_CONNECT);
	struct lutra_slot slot;

	box_enroll(b, p, LUTRA_MODE_FREEZE, false);
	policy_free(p);
	assert_exited(box_run(b, "freeze", NULL), REFUSED);
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), 0);
	assert_true(slot.flags & LUTRA_SLOT_FROZEN);
}

/* One rule of the policy kills where the others refuse. */
static void hooks_action_kill_kills_in_mode_deny(void **state)
{
	struct box *b = *state;
	struct policy *p = object_policy(LUTRA_OP_CONNECT, LUTRA_RULE_CONNECT);

	p->ops |= 1u << LUTRA_OP_BIND;
	p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_KILL;
	p->action[LUTRA_RULE_BIND] = LUTRA_ACTION_DENY;
	p->kill_matches = 2;
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	assert_exited(box_run(b, "bind", NULL), REFUSED);
	assert_killed(box_run(b, "connect", NULL));
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_CONNECT)->ev.verdict, LUTRA_VERDICT_KILL);
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_CONNECT)->ev.refused, 1);
}

static void hooks_kill_also_refuses_the_call(void **state)
{
	struct box *b = *state;
	struct policy *p = object_policy(LUTRA_OP_EXEC, LUTRA_RULE_EXEC);
	int status;

	box_enroll(b, p, LUTRA_MODE_KILL, false);
	policy_free(p);
	/* The child that execs dies; the worker sees an exec without an error, or a refusal. */
	status = box_run(b, "exec", NULL);
	assert_true(WIFEXITED(status));
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_EXEC)->ev.verdict, LUTRA_VERDICT_KILL);
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_EXEC)->ev.refused, 1);
	assert_true(box_counter(b, LUTRA_COUNTER_REFUSED) > 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(hooks_bprm_check_security_refuses),
		TEST(hooks_file_open_refuses),
		TEST(hooks_32_bit_call_is_refused_where_the_native_one_is_known),
		TEST(hooks_32_bit_call_passes_where_the_runs_made_some),
		TEST(hooks_socket_create_refuses),
		TEST(hooks_socket_connect_refuses),
		TEST(hooks_socket_bind_refuses),
		TEST(hooks_sb_mount_refuses),
		TEST(hooks_ptrace_access_check_refuses),
		TEST(hooks_capable_refuses),
		TEST(hooks_novel_call_refuses_its_connect),
		TEST(hooks_refuse_the_thread_alone),
		TEST(hooks_refuse_an_exec_in_a_thread),
		TEST(hooks_refuse_an_exec_after_vfork),
		TEST(hooks_fresh_program_is_refused_known_one_is_not),
		TEST(hooks_io_uring_open_is_refused),
		TEST(hooks_level_that_denies_refuses_for_a_second),
		TEST(hooks_level_that_alerts_refuses_nothing),
		TEST(hooks_freeze_refuses_everything),
		TEST(hooks_action_kill_kills_in_mode_deny),
		TEST(hooks_kill_also_refuses_the_call),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
