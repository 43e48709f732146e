/* SPDX-License-Identifier: Apache-2.0 */
/* Finds and signals a process by pid and start. Reads /proc; keeps nothing. */
#include "user/sys/process/process_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define START_FIELD 22
#define STATE_FIELD 3 /* the first one behind the name */

unsigned long long process_start_ticks(pid_t pid)
{
	_cleanup_close_ int fd = -1;
	unsigned long long t = 0;
	char path[32], line[1024], *s;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	/* The name may hold blanks and parentheses. */
	s = strrchr(line, ')');
	for (int i = STATE_FIELD - 1; s && i < START_FIELD; i++)
		s = strchr(s + 1, ' ');
	if (!s || sscanf(s, "%llu", &t) != 1)
		return 0;
	return t;
}

int process_start_signal(pid_t pid, uint64_t start_ns, int signal)
{
	const uint64_t tick_ns = 1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK);
	_cleanup_close_ int process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;

	/* The pidfd keeps the process that has the pid now: its start is read after that. */
	if (process < 0 || process_start_ticks(pid) != start_ns / tick_ns)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) < 0 ? -errno : 0;
}
