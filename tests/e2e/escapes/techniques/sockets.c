/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to a peer that the service does not know, by a socket or a name that it knows. */
#include <stdio.h>
#include <sys/socket.h>
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

const struct technique socket_evasions[] = {
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
	{0},
};
