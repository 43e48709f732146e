/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad, from its configuration to its end. */
#ifndef LUTRA_USER_DAEMON_DAEMON_H
#define LUTRA_USER_DAEMON_DAEMON_H

#include "lib/base/err.h"
#include "user/config/config.h"

/*
 * Guards containers until SIGTERM or SIGINT. config stays the caller's; SIGHUP changes it. Errors
 * as guard_new(), local_socket_open(), http_new(), epoll_wait(2).
 */
int daemon_serve(struct config *config, struct err *err);
/* Removes what is pinned in the kernel, and the list of containers. -EBUSY: a lutrad runs. */
int daemon_uninstall(const struct config *config, struct err *err);

#endif
