/* SPDX-License-Identifier: Apache-2.0 */
/* The address and port that a server listens on, as the configuration writes them. */
#ifndef LUTRA_USER_SYS_ADDRESS_H
#define LUTRA_USER_SYS_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>

#define ADDRESS_EXPECTED "an address and a port, as 127.0.0.1:9477 or [::1]:9477"

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} socket;
	socklen_t socket_len;
	bool is_loopback;
};

/*
 * Reads "127.0.0.1:9477" or "[::1]:9477": numbers only, no name is looked up. Port 0 lets the
 * kernel choose. -EINVAL: the text is neither; *ret is untouched.
 */
int address_parse(const char *text, struct address *ret);

/* Listens without blocking. The caller closes *ret_fd. Errors as socket(2) and bind(2). */
int address_listen(const struct address *a, int *ret_fd);

/* Returns the port that a listening socket has, 0 if it has none. */
unsigned address_port(int fd);

#endif
