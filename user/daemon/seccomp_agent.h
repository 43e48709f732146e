/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutrad as the seccomp agent of containers whose profile asks for one (SCMP_ACT_NOTIFY,
 * listenerPath). It listens on SECCOMP_AGENT_SOCKET, beside the socket of the API.
 */
#ifndef LUTRA_USER_DAEMON_SECCOMP_AGENT_H
#define LUTRA_USER_DAEMON_SECCOMP_AGENT_H

#include <jansson.h>

#include "lib/base/err.h"
#include "user/api/local_socket.h"
#include "user/containers/containers.h"

#define SECCOMP_AGENT_SOCKET "seccomp.sock"

struct seccomp_agent;

struct seccomp_agent_parts {
	struct loop *loop;
	struct local_socket *socket; /* open, and not watched */
	struct guard *guard;
	struct containers *containers;
};

/* Serves the socket. All parts outlive the agent. Errors as local_socket_watch(); -ENOMEM. */
int seccomp_agent_new(struct seccomp_agent **ret, const struct seccomp_agent_parts *parts,
		      struct err *err);
/* Closes all filters; the socket stays open. */
void seccomp_agent_free(struct seccomp_agent *a);
/* To be called every second: drops runtimes that connected and send nothing. */
void seccomp_agent_check(struct seccomp_agent *a);
/* For the status: {"filters", "asked", "refused"}. */
json_t *seccomp_agent_to_json(void *agent);

#endif
