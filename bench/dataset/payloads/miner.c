/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A miner as attackers drop it: logs in at a pool, computes, and sends a share now and then.
 * usage: miner ADDRESS PORT SECONDS    exit: 0 the pool took what it sent, 1 not, 2 usage
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOGIN "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"wallet\",\"pass\":\"x\"}}\n"
#define ROUND 1000000

static int open_pool(const char *address, const char *port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &sa.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		perror("pool");
		return -1;
	}
	return fd;
}

int main(int argc, char **argv)
{
	uint64_t hash = 14695981039346656037u;
	time_t until;
	int fd;

	if (argc != 4)
		return 2;
	fd = open_pool(argv[1], argv[2]);
	if (fd < 0 || send(fd, LOGIN, strlen(LOGIN), 0) < 0)
		return 1;
	until = time(NULL) + (time_t)strtoul(argv[3], NULL, 10);
	while (time(NULL) < until) {
		for (int i = 0; i < ROUND; i++)
			hash = (hash ^ (uint64_t)i) * 1099511628211u;
		if (hash % 64 == 0 &&
		    dprintf(fd, "{\"method\":\"submit\",\"result\":\"%016lx\"}\n", hash) < 0)
			return 1;
	}
	return close(fd) < 0;
}
