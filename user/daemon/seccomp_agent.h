/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutrad as the seccomp agent of containers whose profile asks it (SCMP_ACT_NOTIFY, listenerPath):
 * AGENT_SOCKET, beside the control socket.
 */
#ifndef LUTRA_USER_DAEMON_SECCOMP_AGENT_H
#define LUTRA_USER_DAEMON_SECCOMP_AGENT_H

#include <jansson.h>

#include "lib/base/err.h"

#define AGENT_SOCKET "seccomp.sock"

struct agent;
struct daemon;

/* Listen; d->agent is set. Errors as control_listen(). */
int agent_open(struct daemon *d, struct err *err);
void agent_close(struct daemon *d);
/* Every second: drop those that connected and do not go on. */
void agent_check(struct daemon *d);
/* For the status: {"filters", "asked", "refused"}. */
json_t *agent_json(const struct daemon *d);

#endif
