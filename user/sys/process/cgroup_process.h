/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of a cgroup, of which only the pid is known. The process may have ended meanwhile, and its
 * pid may be another process's by now.
 */
#ifndef LUTRA_USER_SYS_PROCESS_CGROUP_PROCESS_H
#define LUTRA_USER_SYS_PROCESS_CGROUP_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens the root directory of a process, if the process is in a cgroup or in one below it. cgroup_id:
 * as cgroup_id(). Returns a descriptor with O_PATH; -ESRCH: no process of the cgroup has the pid, or it
 * ended meanwhile; or an error of open(2).
 */
int cgroup_process_open_root(uint64_t id, pid_t pid);

#endif
