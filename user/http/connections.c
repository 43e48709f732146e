/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmicrohttpd closes a connection without traffic. A client that sends a byte now and then keeps its
 * place for ever, so the time for a whole request is counted here.
 */
#include "user/http/connections.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/list.h"

struct connection {
	struct connection *next;
	int fd;		   /* libmicrohttpd's */
	uint64_t since_ns; /* CLOCK_MONOTONIC, since when it is awaited */
	bool has_asked;	   /* its request is here, and not answered yet */
	bool is_cut;	   /* it was counted */
};

struct connection *connection_open(struct connections *all, int fd, uint64_t now_ns)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->since_ns = now_ns;
	LIST_PUSH(all->first, c);
	return c;
}

void connection_close(struct connections *all, struct connection *c)
{
	if (!c)
		return;
	LIST_REMOVE(all->first, c);
	free(c);
}

void connection_set_asked(struct connection *c)
{
	if (c)
		c->has_asked = true;
}

void connection_set_answered(struct connection *c, uint64_t now_ns)
{
	if (!c)
		return;
	c->has_asked = false;
	c->since_ns = now_ns;
}

void connections_check(struct connections *all, uint64_t now_ns)
{
	for (struct connection *c = all->first; c; c = c->next) {
		if (c->has_asked || c->is_cut || now_ns - c->since_ns < all->limit_ns)
			continue;
		/* libmicrohttpd notices, closes the socket, and calls connection_close(). */
		shutdown(c->fd, SHUT_RDWR);
		c->is_cut = true;
		all->timed_out++;
	}
}

void connections_done(struct connections *all)
{
	while (all->first)
		free(LIST_POP(all->first));
}
