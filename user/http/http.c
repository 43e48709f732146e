/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP server. Owns the listening socket, libmicrohttpd's daemon and the bodies that are still
 * arriving; runs on the caller's thread. A request that fails gets a JSON error. Only if memory is
 * short, or a body of unannounced length grows over HTTP_BODY_MAX, the server closes the connection
 * without an answer.
 */
#include "user/http/http.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/array.h"
#include "lib/base/text.h"
#include "user/http/connections.h"
#include "user/http/http_impl.h"
#include "user/sys/address.h"
#include "user/sys/clock.h"

#define REQUEST_NS 30000000000ull /* for a whole request, and between two */
#define ENDING_NS 5000000000ull	  /* the same, of a server that listens no more */
#define TIMEOUT_S 40	   /* without traffic, also while an answer is sent: libmicrohttpd's */
#define MEMORY_BYTES 32768 /* for each connection: its request line and headers */
#define TURNS 64	   /* MHD_run() in one http_run(): the caller's loop has other work too */
#define CSP_NONE "default-src 'none'; frame-ancestors 'none'"

struct http {
	struct MHD_Daemon *mhd;
	struct http_access access;
	struct connections connections;
	uint64_t unread; /* answers that a client did not read in time */
	const struct http_route *routes;
	void *ctx;
	uint64_t answered[6]; /* as http_answered() */
	int fd;
	bool is_local;
	bool is_ending;	 /* http_end_listening() was called */
	bool is_running; /* http_run() is on the stack */
};

/* A request that is not over: the part of its body that has arrived, and the answer that it waits for. */
struct http_later {
	char *body;
	size_t len, size;
	struct http_request q; /* of a request that waits */
	bool waits, answered;
	struct http_reply reply; /* once it is answered */
};

int http_text(struct http_reply *ret, unsigned status, const char *type, const char *text,
	      size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, len);
	copy[len] = '\0';
	*ret = (struct http_reply){.status = status, .type = type, .body = copy, .len = len};
	return 0;
}

int http_json(struct http_reply *ret, unsigned status, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;

	json_decref(j);
	if (!text)
		return -ENOMEM;
	*ret = (struct http_reply){
		.status = status, .type = "application/json", .body = text, .len = strlen(text)};
	return 0;
}

int http_error(struct http_reply *ret, unsigned status, const char *why)
{
	return http_json(ret, status, json_pack("{s:o}", "error", text_json(why, strlen(why))));
}

static enum MHD_Result send_reply(struct http *h, struct MHD_Connection *c,
				  struct http_reply *reply)
{
	const char *const headers[][2] = {
		{"Content-Type", reply->type},
		{"WWW-Authenticate", reply->status == MHD_HTTP_UNAUTHORIZED ? "Bearer" : NULL},
		{"Allow", reply->allow},
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", reply->csp ? reply->csp : CSP_NONE},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Connection", h->is_ending ? "close" : NULL},
	};
	struct MHD_Response *response = reply->response;
	enum MHD_Result r;

	if (!response)
		response = MHD_create_response_from_buffer(reply->len, reply->body,
							   MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(reply->body);
		return MHD_NO;
	}
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (headers[i][1])
			MHD_add_response_header(response, headers[i][0], headers[i][1]);
	r = MHD_queue_response(c, reply->status, response);
	MHD_destroy_response(response);
	h->answered[reply->status / 100 < 6 ? reply->status / 100 : 5]++;
	return r;
}

/*
 * Returns how many bytes of the path match the route: all, or those before its star. 0: the path
 * does not match.
 */
static size_t route_match_len(const struct http_route *route, const char *path)
{
	size_t len = strlen(route->path);

	if (len > 1 && route->path[len - 1] == '*')
		return strncmp(route->path, path, len - 1) == 0 ? len - 1 : 0;
	return strcmp(route->path, path) == 0 ? len : 0;
}

/*
 * Finds the route of a path and a method. NULL: there is none; then *ret_allow is the methods that
 * the path has, or NULL if no route has the path. Routes use GET and POST only.
 */
static const struct http_route *find_route(const struct http *h, const char *method,
					   const char *path, const char **ret_allow)
{
	*ret_allow = NULL;
	for (const struct http_route *r = h->routes; r->method; r++) {
		if (!route_match_len(r, path))
			continue;
		if (strcmp(r->method, method) == 0)
			return r;
		*ret_allow =
			!*ret_allow || strcmp(*ret_allow, r->method) == 0 ? r->method : "GET, POST";
	}
	return NULL;
}

static int connection_fd(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static struct connection *connection_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void on_connection_change(void *ctx, struct MHD_Connection *c, void **state,
				 enum MHD_ConnectionNotificationCode code)
{
	struct http *h = ctx;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*state = connection_open(&h->connections, connection_fd(c), clock_now_ns());
		return;
	}
	connection_close(&h->connections, *state);
	*state = NULL;
}

/* Returns 0 if the client may use this server, else the HTTP status of the refusal and why. */
static unsigned check_client(struct http *h, const struct http_request *q, const char **why)
{
	const struct http_config *config = &h->access.config;

	*why = h->is_local ? "only root may use this socket, and not from a guarded container"
			   : "a guarded container gets no answer";
	if (config->is_peer_allowed &&
	    !config->is_peer_allowed(h->ctx, connection_fd(q->connection)))
		return MHD_HTTP_FORBIDDEN;
	return h->is_local ? 0 : http_access_host(&h->access, q->connection, why);
}

struct query_check {
	const char *const *known;
	unsigned seen; /* bits of known */
	const char *unknown;
	bool has_nul; /* a name or a value */
};

static enum MHD_Result check_parameter(void *ctx, enum MHD_ValueKind kind, const char *key,
				       size_t key_len, const char *value, size_t value_len)
{
	struct query_check *check = ctx;
	unsigned i = 0;

	(void)kind;
	if (memchr(key, '\0', key_len) || (value && memchr(value, '\0', value_len))) {
		check->has_nul = true;
		return MHD_NO;
	}
	if (!check->known)
		return MHD_YES;
	while (check->known[i] && strcmp(check->known[i], key) != 0)
		i++;
	if (!check->known[i] || check->seen & 1u << i || !value) {
		check->unknown = key;
		return MHD_NO;
	}
	check->seen |= 1u << i;
	return MHD_YES;
}

static bool has_nul_in_query(const struct http_request *q)
{
	struct query_check check = {};

	MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &check);
	return check.has_nul;
}

static int refuse_parameter(struct http_reply *ret, const char *name)
{
	char text[200];

	snprintf(text, sizeof(text), "unknown parameter %.100s: this path takes none", name);
	return http_error(ret, MHD_HTTP_BAD_REQUEST, text);
}

/* Fills in the answer to a request that has arrived whole. Returns 0, HTTP_LATER or -ENOMEM. */
static int answer_request(struct http *h, struct http_request *q, struct http_reply *ret)
{
	static const char *const none[] = {NULL};
	const struct http_route *route;
	const char *allow, *why, *unknown;
	struct err err = {};
	unsigned status;
	int r;

	status = check_client(h, q, &why);
	if (status)
		return http_error(ret, status, why);
	if (!http_path_is_plain(q->path))
		return http_error(ret, MHD_HTTP_BAD_REQUEST,
				  "the path may not have ., .., backslash or control characters");
	if (has_nul_in_query(q))
		return http_error(ret, MHD_HTTP_BAD_REQUEST, "the query may not have %00");
	route = find_route(h, q->method, q->path, &allow);
	unknown = route && route->flags & HTTP_PLAIN ? http_unknown_query(q, none) : NULL;
	if (unknown)
		return refuse_parameter(ret, unknown);
	if (!route && !allow)
		return http_error(ret, MHD_HTTP_NOT_FOUND, "no such path");
	if (!route) {
		r = http_error(ret, MHD_HTTP_METHOD_NOT_ALLOWED,
			       "this path does not allow that method: see the Allow header");
		ret->allow = allow;
		return r;
	}
	status = h->is_local ? 0 : http_access_route(&h->access, q->connection, route->flags, &err);
	if (status)
		return http_error(ret, status, err.msg);
	q->rest = q->path + route_match_len(route, q->path);
	r = route->handle(h->ctx, q, ret);
	if (r < 0)
		return http_error(ret, MHD_HTTP_INTERNAL_SERVER_ERROR,
				  "lutrad failed to answer: see its log");
	return r;
}

struct http_later *http_later(const struct http_request *q, const struct http_request **ret)
{
	struct http_later *l = q->own;

	if (!l)
		return NULL;
	l->q = *q;
	l->waits = true;
	*ret = &l->q;
	MHD_suspend_connection(q->connection);
	return l;
}

void http_finish(struct http_later *l, const struct http_reply *reply)
{
	l->reply = *reply;
	l->waits = false;
	l->answered = true;
	/* libmicrohttpd calls on_request() again. */
	MHD_resume_connection(l->q.connection);
}

/* Adds a piece of the body. -ENOMEM: the body is too long, or memory is short. */
static int append_body(struct http_later *p, const char *data, size_t len)
{
	/* ARRAY_RESERVE() sets new bytes to zero, so the body ends with a NUL. */
	if (p->len + len > HTTP_BODY_MAX || ARRAY_RESERVE(p->body, p->size, p->len + len + 1) < 0)
		return -ENOMEM;
	memcpy(p->body + p->len, data, len);
	p->len += len;
	return 0;
}

/*
 * Returns true if the Content-Length is over HTTP_BODY_MAX: then the client gets status 413. A body
 * that is sent without its length and grows too long gets no answer: append_body() fails, and the
 * connection is closed.
 */
static bool is_body_too_long(struct MHD_Connection *c)
{
	const char *len = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Content-Length");

	return len && strtoull(len, NULL, 10) > HTTP_BODY_MAX;
}

/* The state of a request whose path has %00: libmicrohttpd hands on the path up to it. */
static struct http_later nul_in_path;

/* libmicrohttpd calls this with the path as it was sent. Returns the state of the request. */
static void *check_uri(void *ctx, const char *uri, struct MHD_Connection *c)
{
	const char *nul = strstr(uri, "%00"), *query = strchr(uri, '?');

	(void)ctx;
	(void)c;
	return nul && (!query || nul < query) ? &nul_in_path : NULL;
}

static enum MHD_Result refuse_request(struct http *h, struct MHD_Connection *c, unsigned status,
				      const char *why)
{
	struct http_reply reply = {.status = status};

	return http_error(&reply, status, why) < 0 ? MHD_NO : send_reply(h, c, &reply);
}

/*
 * libmicrohttpd calls this once when the headers of a request have arrived (*state is NULL), then
 * for each piece of the body (*size > 0), then once at the end (*size 0).
 */
/* NOLINTNEXTLINE(readability-function-size): the signature is libmicrohttpd's */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **state)
{
	struct http *h = ctx;
	struct http_later *p = *state;
	struct http_reply reply = {.status = MHD_HTTP_OK};
	struct http_request q;
	int r;

	(void)version;
	if (p == &nul_in_path) {
		*state = NULL;
		return refuse_request(h, c, MHD_HTTP_BAD_REQUEST, "the path may not have %00");
	}
	if (!p) {
		if (is_body_too_long(c))
			return refuse_request(h, c, MHD_HTTP_CONTENT_TOO_LARGE,
					      "the body is longer than 65536 bytes");
		*state = calloc(1, sizeof(*p));
		return *state ? MHD_YES : MHD_NO;
	}
	if (p->waits)
		return MHD_YES;
	if (p->answered) {
		p->answered = false;
		return send_reply(h, c, &p->reply);
	}
	if (*size) {
		r = append_body(p, data, *size);
		*size = 0;
		return r < 0 ? MHD_NO : MHD_YES;
	}
	connection_set_asked(connection_of(c));
	q = (struct http_request){.connection = c,
				  .is_local = h->is_local,
				  .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
				  .path = url,
				  .body = p->body ? p->body : "",
				  .body_len = p->len,
				  .own = p};
	r = answer_request(h, &q, &reply);
	if (r == HTTP_LATER)
		return MHD_YES;
	return r < 0 ? MHD_NO : send_reply(h, c, &reply);
}

/* Frees the state of a request that is over, answered or not. */
static void on_done(void *ctx, struct MHD_Connection *c, void **state,
		    enum MHD_RequestTerminationCode code)
{
	struct http_later *p = *state == &nul_in_path ? NULL : *state;
	struct http *h = ctx;

	connection_set_answered(connection_of(c), clock_now_ns());
	h->unread += code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED;
	/* The server has ended before it could send the answer. */
	if (p && p->answered && !p->reply.response)
		free(p->reply.body);
	if (p)
		free(p->body);
	free(p);
	*state = NULL;
}

const char *http_unknown_query(const struct http_request *q, const char *const *known)
{
	struct query_check check = {.known = known};

	MHD_get_connection_values_n(q->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &check);
	return check.unknown;
}

const char *http_query(const struct http_request *q, const char *name)
{
	return MHD_lookup_connection_value(q->connection, MHD_GET_ARGUMENT_KIND, name);
}

static int start_server(struct http *h, struct err *err)
{
	const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
			       (h->is_local ? MHD_USE_NO_LISTEN_SOCKET : 0);
	const struct MHD_OptionItem listen[] = {
		{h->is_local ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, h->fd, NULL},
		{MHD_OPTION_END, 0, NULL}};
	const union MHD_DaemonInfo *info;

	h->mhd = MHD_start_daemon(
		flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, listen,
		MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)(h->is_local ? HTTP_LOCAL_CONNECTIONS_MAX : HTTP_CONNECTIONS_MAX),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, check_uri, h,
		MHD_OPTION_NOTIFY_COMPLETED, on_done, h, MHD_OPTION_NOTIFY_CONNECTION,
		on_connection_change, h, MHD_OPTION_END);
	info = h->mhd ? MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (!info || info->epoll_fd < 0)
		return err_set(err, -EIO, "http: libmicrohttpd failed to start");
	h->fd = -1; /* libmicrohttpd closes the socket from here on */
	return 0;
}

int http_add_connection(struct http *h, int fd)
{
	const struct sockaddr_un peer = {.sun_family = AF_UNIX};

	if (MHD_add_connection(h->mhd, fd, (const struct sockaddr *)&peer, sizeof(peer)) != MHD_YES)
		return -errno;
	http_run(h);
	return 0;
}

bool http_is_gone(const struct http_request *q)
{
	char byte;

	return recv(connection_fd(q->connection), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static int listen_on(struct http *h, const char *where, struct err *err)
{
	struct address address;
	int r = address_parse(where, &address);

	if (r == 0)
		r = address_listen(&address, &h->fd);
	if (r < 0)
		return err_set(err, r, "http.listen: %.200s: %s", where,
			       r == -EINVAL ? "must be " ADDRESS_EXPECTED : strerror(-r));
	h->access.loopback = address.is_loopback;
	h->access.port = address_port(h->fd);
	return 0;
}

int http_set_config(struct http *h, const struct http_config *config)
{
	const char *listen = h->access.config.listen;

	if (!h->is_local && !h->access.loopback && !config->token)
		return -EINVAL;
	h->access.config = *config;
	h->access.config.listen = listen;
	return 0;
}

int http_new(struct http **ret, const struct http_config *config, const struct http_route *routes,
	     void *ctx, struct err *err)
{
	_cleanup_(http_freep) struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_oom(err);
	h->fd = -1;
	h->routes = routes;
	h->ctx = ctx;
	h->access.config = *config;
	h->is_local = !config->listen;
	h->connections.limit_ns = REQUEST_NS;
	if (!h->is_local) {
		r = listen_on(h, config->listen, err);
		if (r < 0)
			return r;
		if (!h->access.loopback && !config->token)
			return err_set(
				err, -EINVAL,
				"http.listen: %s is not a loopback address and needs a token: "
				"set http.token_file",
				config->listen);
	}
	r = start_server(h, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(h);
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->mhd)
		MHD_stop_daemon(h->mhd);
	connections_done(&h->connections);
	if (h->fd >= 0)
		close(h->fd);
	free(h);
}

void http_end_listening(struct http *h)
{
	int fd = h->is_ending ? -1 : MHD_quiesce_daemon(h->mhd);

	h->is_ending = true;
	h->connections.limit_ns = ENDING_NS;
	closep(&fd);
}

bool http_is_empty(const struct http *h)
{
	return MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections ==
	       0;
}

int http_epoll_fd(const struct http *h)
{
	return MHD_get_daemon_info(h->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *h)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;

	/*
	 * A route may cause an alert; then a live stream calls http_run() from within the route.
	 * That call returns at once: the loop below, which is still running, serves the stream too.
	 */
	if (h->is_running)
		return;
	h->is_running = true;
	for (int i = 0; i < TURNS && wait_ms == 0; i++) {
		MHD_run(h->mhd);
		if (MHD_get_timeout(h->mhd, &wait_ms) != MHD_YES)
			break;
	}
	h->is_running = false;
}

void http_check(struct http *h)
{
	connections_check(&h->connections, clock_now_ns());
	http_run(h);
}

uint64_t http_timed_out(const struct http *h)
{
	return h->connections.timed_out + h->unread;
}

unsigned http_port(const struct http *h)
{
	return h->access.port;
}

void http_answered(const struct http *h, uint64_t ret[static 6])
{
	memcpy(ret, h->answered, sizeof(h->answered));
}
