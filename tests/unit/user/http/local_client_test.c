/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the Unix socket, against the HTTP server on connections that are handed to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/scratch.h"
#include "user/http/http.h"
#include "user/http/local_client.h"

struct fixture {
	char *dir, *socket;
	int fd;
	struct http *http;
	pthread_t thread;
	atomic_bool stop;
};

static int get_name(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	char text[512];

	(void)ctx;
	snprintf(text, sizeof(text), "{\"rest\": \"%s\", \"local\": %s}", q->rest,
		 q->is_local ? "true" : "false");
	return http_text(ret, 200, "application/json", text, strlen(text));
}

static int post_echo(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	(void)ctx;
	return http_text(ret, 200, "application/json", q->body, q->body_len);
}

static int get_stream(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	static const char text[] =
		": hello\n\nevent: alert\ndata: {\"n\": 1}\n\ndata: {\"n\": 2}\n\n";

	(void)ctx;
	(void)q;
	return http_text(ret, 200, "text/event-stream", text, strlen(text));
}

static int get_garbage(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	(void)ctx;
	(void)q;
	return http_text(ret, 200, "text/plain", "no JSON", 7);
}

static const struct http_route routes[] = {
	{"GET", "/api/v1/names/*", 0, get_name},
	{"POST", "/api/v1/echo", HTTP_CHANGES, post_echo},
	{"GET", "/api/v1/stream", 0, get_stream},
	{"GET", "/api/v1/garbage", 0, get_garbage},
	{},
};

static void *serve_in_thread(void *ctx)
{
	struct fixture *f = ctx;
	struct pollfd p[] = {{.fd = http_epoll_fd(f->http), .events = POLLIN},
			     {.fd = f->fd, .events = POLLIN}};

	while (!f->stop) {
		poll(p, 2, 20);
		if (p[1].revents)
			http_add_connection(
				f->http, accept4(f->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
		http_run(f->http);
	}
	return NULL;
}

static int local_client_setup(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const struct http_config config = {};
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	f->socket = scratch_path(f->dir, "socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->socket);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(f->fd, 8), 0);
	assert_int_equal(http_new(&f->http, &config, routes, f, NULL), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve_in_thread, f), 0);
	*state = f;
	return 0;
}

static int local_client_teardown(void **state)
{
	struct fixture *f = *state;

	f->stop = true;
	pthread_join(f->thread, NULL);
	http_free(f->http);
	close(f->fd);
	free(f->socket);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static void local_client_says_that_nobody_answers(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int deaf = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_free_ char *path = scratch_path(f->dir, "deaf");
	struct local_stream *s = NULL;
	json_t *answer = NULL;
	struct err err = {};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(deaf, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(deaf, 8), 0);
	setenv("LUTRA_TIMEOUT", "1", 1);
	assert_int_equal(local_client_ask(path, "names/a/mode", LOCAL_GET, &answer, &err),
			 -ETIMEDOUT);
	assert_non_null(strstr(err.msg, "did not answer in 1 s"));
	assert_int_equal(local_stream_open(&s, path, "stream", &err), -ETIMEDOUT);
	unsetenv("LUTRA_TIMEOUT");
	assert_null(answer);
}

static void local_client_needs_no_token_and_escapes_names(void **state)
{
	static const char name[] = "/a b/?&%\xc3\xa9";
	struct fixture *f = *state;
	char path[LOCAL_CLIENT_PATH];
	json_auto_t *answer = NULL;
	struct err err = {};

	local_client_path(path, "names", name, "mode");
	assert_int_equal(local_client_ask(f->socket, path, LOCAL_GET, &answer, &err), 0);
	assert_string_equal(json_string_value(json_object_get(answer, "rest")),
			    "/a b/?&%\xc3\xa9/mode");
	assert_true(json_is_true(json_object_get(answer, "local")));
}

static void local_client_posts_a_large_body(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	char text[40000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(
		local_client_ask(f->socket, "echo", json_pack("{s:s}", "t", text), &answer, NULL),
		0);
	assert_string_equal(json_string_value(json_object_get(answer, "t")), text);
}

static void local_client_tells_refusals_from_other_answers(void **state)
{
	struct fixture *f = *state;
	json_t *answer = NULL;
	struct err err = {};

	assert_int_equal(local_client_ask(f->socket, "nothing", LOCAL_GET, &answer, &err),
			 -EREMOTEIO);
	assert_string_equal(err.msg, "no such path");
	assert_int_equal(local_client_ask(f->socket, "garbage", LOCAL_GET, &answer, &err),
			 -EBADMSG);
	assert_int_equal(local_client_ask(f->socket, "echo", NULL, &answer, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "UTF-8"));
	assert_int_equal(local_client_ask("/nonexistent/socket", "x", LOCAL_GET, &answer, &err),
			 -ECONNREFUSED);
	assert_null(answer);
}

static void local_stream_gives_events_until_the_end(void **state)
{
	struct fixture *f = *state;
	struct local_stream *s = NULL;

	assert_int_equal(local_stream_open(&s, f->socket, "stream", NULL), 0);
	for (int n = 1; n <= 2; n++) {
		json_auto_t *e = local_stream_next(s);

		assert_int_equal(json_integer_value(json_object_get(e, "n")), n);
	}
	assert_null(local_stream_next(s));
	local_stream_close(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, local_client_setup, local_client_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(local_client_needs_no_token_and_escapes_names),
		T(local_client_says_that_nobody_answers),
		T(local_client_posts_a_large_body),
		T(local_client_tells_refusals_from_other_answers),
		T(local_stream_gives_events_until_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
