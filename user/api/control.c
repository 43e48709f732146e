/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: its clients, and their one request each. */
#include "user/api/control.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/array.h"
#include "lib/base/list.h"
#include "lib/base/text.h"
#include "user/api/control_impl.h"
#include "user/containers/saved_list.h"
#include "user/http/control_protocol.h"
#include "user/pipeline/pipeline.h"

#define CLIENTS_MAX 512		/* a hook each of containers that start at once */
#define PENDING_MAX (16u << 20) /* bytes that a client has not read yet */

struct control_client {
	struct control *control;
	struct control_client *next;
	struct loop_watch watch;
	bool follow;  /* it gets every alert */
	bool closing; /* it is closed once all is sent */
	char in[PROTOCOL_REQUEST_MAX];
	size_t in_len;
	char *out;
	size_t out_len, out_sent, out_size;
};

struct control {
	struct control_parts parts;
	struct pipeline_subscriber subscriber;
	struct control_client *clients;
	unsigned n_clients, n_followers;
};

/* ---- a client ---- */

static void client_free(struct control_client *c)
{
	struct control *control = c->control;

	LIST_REMOVE(control->clients, c);
	control->n_clients--;
	control->n_followers -= c->follow;
	atomic_store(&control->subscriber.active, control->n_followers > 0);
	close(c->watch.fd);
	free(c->out);
	free(c);
}

static int put_bytes(struct control_client *c, const char *data, size_t len)
{
	if (c->out_len + len > PENDING_MAX)
		return -ENOBUFS;
	if (ARRAY_RESERVE(c->out, c->out_size, c->out_len + len) < 0)
		return -ENOMEM;
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return 0;
}

static int put_line(struct control_client *c, const char *text, size_t len)
{
	int r = put_bytes(c, text, len);

	return r < 0 ? r : put_bytes(c, "\n", 1);
}

int control_client_put(struct control_client *c, const json_t *j)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12));

	return text ? put_line(c, text, strlen(text)) : -ENOMEM;
}

void control_client_follow(struct control_client *c)
{
	c->follow = true;
	c->control->n_followers++;
	atomic_store(&c->control->subscriber.active, true);
	c->closing = false;
}

bool control_client_is_gone(const struct control_client *c)
{
	char byte;

	return recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Sends what can be sent now, and waits for the rest. The client may be freed. */
static void flush_client(struct control_client *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->watch.fd, c->out + c->out_sent, c->out_len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			client_free(c);
			return;
		}
		if (n < 0) {
			loop_change(c->control->parts.loop, &c->watch, EPOLLOUT);
			return;
		}
		c->out_sent += (size_t)n;
	}
	c->out_sent = c->out_len = 0;
	if (c->closing)
		client_free(c);
	else
		loop_change(c->control->parts.loop, &c->watch, EPOLLIN);
}

/* ---- requests ---- */

static const struct command {
	const char *name;
	int (*run)(struct control_call *c, json_t **ret, struct err *err);
} commands[] = {
	{"enroll", control_enroll},
	{"container", control_container},
	{"release", control_release},
	{"mode", control_mode},
	{"policy-mode", control_policy_mode},
	{"thaw", control_thaw},
	{"learn", control_learn},
	{"learn-stop", control_learn_stop},
	{"learn-status", control_learn_status},
	{"status", control_status},
	{"top", control_top},
	{"events", control_events},
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void handle_request(struct control_client *client, const char *line, size_t len)
{
	const struct control_parts *parts = &client->control->parts;
	json_auto_t *q = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *answer = NULL;
	const char *cmd = json_string_value(json_object_get(q, "cmd"));
	struct control_call c = {
		.api = parts->api, .discovery = parts->discovery, .client = client, .request = q};
	struct err err = {"unknown request"};
	int r = -EINVAL;

	client->closing = true;
	if (!cmd)
		err_set(&err, -EBADMSG, "not a request");
	for (size_t i = 0; cmd && i < N_COMMANDS; i++)
		if (strcmp(cmd, commands[i].name) == 0)
			r = commands[i].run(&c, &answer, &err);
	/* What an operator is told is on disk then. A hook's container waits: it is saved later. */
	if (!cmd || strcmp(cmd, "container") != 0)
		saved_list_flush(parts->saved_list);
	if (r < 0)
		answer = json_pack("{s:b, s:o}", "ok", 0, "error",
				   text_json(err.msg, strlen(err.msg)));
	if (answer)
		control_client_put(client, answer);
}

static void on_control_ready(void *ctx, uint32_t events)
{
	struct control_client *c = ctx;
	char *end;
	ssize_t n;

	if (events & EPOLLOUT) {
		flush_client(c);
		return;
	}
	n = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A connection has one request. */
	if (n <= 0 || c->follow || c->closing) {
		client_free(c);
		return;
	}
	c->in_len += (size_t)n;
	end = memchr(c->in, '\n', c->in_len);
	if (end)
		handle_request(c, c->in, (size_t)(end - c->in));
	else if (c->in_len == sizeof(c->in))
		handle_request(c, "", 0);
	else
		return;
	flush_client(c);
}

/* ---- all clients ---- */

/* Sends an alert to the clients that follow; a client that does not keep up is let go. */
static void send_alert(void *ctx, struct alert_json *a, uint64_t folded)
{
	struct control *control = ctx;

	LIST_EACH_SAFE (c, control->clients) {
		if (!c->follow)
			continue;
		if (folded || put_line(c, a->text, a->len) < 0)
			client_free(c);
		else
			flush_client(c);
	}
}

static void on_control_connection(void *ctx, uint32_t events)
{
	struct control *control = ctx;
	const struct control_parts *parts = &control->parts;
	_cleanup_close_ int fd = local_socket_accept(parts->socket, parts->api->parts.guard);
	struct control_client *c;

	(void)events;
	if (fd < 0 || control->n_clients >= CLIENTS_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->control = control;
	c->watch = (struct loop_watch){.fd = fd, .on_ready = on_control_ready, .ctx = c};
	if (loop_watch(parts->loop, &c->watch, EPOLLIN) < 0) {
		free(c);
		return;
	}
	TAKE_FD(fd);
	LIST_PUSH(control->clients, c);
	control->n_clients++;
}

int control_new(struct control **ret, const struct control_parts *parts, struct err *err)
{
	struct control *control = calloc(1, sizeof(*control));
	int r;

	if (!control)
		return err_oom(err);
	control->parts = *parts;
	r = local_socket_watch(parts->socket, parts->loop, on_control_connection, control, err);
	if (r < 0) {
		free(control);
		return r;
	}
	control->subscriber = (struct pipeline_subscriber){.on_alert = send_alert, .ctx = control};
	pipeline_subscribe(parts->api->parts.pipeline, &control->subscriber);
	*ret = control;
	return 0;
}

void control_free(struct control *control)
{
	if (!control)
		return;
	pipeline_unsubscribe(control->parts.api->parts.pipeline, &control->subscriber);
	while (control->clients)
		client_free(control->clients);
	free(control);
}
