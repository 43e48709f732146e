/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a request is a line of JSON, and so is its answer. Requests are root's, and
 * come from outside of guarded containers. A client that does not read is dropped; none can make
 * lutrad wait.
 */
#ifndef LUTRA_USER_API_CONTROL_H
#define LUTRA_USER_API_CONTROL_H

#include "lib/base/err.h"
#include "user/api/routes/api.h"
#include "user/api/local_socket.h"

struct control;
struct discovery;
struct saved_list;

/* What the requests use; all of it outlives the control socket. */
struct control_parts {
	struct loop *loop;
	struct local_socket *socket; /* open, and not watched */
	struct api *api;
	struct discovery *discovery;
	struct saved_list *saved_list; /* NULL: containers are not saved */
};

/* Serves the socket. Errors as local_socket_watch(); -ENOMEM. */
int control_new(struct control **ret, const struct control_parts *parts, struct err *err);
/* Closes all connections; the socket stays open. */
void control_free(struct control *c);

#endif
