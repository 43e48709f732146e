/* SPDX-License-Identifier: Apache-2.0 */
/* Ways around guards that look at processes: other tasks than the ones looked at, arguments that
 * change, tasks that cannot be signalled. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define STACK (1 << 16)
#define CHILDREN 2000
#define TRIES 5000
#define CALLS 1000

static char stack[STACK] __attribute__((aligned(16)));

/* Out of the container's cgroup, as the host's root could put it. */
static int leave_cgroup(int victim)
{
	int r = text_write("/sys/fs/cgroup/cgroup.procs", "0");

	(void)victim;
	return r ? r : flag_open(SECRET);
}

static int read_secret(void *unused)
{
	(void)unused;
	return flag_open(SECRET);
}

static int do_nothing(void *unused)
{
	(void)unused;
	return 0;
}

/* So many children that one might be missed; the last of them reads the credential. */
static int many_children(int victim)
{
	int status = 0;

	(void)victim;
	for (int i = 1; i <= CHILDREN; i++) {
		pid_t pid = clone(i < CHILDREN ? do_nothing : read_secret, stack + STACK,
				  CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return errno;
	}
	return status_of(status);
}

/* ---- a thread that changes what another's call points to ---- */

static volatile int racing;
static volatile in_port_t *port_raced;
static struct sockaddr_in raced;
static char raced_path[64];

static int start_race(int (*swap)(void *))
{
	/* As pthread_create() does, but by clone(2), which the service knows. */
	int flags =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	racing = 1;
	return FAILED(clone(swap, stack + STACK, flags, NULL));
}

static int swap_port(void *unused)
{
	(void)unused;
	while (racing)
		*port_raced ^= htons(PORT) ^ htons(BACKEND);
	return 0;
}

/* As the service calls its backend. */
static int call_raced(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return errno;
	r = FAILED(connect(fd, (struct sockaddr *)&raced, sizeof(raced)));
	if (r == 0)
		r = FAILED(write(fd, "hello\n", 6));
	close(fd);
	return r;
}

static int race_address(int victim)
{
	int r;

	(void)victim;
	raced = (struct sockaddr_in){.sin_family = AF_INET,
				     .sin_port = htons(BACKEND),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	port_raced = &raced.sin_port;
	r = start_race(swap_port);
	if (r)
		return r;
	for (int i = 0; i < CALLS && r == 0; i++)
		r = call_raced();
	racing = 0;
	return r;
}

static bool was_called(struct host *h)
{
	return h->world->port > 0;
}

static int swap_path(void *unused)
{
	static const char names[2][sizeof(raced_path)] = {SECRET, KNOWN};

	(void)unused;
	for (unsigned i = 0; racing; i++)
		memcpy(raced_path, names[i & 1], sizeof(raced_path));
	return 0;
}

static int race_path(int victim)
{
	int r, fd;

	(void)victim;
	mkdir(SPOOL "/batch", 0755);
	fd = open(KNOWN, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	r = FAILED(fd);
	memcpy(raced_path, KNOWN, sizeof(KNOWN));
	r = r ? r : start_race(swap_path);
	if (r)
		return r;
	r = ENOENT;
	/* Half a name is no file. */
	for (int i = 0; i < TRIES && r == ENOENT; i++)
		r = flag_open(raced_path);
	racing = 0;
	return r;
}

static int blocked_signals(int victim)
{
	sigset_t all;

	(void)victim;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_IGN);
	return flag_open(SECRET);
}

static int first_process(int victim)
{
	(void)victim;
	return flag_open(SECRET);
}

const struct technique task_evasions[] = {
	{"leave_cgroup", "T1562", "moves itself out of its cgroup, then opens a credential",
	 .seen = "open w file .*cgroup.procs", .also = "open r file " SECRET, .run = leave_cgroup},
	{"many_children", "T1564", "opens a credential in the last of 2000 short-lived children",
	 .seen = "open r file " SECRET, .run = many_children},
	{"race_address", "T1564", "swaps the address under another thread's connect",
	 .seen = "connect 127.0.0.1:4444", .run = race_address, .probe = was_called},
	{"race_path", "T1564", "swaps the path under another thread's open",
	 .seen = "open r file " SECRET, .run = race_path},
	{"blocked_signals", "T1562", "opens a credential with all signals blocked and ignored",
	 .seen = "open r file " SECRET, .run = blocked_signals},
	{"pid_1", "T1564", "opens a credential as process 1 of its pid namespace",
	 .seen = "open r file " SECRET, .run = first_process, .first = true},
	{0},
};
