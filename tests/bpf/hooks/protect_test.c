/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attacks on the guard itself by a container whose policy knows all that it does: alerted in mode
 * audit, where they succeed, refused in deny and freeze, fatal in kill. This process is the daemon:
 * it holds the guard, whose state is pinned. Skipped where LSM programs do not run.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <linux/bpf.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#define FS "/tmp/lutra-test-protect"
#define PINS FS "/lutra"
#define DEAD_PINS FS "/dead"
#define PIN FS "/pin"
#define DIRECTORY FS "/dir"
#define SOCKET "/tmp/lutra-test-protect.sock"

/* Returns the outcome of a system call that returned r: EACCES is a refusal too. */
static int attack_outcome(long r)
{
	if (r >= 0)
		return DONE;
	return errno == EPERM || errno == EACCES ? REFUSED : ELSE;
}

/* ---- what the worker tries; its parent is the daemon ---- */

static long bpf_call(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int by_id(int next, int get)
{
	union bpf_attr a = {};
	union bpf_attr b = {};

	if (bpf_call(next, &a) < 0)
		return ELSE;
	b.map_id = a.next_id;
	return attack_outcome(bpf_call(get, &b));
}

static int try_map(void)
{
	return by_id(BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID);
}

static int try_prog(void)
{
	return by_id(BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID);
}

static int try_link(void)
{
	return by_id(BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID);
}

static int try_pinned(void)
{
	union bpf_attr a = {.pathname = (uintptr_t)PIN};

	return attack_outcome(bpf_call(BPF_OBJ_GET, &a));
}

static int try_detach(void)
{
	union bpf_attr a = {.link_detach.link_fd = 0};

	return attack_outcome(bpf_call(BPF_LINK_DETACH, &a));
}

static int try_ptrace_parent(void)
{
	return attack_outcome(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int try_mem(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", getppid());
	return attack_outcome(open(path, O_RDWR | O_CLOEXEC));
}

static int try_descriptor(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);

	return attack_outcome(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

static int try_memory(void)
{
	char buf[8];
	struct iovec here = {buf, sizeof(buf)}, there = {environ, sizeof(buf)};

	return attack_outcome(process_vm_readv(getppid(), &here, 1, &there, 1, 0));
}

static int try_kill(void)
{
	return attack_outcome(kill(getppid(), 0));
}

/* The daemon is the owner of a file. The signal is one that the daemon blocks. */
static int try_owner(void)
{
	int fd[2];

	if (pipe(fd) < 0 || fcntl(fd[0], F_SETSIG, SIGURG) < 0 ||
	    fcntl(fd[0], F_SETOWN, getppid()) < 0 || fcntl(fd[0], F_SETFL, O_ASYNC) < 0)
		return ELSE;
	return attack_outcome(write(fd[1], "x", 1));
}

static pid_t worker_pid; /* from the worker's argument */

static int try_signal_process(void)
{
	return attack_outcome(kill(worker_pid, 0));
}

static int try_affinity(void)
{
	cpu_set_t set;

	if (sched_getaffinity(getppid(), sizeof(set), &set) < 0)
		return ELSE;
	return attack_outcome(sched_setaffinity(getppid(), sizeof(set), &set));
}

static int try_nice(void)
{
	return attack_outcome(setpriority(PRIO_PROCESS, (id_t)getppid(), 0));
}

static int try_limit(void)
{
	struct rlimit l;

	if (prlimit(getppid(), RLIMIT_CORE, NULL, &l) < 0)
		return ELSE;
	return attack_outcome(prlimit(getppid(), RLIMIT_CORE, &l, NULL));
}

static struct sockaddr_un socket_address(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = SOCKET};

	return a;
}

static int try_connect(void)
{
	struct sockaddr_un a = socket_address();

	return attack_outcome(
		connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&a, sizeof(a)));
}

static int try_unlink(void)
{
	return attack_outcome(unlink(PIN));
}

static int try_rmdir(void)
{
	return attack_outcome(rmdir(DIRECTORY));
}

static int try_rename(void)
{
	return attack_outcome(rename(DIRECTORY, FS "/elsewhere"));
}

static int try_umount(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return ELSE;
	return attack_outcome(umount2(FS, MNT_DETACH));
}

static const struct worker workers[] = {
	{"map by id", try_map},
	{"program by id", try_prog},
	{"link by id", try_link},
	{"pinned object", try_pinned},
	{"link detached", try_detach},
	{"ptrace", try_ptrace_parent},
	{"/proc/PID/mem", try_mem},
	{"descriptor", try_descriptor},
	{"memory", try_memory},
	{"signal", try_kill},
	{"affinity", try_affinity},
	{"nice", try_nice},
	{"limit", try_limit},
	{"socket", try_connect},
	{"pin unlinked", try_unlink},
	{"directory removed", try_rmdir},
	{"directory renamed", try_rename},
	{"umount", try_umount},
};
#define WORKERS (sizeof(workers) / sizeof(workers[0]))

/* Those whose outcome the worker does not see, or that attack something else. */
static const struct worker other_workers[] = {
	{"owner of a file", try_owner},
	{"signal to process", try_signal_process},
};

/* ---- helpers ---- */

/* What the attempts remove or change, as it was. */
static void make_targets(void)
{
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
	union bpf_attr pin = {.pathname = (uintptr_t)PIN};
	long fd = bpf_call(BPF_MAP_CREATE, &map);

	unlink(PIN);
	rmdir(FS "/elsewhere");
	mkdir(DIRECTORY, 0700);
	pin.bpf_fd = (__u32)fd;
	assert_int_equal(bpf_call(BPF_OBJ_PIN, &pin), 0);
	close((int)fd);
}

/* Evidence of an attack on the guard with that verdict; refused as it says. */
static bool has_guard_evidence(const struct box *b, unsigned verdict, unsigned refused)
{
	for (size_t i = 0; i < b->n_evidence; i++) {
		const struct lutra_evidence *ev = &b->evidence[i].ev;

		if (ev->rule == LUTRA_RULE_GUARD && ev->verdict == verdict &&
		    ev->refused == refused)
			return true;
	}
	return false;
}

static int attempt_attack(struct box *b, const struct worker *w, uint32_t mode)
{
	struct err err = {};

	make_targets();
	b->n_evidence = b->n_children = 0;
	if (guard_set_mode(b->guard, b->slot, mode, &err) < 0)
		fail_msg("%s", err.msg);
	return box_run(b, w->name, NULL);
}

static void attempt_in_each_mode(struct box *b, const struct worker *w)
{
	int status = attempt_attack(b, w, LUTRA_MODE_AUDIT);

	if (!WIFEXITED(status) || WEXITSTATUS(status) == REFUSED)
		fail_msg("%s: refused in mode audit", w->name);
	if (!has_guard_evidence(b, LUTRA_VERDICT_ALERT, 0))
		fail_msg("%s: no alert in mode audit", w->name);
	status = attempt_attack(b, w, LUTRA_MODE_DENY);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != REFUSED)
		fail_msg("%s: not refused in mode deny: status %#x", w->name, (unsigned)status);
	if (!has_guard_evidence(b, LUTRA_VERDICT_DENY, 1))
		fail_msg("%s: no evidence of the refusal", w->name);
	status = attempt_attack(b, w, LUTRA_MODE_KILL);
	if (!WIFSIGNALED(status) || !has_guard_evidence(b, LUTRA_VERDICT_KILL, 1))
		fail_msg("%s: not killed in mode kill: status %#x", w->name, (unsigned)status);
}

/* ---- tests ---- */

static void protect_attack_on_the_guard_is_met_whatever_the_policy_knows(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;

	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	for (size_t i = 0; i < WORKERS; i++)
		attempt_in_each_mode(b, &workers[i]);
}

static void protect_freeze_refuses_an_attack_too(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;

	box_enroll(b, p, LUTRA_MODE_FREEZE, false);
	policy_free(p);
	assert_exited(attempt_attack(b, &workers[0], LUTRA_MODE_FREEZE), REFUSED);
	assert_true(has_guard_evidence(b, LUTRA_VERDICT_DENY, 1));
}

/* Returns true if the worker's signal reached this process. */
static bool is_signalled(void)
{
	const struct timespec none = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	return sigtimedwait(&set, NULL, &none) == SIGURG;
}

static void protect_signal_by_owner_of_file_is_met(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	assert_exited(attempt_attack(b, &other_workers[0], LUTRA_MODE_AUDIT), DONE);
	assert_true(has_guard_evidence(b, LUTRA_VERDICT_ALERT, 0));
	assert_true(is_signalled());
	attempt_attack(b, &other_workers[0], LUTRA_MODE_DENY);
	assert_true(has_guard_evidence(b, LUTRA_VERDICT_DENY, 1));
	assert_false(is_signalled());
	assert_killed(attempt_attack(b, &other_workers[0], LUTRA_MODE_KILL));
	assert_false(is_signalled());
}

/* A daemon that enrols the cgroup of the box and dies. Returns its process number. */
static pid_t run_daemon_that_dies(const struct box *b)
{
	struct policy *p = kernel_policy_new();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_DENY, .next_exec = true};
	struct err err = {};
	struct guard *g;
	uint32_t slot;
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(guard_new(&g, &box_handler, box_usual_flags(), DEAD_PINS, &err) < 0 ||
		      guard_enroll(g, &e, &slot, &err) < 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_exited(status, 0);
	policy_free(p);
	return pid;
}

/* Starts a process of this number, which waits for a signal. */
static void start_process(pid_t number)
{
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid_size = 1};
	pid_t numbers[1] = {number};
	long pid;

	args.set_tid = (uintptr_t)numbers;
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	assert_int_equal(pid, number);
}

static void protect_no_process_that_has_the_number_of_a_dead_daemon(void **state)
{
	struct box *b = *state;
	pid_t number = run_daemon_that_dies(b);
	struct err err = {};
	char arg[16];
	int status;

	start_process(number);
	snprintf(arg, sizeof(arg), "%d", number);
	status = box_run(b, "signal to process", arg);
	kill(number, SIGKILL);
	waitpid(number, NULL, 0);
	if (guard_uninstall(DEAD_PINS, &err) < 0)
		fail_msg("%s", err.msg);
	assert_exited(status, DONE);
}

static void protect_leaves_those_alone_who_are_not_enrolled(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;

	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	for (size_t i = 0; i < WORKERS; i++) {
		make_targets();
		assert_int_not_equal(
			WEXITSTATUS(box_child_wait(box_fork(b, workers[i].name, NULL))), REFUSED);
		b->n_children = 0;
	}
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REFUSED), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

static int make_socket_and_mount(int *ret_socket)
{
	struct sockaddr_un a = socket_address();

	*ret_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unlink(SOCKET);
	if (bind(*ret_socket, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    listen(*ret_socket, 128) < 0 || (mkdir(FS, 0700) < 0 && errno != EEXIST))
		return -errno;
	return mount("lutra", FS, "bpf", 0, NULL) < 0 ? -errno : 0;
}

static void remove_socket_and_mount(int fd)
{
	box_guard_end();
	umount2(FS, MNT_DETACH);
	rmdir(FS);
	close(fd);
	unlink(SOCKET);
}

static int run_worker(const char *name)
{
	for (size_t i = 0; i < sizeof(other_workers) / sizeof(other_workers[0]); i++)
		if (!strcmp(other_workers[i].name, name))
			return other_workers[i].run();
	return test_program_run_worker(workers, WORKERS, name);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(protect_attack_on_the_guard_is_met_whatever_the_policy_knows),
		TEST(protect_freeze_refuses_an_attack_too),
		TEST(protect_signal_by_owner_of_file_is_met),
		TEST(protect_no_process_that_has_the_number_of_a_dead_daemon),
		TEST(protect_leaves_those_alone_who_are_not_enrolled),
	};
	const char *why;
	int fd = -1, r;

	if (argc > 3 && !strcmp(argv[1], "--worker"))
		worker_pid = atoi(argv[3]);
	if (argc > 2 && !strcmp(argv[1], "--worker"))
		return run_worker(argv[2]);
	why = test_program_why_not();
	if (!why && make_socket_and_mount(&fd) < 0)
		why = "no bpf file system can be mounted";
	box_pins = PINS;
	why = why ? why : test_program_why_no_hooks();
	r = test_program_run_tests(why, tests, sizeof(tests) / sizeof(tests[0]));
	remove_socket_and_mount(fd);
	return r;
}
