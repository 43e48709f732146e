/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The companion of the door: a child of lutrad that continues what is stopped when lutrad has ended, or
 * has not said for a second that it is there. It sleeps while nothing is stopped. It is a fork without
 * exec, and has closed all descriptors that it does not need: those of the programs end with lutrad.
 *
 * Fails: open. If it ends, lutrad notices, stops nothing more and starts another one.
 */
#include "user/guard/door/door_impl.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/clock.h"
#include "user/sys/process/process_start.h"

#define CHECK_MS 100 /* while something is stopped */
#define UNSENT_NS                                                                                  \
	1000000000ull /* after which a signal that was to be sent has been, or never will be */
#define FIRST_FD (STDERR_FILENO + 1)

/* Continues one process. Returns false if it must be tried again: the signal may not have been sent. */
static bool continue_stopped(const struct lutra_door_stop *stop)
{
	process_start_signal((pid_t)stop->tgid, stop->start_ns, SIGCONT);
	return stop->is_sent || clock_now_ns() > stop->stopped_ns + UNSENT_NS;
}

unsigned door_continue_all(int stopped_fd)
{
	uint32_t key, next;
	unsigned left = 0;
	int r = bpf_map_get_next_key(stopped_fd, NULL, &next);

	for (unsigned i = 0; r == 0 && i < LUTRA_DOOR_STOPS; i++) {
		struct lutra_door_stop stop;

		/* The next one first: a key that was removed has none. */
		key = next;
		r = bpf_map_get_next_key(stopped_fd, &key, &next);
		if (bpf_map_lookup_elem(stopped_fd, &key, &stop) < 0)
			continue;
		if (continue_stopped(&stop))
			bpf_map_delete_elem(stopped_fd, &key);
		else
			left++;
	}
	return left;
}

/*
 * A program that has read alive_ns before the write may still stop a task. The barrier waits for such
 * programs. Where the kernel has no barrier, a stop whose signal was not sent is tried again.
 */
void door_give_up(const struct door_companion *c)
{
	const struct timespec pause = {.tv_nsec = CHECK_MS * 1000000L};

	__atomic_store_n(&c->control->alive_ns, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	while (door_continue_all(c->stopped_fd))
		nanosleep(&pause, NULL);
}

/* ---- the child ---- */

static bool is_stopped_left(int stopped_fd)
{
	uint32_t key;

	return bpf_map_get_next_key(stopped_fd, NULL, &key) == 0;
}

static void watch_parent(const struct door_companion *c)
{
	struct pollfd fds[] = {{.fd = c->parent_fd, .events = POLLIN},
			       {.fd = c->wakes_fd, .events = POLLIN}};
	bool busy = true;

	while (!(fds[0].revents & POLLIN)) {
		uint64_t alive;

		if (poll(fds, 2, busy ? CHECK_MS : -1) < 0 && errno != EINTR)
			break;
		ring_buffer__consume(c->wakes);
		alive = __atomic_load_n(&c->control->alive_ns, __ATOMIC_SEQ_CST);
		if (clock_now_ns() > alive + LUTRA_DOOR_ALIVE_NS)
			door_continue_all(c->stopped_fd);
		busy = is_stopped_left(c->stopped_fd);
	}
	door_give_up(c);
}

static int compare_fds(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Closes all descriptors but standard ones, and those that the companion uses. */
static void close_others(const struct door_companion *c)
{
	int keep[] = {c->wakes_fd, c->wakes_map_fd, c->stopped_fd, c->parent_fd};
	unsigned from = FIRST_FD;

	qsort(keep, sizeof(keep) / sizeof(keep[0]), sizeof(keep[0]), compare_fds);
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++) {
		if ((unsigned)keep[i] > from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

__attribute__((noreturn)) static void run_companion(const struct door_companion *c)
{
	sigset_t all;

	/* A service manager that stops the unit sends SIGTERM to all of it: lutrad ends first. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "lutra-door");
	setsid();
	close_others(c);
	watch_parent(c);
	_exit(0);
}

int door_companion_start(const struct door_companion *c, pid_t *ret_pid, int *ret_fd)
{
	pid_t pid = fork();
	int fd;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_companion(c);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0) {
		int r = -errno;

		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return r;
	}
	*ret_pid = pid;
	*ret_fd = fd;
	return 0;
}
