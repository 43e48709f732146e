/* SPDX-License-Identifier: Apache-2.0 */
/* Checks who may ask the HTTP server: the Host of a request, its token and its origin. */
#include <sodium.h>
#include <string.h>

#include "user/http/http_impl.h"

#define BEARER "Bearer "

/* Returns true if the first len bytes of host are one of the names, whose list ends with NULL. */
static bool is_listed(const char *const *names, const char *host, size_t len)
{
	for (; names && *names; names++)
		if (strlen(*names) == len && strncasecmp(*names, host, len) == 0)
			return true;
	return false;
}

/* Returns true if the text is a port, 1 to 65535. */
static bool is_port(const char *text)
{
	size_t len = strlen(text);

	return len && len <= 5 && strspn(text, "0123456789") == len &&
	       strtoul(text, NULL, 10) > 0 && strtoul(text, NULL, 10) <= 65535;
}

/*
 * Checks "name", "name:port" or "[::1]:port". A tunnel or a proxy gives the server another port; it is the
 * name that tells a page whose name was made to point here. Returns 0 or the HTTP status of the refusal.
 */
static unsigned check_host(const struct http_access *a, const char *host)
{
	static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", NULL};
	const char *listen = a->config.listen;
	size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len > strlen(host) || (host[len] && (host[len] != ':' || !is_port(host + len + 1))))
		return MHD_HTTP_BAD_REQUEST;
	return is_listed(own, host, len) || is_listed(a->config.hosts, host, len) ||
			       ((size_t)(strrchr(listen, ':') - listen) == len &&
				strncasecmp(listen, host, len) == 0)
		       ? 0
		       : MHD_HTTP_FORBIDDEN;
}

static const char *request_header(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

unsigned http_access_host(const struct http_access *a, struct MHD_Connection *c,
			  const char **ret_why)
{
	const char *host = request_header(c, "Host");

	unsigned status = host ? check_host(a, host) : MHD_HTTP_FORBIDDEN;

	*ret_why = status == MHD_HTTP_BAD_REQUEST
			   ? "Host: must be a name, or a name and a port from 1 to 65535"
			   : "this server does not answer for that Host: add the name to "
			     "http.hosts";
	return status;
}

/* token: NULL for none, which no request has. */
static bool has_token(struct MHD_Connection *c, const char *token)
{
	const char *header = request_header(c, "Authorization");
	size_t len = token ? strlen(token) : 0;

	if (!header || !len || strncasecmp(header, BEARER, strlen(BEARER)) != 0)
		return false;
	header += strlen(BEARER);
	return strlen(header) == len && sodium_memcmp(header, token, len) == 0;
}

/*
 * Returns false if a page of another site sent the request: it may change nothing, even with the token.
 * Host, which is checked before, is what the page was asked by; with another port it is another site.
 */
static bool is_own_origin(struct MHD_Connection *c)
{
	const char *origin = request_header(c, "Origin"), *host = request_header(c, "Host"), *at;

	if (!origin)
		return true;
	at = strstr(origin, "://");
	return at && host && strcasecmp(at + 3, host) == 0;
}

/* Says which token is asked for, and whether the one that came was wrong. */
static void explain_token(const struct http_access *a, struct MHD_Connection *c, struct err *why)
{
	const char *file = a->config.token_file ? a->config.token_file : "http.token_file";

	if (!a->config.token)
		err_set(why, 0, "nobody has the token: lutrad could not read %s", file);
	else if (request_header(c, "Authorization"))
		err_set(why, 0, "the token is wrong: it is the line in %s", file);
	else
		err_set(why, 0, "this needs the token in %s: Authorization: Bearer TOKEN", file);
}

/* Returns true if a route that changes nothing needs a token. */
static bool needs_read_token(const struct http_access *a, unsigned flags)
{
	if (flags & HTTP_OPEN)
		return false;
	return !a->loopback || (flags & HTTP_READS && !a->config.read_without_token);
}

unsigned http_access_route(const struct http_access *a, struct MHD_Connection *c, unsigned flags,
			   struct err *why)
{
	bool changes = flags & HTTP_CHANGES;
	bool may_read = has_token(c, a->config.read_token);

	if ((changes || (needs_read_token(a, flags) && !may_read)) &&
	    !has_token(c, a->config.token)) {
		explain_token(a, c, why);
		if (may_read)
			err_set(why, 0, "this token may only read");
		return may_read ? MHD_HTTP_FORBIDDEN : MHD_HTTP_UNAUTHORIZED;
	}
	err_set(why, 0, "a page of another site may change nothing here");
	return changes && !is_own_origin(c) ? MHD_HTTP_FORBIDDEN : 0;
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
