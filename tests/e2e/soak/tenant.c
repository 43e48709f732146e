/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs in a container of the soak. Static, so that it opens no library. For each line "FROM N" of
 * its input a child connects to N ports of loopback, from FROM on, and a line says how the child ended:
 * "done", "killed" or "failed". No packet is sent: the sockets are UDP. It ends with its input.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns an exit status. */
static int connect_to(unsigned from, unsigned n)
{
	struct sockaddr_in peer = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (unsigned i = 0; i < n; i++) {
		peer.sin_port = htons((in_port_t)(from + i));
		if (connect(fd, (const struct sockaddr *)&peer, sizeof(peer)) < 0)
			return 1;
	}
	return 0;
}

/* Returns how a child that connects ends. */
static const char *attack_ports(unsigned from, unsigned n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(connect_to(from, n));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "failed";
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGKILL ? "killed" : "failed";
	return WEXITSTATUS(status) == 0 ? "done" : "failed";
}

int main(void)
{
	unsigned from, n;

	while (scanf("%u %u", &from, &n) == 2) {
		puts(attack_ports(from, n));
		fflush(stdout);
	}
	return 0;
}
