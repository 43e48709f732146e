/* SPDX-License-Identifier: Apache-2.0 */
/* Workers of the tests of tasks' entries, and the memory by which they and the test keep step. */
#ifndef LUTRA_TESTS_BPF_PLACES_H
#define LUTRA_TESTS_BPF_PLACES_H

#include "tests/bpf/fixture.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdnoreturn.h>
#include <sys/mman.h>

#define NOVEL SYS_getpgid /* harmless, and nothing but the workers calls it */
#define CROWD_MAX 1000
#define OWN_CALLS (2 * LUTRA_HISTORY)
#define CROWD_NOVEL 5 /* calls of one in ten of a crowd */

/* What the test and its workers both see, with a page of its own. */
struct stage {
	atomic_uint ready, go;
	unsigned n;
	bool tasks; /* pid[] are processes, each with a role by its number */
	pid_t pid[CROWD_MAX];
};

static struct stage *stage;
static int stage_fd = -1;
static const char *worker_arg; /* descriptor of the stage */

static struct stage *stage_map(int fd)
{
	void *p = mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* ---- workers ---- */

static bool on_stage(void)
{
	stage = worker_arg ? stage_map(atoi(worker_arg)) : NULL;
	return stage != NULL;
}

/* Until the test says how far to go. Few wait at a time, or in a crowd for one word. */
static void await(unsigned go)
{
	unsigned now;

	while ((now = atomic_load(&stage->go)) < go)
		syscall(SYS_futex, &stage->go, FUTEX_WAIT, now, NULL, NULL, 0);
}

static void say_ready(void)
{
	atomic_fetch_add(&stage->ready, 1);
}

static int novel(void)
{
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

/* What a member calls is its own, so that its history tells it from others. No library does. */
static const unsigned own_call[4] = {SYS_getppid, SYS_getuid, SYS_getgid, SYS_geteuid};

static void own_calls(pid_t pid)
{
	for (int i = 0; i < OWN_CALLS; i++)
		syscall(own_call[pid & 3]);
}

/* Member i of a crowd: odd ones are steady. */
static int member(unsigned i)
{
	pid_t pid = getpid();

	stage->pid[i] = pid;
	if (i & 1)
		syscall(SYS_accept4, -1, NULL, NULL, 0);
	say_ready();
	await(1);
	own_calls(pid);
	for (int k = 0; i % 10 == 0 && k < CROWD_NOVEL; k++)
		syscall(NOVEL, 0);
	say_ready();
	await(2);
	return 0;
}

static int work_crowd(void)
{
	int status, bad = 0;

	if (!on_stage())
		return 1;
	stage->tasks = true;
	for (unsigned i = 0; i < stage->n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid == 0)
			_exit(member(i));
	}
	for (unsigned i = 0; i < stage->n; i++)
		bad |= wait(&status) < 0 || status != 0;
	return bad;
}

static void *member_thread(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	pid_t tid = (pid_t)syscall(SYS_gettid);

	stage->pid[i] = tid;
	say_ready();
	await(1);
	own_calls(tid);
	for (int k = 0; i % 10 == 0 && k < CROWD_NOVEL; k++)
		syscall(NOVEL, 0);
	say_ready();
	await(2);
	return NULL;
}

static int work_threads(void)
{
	static pthread_t t[CROWD_MAX];
	pthread_attr_t a;

	if (!on_stage() || pthread_attr_init(&a) || pthread_attr_setstacksize(&a, 65536))
		return 1;
	for (unsigned i = 0; i < stage->n; i++)
		if (pthread_create(&t[i], &a, member_thread, (void *)(uintptr_t)i))
			return 2;
	for (unsigned i = 0; i < stage->n; i++)
		pthread_join(t[i], NULL);
	return 0;
}

/* Until the first thread is a zombie: all that its end sets off is over. */
static bool leader_ends(void)
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

/* The calling thread alone. pthread_exit() would need a library that may not be there. */
static noreturn void leave(void)
{
	for (;;)
		syscall(SYS_exit, 0);
}

static void exec_novel(void)
{
	execl("/proc/thread-self/exe", "worker", "--worker", "novel", NULL);
	_exit(126);
}

static void *novel_thread(void *arg)
{
	(void)arg;
	novel();
	return NULL;
}

/* An exec that is novel, by a child and then by the caller. */
static void child_and_self_exec(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_novel();
	if (waitpid(pid, NULL, 0) != pid)
		_exit(5);
	exec_novel();
}

/* Behind the leader's back: itself, a thread and a child that it makes then, and an exec of each.
 */
static void *survivor(void *arg)
{
	pthread_t t;

	(void)arg;
	if (!leader_ends())
		_exit(3);
	say_ready();
	await(1);
	novel();
	if (pthread_create(&t, NULL, novel_thread, NULL))
		_exit(4);
	pthread_join(t, NULL);
	child_and_self_exec();
	return NULL;
}

static int work_leader(void)
{
	pthread_t t;

	syscall(SYS_accept4, -1, NULL, NULL, 0);
	if (!on_stage() || pthread_create(&t, NULL, survivor, NULL))
		return 1;
	leave();
}

/* Of a thread that was there before its process was enrolled: it asks for the leader's entry. */
static void *late_survivor(void *arg)
{
	(void)arg;
	say_ready();
	if (!leader_ends())
		_exit(3);
	child_and_self_exec();
	return NULL;
}

static int work_late(void)
{
	pthread_t t;

	if (!on_stage() || pthread_create(&t, NULL, late_survivor, NULL))
		return 1;
	await(1);
	leave();
}

/* Children one after the other, each with a novel call. */
static int work_short_lives(void)
{
	if (!on_stage())
		return 1;
	for (unsigned i = 0; i < stage->n; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(syscall(NOVEL, 0) < 0);
		if (waitpid(pid, NULL, 0) != pid)
			return 2;
	}
	return 0;
}

/* Steady; at each word of the test a novel call. */
static int work_words(void)
{
	if (!on_stage())
		return 1;
	syscall(SYS_accept4, -1, NULL, NULL, 0);
	for (unsigned go = 1;; go++) {
		say_ready();
		await(go);
		syscall(NOVEL, 0);
	}
}

static const struct worker workers[] = {
	{"novel", novel},	 {"crowd", work_crowd}, {"threads", work_threads},
	{"leader", work_leader}, {"late", work_late},	{"short-lives", work_short_lives},
	{"words", work_words},
};

#endif
