/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connections of an HTTP server, and for how long each has been sending a request. Clients that are
 * too slow, or idle, are cut off and counted. On the server's thread.
 */
#ifndef LUTRA_USER_HTTP_CONNECTIONS_H
#define LUTRA_USER_HTTP_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct connection;

struct connections {
	struct connection *first;
	uint64_t limit_ns;  /* time for a request, and between two of them */
	uint64_t timed_out; /* clients that were cut off */
};

/* Notes that a client has connected. NULL: out of memory; such a one is not cut off. */
struct connection *connection_open(struct connections *all, int fd, uint64_t now_ns);
/* Notes that a client is gone. c may be NULL here and below. */
void connection_close(struct connections *all, struct connection *c);
/* A whole request has come: the client may wait for its answer as long as it takes. */
void connection_set_asked(struct connection *c);
/* The request is answered; the client has limit_ns for the next one. */
void connection_set_answered(struct connection *c, uint64_t now_ns);
/* Cuts off the clients that have had no whole request for limit_ns. To be called every second. */
void connections_check(struct connections *all, uint64_t now_ns);
/* Frees what is left. */
void connections_done(struct connections *all);

#endif
