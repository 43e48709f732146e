/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operation reaches, and when it is refused: signals by kill(2) and by the owner of a file,
 * scheduling, limits and System V objects, in and out of the container; setns in an alert window;
 * truncation and creation of files. Skipped where LSM programs do not run.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>

#define NOVEL SYS_getpgid
#define FILE_ "/tmp/lutra-test-outside"
#define SETUID_MODE 04755
#define IOPRIO_OF_PROCESS 1
#define IOPRIO_IDLE (3 << 13)
#define NICE 5
#define BYTES 4096

static const char *worker_arg;

/* ---- workers: try one operation, exit with its outcome ---- */

/* A child signals the process that joined the container. */
static int try_signal_first(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(outcome_of(kill(getppid(), 0)));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : ELSE;
}

/* Writes to a pipe whose other end signals its owner. */
static int write_to_owner(int to, int from)
{
	if (fcntl(from, F_SETFL, O_ASYNC) < 0)
		return ELSE;
	return outcome_of(write(to, "x", 1));
}

static int try_owner(void)
{
	int fd[2];

	if (pipe(fd) < 0 || fcntl(fd[0], F_SETOWN, atoi(worker_arg)) < 0)
		return ELSE;
	return write_to_owner(fd[1], fd[0]);
}

/* A child sets the owner of a file to which its parent writes. */
static int try_owner_by_child(void)
{
	int fd[2], status = 0;
	pid_t pid;

	if (pipe(fd) < 0 || fcntl(fd[0], F_SETOWN, getpid()) < 0)
		return ELSE;
	pid = fork();
	if (pid == 0)
		_exit(fcntl(fd[0], F_SETOWN, atoi(worker_arg)) < 0);
	if (waitpid(pid, &status, 0) != pid || status)
		return ELSE;
	return write_to_owner(fd[1], fd[0]);
}

/* DONE: the process is told by its own file. */
static int try_owner_self(void)
{
	sigset_t set;
	int fd[2];

	sigemptyset(&set);
	sigaddset(&set, SIGIO);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(fd) < 0 || fcntl(fd[0], F_SETOWN, getpid()) < 0 ||
	    write_to_owner(fd[1], fd[0]) != DONE)
		return ELSE;
	sigpending(&set);
	return sigismember(&set, SIGIO) == 1 ? DONE : REFUSED;
}

static int try_setns_in_window(void)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);

	syscall(NOVEL, 0);
	return outcome_of(setns(fd, 0));
}

static int try_open_truncate(void)
{
	return outcome_of(open(FILE_, O_WRONLY | O_TRUNC | O_CLOEXEC));
}

/* The outcome of the second truncation, by the name, after one by an open. */
static int try_truncate_after_open(void)
{
	try_open_truncate();
	return outcome_of(truncate(FILE_, 0));
}

static int try_create(void)
{
	return outcome_of(open(FILE_, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int try_create_setuid(void)
{
	return outcome_of(open(FILE_, O_WRONLY | O_CREAT | O_CLOEXEC, SETUID_MODE));
}

static int try_mknod_file(void)
{
	return outcome_of(mknod(FILE_, S_IFREG | SETUID_MODE, 0));
}

static int try_mknod_socket(void)
{
	return outcome_of(mknod(FILE_, S_IFSOCK | 0600, 0));
}

/* ---- acts on the process of worker_arg; "0": on itself ---- */

static int try_nice(void)
{
	return outcome_of(setpriority(PRIO_PROCESS, (id_t)atoi(worker_arg), NICE));
}

static int try_affinity(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	return outcome_of(sched_setaffinity(atoi(worker_arg), sizeof(all), &all));
}

static int try_ioprio(void)
{
	return outcome_of(
		syscall(SYS_ioprio_set, IOPRIO_OF_PROCESS, atoi(worker_arg), IOPRIO_IDLE));
}

static int try_prlimit(void)
{
	const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};

	return outcome_of(prlimit(atoi(worker_arg), RLIMIT_CORE, &none, NULL));
}

/* Attaches the segment with the id of worker_arg. The kernel makes another error of any refusal. */
static int try_shm(void)
{
	intptr_t at = (intptr_t)shmat(atoi(worker_arg), NULL, SHM_RDONLY);

	return at == -1 && errno == EACCES ? REFUSED : outcome_of(at);
}

static int try_own_shm(void)
{
	int id = shmget(IPC_PRIVATE, BYTES, IPC_CREAT | 0600), outcome;

	if (id < 0)
		return ELSE;
	outcome = outcome_of((intptr_t)shmat(id, NULL, SHM_RDONLY));
	if (shmctl(id, IPC_RMID, NULL) < 0)
		return ELSE;
	return outcome;
}

static int do_nothing(void)
{
	return DONE;
}

static const struct worker workers[] = {
	{"signal-first", try_signal_first},
	{"owner", try_owner},
	{"owner-by-child", try_owner_by_child},
	{"owner-self", try_owner_self},
	{"setns-in-window", try_setns_in_window},
	{"open-truncate", try_open_truncate},
	{"truncate-after-open", try_truncate_after_open},
	{"create", try_create},
	{"create-setuid", try_create_setuid},
	{"mknod-file", try_mknod_file},
	{"mknod-socket", try_mknod_socket},
	{"nice", try_nice},
	{"affinity", try_affinity},
	{"ioprio", try_ioprio},
	{"prlimit", try_prlimit},
	{"shm", try_shm},
	{"own-shm", try_own_shm},
	{"nothing", do_nothing},
};

/* ---- helpers ---- */

/* A policy that knows no object of these operations, and refuses those that match a rule. */
static struct policy *refusing_policy(uint32_t ops, unsigned rule)
{
	struct policy *p = kernel_policy_new();

	p->ops = ops;
	p->nodes[0].flags = 0;
	p->action[rule] = LUTRA_ACTION_DENY;
	return p;
}

static void know_hook(struct policy *p, uint16_t hook)
{
	struct lutra_policy *none = calloc(1, sizeof(*none));
	const struct lutra_object o = {.op = LUTRA_OP_HOOK, .mode = hook};
	const struct lutra_class class = {0};

	assert_non_null(none);
	for (uint8_t role = 0; role < LUTRA_ROLES; role++)
		p->objects[p->n_objects++] = lutra_object_token(none, &o, &class, 0, role);
	free(none);
}

/* A policy that knows no hook but that of forks. */
static struct policy *signal_policy(void)
{
	struct policy *p = refusing_policy(1u << LUTRA_OP_HOOK, LUTRA_RULE_NEW_HOOKABLE);

	know_hook(p, LUTRA_HOOK_TASK_ALLOC);
	return p;
}

/* A policy that knows no hook but those of forks and of limits. ops: more of LUTRA_OP_*. */
static struct policy *outside_policy(uint32_t ops)
{
	struct policy *p = signal_policy();

	p->ops |= ops;
	know_hook(p, LUTRA_HOOK_TASK_SETRLIMIT);
	return p;
}

static void enroll_free(struct box *b, struct policy *p, uint32_t mode)
{
	box_enroll(b, p, mode, false);
	policy_free(p);
}

static void set_mode(struct box *b, uint32_t mode)
{
	struct err err = {};

	if (guard_set_mode(b->guard, b->slot, mode, &err) < 0)
		fail_msg("%s", err.msg);
	b->n_evidence = b->n_children = 0;
}

/* ret: the argument of a worker that acts on a process outside. Returns that process. */
static pid_t fork_outside(char ret[static 16])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	snprintf(ret, 16, "%d", pid);
	return pid;
}

/*
 * Runs a worker that signals a process outside by a file. Returns the signal that ended the process:
 * SIGTERM, by this function, unless the worker's signal reached it.
 */
static int run_owner(struct box *b, const char *worker, int *ret_status)
{
	char pid[16];
	pid_t outside = fork_outside(pid);
	int status = 0;

	*ret_status = box_run(b, worker, pid);
	kill(outside, SIGTERM);
	assert_int_equal(waitpid(outside, &status, 0), outside);
	return WTERMSIG(status);
}

static bool has_kill_evidence(const struct box *b, unsigned verdict)
{
	const struct seen_evidence *e = box_find_evidence(b, LUTRA_RULE_NEW_HOOKABLE);

	return e && e->ev.object.op == LUTRA_OP_HOOK && e->ev.object.mode == LUTRA_HOOK_TASK_KILL &&
	       e->ev.verdict == verdict;
}

/* With p, a worker's operation is done in audit and refused in deny, where the file stays away. */
static void assert_creation_denied(struct box *b, struct policy *p, const char *worker)
{
	unlink(FILE_);
	enroll_free(b, p, LUTRA_MODE_AUDIT);
	assert_exited(box_run(b, worker, NULL), DONE);
	assert_int_equal(access(FILE_, F_OK), 0);
	unlink(FILE_);
	set_mode(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, worker, NULL), REFUSED);
	assert_int_equal(access(FILE_, F_OK), -1);
	assert_true(b->n_evidence > 0);
	set_mode(b, LUTRA_MODE_KILL);
	assert_killed(box_run(b, worker, NULL));
	assert_int_equal(access(FILE_, F_OK), -1);
}

/* ---- tests ---- */

static void outside_signal_to_first_process_is_none(void **state)
{
	struct box *b = *state;

	enroll_free(b, signal_policy(), LUTRA_MODE_DENY);
	assert_exited(box_run(b, "signal-first", NULL), DONE);
	assert_false(has_kill_evidence(b, LUTRA_VERDICT_DENY));
}

static void check_owner(struct box *b, const char *worker)
{
	int status;

	set_mode(b, LUTRA_MODE_AUDIT);
	assert_int_equal(run_owner(b, worker, &status), SIGIO);
	assert_exited(status, DONE);
	assert_true(has_kill_evidence(b, LUTRA_VERDICT_ALERT));
	set_mode(b, LUTRA_MODE_DENY);
	assert_int_equal(run_owner(b, worker, &status), SIGTERM);
	assert_true(has_kill_evidence(b, LUTRA_VERDICT_DENY));
	set_mode(b, LUTRA_MODE_KILL);
	assert_int_equal(run_owner(b, worker, &status), SIGTERM);
	assert_killed(status);
}

static void outside_signal_by_owner_of_file_is_judged(void **state)
{
	struct box *b = *state;

	enroll_free(b, signal_policy(), LUTRA_MODE_AUDIT);
	check_owner(b, "owner");
}

static void outside_signal_by_owner_that_child_set_is_judged(void **state)
{
	struct box *b = *state;

	enroll_free(b, signal_policy(), LUTRA_MODE_AUDIT);
	check_owner(b, "owner-by-child");
}

static void outside_signal_to_own_process_by_file_is_none(void **state)
{
	struct box *b = *state;

	enroll_free(b, signal_policy(), LUTRA_MODE_DENY);
	assert_exited(box_run(b, "owner-self", NULL), DONE);
	assert_false(has_kill_evidence(b, LUTRA_VERDICT_DENY));
}

/* A worker that acts on a process outside, and on itself: in deny it may do the second alone. */
static void check_act_outside(struct box *b, const char *worker)
{
	char outside[16];
	pid_t pid = fork_outside(outside);

	set_mode(b, LUTRA_MODE_AUDIT);
	assert_exited(box_run(b, worker, outside), DONE);
	assert_true(b->n_evidence > 0);
	set_mode(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, worker, outside), REFUSED);
	b->n_evidence = 0;
	assert_exited(box_run(b, worker, "0"), DONE);
	assert_int_equal(b->n_evidence, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void outside_scheduling_and_limits_are_judged(void **state)
{
	static const char *const acts[] = {"nice", "affinity", "ioprio", "prlimit"};
	struct box *b = *state;

	enroll_free(b, outside_policy(1u << LUTRA_OP_OUTSIDE), LUTRA_MODE_AUDIT);
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		check_act_outside(b, acts[i]);
}

/* Its recordings could not see such acts. */
static void outside_acts_pass_an_older_policy(void **state)
{
	struct box *b = *state;
	char outside[16];
	pid_t pid = fork_outside(outside);

	enroll_free(b, outside_policy(0), LUTRA_MODE_DENY);
	assert_exited(box_run(b, "nice", outside), DONE);
	assert_int_equal(b->n_evidence, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void outside_shared_memory_is_judged_and_own_is_not(void **state)
{
	int id = shmget(IPC_PRIVATE, BYTES, IPC_CREAT | 0600);
	struct box *b = *state;
	char text[16];

	assert_true(id >= 0);
	snprintf(text, sizeof(text), "%d", id);
	enroll_free(b, outside_policy(1u << LUTRA_OP_OUTSIDE), LUTRA_MODE_AUDIT);
	assert_exited(box_run(b, "shm", text), DONE);
	assert_true(b->n_evidence > 0);
	set_mode(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "shm", text), REFUSED);
	b->n_evidence = 0;
	assert_exited(box_run(b, "own-shm", NULL), DONE);
	assert_int_equal(b->n_evidence, 0);
	shmctl(id, IPC_RMID, NULL);
}

static void window_refuses_setns_of_first_process(void **state)
{
	struct policy *p = kernel_policy_new();
	struct box *b = *state;

	kernel_policy_forget(p, NOVEL, false);
	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	p->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_DENY;
	enroll_free(b, p, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "setns-in-window", NULL), REFUSED);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_LEVEL));
}

static void truncate_after_refused_open_is_judged(void **state)
{
	struct policy *p = refusing_policy(1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_TRUNCATE,
					   LUTRA_RULE_OPEN_WRITE_ELSEWHERE);
	struct box *b = *state;

	close(open(FILE_, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	enroll_free(b, p, LUTRA_MODE_AUDIT);
	assert_exited(box_run(b, "truncate-after-open", NULL), DONE);
	set_mode(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "truncate-after-open", NULL), REFUSED);
}

static void truncate_of_open_is_no_event_and_one_after_it_is(void **state)
{
	struct policy *p =
		refusing_policy(1u << LUTRA_OP_TRUNCATE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE);
	struct box *b = *state;

	close(open(FILE_, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	enroll_free(b, p, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "open-truncate", NULL), DONE);
	assert_exited(box_run(b, "truncate-after-open", NULL), REFUSED);
}

static void creation_by_open_is_refused_before_the_file_exists(void **state)
{
	assert_creation_denied(
		*state, refusing_policy(1u << LUTRA_OP_OPEN, LUTRA_RULE_OPEN_WRITE_ELSEWHERE),
		"create");
}

static void creation_by_mknod_is_judged_as_an_open(void **state)
{
	assert_creation_denied(
		*state, refusing_policy(1u << LUTRA_OP_OPEN, LUTRA_RULE_OPEN_WRITE_ELSEWHERE),
		"mknod-file");
}

static void creation_of_socket_by_mknod_is_judged(void **state)
{
	assert_creation_denied(*state,
			       refusing_policy(1u << LUTRA_OP_MKNOD, LUTRA_RULE_PATH_ELSEWHERE),
			       "mknod-socket");
}

static void creation_with_rights_of_owner_is_judged(void **state)
{
	assert_creation_denied(*state,
			       refusing_policy(1u << LUTRA_OP_MKNOD, LUTRA_RULE_PATH_ELSEWHERE),
			       "create-setuid");
}

static int teardown_file(void **state)
{
	unlink(FILE_);
	return box_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, teardown_file)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(outside_signal_to_first_process_is_none),
		TEST(outside_signal_by_owner_of_file_is_judged),
		TEST(outside_signal_by_owner_that_child_set_is_judged),
		TEST(outside_signal_to_own_process_by_file_is_none),
		TEST(outside_scheduling_and_limits_are_judged),
		TEST(outside_acts_pass_an_older_policy),
		TEST(outside_shared_memory_is_judged_and_own_is_not),
		TEST(window_refuses_setns_of_first_process),
		TEST(truncate_after_refused_open_is_judged),
		TEST(truncate_of_open_is_no_event_and_one_after_it_is),
		TEST(creation_by_open_is_refused_before_the_file_exists),
		TEST(creation_by_mknod_is_judged_as_an_open),
		TEST(creation_of_socket_by_mknod_is_judged),
		TEST(creation_with_rights_of_owner_is_judged),
	};

	if (argc > 3)
		worker_arg = argv[3];
	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
