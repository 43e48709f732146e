/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts the instructions of system calls, from unguarded to recorded. It runs in an emulated machine
 * whose clock moves by one nanosecond with each instruction: bench/instructions starts it there.
 *
 *   off       nothing is attached
 *   empty     an empty program at sys_enter
 *   idle      lutra guards another cgroup in mode audit; deny: in mode deny
 *   scored    the task is guarded, by a policy that knows what it does
 *   recorded  the task is guarded, and every event goes into the ring
 *
 * A task is under a seccomp filter that allows everything, as a container's, or plain. A plain task is
 * not guarded here: most tasks of a host are so.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/kernel/empty.skel.h"
#include "bench/kernel/open_policy.h"
#include "lib/base/cleanup.h"
#include "user/guard/guard_impl.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define BATCHES 30
#define SETTLE_TRIES 1000

/* ---- what is counted ---- */

/* A static program, which opens no library. */
#define PROGRAM "/usr/bin/busybox"

static const char shallow[] = "/tmp/lutra-bench/assets/style.css";
static const char deep[] =
	"/tmp/lutra-bench/assets/vendor/fonts/latin/regular/subset/static/a.html";

static int call_getppid(void)
{
	return syscall(SYS_getppid) < 0;
}

static int open_and_close(const char *path)
{
	int fd = openat(AT_FDCWD, path, O_RDONLY);

	return fd < 0 || close(fd) < 0;
}

static int open_shallow(void)
{
	return open_and_close(shallow);
}

static int open_deep(void)
{
	return open_and_close(deep);
}

static int connect_datagram(void)
{
	static int fd = -1;
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(9),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0;
}

static int fork_and_wait(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

/* With its fork: what is more than the line above is the exec's. */
static int exec_and_wait(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execl(PROGRAM, "true", NULL);
		_exit(1);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

static const struct operation {
	const char *name;
	int (*operate)(void); /* returns 0, or not if it failed */
	unsigned batch;
} operations[] = {
	{"getppid", call_getppid, 500},
	{"openat + close, 4 deep", open_shallow, 50},
	{"openat + close, 10 deep", open_deep, 50},
	{"connect", connect_datagram, 50},
	{"fork + wait", fork_and_wait, 2},
	{"fork + execve + wait", exec_and_wait, 1},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* Prints the least instructions of an operation, as the clock has them. */
static int count_operation(const struct operation *o)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < BATCHES; i++) {
		uint64_t start = clock_now_ns();

		for (unsigned n = 0; n < o->batch; n++)
			if (o->operate() != 0)
				return 1;
		start = clock_now_ns() - start;
		least = start < least ? start : least;
	}
	printf("%llu\n", (unsigned long long)(least / o->batch));
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- one measurement ---- */

enum task { PLAIN, FILTERED, TASKS };

struct counted {
	struct guard *guard;
	struct policy *policy;
	char *cgroup, *other;
};

static int install_filter(void)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {.len = 1, .filter = &allow};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* In a child of its own, as the filter stays: starts the loop in the cgroup. Returns its exit code. */
static int run_loop(const struct counted *c, enum task task, const char *operation, int out)
{
	char self[] = "/proc/self/exe", option[] = "--loop", which[16];
	char *const argv[] = {self, option, which, NULL};
	struct err err;
	sigset_t none;
	int status;
	pid_t pid;

	sigemptyset(&none);
	snprintf(which, sizeof(which), "%s", operation);
	if ((task == FILTERED && install_filter() < 0) || dup2(out, STDOUT_FILENO) < 0 ||
	    child_start(argv, c->cgroup, &none, &pid, &err) < 0)
		return 1;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

/* Until nothing is attached that only a task without a filter needs. */
static void detach_enter(struct guard *g)
{
	for (int i = 0; i < SETTLE_TRIES && g->extra[GUARD_ENTER]; i++) {
		g->filters_checked_ns = 0;
		guard_choose_programs(g, clock_now_ns());
		poll(NULL, 0, 10);
	}
}

/* Returns the instructions of an operation, or 0 if it failed. */
static unsigned long long count_in_child(const struct counted *c, enum task task,
					 unsigned operation)
{
	_cleanup_close_ int in = -1, out = -1;
	char which[16], text[32] = "";
	int fds[2], status;
	struct pollfd p;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return 0;
	in = fds[0];
	out = fds[1];
	snprintf(which, sizeof(which), "%u", operation);
	detach_enter(c->guard);
	pid = fork();
	if (pid == 0)
		_exit(run_loop(c, task, which, out));
	p = (struct pollfd){.fd = in, .events = POLLIN};
	while (pid > 0 && poll(&p, 1, 5) >= 0 && !p.revents && waitpid(pid, &status, WNOHANG) == 0)
		guard_drain(c->guard);
	if (read(in, text, sizeof(text) - 1) <= 0)
		return 0;
	waitpid(pid, &status, 0);
	return strtoull(text, NULL, 10);
}

/* ---- the states ---- */

static const char *const states[] = {"off", "empty", "idle", "deny", "scored", "recorded"};
enum { OFF, EMPTY, IDLE, DENY, SCORED, RECORDED, STATES };

static unsigned long long counts[TASKS][OPERATIONS][STATES];

static int count_state(const struct counted *c, int state, struct err *err)
{
	enum task first = state < SCORED ? PLAIN : FILTERED;

	for (enum task t = first; t < TASKS; t++)
		for (unsigned o = 0; o < OPERATIONS; o++) {
			counts[t][o][state] = count_in_child(c, t, o);
			if (!counts[t][o][state])
				return err_set(err, -EIO, "%s: %s cannot be counted", states[state],
					       operations[o].name);
		}
	return 0;
}

static int count_empty(const struct counted *c, struct err *err)
{
	struct empty_bpf *e = empty_bpf__open_and_load();
	int r = -errno;

	if (e) {
		e->links.empty_enter = bpf_program__attach(e->progs.empty_enter);
		r = e->links.empty_enter ? 0 : -errno;
	}
	r = r < 0 ? err_set(err, r, "the empty program does not load: %s", strerror(-r))
		  : count_state(c, EMPTY, err);
	empty_bpf__destroy(e);
	return r;
}

/* Counts while a cgroup is enrolled: the loop's, or another. */
static int count_enrolled(const struct counted *c, int state, struct err *err)
{
	struct guard_enrolment e = {.cgroup = state < SCORED ? c->other : c->cgroup,
				    .policy = state == RECORDED ? NULL : c->policy,
				    .mode = state == RECORDED ? LUTRA_MODE_LEARN
					    : state == DENY   ? LUTRA_MODE_DENY
							      : LUTRA_MODE_AUDIT,
				    .record = state == RECORDED,
				    .next_exec = true};
	uint32_t slot;
	int r = guard_enroll(c->guard, &e, &slot, err);

	if (r < 0)
		return r;
	r = count_state(c, state, err);
	guard_release(c->guard, slot);
	guard_drain(c->guard);
	return r;
}

/* ---- the program ---- */

static int make_file(const char *path)
{
	char dir[PATH_MAX];
	int fd;

	snprintf(dir, sizeof(dir), "%s", path);
	for (char *s = strchr(dir + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return -errno;
		*s = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

static int prepare_counts(struct counted *c, struct err *err)
{
	static const struct guard_handler none;
	const char *const files[] = {shallow, deep};
	int r = make_file(shallow);

	if (r == 0)
		r = make_file(deep);
	if (r == 0)
		r = bench_open_policy(files, 2, &c->policy);
	if (r < 0)
		return err_set(err, r, "%s", strerror(-r));
	r = cgroup_create("lutra-bench", &c->cgroup, err);
	if (r == 0)
		r = cgroup_create("lutra-bench-other", &c->other, err);
	return r < 0 ? r : guard_new(&c->guard, &none, 0, NULL, err);
}

/* A line an operation and kind of task: all instructions, and what is above nothing attached. */
static void print_counts(const struct counted *c)
{
	static const char *const tasks[] = {"plain", "filter"};
	struct guard_syscalls at = guard_syscalls(c->guard);
	struct utsname uts;

	uname(&uts);
	printf("%s, system calls are seen at %s\n%-24s %-7s", uts.release,
	       at.at_filter ? at.at_filter : "tp_btf/sys_enter", "instructions", "task");
	for (int s = 0; s < STATES; s++)
		printf(" %9s", states[s]);
	printf("\n");
	for (unsigned o = 0; o < OPERATIONS; o++)
		for (enum task t = PLAIN; t < TASKS; t++) {
			printf("%-24s %-7s %9llu", operations[o].name, tasks[t], counts[t][o][OFF]);
			for (int s = EMPTY; s < (t == PLAIN ? SCORED : STATES); s++)
				printf(" %+9lld", (long long)(counts[t][o][s] - counts[t][o][OFF]));
			printf("\n");
		}
}

static int count_all(struct counted *c, struct err *err)
{
	int r = prepare_counts(c, err);

	if (r == 0)
		r = count_state(c, OFF, err);
	if (r == 0)
		r = count_empty(c, err);
	for (int s = IDLE; r == 0 && s < STATES; s++)
		if (s != DENY || guard_has_lsm(c->guard))
			r = count_enrolled(c, s, err);
	if (r == 0)
		print_counts(c);
	return r;
}

int main(int argc, char **argv)
{
	struct counted c = {};
	struct err err = {};
	int r;

	if (argc == 3 && strcmp(argv[1], "--loop") == 0)
		return count_operation(&operations[strtoul(argv[2], NULL, 10) % OPERATIONS]);
	r = count_all(&c, &err);
	if (r < 0)
		fprintf(stderr, "instructions: %s\n", err.msg);
	guard_free(c.guard);
	if (c.cgroup)
		cgroup_destroy(c.cgroup);
	if (c.other)
		cgroup_destroy(c.other);
	free(c.cgroup);
	free(c.other);
	policy_free(c.policy);
	return r < 0 ? 1 : 0;
}
