/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pidfd stands for one process. No other process gets its pid before that process has been waited
 * for. So what is read from /proc/PID belongs to that process, if the pidfd still has it
 * afterwards.
 */
#include "user/sys/process/cgroup_process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/process/cgroup.h"

/* Returns true if the process is in the cgroup or in one below it. */
static bool is_in_cgroup(pid_t pid, uint64_t id)
{
	_cleanup_free_ char *path = NULL;
	uint64_t found;

	if (cgroup_of_pid(pid, &path, NULL) < 0)
		return false;
	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		if (cgroup_id(path, &found, NULL) < 0)
			return false;
		if (found == id)
			return true;
	}
	return false;
}

int cgroup_process_open_root(uint64_t id, pid_t pid)
{
	_cleanup_close_ int process = -1, root = -1;
	char path[32];

	/* The last check of the pidfd shows that root is the root of this process. */
	process = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (process < 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!is_in_cgroup(pid, id) || syscall(SYS_pidfd_send_signal, process, 0, NULL, 0) < 0)
		return -ESRCH;
	return TAKE_FD(root);
}
