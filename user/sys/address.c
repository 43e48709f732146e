/* SPDX-License-Identifier: Apache-2.0 */
/* TCP addresses of servers, for IPv4 and IPv6. Works without a thread or state of its own. */
#include "user/sys/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/cleanup.h"

#define HOST_MAX 256
#define PORT_MAX 8
#define BACKLOG 16

/* Splits the text at its last colon and takes the brackets from around the host. */
static int split_address(const char *text, char host[static HOST_MAX], char port[static PORT_MAX])
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!colon || len == 0 || len >= HOST_MAX || strlen(colon + 1) >= PORT_MAX || !colon[1])
		return -EINVAL;
	/* getaddrinfo(3) cuts a number over 65535 to 16 bits. */
	if (strtoul(colon + 1, NULL, 10) > UINT16_MAX)
		return -EINVAL;
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

int address_parse(const char *text, struct address *ret)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	char host[HOST_MAX], port[PORT_MAX];
	struct addrinfo *found = NULL;
	struct address a = {};

	if (split_address(text, host, port) < 0 || getaddrinfo(host, port, &hints, &found) != 0)
		return -EINVAL;
	a.socket_len = found->ai_addrlen;
	memcpy(&a.socket, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (a.socket.any.sa_family == AF_INET6)
		a.is_loopback = IN6_IS_ADDR_LOOPBACK(&a.socket.in6.sin6_addr);
	else
		a.is_loopback = ntohl(a.socket.in.sin_addr.s_addr) >> 24 == 127;
	*ret = a;
	return 0;
}

int address_listen(const struct address *a, int *ret_fd)
{
	_cleanup_close_ int fd =
		socket(a->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a->socket.any, a->socket_len) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

unsigned address_port(int fd)
{
	struct address a = {};
	socklen_t len = sizeof(a.socket);

	if (getsockname(fd, &a.socket.any, &len) < 0)
		return 0;
	return ntohs(a.socket.any.sa_family == AF_INET6 ? a.socket.in6.sin6_port
							: a.socket.in.sin_port);
}
