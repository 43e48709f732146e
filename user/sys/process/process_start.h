/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process by its pid and the time of its start, which no other process with that pid has. Uses no
 * memory of the heap, so a child may call it after fork().
 */
#ifndef LUTRA_USER_SYS_PROCESS_PROCESS_START_H
#define LUTRA_USER_SYS_PROCESS_PROCESS_START_H

#include <stdint.h>
#include <sys/types.h>

/* Returns the start of a process in clock ticks since boot (field 22 of /proc/PID/stat); 0: it is gone. */
unsigned long long process_start_ticks(pid_t pid);

/*
 * Sends a signal to the process with this pid that started start_ns after boot, as the kernel counts in
 * the first pid namespace. -ESRCH: it is gone. Else as pidfd_send_signal(2).
 */
int process_start_signal(pid_t pid, uint64_t start_ns, int signal);

#endif
