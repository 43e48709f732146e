/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two daemons on one directory would each write what the other knows nothing of. The lock ends with
 * the process, however it ends.
 */
#include "user/daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/log.h"

#define LOCK_FILE "lock"

/* Opens the lock's file. Returns the descriptor or -errno. */
static int open_lock(const char *dir, int flags)
{
	_cleanup_free_ char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/" LOCK_FILE, dir) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int refuse_second_daemon(const char *path, struct err *err)
{
	return err_set(err, -EBUSY, "state_dir: %s is in use by another lutrad: stop it first",
		       path);
}

int state_dir_open(struct state_dir *d, const char *path, struct err *err)
{
	d->path = path;
	d->made = mkdir(path, 0700) == 0;
	d->lock = open_lock(path, O_CREAT);
	if (d->lock < 0) {
		log_error("state_dir: %s: %s: nothing is saved there until it can be written, and "
			  "a second lutrad is not noticed",
			  path, strerror(-d->lock));
		d->lock = -1;
		return 0;
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return refuse_second_daemon(path, err);
	return 0;
}

int state_dir_check(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open_lock(path, 0);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return refuse_second_daemon(path, err);
	return 0;
}

/* Removes a directory and what is in it. */
static void remove_dir(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *const paths[] = {copy, NULL};
	FTS *tree = copy ? fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL) : NULL;
	FTSENT *e;

	while (tree && (e = fts_read(tree)))
		if (e->fts_info != FTS_D)
			remove(e->fts_accpath);
	if (tree)
		fts_close(tree);
}

void state_dir_close(struct state_dir *d, bool failed)
{
	if (failed && d->made)
		remove_dir(d->path);
	closep(&d->lock);
}
