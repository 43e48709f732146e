/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/caches/task_cache_workers.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <sys/mman.h>
#include <unistd.h>

struct shared_memory *shared;
const char *shared_arg;

struct shared_memory *shared_map(int fd)
{
	void *p =
		mmap(NULL, sizeof(struct shared_memory), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- workers ---- */

static bool map_shared(void)
{
	shared = shared_arg ? shared_map(atoi(shared_arg)) : NULL;
	return shared != NULL;
}

/* Waits until the test has come to a step. Few wait at a time, or a crowd waits for one step. */
static void await_step(unsigned go)
{
	unsigned now;

	while ((now = atomic_load(&shared->go)) < go)
		syscall(SYS_futex, &shared->go, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void say_ready(void)
{
	atomic_fetch_add(&shared->ready, 1);
}

int make_novel_calls(void)
{
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

const unsigned own_call[4] = {SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid};

static void make_own_calls(pid_t pid)
{
	for (int i = 0; i < OWN_CALLS; i++)
		syscall(own_call[pid & 3]);
}

/* Runs member i of a crowd. Odd ones are steady. */
static int run_member(unsigned i)
{
	pid_t pid = getpid();

	shared->pid[i] = pid;
	if (i & 1)
		syscall(SYS_accept4, -1, NULL, NULL, 0);
	say_ready();
	await_step(1);
	make_own_calls(pid);
	for (int k = 0; i % 10 == 0 && k < CROWD_NOVEL; k++)
		syscall(NOVEL, 0);
	say_ready();
	await_step(2);
	return 0;
}

static int work_member_crowd(void)
{
	int status, bad = 0;

	if (!map_shared())
		return 1;
	shared->tasks = true;
	for (unsigned i = 0; i < shared->n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid == 0)
			_exit(run_member(i));
	}
	for (unsigned i = 0; i < shared->n; i++)
		bad |= wait(&status) < 0 || status != 0;
	return bad;
}

static void *run_member_thread(void *arg)
{
	pid_t *pid = arg, tid = (pid_t)syscall(SYS_gettid);
	unsigned i = (unsigned)(pid - shared->pid);

	*pid = tid;
	say_ready();
	await_step(1);
	make_own_calls(tid);
	for (int k = 0; i % 10 == 0 && k < CROWD_NOVEL; k++)
		syscall(NOVEL, 0);
	say_ready();
	await_step(2);
	return NULL;
}

static int work_threads(void)
{
	static pthread_t t[CROWD_MAX];
	pthread_attr_t a;

	if (!map_shared() || pthread_attr_init(&a) || pthread_attr_setstacksize(&a, 65536))
		return 1;
	for (unsigned i = 0; i < shared->n; i++)
		if (pthread_create(&t[i], &a, run_member_thread, &shared->pid[i]))
			return 2;
	for (unsigned i = 0; i < shared->n; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* Waits until the first thread is a zombie: then its end is complete. Returns false on an error. */
static bool wait_for_leader_end(void)
{
	char path[64], buf[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	for (;;) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		if (n <= 0)
			return false;
		buf[n] = '\0';
		if (strstr(buf, ") Z "))
			return true;
		sched_yield();
	}
}

/* Ends the calling thread alone. pthread_exit() would need a library that may not be there. */
static noreturn void exit_thread(void)
{
	for (;;)
		syscall(SYS_exit, 0);
}

static void exec_novel(void)
{
	execl("/proc/thread-self/exe", "worker", "--worker", "novel", NULL);
	_exit(126);
}

static void *make_novel_calls_in_thread(void *arg)
{
	(void)arg;
	make_novel_calls();
	return NULL;
}

/* Executes a program that makes novel calls, in a child and then in the caller. */
static void exec_in_child_and_self(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_novel();
	if (waitpid(pid, NULL, 0) != pid)
		_exit(5);
	exec_novel();
}

/* After the end of the leader: makes novel calls itself, in a new thread, and after an exec in a
 * child and in itself. */
static void *outlive_leader(void *arg)
{
	pthread_t t;

	(void)arg;
	if (!wait_for_leader_end())
		_exit(3);
	say_ready();
	await_step(1);
	make_novel_calls();
	if (pthread_create(&t, NULL, make_novel_calls_in_thread, NULL))
		_exit(4);
	pthread_join(t, NULL);
	exec_in_child_and_self();
	return NULL;
}

static int work_leader(void)
{
	pthread_t t;

	syscall(SYS_accept4, -1, NULL, NULL, 0);
	if (!map_shared() || pthread_create(&t, NULL, outlive_leader, NULL))
		return 1;
	exit_thread();
}

/* The same, in a thread that is older than the enrolment: it asks for the entry of the leader. */
static void *outlive_leader_late(void *arg)
{
	(void)arg;
	say_ready();
	if (!wait_for_leader_end())
		_exit(3);
	exec_in_child_and_self();
	return NULL;
}

static int work_late(void)
{
	pthread_t t;

	if (!map_shared() || pthread_create(&t, NULL, outlive_leader_late, NULL))
		return 1;
	await_step(1);
	exit_thread();
}

/* Forks children one after the other, each with a novel call. */
static int work_novel_lives(void)
{
	if (!map_shared())
		return 1;
	for (unsigned i = 0; i < shared->n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(syscall(NOVEL, 0) < 0);
		if (waitpid(pid, NULL, 0) != pid)
			return 2;
	}
	return 0;
}

/* Becomes steady, and makes a novel call at each step of the test. */
static int work_words(void)
{
	if (!map_shared())
		return 1;
	syscall(SYS_accept4, -1, NULL, NULL, 0);
	for (unsigned go = 1;; go++) {
		say_ready();
		await_step(go);
		syscall(NOVEL, 0);
	}
}

const struct worker workers[7] = {
	{"novel", make_novel_calls}, {"crowd", work_member_crowd},
	{"threads", work_threads},   {"leader", work_leader},
	{"late", work_late},	     {"short-lives", work_novel_lives},
	{"words", work_words},
};
