/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiver of a webhook: answers every POST with 200, and writes each body to stdout as a line.
 * usage: webhook. Listens on a free port of loopback, and first writes "port N". Ends by a signal.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define REQUEST_MAX (1u << 20)

/* Returns a listening socket, or -1. Writes its port. */
static int open_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(sa);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sa, &len) < 0) {
		perror("webhook");
		return -1;
	}
	printf("port %u\n", ntohs(sa.sin_port));
	return TAKE_FD(fd);
}

/* Returns the body of a request, or NULL if the whole of it is not there yet. */
static const char *find_body(const char *request, size_t len)
{
	const char *body = strstr(request, "\r\n\r\n");
	const char *length = strcasestr(request, "\r\ncontent-length:");

	if (!body || !length || length > body)
		return NULL;
	body += 4;
	length += strlen("\r\ncontent-length:");
	return len - (size_t)(body - request) >= strtoul(length, NULL, 10) ? body : NULL;
}

static void answer_request(int peer)
{
	static const char ok[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	static char request[REQUEST_MAX];
	const char *body = NULL;
	size_t len = 0;
	ssize_t n;

	while (!body && len < sizeof(request) - 1 &&
	       (n = recv(peer, request + len, sizeof(request) - 1 - len, 0)) > 0) {
		len += (size_t)n;
		request[len] = '\0';
		body = find_body(request, len);
	}
	if (!body)
		return;
	puts(body);
	send(peer, ok, strlen(ok), MSG_NOSIGNAL);
}

int main(void)
{
	_cleanup_close_ int fd = -1;
	int peer;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = open_port();
	if (fd < 0)
		return 1;
	while ((peer = accept(fd, NULL, NULL)) >= 0) {
		answer_request(peer);
		close(peer);
	}
	return 1;
}
