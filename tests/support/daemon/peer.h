/* SPDX-License-Identifier: Apache-2.0 */
/* What a test has its container do: this program runs there again, and connects to a peer. */
#ifndef LUTRA_TESTS_SUPPORT_DAEMON_PEER_H
#define LUTRA_TESTS_SUPPORT_DAEMON_PEER_H

#include "tests/support/daemon/lutrad.h"

#define PEER_CONNECT "--connect" /* the argument with which main() calls peer_connect() */

#define PEER_PORT 9

/* Connects to a peer on loopback. Returns an exit status. */
int peer_connect(void);
/* Has the container of the fixture connect. Returns its exit code as child_exit_code() gives it. */
int peer_connect_in_container(struct fixture *f);
/* Saves a policy that denies a new peer, and logs everything else. digest: of its image, or NULL. */
void peer_save_policy(const struct fixture *f, const char *digest);

#endif
