/* SPDX-License-Identifier: Apache-2.0 */
/* Which cgroup the client of a TCP connection is in. */
#ifndef LUTRA_USER_SYS_TCP_PEER_H
#define LUTRA_USER_SYS_TCP_PEER_H

#include <stdint.h>

/*
 * Finds the cgroup (v2) in which the other end of a connection was made, as the kernel knows it: its
 * id. Does not block. Returns 0; -ENOENT: the other end is not on this host, or in another network
 * namespace; -EAFNOSUPPORT: fd is no TCP socket; -ENOTSUP: the kernel does not tell. Else as
 * socket(2), send(2) and recv(2).
 */
int tcp_peer_cgroup(int fd, uint64_t *ret);

#endif
