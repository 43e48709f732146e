/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at a process of a cgroup by its pid. The process may have ended in the meantime, and
 * another process may have its pid.
 */
#ifndef LUTRA_USER_SYS_PROCESS_CGROUP_PROCESS_H
#define LUTRA_USER_SYS_PROCESS_CGROUP_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Opens the root directory of a process that is in a cgroup, or in a cgroup below that. id: of the
 * cgroup, as cgroup_id() returns it. Returns a descriptor with O_PATH, -ESRCH if no process of the
 * cgroup has the pid, or if the process ended in the meantime, or an error of open(2).
 */
int cgroup_process_open_root(uint64_t id, pid_t pid);

#endif
