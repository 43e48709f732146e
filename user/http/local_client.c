/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.0 over lutrad's Unix socket: lutrad closes the connection at the end of the answer, so a
 * client needs neither chunks nor lengths. Owns the connection; runs on the caller's thread.
 */
#include "user/http/local_client.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/base/cleanup.h"

#define PREFIX "/api/v1/"
#define TIMEOUT_ENV "LUTRA_TIMEOUT"
#define TIMEOUT_S 60
#define TIMEOUT_MAX_S 86400
#define CLOSED "lutrad closed the connection: run this as root, outside guarded containers"

struct local_stream {
	FILE *f;
	char *line;
	size_t size;
};

/* Returns how long a command waits for lutrad, in seconds. */
static unsigned timeout_seconds(void)
{
	const char *text = getenv(TIMEOUT_ENV);
	unsigned long s = text ? strtoul(text, NULL, 10) : 0;

	return s > 0 && s <= TIMEOUT_MAX_S ? (unsigned)s : TIMEOUT_S;
}

/* Has what waits on the connection fail with EAGAIN after so many seconds; 0: never. */
static void limit_waiting(int fd, unsigned seconds)
{
	const struct timeval limit = {.tv_sec = seconds};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Says why the connection gives nothing: errno is EAGAIN after the time that a command waits. */
static int fail_to_read(struct err *err)
{
	if (errno != EAGAIN)
		return err_set(err, -EBADMSG, CLOSED);
	return err_set(err, -ETIMEDOUT,
		       "lutrad did not answer in %u s: see its log; " TIMEOUT_ENV
		       "=SECONDS waits longer",
		       timeout_seconds());
}

static int connect_to_daemon(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	limit_waiting(fd, timeout_seconds());
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return TAKE_FD(fd);
	if (errno == EAGAIN)
		return fail_to_read(err);
	if (errno == EACCES)
		return err_set(err, -EACCES, "%s: permission denied: run this as root", path);
	return err_set(err, -ECONNREFUSED,
		       "lutrad is not running (nobody listens on %s): start it with `lutrad`",
		       path);
}

/* Sends the request and opens the answer for reading. */
static int send_request(const char *socket, const char *path, const json_t *body, FILE **ret,
			struct err *err)
{
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	const bool is_get = json_is_null(body);
	_cleanup_free_ char *request = NULL;
	_cleanup_close_ int fd = -1;
	int len;

	if (!text)
		return err_set(err, -EINVAL, "an argument is not UTF-8");
	len = asprintf(&request, "%s " PREFIX "%s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n%s",
		       is_get ? "GET" : "POST", path, is_get ? 0 : strlen(text),
		       is_get ? "" : text);
	if (len < 0)
		return err_oom(err);
	fd = connect_to_daemon(socket, err);
	if (fd < 0)
		return fd;
	for (int sent = 0; sent < len;) {
		ssize_t n = send(fd, request + sent, (size_t)(len - sent), MSG_NOSIGNAL);

		if (n < 0)
			return fail_to_read(err);
		sent += (int)n;
	}
	*ret = fdopen(fd, "r");
	if (!*ret)
		return err_set(err, -errno, "%s", strerror(errno));
	TAKE_FD(fd);
	return 0;
}

/* Reads the status line and the headers. Returns the status. -EBADMSG: not an answer of HTTP. */
static int read_head(FILE *f, struct err *err)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int status = 0;

	errno = 0;
	if (getline(&line, &size, f) < 0)
		return fail_to_read(err);
	if (sscanf(line, "HTTP/1.%*1[01] %3d ", &status) != 1 || status < 100)
		return err_set(err, -EBADMSG, "lutrad is of another version: restart it");
	while (getline(&line, &size, f) > 0)
		if (line[0] == '\r' || line[0] == '\n')
			return status;
	return fail_to_read(err);
}

/* Reads the JSON body. A status that is no success becomes -EREMOTEIO. */
static int read_answer(FILE *f, int status, json_t **ret, struct err *err)
{
	json_auto_t *j = json_loadf(f, 0, NULL);
	const char *why = json_string_value(json_object_get(j, "error"));

	if (!j && ferror(f))
		return fail_to_read(err);
	if (status / 100 != 2)
		return err_set(err, -EREMOTEIO, "%s",
			       why ? why : "lutrad is of another version: restart it");
	if (!j)
		return err_set(err, -EBADMSG, "lutrad is of another version: restart it");
	*ret = TAKE_PTR(j);
	return 0;
}

int local_client_ask(const char *socket, const char *path, json_t *body, json_t **ret,
		     struct err *err)
{
	json_auto_t *owned = body;
	_cleanup_fclose_ FILE *f = NULL;
	int r = send_request(socket, path, owned, &f, err);

	if (r == 0)
		r = read_head(f, err);
	return r < 0 ? r : read_answer(f, r, ret, err);
}

int local_stream_open(struct local_stream **ret, const char *socket, const char *path,
		      struct err *err)
{
	struct local_stream *s = calloc(1, sizeof(*s));
	json_auto_t *answer = NULL;
	int r;

	if (!s)
		return err_oom(err);
	r = send_request(socket, path, LOCAL_GET, &s->f, err);
	if (r == 0)
		r = read_head(s->f, err);
	if (r > 0 && r != 200)
		r = read_answer(s->f, r, &answer, err);
	/* lutrad begins with a comment line, and every later alert follows it. */
	if (r >= 0 && getline(&s->line, &s->size, s->f) < 0)
		r = fail_to_read(err);
	/* An event may come at any time. */
	if (r >= 0)
		limit_waiting(fileno(s->f), 0);
	if (r < 0) {
		local_stream_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

json_t *local_stream_next(struct local_stream *s)
{
	static const char data[] = "data: ", event[] = "event: ";
	bool is_alert = true; /* incidents are for the page: the alerts of one are printed anyway */

	while (getline(&s->line, &s->size, s->f) > 0) {
		if (strncmp(s->line, event, strlen(event)) == 0)
			is_alert = strcmp(s->line + strlen(event), "alert\n") == 0;
		else if (is_alert && strncmp(s->line, data, strlen(data)) == 0)
			return json_loads(s->line + strlen(data), 0, NULL);
	}
	return NULL;
}

void local_stream_close(struct local_stream *s)
{
	if (s->f)
		fclose(s->f);
	free(s->line);
	free(s);
}

/* Appends the value; each byte that is no letter, digit or -._~ becomes %XX. */
static void append_escaped(char buf[static LOCAL_CLIENT_PATH], const char *value)
{
	size_t n = strlen(buf);

	for (; *value && n + 4 < LOCAL_CLIENT_PATH; value++) {
		if (isalnum((unsigned char)*value) || strchr("-._~", *value)) {
			buf[n++] = *value;
			buf[n] = '\0';
		} else {
			n += (size_t)snprintf(buf + n, LOCAL_CLIENT_PATH - n, "%%%02X",
					      (unsigned char)*value);
		}
	}
}

const char *local_client_query(char buf[static LOCAL_CLIENT_PATH], const char *path,
			       const char *key, const char *value)
{
	snprintf(buf, LOCAL_CLIENT_PATH, "%s?%s=", path, key);
	append_escaped(buf, value);
	return buf;
}

void local_client_add(char buf[static LOCAL_CLIENT_PATH], const char *key, const char *value)
{
	size_t n = strlen(buf);

	if (!value)
		return;
	snprintf(buf + n, LOCAL_CLIENT_PATH - n, "&%s=", key);
	append_escaped(buf, value);
}

const char *local_client_path(char buf[static LOCAL_CLIENT_PATH], const char *before,
			      const char *name, const char *after)
{
	size_t n;

	snprintf(buf, LOCAL_CLIENT_PATH, "%s/", before);
	append_escaped(buf, name);
	n = strlen(buf);
	snprintf(buf + n, LOCAL_CLIENT_PATH - n, "/%s", after);
	return buf;
}
