/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the kernel about the socket at the other end by sock_diag(7): of a connection within the host
 * both ends are sockets of it, and each knows the cgroup of the process that made it.
 */
#include "user/sys/tcp_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define ANSWER_MAX 8192

struct query {
	struct nlmsghdr head;
	struct inet_diag_req_v2 ask;
};

/* Copies the address and the port of one end. */
static int copy_end(const struct sockaddr_storage *a, __be32 addr[static 4], __be16 *port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;

	if (a->ss_family == AF_INET) {
		addr[0] = v4->sin_addr.s_addr;
		*port = v4->sin_port;
		return 0;
	}
	if (a->ss_family != AF_INET6)
		return -EAFNOSUPPORT;
	memcpy(addr, &v6->sin6_addr, sizeof(v6->sin6_addr));
	*port = v6->sin6_port;
	return 0;
}

/* The other end is the socket whose source is our destination. */
static int make_query(int fd, struct query *ret)
{
	struct sockaddr_storage here = {}, there = {};
	socklen_t len = sizeof(here), there_len = sizeof(there);
	struct inet_diag_sockid *id = &ret->ask.id;
	int r;

	if (getsockname(fd, (struct sockaddr *)&here, &len) < 0 ||
	    getpeername(fd, (struct sockaddr *)&there, &there_len) < 0)
		return -errno;
	*ret = (struct query){.head = {.nlmsg_len = sizeof(*ret),
				       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				       .nlmsg_flags = NLM_F_REQUEST},
			      .ask = {.sdiag_family = (__u8)here.ss_family,
				      .sdiag_protocol = IPPROTO_TCP,
				      .idiag_states = ~0u,
				      .id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}};
	r = copy_end(&there, id->idiag_src, &id->idiag_sport);
	return r < 0 ? r : copy_end(&here, id->idiag_dst, &id->idiag_dport);
}

/* Reads the attribute of the cgroup out of an answer. */
static int read_cgroup(const struct nlmsghdr *head, uint64_t *ret)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(head);
	int left = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*msg)));

	for (const struct rtattr *a = (const struct rtattr *)(msg + 1); RTA_OK(a, left);
	     a = (const struct rtattr *)((const char *)a + RTA_ALIGN(a->rta_len)),
				 left -= (int)RTA_ALIGN(a->rta_len)) {
		if (a->rta_type != INET_DIAG_CGROUP_ID || RTA_PAYLOAD(a) < sizeof(*ret))
			continue;
		memcpy(ret, RTA_DATA(a), sizeof(*ret));
		return 0;
	}
	return -ENOTSUP;
}

int tcp_peer_cgroup(int fd, uint64_t *ret)
{
	char answer[ANSWER_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *head = (const struct nlmsghdr *)answer;
	_cleanup_close_ int diag = -1;
	struct query q;
	ssize_t n;
	int r = make_query(fd, &q);

	if (r < 0)
		return r;
	diag = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (diag < 0 || send(diag, &q, sizeof(q), 0) < 0)
		return -errno;
	/* The kernel answers while the query is sent. */
	n = recv(diag, answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(head, (size_t)n))
		return -EIO;
	if (head->nlmsg_type == NLMSG_ERROR)
		return head->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr))
			       ? ((const struct nlmsgerr *)NLMSG_DATA(head))->error ?: -EIO
			       : -EIO;
	if (head->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
		return -EIO;
	return read_cgroup(head, ret);
}
