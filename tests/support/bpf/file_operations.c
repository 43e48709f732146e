/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/file_operations.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int held_fd = -1;
static void *held_map;

/* Copies what a descriptor reads to another one, and closes both. */
static bool copy_bytes(int in, int out)
{
	bool ok = in >= 0 && out >= 0;
	static char buf[65536];
	ssize_t n = 0;

	while (ok && (n = read(in, buf, sizeof(buf))) > 0)
		ok = write(out, buf, (size_t)n) == n;
	close(in);
	close(out);
	return ok && n == 0;
}

bool write_program(const char *from, const char *to, int flags)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);

	return copy_bytes(in, open(to, O_WRONLY | O_CLOEXEC | flags, 0755));
}

/* Copies a file to a new one that is opened first, as a shell does for "cat FROM >TO". */
static bool redirect_program(const char *from, const char *to)
{
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	return copy_bytes(open(from, O_RDONLY | O_CLOEXEC), out);
}

static bool run_program(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(path, path, NULL);
		_exit(126);
	}
	return waitpid(pid, NULL, 0) == pid;
}

/* Runs a program that prints to a new file, as a shell does for "PROGRAM >TO". */
static bool run_program_to(const char *path, const char *to)
{
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		execl(path, path, "--version", NULL);
		_exit(126);
	}
	close(out);
	/* busybox knows no program of that name and ends with an error. But it ran. */
	return out >= 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) != 126;
}

static void *map_file(const char *path, int open_flags, int prot, int flags)
{
	int fd = open(path, open_flags | O_CLOEXEC);
	void *p = mmap(NULL, 4096, prot, flags, fd, 0);

	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

/* Ends what the operations h and s hold. */
static bool end_held(void)
{
	bool ok = held_fd >= 0 ? close(held_fd) == 0 : munmap(held_map, 4096) == 0;

	held_fd = -1;
	return ok;
}

static bool read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char c;
	bool ok = fd >= 0 && read(fd, &c, 1) == 1;

	close(fd);
	return ok;
}

static void *run_reader(void *path)
{
	return read_file(path) ? path : NULL;
}

static bool read_file_by_thread(char *path)
{
	void *done = NULL;
	pthread_t t;

	return pthread_create(&t, NULL, run_reader, path) == 0 && pthread_join(t, &done) == 0 &&
	       done;
}

/* Has a child process copy a file to a new one. */
static bool write_program_by_child(const char *from, const char *to)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(!write_program(from, to, O_CREAT | O_EXCL));
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool do_operation(const char *program, const char *text)
{
	char op = 0, a[128] = "", b[128] = "";

	if (sscanf(text, " %c %127s %127s", &op, a, b) < 1)
		return false;
	switch (op) {
	case 'c': /* copies a to b, which is new */
		return write_program(a, b, O_CREAT | O_EXCL);
	case 'd': /* the same, but opens b first */
		return redirect_program(a, b);
	case 'f': /* a child copies a to b, which is new */
		return write_program_by_child(a, b);
	case 'o': /* reads of a */
		return read_file(a);
	case 'w': /* opens a for reading and writing, and makes it if there is none */
		return close(open(a, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) == 0;
	case 'O': /* a thread reads of a */
		return read_file_by_thread(a);
	case 't': /* writes a anew */
		return write_program(program, a, O_TRUNC);
	case 'a': /* writes a, and leaves what is behind */
		return write_program(program, a, O_APPEND);
	case 'v':
		return rename(a, b) == 0;
	case 'b': /* shows a at b, too */
		return mount(a, b, NULL, MS_BIND, NULL) == 0;
	case 'l':
		return link(a, b) == 0;
	case 'p':
		return chmod(a, 0700) == 0;
	case 'u':
		return unlink(a) == 0;
	case 'h': /* holds a open for writing */
		held_fd = open(a, O_RDWR | O_CLOEXEC);
		return held_fd >= 0;
	case 's': /* holds a shared mapping */
		held_map = map_file(a, O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED);
		return held_map;
	case 'r':
		return end_held();
	case 'm': /* maps a as code */
		return map_file(a, O_RDONLY, PROT_READ | PROT_EXEC, MAP_PRIVATE);
	case 'x':
		return run_program(a);
	case 'X': /* runs a, which prints to b */
		return run_program_to(a, b);
	default:
		return false;
	}
}

int do_operations(const char *program, char *list)
{
	int wrong = 0;

	for (char *at = strtok(list, ";"); at; at = strtok(NULL, ";"))
		wrong += !do_operation(program, at);
	return wrong;
}
