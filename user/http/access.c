/* SPDX-License-Identifier: Apache-2.0 */
/* Who may ask the HTTP server, and for what. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "user/http/http_impl.h"

#define HOST_MAX 256
#define BACKLOG 16
#define BEARER "Bearer "

/* ---- where it listens ---- */

/* "127.0.0.1:9477", "[::1]:9477" taken apart. */
static int split(const char *where, char host[static HOST_MAX], char port[static 8])
{
	const char *colon = strrchr(where, ':');
	size_t len = colon ? (size_t)(colon - where) : 0;

	if (!colon || len == 0 || len >= HOST_MAX || strlen(colon + 1) >= 8 || !colon[1])
		return -EINVAL;
	if (where[0] == '[' && where[len - 1] == ']') {
		where++;
		len -= 2;
	}
	memcpy(host, where, len);
	host[len] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(
			&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr) >> 24 == 127;
}

static unsigned port_of(int fd)
{
	union {
		struct sockaddr a;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} u = {};
	socklen_t len = sizeof(u);

	if (getsockname(fd, &u.a, &len) < 0)
		return 0;
	return ntohs(u.a.sa_family == AF_INET6 ? u.in6.sin6_port : u.in.sin_port);
}

static int bind_to(const struct addrinfo *a, const char *where, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd =
		socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd < 0)
		return err_set(err, -errno, "http: socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return err_set(err, -errno, "http.listen: %s: %s", where, strerror(errno));
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int http_listen(const char *where, int *ret_fd, struct http_access *access, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	char host[HOST_MAX], port[8];
	struct addrinfo *a = NULL;
	int r;

	if (split(where, host, port) < 0 || getaddrinfo(host, port, &hints, &a) != 0)
		return err_set(err, -EINVAL,
			       "http.listen: %.200s: not an address and a port, such as "
			       "127.0.0.1:9477 or [::1]:9477",
			       where);
	access->loopback = is_loopback(a->ai_addr);
	r = bind_to(a, where, ret_fd, err);
	freeaddrinfo(a);
	if (r == 0)
		access->port = port_of(*ret_fd);
	return r;
}

/* ---- token and hosts ---- */

static int add_host(struct http_access *a, const char *host, size_t len)
{
	char *copy;

	if (a->n_hosts == HTTP_HOSTS)
		return -EINVAL;
	copy = strndup(host, len);
	if (!copy)
		return -ENOMEM;
	a->host[a->n_hosts++] = copy;
	return 0;
}

int http_access_init(struct http_access *a, const struct http_config *config, struct err *err)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", NULL};
	int r = add_host(a, config->listen,
			 (size_t)(strrchr(config->listen, ':') - config->listen));

	for (const char *const *h = own; r == 0 && *h; h++)
		r = add_host(a, *h, strlen(*h));
	for (const char *const *h = config->hosts; r == 0 && h && *h; h++)
		r = add_host(a, *h, strlen(*h));
	if (r == 0 && config->token) {
		a->token = strdup(config->token);
		r = a->token ? 0 : -ENOMEM;
	}
	if (r == -EINVAL)
		return err_set(err, r, "http.hosts: at most %d", HTTP_HOSTS - 4);
	return r < 0 ? err_oom(err) : 0;
}

void http_access_done(struct http_access *a)
{
	for (unsigned i = 0; i < a->n_hosts; i++)
		free(a->host[i]);
	if (a->token)
		sodium_memzero(a->token, strlen(a->token));
	free(a->token);
}

/* "name", "name:port", "[::1]:port": is it one of ours? */
static bool host_is_ours(const struct http_access *a, const char *host)
{
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len > strlen(host))
		return false;
	if (host[len] && (host[len] != ':' || strtoul(host + len + 1, NULL, 10) != a->port))
		return false;
	for (unsigned i = 0; i < a->n_hosts; i++)
		if (strlen(a->host[i]) == len && strncasecmp(a->host[i], host, len) == 0)
			return true;
	return false;
}

static const char *request_header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

unsigned http_access_host(const struct http_access *a, struct MHD_Connection *c,
			  const char **ret_why)
{
	const char *host = request_header(c, "Host");

	*ret_why = "the Host of the request is none of this server: see http.hosts";
	return host && host_is_ours(a, host) ? 0 : MHD_HTTP_FORBIDDEN;
}

static bool has_token(const struct http_access *a, struct MHD_Connection *c)
{
	const char *header = request_header(c, "Authorization");
	size_t len = a->token ? strlen(a->token) : 0;

	if (!header || !len || strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return false;
	header += strlen(BEARER);
	return strlen(header) == len && sodium_memcmp(header, a->token, len) == 0;
}

/* A page of somebody else's may not ask for changes, even where it knows the token. */
static bool origin_is_ours(const struct http_access *a, struct MHD_Connection *c)
{
	const char *origin = request_header(c, "Origin"), *at;

	if (!origin)
		return true;
	at = strstr(origin, "://");
	return at && host_is_ours(a, at + 3);
}

unsigned http_access_route(const struct http_access *a, struct MHD_Connection *c, unsigned flags,
			   const char **ret_why)
{
	bool needs = flags & HTTP_CHANGES || (!a->loopback && !(flags & HTTP_OPEN));

	*ret_why = "needs the token: Authorization: Bearer …; see http.token_file";
	if (needs && !has_token(a, c))
		return MHD_HTTP_UNAUTHORIZED;
	*ret_why = "not from a page of another origin";
	return flags & HTTP_CHANGES && !origin_is_ours(a, c) ? MHD_HTTP_FORBIDDEN : 0;
}

bool http_path_is_plain(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == '\\' || *p == 0x7f)
			return false;
	if (path[0] != '/')
		return false;
	for (const char *p = path; p; p = strchr(p + 1, '/')) {
		size_t len = strcspn(p + 1, "/");

		if ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.'))
			return false;
	}
	return true;
}
