/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of the cgroup v2 tree. */
#ifndef LUTRA_USER_SYS_PROCESS_CGROUP_H
#define LUTRA_USER_SYS_PROCESS_CGROUP_H

#include <fts.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CGROUP_DEPTH_MAX 8

/* Where cgroup v2 is mounted, the caller's to free. -ENOTSUP: it is not. */
int cgroup_root(char **ret, struct err *err);

/*
 * Create name directly below the root; *ret is its path, the caller's to free. -EEXIST: there is
 * one already. -EACCES, -EROFS: as mkdir(2).
 */
int cgroup_create(const char *name, char **ret, struct err *err);

/* Remove empty directories PREFIX.PID below the root whose process PID is gone. */
void cgroup_sweep(const char *prefix);

/* Kill every task in and below path, wait for them, and remove the directories. 0 or -errno. */
int cgroup_destroy(const char *path);

/* Write to one of its files: "cgroup.procs", "cgroup.kill", "cgroup.freeze". 0 or -errno. */
int cgroup_write(const char *path, const char *file, const char *value);

/*
 * Open cgroup.events, which raises EPOLLPRI when it changes; cgroup_populated() reads it. Returns
 * the descriptor or -errno.
 */
int cgroup_events_open(const char *path);
/* -ENODEV: the cgroup is gone. */
int cgroup_populated(int events_fd, bool *ret);
/* Returns true if the cgroup exists, and it or a cgroup below it has tasks. */
bool cgroup_has_tasks(const char *path);

/* Path of the cgroup of a process, the caller's to free. -ESRCH: no such process. */
int cgroup_of_pid(pid_t pid, char **ret, struct err *err);

/* Reads the kernel's id of a cgroup. -ENOTSUP: path is not in a cgroup2 mount; as open(2). */
int cgroup_id(const char *path, uint64_t *ret, struct err *err);

/*
 * Finds the path of a cgroup by the kernel's id, the caller's to free. near: any cgroup of the same
 * mount. -ESTALE: there is no such cgroup any more. Else as open_by_handle_at(2) and readlink(2).
 */
int cgroup_path_of_id(const char *near, uint64_t id, char **ret);

/*
 * Opens a walk over the directories at and below path. The caller closes it by fts_close(3). NULL:
 * as fts_open(3).
 */
FTS *cgroup_walk(char *path);
/* Returns the next directory, a cgroup before those below it. NULL: there is none. */
FTSENT *cgroup_walk_next(FTS *tree);
/*
 * Calls each for the processes in path and in the cgroups below it, at most CGROUP_DEPTH_MAX deep,
 * until it returns false.
 */
void cgroup_each_process(char *path, bool (*each)(void *ctx, pid_t pid), void *ctx);

#endif
