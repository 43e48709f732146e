/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/daemon/fake_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void send_text(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static void answer_get(struct fake_engine *s, int fd, const char *path)
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
	send_text(fd, head, (size_t)n);
	if (r)
		send_text(fd, r->body, r->len);
	close(fd);
}

/* The thread: answers requests until the socket is shut down. */
static void *serve_requests(void *ctx)
{
	static const char stream[] = "HTTP/1.1 200 OK\r\nServer: Docker\r\n\r\n";
	struct fake_engine *s = ctx;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		char in[4096], path[1024] = "";
		ssize_t n = recv(fd, in, sizeof(in) - 1, 0);

		in[n > 0 ? n : 0] = '\0';
		sscanf(in, "GET %1023s", path);
		if (strncmp(path, "/events", 7) != 0) {
			answer_get(s, fd, path);
			atomic_fetch_add(&s->asked, 1);
		} else {
			send_text(fd, stream, strlen(stream));
			s->streams[atomic_load(&s->n_streams) % ENGINE_STREAMS] = fd;
			atomic_fetch_add(&s->n_streams, 1);
		}
	}
	return NULL;
}

void fake_engine_add_route(struct fake_engine *s, const char *path, int status, const char *body,
			   size_t len)
{
	s->route[s->n++] = (struct route){path, body, len, status};
}

void fake_engine_start(struct fake_engine *s, const char *socket_path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	s->socket = socket_path;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", socket_path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(s->fd, 16) < 0 ||
	    pthread_create(&s->thread, NULL, serve_requests, s) != 0)
		abort();
}

void fake_engine_send_event(struct fake_engine *s, const char *line, size_t len)
{
	send_text(s->streams[(atomic_load(&s->n_streams) - 1) % ENGINE_STREAMS], line, len);
}

void fake_engine_stop(struct fake_engine *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (unsigned i = 0; i < atomic_load(&s->n_streams) && i < ENGINE_STREAMS; i++)
		close(s->streams[i]);
	atomic_store(&s->n_streams, 0);
	unlink(s->socket);
}
