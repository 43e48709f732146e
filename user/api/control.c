/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: a request is a line of JSON, and so is its answer. For root only, and not for
 * containers under guard. A client that does not read is dropped; none can make the daemon wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/sys/clock.h"
#include "user/learn/learn.h"
#include "user/http/control_protocol.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define CLIENTS_MAX 512		/* a hook each of containers that start at once */
#define PENDING_MAX (16u << 20) /* bytes a client has not read yet */

struct client {
	struct source source;
	struct client *next;
	bool follow;  /* gets every alert */
	bool closing; /* once all is sent */
	char in[PROTOCOL_REQUEST_MAX];
	size_t in_len;
	char *out;
	size_t out_len, out_sent, out_size;
};

static void client_free(struct daemon *d, struct client *c)
{
	struct client **at = &d->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	d->n_clients--;
	close(c->source.fd);
	free(c->out);
	free(c);
}

/* Add to what the client is to get. -ENOBUFS: it does not read. */
static int client_put(struct client *c, const char *data, size_t len)
{
	size_t need = c->out_len + len;

	if (need > PENDING_MAX)
		return -ENOBUFS;
	if (need > c->out_size) {
		size_t size = need < 4096 ? 4096 : need * 2;
		char *p = realloc(c->out, size);

		if (!p)
			return -ENOMEM;
		c->out = p;
		c->out_size = size;
	}
	memcpy(c->out + c->out_len, data, len);
	c->out_len += len;
	return 0;
}

static int client_put_line(struct client *c, const char *text)
{
	int r = client_put(c, text, strlen(text));

	return r < 0 ? r : client_put(c, "\n", 1);
}

static int client_put_json(struct client *c, const json_t *j)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12));

	return text ? client_put_line(c, text) : -ENOMEM;
}

/* Send what can be sent, wait for the rest. False: the client is gone. */
static bool client_flush(struct daemon *d, struct client *c)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};

	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->source.fd, c->out + c->out_sent, c->out_len - c->out_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			client_free(d, c);
			return false;
		}
		if (n < 0)
			break;
		c->out_sent += (size_t)n;
	}
	if (c->out_sent == c->out_len) {
		c->out_sent = c->out_len = 0;
		if (c->closing) {
			client_free(d, c);
			return false;
		}
	} else {
		ev.events = EPOLLOUT;
	}
	epoll_ctl(d->epoll_fd, EPOLL_CTL_MOD, c->source.fd, &ev);
	return true;
}

void control_publish(struct daemon *d, const struct event *e)
{
	struct client *c = d->clients, *next;
	json_auto_t *alert = NULL;

	while (c && !c->follow)
		c = c->next;
	if (c)
		alert = event_json(e);
	for (; c; c = next) {
		next = c->next;
		if (!c->follow)
			continue;
		if (client_put_json(c, alert) < 0)
			client_free(d, c);
		else
			client_flush(d, c);
	}
}

/* ---- requests: each returns its answer, or NULL with err ---- */

static json_t *do_enroll(struct daemon *d, json_t *q, struct err *err)
{
	struct enrol_request r = {};
	struct container *c;
	json_error_t je;
	const char *cmd;
	int next_exec = 0, force = 0;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?b}",
			   "cmd", &cmd, "cgroup", &r.cgroup, "policy", &r.policy, "mode", &r.mode,
			   "name", &r.name, "image", &r.image, "digest", &r.digest, "next_exec",
			   &next_exec, "force", &force) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	if (!r.policy && !r.image) {
		err_set(err, -EINVAL, "request: neither a policy nor an image");
		return NULL;
	}
	r.next_exec = next_exec != 0;
	r.force = force != 0;
	if (containers_enroll(d, &r, &c, err) < 0)
		return NULL;
	return json_pack("{s:b, s:o}", "ok", 1, "container", containers_json(d, c));
}

/* A hook whose time was up has let its container go on. */
static bool has_gone(const struct client *c)
{
	char byte;

	return recv(c->source.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A hook tells of a container that is about to start, or has ended. */
static json_t *do_container(struct daemon *d, const struct client *client, json_t *q,
			    struct err *err)
{
	_cleanup_(identity_done) struct identity who = {};
	struct arrival a = {.who = &who, .starting = !has_gone(client)};
	const char *cmd, *event;
	struct container *c;
	json_error_t je;
	json_int_t pid = 0;
	json_t *j;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s, s:o, s?I}", "cmd", &cmd, "event",
			   &event, "who", &j, "pid", &pid) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	if (identity_from_json(j, &who, err) < 0)
		return NULL;
	if (!who.id || pid < 0 || pid > INT_MAX) {
		err_set(err, -EINVAL, "request: no id, or no process");
		return NULL;
	}
	if (strcmp(event, "stop") == 0) {
		adopt_end(d, who.id);
		return json_pack("{s:b}", "ok", 1);
	}
	a.pid = (pid_t)pid;
	if (strcmp(event, "start") != 0 || pid == 0) {
		err_set(err, -EINVAL, "request: start with a pid, or stop");
		return NULL;
	}
	if (adopt(d, &a, &c, err) < 0)
		return NULL;
	return c ? json_pack("{s:b, s:o}", "ok", 1, "container", containers_json(d, c))
		 : json_pack("{s:b, s:n, s:o}", "ok", 1, "container", "why",
			     text_json(err->msg, strlen(err->msg)));
}

/* The container that a request names, by "name". */
static struct container *named(struct daemon *d, const char *name, struct err *err)
{
	struct container *c = containers_find(d, name);

	if (!c)
		err_set(err, -ENOENT, "%.200s: not enrolled; see `lutra status`", name);
	return c;
}

static json_t *do_release(struct daemon *d, json_t *q, struct err *err)
{
	const char *cmd, *name = NULL;
	struct container *c;
	json_error_t je;
	int all = 0, n = 0;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s?s, s?b}", "cmd", &cmd, "name", &name,
			   "all", &all) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	while (all && d->containers) {
		containers_release(d, d->containers, true);
		n++;
	}
	if (!all) {
		c = named(d, name ? name : "nothing", err);
		if (!c)
			return NULL;
		containers_release(d, c, true);
		n = 1;
	}
	return json_pack("{s:b, s:i}", "ok", 1, "released", n);
}

static json_t *do_mode(struct daemon *d, json_t *q, struct err *err)
{
	const char *cmd, *name, *mode;
	struct container *c;
	json_error_t je;
	int force = 0;
	unsigned m;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s, s:s, s?b}", "cmd", &cmd, "name", &name,
			   "mode", &mode, "force", &force) < 0 ||
	    mode_parse(mode, &m) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text[0] ? je.text : "unknown mode");
		return NULL;
	}
	c = named(d, name, err);
	if (!c || containers_set_mode(d, c, m, force != 0, err) < 0)
		return NULL;
	return json_pack("{s:b, s:o}", "ok", 1, "container", containers_json(d, c));
}

static json_t *do_policy_mode(struct daemon *d, json_t *q, struct err *err)
{
	struct mode_request r = {};
	const char *cmd, *mode;
	struct err over = {};
	json_error_t je;
	int force = 0;
	unsigned n;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s, s:s, s?b}", "cmd", &cmd, "policy",
			   &r.policy, "mode", &mode, "force", &force) < 0 ||
	    mode_parse(mode, &r.mode) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text[0] ? je.text : "unknown mode");
		return NULL;
	}
	r.force = force != 0;
	if (policies_set_mode(d, &r, &n, &over, err) < 0)
		return NULL;
	return json_pack("{s:b, s:i, s:o}", "ok", 1, "switched", (int)n, "overridden",
			 *over.msg ? text_json_keep(over.msg) : json_null());
}

static json_t *do_thaw(struct daemon *d, json_t *q, struct err *err)
{
	const char *cmd, *name;
	struct container *c;
	json_error_t je;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s:s}", "cmd", &cmd, "name", &name) < 0) {
		err_set(err, -EINVAL, "request: %s", je.text);
		return NULL;
	}
	c = named(d, name, err);
	if (!c || containers_thaw(d, c, err) < 0)
		return NULL;
	return json_pack("{s:b, s:o}", "ok", 1, "container", containers_json(d, c));
}

static json_t *do_status(struct daemon *d, json_t *q, struct err *err)
{
	json_t *containers = json_array();
	struct writer_stats events;
	uint64_t lost;
	char time[CLOCK_TEXT];

	(void)q;
	(void)err;
	for (struct container *c = d->containers; c; c = c->next)
		json_array_append_new(containers, containers_json(d, c));
	alerts_stats(d, &events);
	lost = events.lost_queue + events.lost_store;
	return json_pack("{s:b, s:i, s:s, s:b, s:b, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "ok", 1,
			 "pid", (int)getpid(), "since", clock_format(d->start_ns, time), "lsm",
			 guard_has_lsm(d->guard), "store", events.open, "events_stored",
			 (json_int_t)events.stored, "events_lost", (json_int_t)lost, "agent",
			 agent_json(d), "engines", engines_json(d), "outputs", alerts_json(d),
			 "life", learn_json(d), "containers", containers);
}

static json_t *do_top(struct daemon *d, json_t *q, struct err *err)
{
	json_t *answer = api_overview(d);

	(void)q;
	if (!answer) {
		err_oom(err);
		return NULL;
	}
	json_object_set_new(answer, "ok", json_true());
	return answer;
}

static int put_event(void *ctx, int64_t id, const struct alert *a)
{
	json_auto_t *j = alert_json(a);

	(void)id;
	return j ? client_put_json(ctx, j) : -ENOMEM;
}

/* The answer, then one line an event; follow: and those that come. */
static int do_events(struct daemon *d, struct client *c, json_t *q, struct err *err)
{
	struct store_query all = {.oldest_first = true};
	json_int_t limit = PROTOCOL_EVENTS_DEFAULT;
	struct store *s = NULL;
	const char *cmd;
	json_error_t je;
	int follow = 0, r;

	if (json_unpack_ex(q, &je, JSON_STRICT, "{s:s, s?I, s?b}", "cmd", &cmd, "limit", &limit,
			   "follow", &follow) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (limit < 0 || limit > PROTOCOL_EVENTS_MAX)
		return err_set(err, -EINVAL, "limit: 0 to %d", PROTOCOL_EVENTS_MAX);
	r = limit ? alerts_store(d, &s, err) : 0;
	if (r < 0)
		return r;
	all.limit = (uint32_t)limit;
	r = client_put_line(c, "{\"ok\":true}");
	if (r == 0 && limit)
		r = store_select(s, &all, put_event, c, err);
	c->follow = follow != 0;
	c->closing = !follow;
	return r;
}

static void request(struct daemon *d, struct client *c, const char *line, size_t len)
{
	json_auto_t *q = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL), *answer = NULL;
	const char *cmd = json_string_value(json_object_get(q, "cmd"));
	struct err err = {"unknown request"};
	bool done = false;

	c->closing = true;
	if (!cmd)
		err_set(&err, -EBADMSG, "not a request");
	else if (strcmp(cmd, "enroll") == 0)
		answer = do_enroll(d, q, &err);
	else if (strcmp(cmd, "container") == 0)
		answer = do_container(d, c, q, &err);
	else if (strcmp(cmd, "release") == 0)
		answer = do_release(d, q, &err);
	else if (strcmp(cmd, "mode") == 0)
		answer = do_mode(d, q, &err);
	else if (strcmp(cmd, "policy-mode") == 0)
		answer = do_policy_mode(d, q, &err);
	else if (strcmp(cmd, "thaw") == 0)
		answer = do_thaw(d, q, &err);
	else if (strcmp(cmd, "learn") == 0)
		answer = learn_start(d, q, &err);
	else if (strcmp(cmd, "learn-stop") == 0)
		answer = learn_stop(d, q, &err);
	else if (strcmp(cmd, "learn-status") == 0)
		answer = learn_status(d, q, &err);
	else if (strcmp(cmd, "status") == 0)
		answer = do_status(d, q, &err);
	else if (strcmp(cmd, "top") == 0)
		answer = do_top(d, q, &err);
	else if (strcmp(cmd, "events") == 0)
		done = do_events(d, c, q, &err) == 0;
	if (done)
		return;
	/* What an operator was told is on disk; a hook's container waits. */
	if (!cmd || strcmp(cmd, "container") != 0)
		enrolled_write(d);
	if (!answer)
		answer = json_pack("{s:b, s:o}", "ok", 0, "error",
				   text_json(err.msg, strlen(err.msg)));
	client_put_json(c, answer);
}

static void on_client(struct daemon *d, struct source *s, uint32_t events)
{
	struct client *c = (struct client *)s;
	char *end;
	ssize_t n;

	if (events & EPOLLOUT) {
		client_flush(d, c);
		return;
	}
	n = recv(s->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* One request a connection; a follower has nothing more to say. */
	if (n <= 0 || c->follow || c->closing) {
		client_free(d, c);
		return;
	}
	c->in_len += (size_t)n;
	end = memchr(c->in, '\n', c->in_len);
	if (end)
		request(d, c, c->in, (size_t)(end - c->in));
	else if (c->in_len == sizeof(c->in))
		request(d, c, "", 0);
	else
		return;
	client_flush(d, c);
}

/* The process that connected; newer kernels know it even when its number is another's by now. */
static int peer_open(int fd, pid_t pid)
{
	socklen_t len = sizeof(int);
	int pidfd = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	if (errno != ENOPROTOOPT)
		return -1;
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A container under guard may be root too. */
bool control_is_allowed(const struct daemon *d, int fd)
{
	_cleanup_close_ int peer = -1;
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != 0)
		return false;
	peer = peer_open(fd, cred.pid);
	if (peer < 0 || !guard_has_task(d->guard, peer))
		return peer >= 0;
	daemon_log(d, LOG_LEVEL_WARNING, "process %d of a container asked something: not heard",
		   (int)cred.pid);
	return false;
}

static void on_connection(struct daemon *d, struct source *s, uint32_t events)
{
	_cleanup_close_ int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)events;
	if (fd < 0 || !control_is_allowed(d, fd) || d->n_clients >= CLIENTS_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->source.fd = fd;
	c->source.ready = on_client;
	if (daemon_watch(d, &c->source, EPOLLIN) < 0) {
		free(c);
		return;
	}
	TAKE_FD(fd);
	c->next = d->clients;
	d->clients = c;
	d->n_clients++;
}

/* ---- the socket ---- */

/* A socket that nobody listens on is a leftover of a daemon that was killed. */
static int remove_stale(const struct sockaddr_un *addr, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s: exists and is no socket", addr->sun_path);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno != ECONNREFUSED)
		return err_set(err, -EADDRINUSE, "%s: another lutrad listens there",
			       addr->sun_path);
	if (unlink(addr->sun_path) < 0)
		return err_set(err, -errno, "%s: %s", addr->sun_path, strerror(errno));
	return 0;
}

int control_listen(struct daemon *d, struct source *s, const char *path, bool *ret_made,
		   struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	mode_t old;
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, -ENAMETOOLONG, "%s: longer than a socket's path may be", path);
	memcpy(addr.sun_path, path, strlen(path) + 1);
	r = remove_stale(&addr, err);
	if (r < 0)
		return r;
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	old = umask(0177);
	r = bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	*ret_made = r == 0;
	if (r < 0 || listen(s->fd, 256) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r = daemon_watch(d, s, EPOLLIN);
	return r < 0 ? err_set(err, r, "epoll: %s", strerror(-r)) : 0;
}

int control_open(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *copy = strdup(d->config->socket);
	_cleanup_close_ int lock = -1;
	const char *dir;
	int r;

	if (!copy)
		return err_oom(err);
	dir = dirname(copy);
	d->made_socket_dir = mkdir(dir, 0755) == 0;
	/* Two daemons that start at once go one after the other. */
	lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	d->control.ready = on_connection;
	r = control_listen(d, &d->control, d->config->socket, &d->made_socket, err);
	return r < 0 ? r : agent_open(d, err);
}

void control_close(struct daemon *d)
{
	_cleanup_free_ char *copy = strdup(d->config->socket);

	agent_close(d);
	while (d->clients)
		client_free(d, d->clients);
	if (d->made_socket)
		unlink(d->config->socket);
	if (d->control.fd >= 0)
		close(d->control.fd);
	if (copy && d->made_socket_dir)
		rmdir(dirname(copy));
}
