/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a service. It is a part of its ordinary work: a request that holds
 * "implant:work,N;" has a child write to a spool, call a backend, execute a helper, use an
 * io_uring. And it is a fault by which an attacker runs code of his own: for "implant:NAME,VICTIM;"
 * a child tries that technique. The service writes what came of it to its standard error: "implant
 * NAME PID STATUS LOOT".
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define TRIGGER "implant:"

static int has_ring;

__attribute__((constructor)) static void start_implant(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED)
		loot = page;
	has_ring = ring_open() == 0;
	/* A service that starts as root, and gives its files to the user that it serves as. */
	if (chown(OWNED, START_OWNER, (gid_t)-1) < 0)
		dprintf(2, "implant: " OWNED ": %s\n", strerror(errno));
}

/* ---- ordinary work ---- */

/* Letters that say little: names are never the same twice. */
static void make_word(unsigned n, char ret[static 9])
{
	for (int i = 0; i < 8; i++) {
		n = n * 1103515245u + 12345u;
		ret[i] = (char)('a' + (n >> 16) % 26);
	}
	ret[8] = '\0';
}

static int write_spool(unsigned n)
{
	char dir[64], path[96], name[9];
	int fd;

	make_word(n, name);
	snprintf(dir, sizeof(dir), SPOOL "/%s", name);
	make_word(n + 7, name);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	mkdir(dir, 0755);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, name, sizeof(name)) < 0)
		return errno;
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, name, sizeof(name), 0) < 0)
		return errno;
	close(fd);
	return unlink(path) < 0 || rmdir(dir) < 0 ? errno : 0;
}

static int read_config(void)
{
	char buf[64];
	int fd = open(SHARED "/config", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, buf, sizeof(buf), 0) < 0)
		return errno;
	close(fd);
	return 0;
}

/* Sets an attribute of a file of the volume. */
static int mark_config(void)
{
	return FAILED(setxattr(SHARED "/config", "user.read", "1", 1, 0));
}

static int call_backend(void)
{
	int fd = connect_loopback(BACKEND), r;

	if (fd < 0)
		return errno;
	r = FAILED(write(fd, "hello\n", 6));
	close(fd);
	return r;
}

static int call_peers(void)
{
	int fd = connect_unix(PEER_SOCKET, SOCK_STREAM);

	if (fd < 0)
		return errno;
	close(fd);
	fd = send_unix(LOG_SOCKET);
	if (fd < 0)
		return errno;
	close(fd);
	fd = connect_inet(NET_PEER, NET_PORT);
	if (fd < 0)
		return errno;
	close(fd);
	fd = connect_unix(LOG_SOCKET, SOCK_DGRAM);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int run_helper(void)
{
	char path[] = HELPER;
	char *const argv[] = {path, NULL}, *const envp[] = {NULL};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status_of(status);
}

static int do_work(int n)
{
	int r = write_spool((unsigned)n);

	if (r == 0)
		r = read_config();
	if (r == 0)
		r = mark_config();
	for (int i = 0; i < 3 && r == 0 && n % 2 == 0; i++)
		r = call_backend();
	if (r == 0)
		r = call_peers();
	if (r == 0 && n % 3 == 0)
		r = run_helper();
	if (r == 0 && has_ring)
		r = -ring_do(&(struct io_uring_sqe){.opcode = IORING_OP_NOP, .flags = IOSQE_ASYNC});
	return r;
}

/* ---- requests ---- */

static int perform_technique(const char *name, int number)
{
	const struct technique *t = technique_find(name);

	if (strcmp(name, "work") == 0)
		return do_work(number);
	return t ? t->run(number) : ENOSYS;
}

static void attempt_technique(const char *name, int number)
{
	const struct technique *t = technique_find(name);
	int status = 0, r;
	sigset_t child, before;
	pid_t pid;

	memset(loot, 0, 64);
	if (t && t->first) {
		r = perform_technique(name, number);
		dprintf(2, "\nimplant %s %d %d %s\n", name, getpid(), r, loot[0] ? loot : "-");
		return;
	}
	/* A service's own handler would take the child's status, here and in the child. */
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	pid = fork();
	if (pid == 0)
		_exit(perform_technique(name, number));
	r = pid < 0 ? errno : 0;
	if (pid > 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		r = status_of(status);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	dprintf(2, "\nimplant %s %d %d %s\n", name, pid, r, loot[0] ? loot : "-");
}

static void find_request(const char *data, ssize_t n)
{
	char name[64];
	int number = 0;
	const char *at = n > 0 ? memmem(data, (size_t)n, TRIGGER, strlen(TRIGGER)) : NULL;

	if (at && sscanf(at + strlen(TRIGGER), "%63[a-z0-9_],%d;", name, &number) == 2)
		attempt_technique(name, number);
}

/* The services read their requests by one of these two. */

ssize_t read(int fd, void *buf, size_t count)
{
	static ssize_t (*real)(int, void *, size_t);
	ssize_t n;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "read");
	n = real(fd, buf, count);
	find_request(buf, n);
	return n;
}

ssize_t recv(int fd, void *buf, size_t count, int flags)
{
	static ssize_t (*real)(int, void *, size_t, int);
	ssize_t n;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "recv");
	n = real(fd, buf, count, flags);
	find_request(buf, n);
	return n;
}
