/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup v2 tree. */
#include "user/sys/process/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/base/cleanup.h"
#include "lutra/types.h"
#include "user/sys/clock.h"

#define DESTROY_NS (5 * NSEC_PER_SEC)

int cgroup_root(char **ret, struct err *err)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	char buf[2 * PATH_MAX];
	struct mntent m, *found;

	if (!f)
		return err_set(err, -errno, "/proc/self/mounts: %s", strerror(errno));
	do
		found = getmntent_r(f, &m, buf, sizeof(buf));
	while (found && strcmp(m.mnt_type, "cgroup2") != 0);
	endmntent(f);
	if (!found)
		return err_set(err, -ENOTSUP,
			       "cgroup v2 is not mounted: "
			       "mount -t cgroup2 none /sys/fs/cgroup");
	*ret = strdup(m.mnt_dir);
	return *ret ? 0 : err_oom(err);
}

int cgroup_create(const char *name, char **ret, struct err *err)
{
	_cleanup_free_ char *root = NULL, *path = NULL;
	int r;

	r = cgroup_root(&root, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s", root, name) < 0)
		return err_oom(err);
	if (mkdir(path, 0755) < 0)
		return err_set(err, -errno, "%s: cannot create the cgroup: %s%s", path,
			       strerror(errno),
			       errno == EACCES || errno == EPERM ? ": run as root" : "");
	*ret = TAKE_PTR(path);
	return 0;
}

/* Allocates nothing: a child calls it after fork(). Returns the descriptor or -errno. */
static int open_file(const char *path, const char *file, int flags)
{
	_cleanup_close_ int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = dir < 0 ? -1 : openat(dir, file, flags | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int cgroup_write(const char *path, const char *file, const char *value)
{
	_cleanup_close_ int fd = open_file(path, file, O_WRONLY);

	if (fd < 0)
		return fd;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}

int cgroup_events_open(const char *path)
{
	return open_file(path, "cgroup.events", O_RDONLY);
}

int cgroup_populated(int events_fd, bool *ret)
{
	char buf[256];
	ssize_t n = pread(events_fd, buf, sizeof(buf) - 1, 0);

	if (n < 0)
		return -errno;
	buf[n] = '\0';
	*ret = strstr(buf, "populated 1") != NULL;
	return 0;
}

bool cgroup_has_tasks(const char *path)
{
	_cleanup_close_ int fd = cgroup_events_open(path);
	bool populated = false;

	return fd >= 0 && cgroup_populated(fd, &populated) == 0 && populated;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	return 0;
}

int cgroup_destroy(const char *path)
{
	_cleanup_close_ int fd = cgroup_events_open(path);
	const uint64_t until_ns = clock_now_ns() + DESTROY_NS;
	bool populated = true;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLPRI};
		uint64_t now_ns = clock_now_ns();

		cgroup_write(path, "cgroup.kill", "1");
		nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		if (access(path, F_OK) < 0)
			return 0;
		if (now_ns >= until_ns)
			return -EBUSY;
		/* A directory that is not populated may still be busy for a moment. */
		if (cgroup_populated(fd, &populated) < 0 || !populated)
			p.events = 0;
		poll(&p, 1, p.events ? (int)((until_ns - now_ns) / 1000000) : 5);
	}
}

void cgroup_sweep(const char *prefix)
{
	_cleanup_free_ char *root = NULL, *pattern = NULL;
	glob_t found = {};
	int pid_at;

	if (cgroup_root(&root, NULL) < 0)
		return;
	pid_at = asprintf(&pattern, "%s/%s.*", root, prefix) - 1;
	if (pid_at < 0 || glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *end;
		long pid = strtol(found.gl_pathv[i] + pid_at, &end, 10);

		if (pid > 0 && pid <= INT_MAX && *end == '\0' && kill((pid_t)pid, 0) < 0 &&
		    errno == ESRCH)
			rmdir(found.gl_pathv[i]);
	}
	globfree(&found);
}

int cgroup_of_pid(pid_t pid, char **ret, struct err *err)
{
	_cleanup_free_ char *root = NULL, *line = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	char proc[64];
	size_t size = 0;
	ssize_t n;
	int r;

	r = cgroup_root(&root, err);
	if (r < 0)
		return r;
	snprintf(proc, sizeof(proc), "/proc/%d/cgroup", (int)pid);
	f = fopen(proc, "re");
	if (!f)
		return err_set(err, -ESRCH, "no process %d", (int)pid);
	while ((n = getline(&line, &size, f)) > 0) {
		if (strncmp(line, "0::/", 4) != 0)
			continue;
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (asprintf(ret, "%s%s", root, strcmp(line + 3, "/") ? line + 3 : "") < 0)
			return err_oom(err);
		return 0;
	}
	return err_set(err, -ENOTSUP, "process %d is in no cgroup v2", (int)pid);
}

#define HANDLE_OF_ID 0xfe /* FILEID_KERNFS of the kernel: a handle that is an id */

int cgroup_path_of_id(const char *near, uint64_t id, char **ret)
{
	_cleanup_close_ int mount = open(near, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head = {.handle_bytes = sizeof(uint64_t), .handle_type = HANDLE_OF_ID},
		    .id = id};
	char link[64], path[PATH_MAX];
	ssize_t n;

	if (mount < 0)
		return -errno;
	fd = open_by_handle_at(mount, &handle.head, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return -errno;
	path[n] = '\0';
	*ret = strdup(path);
	return *ret ? 0 : -ENOMEM;
}

int cgroup_id(const char *path, uint64_t *ret, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct {
		struct file_handle head;
		uint64_t id;
	} handle = {.head.handle_bytes = sizeof(uint64_t)};
	struct statfs fs;
	int mount;

	if (fd < 0)
		return err_set(err, -errno, "cannot open cgroup %s: %s", path, strerror(errno));
	if (fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return err_set(err, -ENOTSUP,
			       "%s is not a cgroup v2 directory: name one below the cgroup2 mount",
			       path);
	if (name_to_handle_at(fd, "", &handle.head, &mount, AT_EMPTY_PATH) < 0)
		return err_set(err, -errno, "cannot read the id of cgroup %s: %s", path,
			       strerror(errno));
	*ret = handle.id;
	return 0;
}

FTS *cgroup_walk(char *path)
{
	char *const paths[] = {path, NULL};

	return fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_NOSTAT | FTS_XDEV, NULL);
}

FTSENT *cgroup_walk_next(FTS *tree)
{
	FTSENT *e;

	while ((e = fts_read(tree)) && e->fts_info != FTS_D)
		;
	/* Unknown: by the count of links, fts would stop before a cgroup that was made meanwhile. */
	if (e)
		e->fts_nlink = 1;
	return e;
}

/* Calls each for the processes in one directory. Returns false if each did so. */
static bool each_process_in(const char *dir, bool (*each)(void *ctx, pid_t pid), void *ctx)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX];
	int pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (!each(ctx, pid))
			return false;
	return true;
}

void cgroup_each_process(char *path, bool (*each)(void *ctx, pid_t pid), void *ctx)
{
	FTS *tree = cgroup_walk(path);
	bool more = true;
	FTSENT *e;

	while (tree && more && (e = cgroup_walk_next(tree))) {
		more = each_process_in(e->fts_path, each, ctx);
		if (e->fts_level >= CGROUP_DEPTH_MAX)
			fts_set(tree, e, FTS_SKIP);
	}
	if (tree)
		fts_close(tree);
}
