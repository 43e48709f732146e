/* SPDX-License-Identifier: Apache-2.0 */
/* A container engine of the tests: gives set answers of the Docker Engine API over a Unix socket. */
#ifndef LUTRA_TESTS_SUPPORT_DAEMON_FAKE_ENGINE_H
#define LUTRA_TESTS_SUPPORT_DAEMON_FAKE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#define ENGINE_ROUTES 8
#define ENGINE_STREAMS 8

/* What a GET of a path gets. */
struct route {
	const char *path;
	const char *body; /* borrowed */
	size_t len;
	int status;
};

struct fake_engine {
	struct route route[ENGINE_ROUTES];
	unsigned n;
	const char *socket;
	int fd;
	int streams[ENGINE_STREAMS];
	atomic_uint n_streams;
	atomic_uint asked; /* requests but for streams */
	pthread_t thread;
};

/* Sets the answer to a path, before the start. Borrows body. */
void fake_engine_add_route(struct fake_engine *s, const char *path, int status, const char *body,
			   size_t len);
/* Listens on a socket and answers in a thread. */
void fake_engine_start(struct fake_engine *s, const char *socket_path);
/* Sends a line to the last client that follows the events. */
void fake_engine_send_event(struct fake_engine *s, const char *line, size_t len);
void fake_engine_stop(struct fake_engine *s);

#endif
