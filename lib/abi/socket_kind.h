/* SPDX-License-Identifier: Apache-2.0 */
/* The kind of a socket in words: family, type and protocol, as "netlink raw 4" or "ipv4 stream tcp". */
#ifndef LUTRA_LIB_ABI_SOCKET_KIND_H
#define LUTRA_LIB_ABI_SOCKET_KIND_H

#include <stddef.h>

#include "lutra/abi.h"

#define SOCKET_KIND_TEXT 48

/* Writes the kind of the socket that an object of LUTRA_OP_SOCKET has, or of whose token it was made. */
void socket_kind_text(unsigned family, unsigned type, unsigned protocol,
		      char ret[static SOCKET_KIND_TEXT]);

/* Sets family, mode and port of an object of LUTRA_OP_SOCKET. Returns 0, or -EINVAL: not such words. */
int socket_kind_parse(const char *text, struct lutra_object *ret);

#endif
