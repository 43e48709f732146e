/* SPDX-License-Identifier: Apache-2.0 */
/* A listening Unix socket for root alone, outside of guarded containers. */
#include "user/api/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "user/sys/log.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define BACKLOG 256

/* ---- listening ---- */

/* Removes the socket of a daemon that was killed: no process listens on it. */
static int remove_stale(const struct sockaddr_un *addr, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s: exists and is no socket", addr->sun_path);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno != ECONNREFUSED)
		return err_set(err, -EADDRINUSE, "%s: another lutrad listens there: stop it first",
			       addr->sun_path);
	if (unlink(addr->sun_path) < 0)
		return err_set(err, -errno, "%s: %s", addr->sun_path, strerror(errno));
	return 0;
}

int local_socket_remove(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return 0;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = remove_stale(&addr, err);
	return r == -EEXIST ? 0 : r;
}

/* Makes the directory of the socket and locks it: two daemons that start go one after the other. */
static int lock_dir(struct local_socket *s, struct err *err)
{
	_cleanup_free_ char *copy = strdup(s->path);
	_cleanup_close_ int fd = -1;
	const char *dir;

	if (!copy)
		return err_oom(err);
	dir = dirname(copy);
	s->made_dir = mkdir(dir, 0755) == 0;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	return TAKE_FD(fd);
}

static int bind_and_listen(struct local_socket *s, const struct sockaddr_un *addr, struct err *err)
{
	mode_t old;
	int r;

	s->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->watch.fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	old = umask(0177);
	r = bind(s->watch.fd, (const struct sockaddr *)addr, sizeof(*addr));
	umask(old);
	s->made = r == 0;
	if (r < 0 || listen(s->watch.fd, BACKLOG) < 0)
		return err_set(err, -errno, "%s: %s", s->path, strerror(errno));
	return 0;
}

int local_socket_open(struct local_socket *s, const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int lock = -1;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: longer than a socket's path may be", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	s->path = strdup(path);
	if (!s->path)
		return err_oom(err);
	lock = lock_dir(s, err);
	if (lock < 0)
		return lock;
	r = remove_stale(&addr, err);
	return r < 0 ? r : bind_and_listen(s, &addr, err);
}

int local_socket_watch(struct local_socket *s, struct loop *loop, void (*on_connection)(void *ctx),
		       void *ctx, struct err *err)
{
	s->watch.on_ready = on_connection;
	s->watch.ctx = ctx;
	return loop_watch(loop, &s->watch, EPOLLIN, err);
}

void local_socket_close(struct local_socket *s)
{
	if (s->made)
		unlink(s->path);
	if (s->watch.fd >= 0)
		close(s->watch.fd);
	if (s->path && s->made_dir)
		rmdir(dirname(s->path));
	free(s->path);
}

/* ---- the peer ---- */

/* Newer kernels know the process that connected even if its number is another's by now. */
static int open_peer(int fd, pid_t pid)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool local_socket_is_allowed(int fd, const struct guard *g)
{
	_cleanup_close_ int peer = -1;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != 0)
		return false;
	peer = open_peer(fd, cred.pid);
	if (peer < 0 || !guard_has_task(g, peer))
		return peer >= 0;
	log_warning("refused a request from process %d: it runs in a guarded container",
		    (int)cred.pid);
	return false;
}

int local_socket_accept(const struct local_socket *s, const struct guard *g)
{
	_cleanup_close_ int fd = accept4(s->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return -errno;
	return local_socket_is_allowed(fd, g) ? TAKE_FD(fd) : -EPERM;
}
