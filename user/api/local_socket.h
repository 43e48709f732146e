/* SPDX-License-Identifier: Apache-2.0 */
/* A listening Unix socket for root alone, outside of guarded containers. */
#ifndef LUTRA_USER_API_LOCAL_SOCKET_H
#define LUTRA_USER_API_LOCAL_SOCKET_H

#include "lib/base/err.h"
#include "user/guard/guard.h"
#include "user/sys/loop.h"

/* Begins as {.watch.fd = -1}. */
struct local_socket {
	struct loop_watch watch;
	char *path;
	bool made, made_dir; /* to be removed at the end */
};

/*
 * Listens on path; makes its directory, and removes a socket on which no process listens any more.
 * -EADDRINUSE: another process listens there. -EEXIST: path exists and is no socket. -ENAMETOOLONG,
 * -ENOMEM, or as bind(2). On failure local_socket_close() is still to be called.
 */
int local_socket_open(struct local_socket *s, const char *path, struct err *err);
/*
 * Removes a socket that an ended process left. What is no socket stays, and is no error.
 * -EADDRINUSE: a process listens there. Else as unlink(2).
 */
int local_socket_remove(const char *path, struct err *err);
/* Has the loop call on_connection when a connection can be accepted. Errors as loop_watch(). */
int local_socket_watch(struct local_socket *s, struct loop *loop, void (*on_connection)(void *ctx),
		       void *ctx, struct err *err);
/*
 * Returns true if the peer that connected fd is root's and runs, at this moment, outside of guarded
 * containers. Logs a refusal of a guarded process.
 */
bool local_socket_is_allowed(int fd, const struct guard *g);
/*
 * Accepts a connection of root's. Returns a descriptor that does not block, which the caller
 * closes; or -errno. -EPERM: the peer is not root, or it runs in a guarded container.
 */
int local_socket_accept(const struct local_socket *s, const struct guard *g);
/* Closes and removes the socket, and its directory if this process made it. */
void local_socket_close(struct local_socket *s);

#endif
