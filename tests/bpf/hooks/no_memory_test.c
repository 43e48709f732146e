/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A kernel that has no memory for the entry or the scratch of a task. Entries come from the reserve
 * then; while that is full, no task forks, and a task without an entry is judged by its cgroup. What
 * cannot be judged for want of scratch is refused. The maps of the guard are charged to a cgroup whose
 * memory ends. Skipped where LSM programs do not run, and where the kernel has memory all the same.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <linux/membarrier.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

#define CROWD 60
#define ROUNDS 3
#define ROUND 1000 /* children of a round, all at once */
#define SECRET "/proc/version"
#define BATCH 1024
#define GRACE_PERIODS 1000
#define STARTS 12 /* one of so many programs gets memory, once the kernel has it again */

static char memory_cgroup[300];

/* Children open a file that the policy does not know, once the test lets this process go on. */
static int try_open_in_children(void)
{
	int go[2], status, outcome = REFUSED;
	char c;

	if (pipe(go) < 0)
		return ELSE;
	for (int i = 0; i < CROWD; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return ELSE;
		if (pid == 0) {
			close(go[1]);
			if (read(go[0], &c, 1) != 0)
				_exit(ELSE);
			_exit(outcome_of(open("/proc/version", O_RDONLY | O_CLOEXEC)));
		}
	}
	raise(SIGSTOP);
	close(go[1]);
	for (int i = 0; i < CROWD; i++)
		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != REFUSED)
			outcome = DONE;
	return outcome;
}

/* Reads the secret. Returns DONE or REFUSED. */
static int try_read(void)
{
	int fd = open(SECRET, O_RDONLY | O_CLOEXEC);
	char c;

	return fd >= 0 && read(fd, &c, 1) == 1 ? DONE : REFUSED;
}

/* The loader of the program says on standard error what it was refused. */
static void *exec_reader(void *unused)
{
	close(STDERR_FILENO);
	execl("/proc/self/exe", "no_memory_test", "--worker", "read", NULL);
	_exit(ELSE);
	return unused;
}

/* Reads in a program that a thread executes: the thread takes its leader's place. */
__attribute__((noreturn)) static void read_after_thread_exec(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exec_reader, NULL) == 0)
		pthread_join(thread, NULL);
	_exit(ELSE);
}

/*
 * Forks children that read a secret once the pipe is closed; one in 100 does it after a thread of it has
 * executed a program. Returns how many there are.
 */
static int fork_readers(const int go[2], int wanted)
{
	char c;

	for (int i = 0; i < wanted; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return i;
		if (pid > 0)
			continue;
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(ELSE);
		if (i % 100 == 99)
			read_after_thread_exec();
		_exit(try_read());
	}
	return wanted;
}

/* The policy lets no program be linked: the loader of one that was executed ends so. */
#define NOT_LINKED 127

/* Returns DONE if one of n children read the secret, else REFUSED. */
static int wait_readers(int n)
{
	int status, outcome = REFUSED;

	for (int i = 0; i < n; i++)
		if (wait(&status) < 0 || (WIFEXITED(status) && WEXITSTATUS(status) != REFUSED &&
					  WEXITSTATUS(status) != NOT_LINKED))
			outcome = DONE;
	return outcome;
}

/* Stops before and after each round of forks, for the test to go on. */
static int try_read_in_crowd(void)
{
	int outcome = REFUSED;

	raise(SIGSTOP);
	for (int i = 0; i < ROUNDS && outcome == REFUSED; i++) {
		int go[2], n;

		if (pipe(go) < 0)
			return ELSE;
		n = fork_readers(go, ROUND);
		raise(SIGSTOP);
		close(go[0]);
		close(go[1]);
		outcome = n == ROUND ? wait_readers(n) : ELSE;
	}
	return outcome;
}

/* ELSE: the fork was let through, and the child did not read. */
static int try_fork(void)
{
	pid_t pid;
	int go[2];

	raise(SIGSTOP);
	if (pipe(go) < 0)
		return ELSE;
	pid = (pid_t)fork_readers(go, 1);
	if (pid == 0)
		return REFUSED;
	close(go[0]);
	close(go[1]);
	return wait_readers(1) == DONE ? DONE : ELSE;
}

static const struct worker workers[] = {
	{"open", try_open_in_children},
	{"crowd", try_read_in_crowd},
	{"fork", try_fork},
	{"read", try_read},
};

static int write_file(const char *dir, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

/* Returns why there is no cgroup whose memory is limited, or NULL. This process is in it then. */
static const char *enter_memory_cgroup(void)
{
	char mount[200];

	if (box_cgroup_mount(mount, sizeof(mount)) < 0)
		return "no cgroup v2";
	write_file(mount, "cgroup.subtree_control", "+memory");
	snprintf(memory_cgroup, sizeof(memory_cgroup), "%s/lutra-test-%d-memory", mount, getpid());
	if (mkdir(memory_cgroup, 0755) < 0 || box_cgroup_join(memory_cgroup, 0) < 0)
		return "no cgroup can be made";
	return write_file(memory_cgroup, "memory.max", "max") < 0 ? "no memory controller" : NULL;
}

static void leave_memory_cgroup(void)
{
	char mount[200];

	if (!memory_cgroup[0] || box_cgroup_mount(mount, sizeof(mount)) < 0)
		return;
	box_cgroup_join(mount, 0);
	write_file(memory_cgroup, "memory.max", "max");
}

static uint64_t storage_failed(const struct box *b)
{
	struct lutra_counters c;

	assert_int_equal(guard_counters(b->guard, 0, &c), 0);
	return c.n[LUTRA_COUNTER_STORAGE_FAILED];
}

/* Enrols the box with a policy that knows forks, and refuses opens below /proc. */
static void enroll_refusing(struct box *b, uint32_t mode)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_OPEN;
	p->nodes[0].flags = 0;
	kernel_policy_node(p, 0, "proc", true, LUTRA_NODE_PROTECTED);
	p->action[LUTRA_RULE_OPEN_READ_PROTECTED] = LUTRA_ACTION_DENY;
	leave_memory_cgroup();
	box_enroll(b, p, mode, false);
	policy_free(p);
}

static bool does_stop(struct child *c)
{
	int status = 0;

	assert_int_equal(waitpid(c->pid, &status, WUNTRACED), c->pid);
	if (!WIFSTOPPED(status))
		c->pid = 0;
	return WIFSTOPPED(status);
}

static void wait_for_stop(struct child *c)
{
	assert_true(does_stop(c));
}

/*
 * Starts a worker in the enrolled cgroup, up to its first stop. After a shortage the kernel fills its
 * cache of scratches only when one is asked for, so the first programs may be refused what they open.
 */
static struct child *start_worker(struct box *b, const char *worker)
{
	for (int i = 0; i < STARTS; i++) {
		struct child *c = box_fork(b, worker, NULL);

		assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
		box_child_go(c);
		if (does_stop(c))
			return c;
	}
	fail_msg("no worker starts: the kernel has no memory again");
	return NULL;
}

static struct lutra_shortage_view {
	uint64_t used, lost;
} * map_shortage(const struct box *b)
{
	void *p = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(b->guard->skel->maps.shortage), 0);

	assert_true(p != MAP_FAILED);
	return p;
}

/* The kernel frees a task that ended some grace periods later. */
static void wait_until_unused(volatile const struct lutra_shortage_view *shortage)
{
	for (int i = 0; shortage->used && i < GRACE_PERIODS; i++)
		assert_int_equal(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0), 0);
	assert_int_equal(shortage->used, 0);
}

/* ---- tests ---- */

static void no_memory_crowd_reads_nothing(struct box *b, uint32_t mode)
{
	volatile struct lutra_shortage_view *shortage;
	uint64_t used = 0;
	struct child *c;
	int status;

	enroll_refusing(b, mode);
	shortage = map_shortage(b);
	c = start_worker(b, "crowd");
	write_file(memory_cgroup, "memory.max", "0");
	for (int i = 0; i < ROUNDS; i++) {
		kill(c->pid, SIGCONT);
		wait_for_stop(c);
		used += shortage->used;
	}
	kill(c->pid, SIGCONT);
	status = box_child_wait(c);
	write_file(memory_cgroup, "memory.max", "max");
	assert_exited(status, REFUSED);
	wait_until_unused(shortage);
	assert_int_equal(shortage->lost & LUTRA_LOST_NO_ROOM, 0);
	if (!used)
		test_program_skip("the kernel had memory for each task");
}

static void no_memory_crowd_reads_nothing_in_deny(void **state)
{
	no_memory_crowd_reads_nothing(*state, LUTRA_MODE_DENY);
}

static void no_memory_crowd_reads_nothing_in_kill(void **state)
{
	no_memory_crowd_reads_nothing(*state, LUTRA_MODE_KILL);
}

static void no_memory_full_reserve_refuses_forks(void **state)
{
	volatile struct lutra_shortage_view *shortage;
	struct box *b = *state;
	struct child *c;
	int status;

	enroll_refusing(b, LUTRA_MODE_DENY);
	shortage = map_shortage(b);
	c = start_worker(b, "fork");
	shortage->used = LUTRA_RESERVE;
	kill(c->pid, SIGCONT);
	status = box_child_wait(c);
	shortage->used = 0;
	assert_exited(status, REFUSED);
	assert_true(box_counter(b, LUTRA_COUNTER_STORAGE_FAILED) > 0);
}

/* Takes every place of the reserve, by addresses of no task. */
static void fill_reserve(const struct box *b)
{
	const struct bpf_map *m = b->guard->skel->maps.reserve;
	size_t size = bpf_map__value_size(m);
	_cleanup_free_ char *values = calloc(BATCH, size);
	uint64_t keys[BATCH];

	assert_non_null(values);
	for (uint64_t at = 0; at < LUTRA_RESERVE; at += BATCH) {
		__u32 n = BATCH;

		for (uint64_t i = 0; i < BATCH; i++)
			keys[i] = at + i + 1;
		if (bpf_map_update_batch(bpf_map__fd(m), keys, values, &n, NULL) < 0)
			break;
	}
}

/* The kernel side counts no entry in the reserve, so it lets the task fork. */
static void no_memory_task_without_entry_is_judged_by_its_cgroup(void **state)
{
	volatile struct lutra_shortage_view *shortage;
	struct box *b = *state;
	struct child *c;
	int status;

	enroll_refusing(b, LUTRA_MODE_DENY);
	shortage = map_shortage(b);
	c = start_worker(b, "crowd");
	fill_reserve(b);
	write_file(memory_cgroup, "memory.max", "0");
	for (int i = 0; i < ROUNDS; i++) {
		kill(c->pid, SIGCONT);
		wait_for_stop(c);
	}
	kill(c->pid, SIGCONT);
	status = box_child_wait(c);
	write_file(memory_cgroup, "memory.max", "max");
	assert_exited(status, REFUSED);
	if (!(shortage->lost & LUTRA_LOST_NO_ROOM))
		test_program_skip("the kernel had memory for each task");
}

static void no_memory_refuses_what_cannot_be_judged(void **state)
{
	struct box *b = *state;
	struct child *c;
	int status;

	enroll_refusing(b, LUTRA_MODE_DENY);
	c = start_worker(b, "open");
	write_file(memory_cgroup, "memory.max", "0");
	kill(c->pid, SIGCONT);
	status = box_child_wait(c);
	write_file(memory_cgroup, "memory.max", "max");
	assert_exited(status, REFUSED);
	if (!storage_failed(b))
		test_program_skip("the kernel had memory for each task");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(no_memory_refuses_what_cannot_be_judged),
		BOX_TEST(no_memory_crowd_reads_nothing_in_deny),
		BOX_TEST(no_memory_crowd_reads_nothing_in_kill),
		BOX_TEST(no_memory_full_reserve_refuses_forks),
		BOX_TEST(no_memory_task_without_entry_is_judged_by_its_cgroup),
	};
	const char *why;
	int r;

	if (argc > 2 && !strcmp(argv[1], "--worker"))
		return test_program_run_worker(workers, sizeof(workers) / sizeof(workers[0]),
					       argv[2]);
	why = test_program_why_not();
	why = why ? why : enter_memory_cgroup();
	why = why ? why : test_program_why_no_hooks();
	r = test_program_run_tests(why, tests, sizeof(tests) / sizeof(tests[0]));
	leave_memory_cgroup();
	if (memory_cgroup[0])
		rmdir(memory_cgroup);
	return r;
}
