/* SPDX-License-Identifier: Apache-2.0 */
/* An engine of the tests' own: answers of the Docker Engine API over a Unix socket, as told. */
#ifndef LUTRA_TESTS_ENGINE_H
#define LUTRA_TESTS_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ENGINE_ROUTES 8
#define ENGINE_STREAMS 8

/* What a GET of a path gets; events: what a stream begins with. */
struct route {
	const char *path;
	const char *body; /* borrowed */
	size_t len;
	int status;
};

struct engine_server {
	struct route route[ENGINE_ROUTES];
	unsigned n;
	const char *socket;
	int fd;
	int streams[ENGINE_STREAMS];
	atomic_uint n_streams;
	atomic_uint asked; /* requests but for streams */
	pthread_t thread;
};

static inline void engine_send(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static inline void engine_answer(struct engine_server *s, int fd, const char *path)
{
	const struct route *r = NULL;
	char head[256];
	int n;

	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->route[i].path, path) == 0)
			r = &s->route[i];
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 %d X\r\nServer: Docker\r\nContent-Length: %zu\r\nConnection: "
		     "close\r\n\r\n",
		     r ? r->status : 404, r ? r->len : 0);
	engine_send(fd, head, (size_t)n);
	if (r)
		engine_send(fd, r->body, r->len);
	close(fd);
}

/* Until the socket is shut down. */
static inline void *engine_serve(void *ctx)
{
	static const char stream[] = "HTTP/1.1 200 OK\r\nServer: Docker\r\n\r\n";
	struct engine_server *s = ctx;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		char in[4096], path[1024] = "";
		ssize_t n = recv(fd, in, sizeof(in) - 1, 0);

		in[n > 0 ? n : 0] = '\0';
		sscanf(in, "GET %1023s", path);
		if (strncmp(path, "/events", 7) != 0) {
			engine_answer(s, fd, path);
			atomic_fetch_add(&s->asked, 1);
		} else {
			engine_send(fd, stream, strlen(stream));
			s->streams[atomic_load(&s->n_streams) % ENGINE_STREAMS] = fd;
			atomic_fetch_add(&s->n_streams, 1);
		}
	}
	return NULL;
}

static inline void engine_route(struct engine_server *s, const char *path, int status,
				const char *body, size_t len)
{
	s->route[s->n++] = (struct route){path, body, len, status};
}

/* Listen; routes are told before. */
static inline void engine_start(struct engine_server *s, const char *socket_path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	s->socket = socket_path;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(s->fd, 16) < 0 ||
	    pthread_create(&s->thread, NULL, engine_serve, s) != 0)
		abort();
}

/* A line to whoever follows the events. */
static inline void engine_tell(struct engine_server *s, const char *line, size_t len)
{
	engine_send(s->streams[(atomic_load(&s->n_streams) - 1) % ENGINE_STREAMS], line, len);
}

static inline void engine_stop(struct engine_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (unsigned i = 0; i < atomic_load(&s->n_streams) && i < ENGINE_STREAMS; i++)
		close(s->streams[i]);
	atomic_store(&s->n_streams, 0);
	unlink(s->socket);
}

#endif
