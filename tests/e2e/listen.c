/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attacker's end of a reverse shell, on loopback: waits for one connection, sends a line to it,
 * and prints what comes back. usage: listen PORT SECONDS LINE
 * exit: 0 somebody connected, 1 nobody did in time, 2 usage. "listening" on stdout when it is.
 * TERM ends the waiting; what had arrived by then is printed all the same.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define ANSWER_MS 2000

static int open_port(uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0) {
		perror("listen");
		return -1;
	}
	return TAKE_FD(fd);
}

static int is_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0 || poll(&p, 1, 0) > 0;
}

static void on_wake(int signo)
{
	(void)signo;
}

int main(int argc, char **argv)
{
	_cleanup_close_ int fd = -1, peer = -1;
	char buf[4096];
	ssize_t n;

	if (argc != 4)
		return 2;
	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_wake}, NULL);
	fd = open_port((uint16_t)strtoul(argv[1], NULL, 10));
	if (fd < 0)
		return 2;
	puts("listening");
	if (!is_readable(fd, (int)strtoul(argv[2], NULL, 10) * 1000))
		return 1;
	peer = accept(fd, NULL, NULL);
	if (peer < 0)
		return 1;
	puts("connected");
	if (dprintf(peer, "%s\n", argv[3]) < 0)
		return 0;
	while (is_readable(peer, ANSWER_MS) && (n = read(peer, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stdout);
	return 0;
}
