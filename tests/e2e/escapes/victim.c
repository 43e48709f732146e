/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of the host for techniques to reach. It listens where an engine, an attacker and a
 * backend would, has a file open, a key, and memory of its own, and, when told to, makes backups of
 * what lies in the volume, with a moment between its look at a file and its use of it.
 */
#include "tests/e2e/escapes/victim.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define REPORT HOST_DIR "/volume/report"
#define COPY HOST_DIR "/volume/copy"
#define FLAG_FD 9

enum { ENGINE_AT, PORT_AT, BACKEND_AT, PEER_AT, JOURNAL_AT, LOG_AT, NET_AT, CALLER_AT, N_AT };

static struct world *world;

struct world *world_map(bool create)
{
	int fd = open(WORLD_FILE, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0), 0600);
	void *page;

	if (fd < 0 || ftruncate(fd, 4096) < 0)
		return NULL;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	page = mmap((void *)WORLD_AT, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

static void on_signal(int sig)
{
	int fd = open(HOST_DIR SIGNALLED, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	(void)sig;
	if (fd >= 0)
		close(fd);
	world->signals++;
}

static int listen_on(const void *address, socklen_t len, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, address, len) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

static int listen_port(uint32_t address, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port),
				.sin_addr.s_addr = htonl(address)};

	return listen_on(&a, sizeof(a), AF_INET);
}

static struct sockaddr_un unix_address(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path, path, strlen(path) + 1);
	return a;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = unix_address(path);

	return listen_on(&a, sizeof(a), AF_UNIX);
}

static int bind_datagrams(const char *path)
{
	struct sockaddr_un a = unix_address(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : fd;
}

/* A plain file, as it looks; read a moment later. */
static void back_up(void)
{
	char buf[64];
	struct stat st;
	int in, out;
	ssize_t n;

	if (lstat(REPORT, &st) < 0 || !S_ISREG(st.st_mode))
		return;
	poll(NULL, 0, 2);
	in = open(REPORT, O_RDONLY | O_CLOEXEC);
	n = in < 0 ? -1 : read(in, buf, sizeof(buf));
	if (in >= 0)
		close(in);
	if (n <= 0)
		return;
	out = open(COPY, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (out >= 0 && write(out, buf, (size_t)n) == n)
		close(out);
}

/* Is the connection to another address than that of the service's peer? */
static bool is_stray(int fd)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);

	return getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
	       a.sin_addr.s_addr != inet_addr(NET_PEER);
}

/* The one caller that is listened to; a later one takes its place. */
static void answer_client(struct pollfd p[N_AT], int which)
{
	int fd = accept4(p[which].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	world->engine += which == ENGINE_AT;
	world->port += which == PORT_AT;
	world->strays += which == NET_AT && is_stray(fd);
	if (which != PORT_AT) {
		close(fd);
		return;
	}
	if (p[CALLER_AT].fd >= 0)
		close(p[CALLER_AT].fd);
	p[CALLER_AT].fd = fd;
}

static void receive_datagram(int fd, int which)
{
	char buf[64];

	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		world->journal += which == JOURNAL_AT;
}

static void hear_clients(struct pollfd *p)
{
	size_t have = strnlen(world->received, sizeof(world->received));
	ssize_t n = read(p->fd, world->received + have, sizeof(world->received) - 1 - have);

	if (n > 0)
		return;
	close(p->fd);
	p->fd = -1;
}

static int key_add(void)
{
	long key =
		syscall(SYS_add_key, "user", "escape", FLAG, strlen(FLAG), KEY_SPEC_USER_KEYRING);

	/* To be read by its user. */
	return key < 0 ? -1 : (int)syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f3f0000);
}

/* Gives the loopback interface the addresses of peers. */
static bool add_addresses(void)
{
	static const char *const addresses[] = {NET_PEER, METADATA, CARRIER_NAT, OTHER_NETWORK};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0;

	for (size_t i = 0; good && i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct sockaddr_in a = {.sin_family = AF_INET};
		struct ifreq r = {0};

		inet_pton(AF_INET, addresses[i], &a.sin_addr);
		snprintf(r.ifr_name, sizeof(r.ifr_name), "lo:%zu", i + 1);
		memcpy(&r.ifr_addr, &a, sizeof(a));
		good = ioctl(fd, SIOCSIFADDR, &r) == 0;
	}
	close(fd);
	return good;
}

static bool open_sockets(struct pollfd p[N_AT])
{
	p[ENGINE_AT].fd = listen_unix(HOST_DIR "/engine.sock");
	p[PORT_AT].fd = listen_port(INADDR_LOOPBACK, PORT);
	p[BACKEND_AT].fd = listen_port(INADDR_LOOPBACK, BACKEND);
	p[NET_AT].fd = add_addresses() ? listen_port(INADDR_ANY, NET_PORT) : -1;
	p[PEER_AT].fd = listen_unix(HOST_DIR PEER_SOCKET);
	p[JOURNAL_AT].fd = bind_datagrams(HOST_DIR "/journal.sock");
	p[LOG_AT].fd = bind_datagrams(HOST_DIR LOG_SOCKET);
	for (int i = 0; i < CALLER_AT; i++) {
		p[i].events = POLLIN;
		if (p[i].fd < 0)
			return false;
	}
	return true;
}

int victim_run(void)
{
	struct pollfd p[N_AT] = {[CALLER_AT] = {.fd = -1, .events = POLLIN}};
	int flag = open(HOST_FLAG, O_RDONLY | O_CLOEXEC);

	world = world_map(true);
	if (!world || flag < 0 || dup2(flag, FLAG_FD) < 0 || chdir(HOST_DIR) < 0 || key_add() < 0) {
		perror("victim");
		return 1;
	}
	world->pid = getpid();
	signal(SIGUSR1, on_signal);
	if (!open_sockets(p)) {
		perror("victim: listen");
		return 1;
	}
	puts("listening");
	fflush(stdout);
	for (;;) {
		int n = poll(p, N_AT, world->agent ? 1 : 50);

		for (int i = 0; n > 0 && i < CALLER_AT; i++)
			if (p[i].revents && (i == JOURNAL_AT || i == LOG_AT))
				receive_datagram(p[i].fd, i);
			else if (p[i].revents)
				answer_client(p, i);
		if (n > 0 && p[CALLER_AT].fd >= 0 && p[CALLER_AT].revents)
			hear_clients(&p[CALLER_AT]);
		if (world->agent)
			back_up();
	}
}
