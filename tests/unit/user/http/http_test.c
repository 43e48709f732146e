/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server: routes, who may ask for what, and requests that are bad or too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <string.h>
#include <time.h>

#include "lib/base/file.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/http/http.h"
#include "user/sys/clock.h"

#define PATIENCE_NS 60000000000ull
#define TOKEN "0123456789abcdef0123456789abcdef"
#define TOKEN_FILE "/var/lib/lutra/http.token"
#define READ_TOKEN "fedcba9876543210"
#define BEARER_READ "Authorization: Bearer " READ_TOKEN "\r\n"
#define BEARER "Authorization: Bearer " TOKEN "\r\n"

struct fixture {
	struct http *http;
	pthread_t thread;
	atomic_bool stop;
	char rest[256];
	size_t body_len;
	atomic_bool refuse_clients;
	struct http_later *later; /* the request that waits */
	atomic_bool hold;	  /* it waits on */
	atomic_bool is_asked;	  /* it has come */
	atomic_bool end;	  /* the server is to listen no more */
	atomic_bool is_empty;	  /* it has no connection then */
};

static int get_plain(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	const char *who = http_query(q, "who");

	(void)ctx;
	who = who ? who : "nobody";
	return http_text(ret, 200, "text/plain", who, strlen(who));
}

static int get_below(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct fixture *f = ctx;

	snprintf(f->rest, sizeof(f->rest), "%s", q->rest);
	return http_text(ret, 200, "text/plain", q->rest, strlen(q->rest));
}

static int post_change(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct fixture *f = ctx;

	f->body_len = q->body_len;
	return http_text(ret, 200, "text/plain", q->body, q->body_len);
}

static int get_broken(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	(void)ctx;
	(void)q;
	(void)ret;
	return -EIO;
}

static int get_later(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct fixture *f = ctx;
	const struct http_request *copy;

	(void)ret;
	f->later = http_later(q, &copy);
	f->is_asked = true;
	assert_string_equal(copy->path, "/later");
	return HTTP_LATER;
}

static void finish_later(struct fixture *f)
{
	struct http_reply reply;

	if (!f->later || f->hold)
		return;
	http_text(&reply, 200, "text/plain", "at last", 7);
	http_finish(f->later, &reply);
	f->later = NULL;
}

static const struct http_route routes[] = {
	{"GET", "/plain", 0, get_plain},
	{"GET", "/alone", HTTP_PLAIN, get_plain},
	{"GET", "/below/*", 0, get_below},
	{"POST", "/change", HTTP_CHANGES, post_change},
	{"GET", "/broken", 0, get_broken},
	{"GET", "/later", 0, get_later},
	{"GET", "/open", HTTP_OPEN, get_plain},
	{"GET", "/read", HTTP_READS, get_plain},
	{},
};

/* The loop that a daemon would have. */
static void *serve_in_thread(void *ctx)
{
	struct fixture *f = ctx;
	struct pollfd p = {.fd = http_epoll_fd(f->http), .events = POLLIN};

	while (!f->stop) {
		poll(&p, 1, 20);
		if (f->end)
			http_end_listening(f->http);
		finish_later(f);
		http_check(f->http);
		f->is_empty = f->end && http_is_empty(f->http);
	}
	return NULL;
}

static bool is_client_allowed(void *ctx, int fd)
{
	const struct fixture *f = ctx;

	(void)fd;
	return !f->refuse_clients;
}

static int start_server(void **state, const char *listen, const char *token)
{
	static const char *const hosts[] = {"guard.example.org", NULL};
	const struct http_config config = {.listen = listen,
					   .token = token,
					   .read_token = token ? READ_TOKEN : NULL,
					   .read_without_token = !token,
					   .token_file = TOKEN_FILE,
					   .is_peer_allowed = is_client_allowed,
					   .hosts = hosts};
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	assert_int_equal(http_new(&f->http, &config, routes, f, NULL), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve_in_thread, f), 0);
	return 0;
}

static int http_setup(void **state)
{
	return start_server(state, "127.0.0.1:0", TOKEN);
}

static int setup_without_token(void **state)
{
	return start_server(state, "127.0.0.1:0", NULL);
}

static int setup_everywhere(void **state)
{
	return start_server(state, "0.0.0.0:0", TOKEN);
}

static int http_teardown(void **state)
{
	struct fixture *f = *state;

	f->stop = true;
	pthread_join(f->thread, NULL);
	http_free(f->http);
	free(f);
	return 0;
}

static int connect_to(const struct fixture *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)http_port(f->http)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Send it all, read until the server closes; returns the status, 0: there was none. */
static int exchange_bytes(const struct fixture *f, const char *request, size_t len, char *answer,
			  size_t size)
{
	_cleanup_close_ int fd = connect_to(f);
	size_t got = 0;
	ssize_t n;

	for (size_t sent = 0; sent < len; sent += (size_t)n) {
		n = send(fd, request + sent, len - sent, MSG_NOSIGNAL);
		if (n <= 0)
			break;
	}
	while ((n = recv(fd, answer + got, size - 1 - got, 0)) > 0)
		got += (size_t)n;
	answer[got] = '\0';
	return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

static int ask_server(const struct fixture *f, const char *line, const char *headers,
		      char answer[4096])
{
	char request[4096];
	int len = snprintf(request, sizeof(request), "%s HTTP/1.1\r\nConnection: close\r\n%s\r\n",
			   line, headers);

	return exchange_bytes(f, request, (size_t)len, answer, 4096);
}

#define HERE "Host: localhost\r\n"

static void http_answers_by_its_routes(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *holds;
	} cases[] = {
		{"GET /plain", 200, "nobody"},
		{"GET /plain?who=you%20two", 200, "you two"},
		{"GET /plain?who=you%00two", 400, "may not have %00"},
		{"GET /plain?who%00=you", 400, "may not have %00"},
		{"GET /plain%00", 400, "the path may not have %00"},
		{"GET /%00plain?who=you", 400, "the path may not have %00"},
		{"GET /alone", 200, "nobody"},
		{"GET /alone?who=you", 400, "unknown parameter who: this path takes none"},
		{"GET /alone?", 200, "nobody"},
		{"GET /later", 200, "at last"},
		{"HEAD /later", 200, "Content-Length: 7"},
		{"HEAD /plain", 200, "Content-Length: 6"},
		{"GET /below/a/b", 200, "a/b"},
		{"GET /below/", 200, ""},
		{"GET /below", 404, "no such path"},
		{"GET /", 404, ""},
		{"GET /plain/", 404, ""},
		{"POST /plain", 405, "Allow: GET"},
		{"DELETE /change", 405, "Allow: POST"},
		{"GET /broken", 500, "failed to answer"},
	};
	char answer[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ask_server(*state, cases[i].line, HERE, answer), cases[i].status);
		assert_non_null(strstr(answer, cases[i].holds));
		assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'"));
		assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff"));
	}
}

static void http_refuses_paths_that_are_not_plain(void **state)
{
	static const char *const lines[] = {
		"GET /below/../plain",	   "GET /below/..",
		"GET /below/%2e%2e/plain", "GET /below/.%2E/%2e%2e/etc",
		"GET /below/..%2fa",	   "GET /below/a%5c..%5cb",
		"GET /below/./a",	   "GET /below/a%0ab",
	};
	struct fixture *f = *state;
	char answer[4096];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_int_equal(ask_server(f, lines[i], HERE, answer), 400);
	assert_string_equal(f->rest, "");
}

static void http_knows_its_own_hosts_only(void **state)
{
	static const struct {
		const char *host;
		int status;
	} cases[] = {
		{"localhost", 200},
		{"LOCALHOST", 200},
		{"127.0.0.1", 200},
		{"[::1]", 200},
		{"guard.example.org", 200},
		{"evil.example.org", 403},
		{"localhost.evil.example.org", 403},
		{"guard.example.org.", 403},
		{"localhost:1", 200}, /* a tunnel */
		{"[::1]:8080", 200},
		{"guard.example.org:443", 200},
		{"evil.example.org:80", 403},
		{"localhost:0", 400},
		{"localhost:65536", 400},
		{"localhost:", 400},
		{"localhost:8x", 400},
		{"localhost:-1", 400},
		{"[::1]8080", 400},
		{"[::1", 400},
		{"", 403},
	};
	struct fixture *f = *state;
	char headers[256], answer[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(headers, sizeof(headers), "Host: %s\r\n", cases[i].host);
		assert_int_equal(ask_server(f, "GET /plain", headers, answer), cases[i].status);
	}
	snprintf(headers, sizeof(headers), "Host: localhost:%u\r\n", http_port(f->http));
	assert_int_equal(ask_server(f, "GET /plain", headers, answer), 200);
	assert_int_equal(ask_server(f, "GET /plain", "", answer), 400); /* HTTP/1.1 wants one */
}

static void http_changes_need_the_token_and_no_other_origin(void **state)
{
	static const struct {
		const char *headers;
		int status;
	} cases[] = {
		{HERE, 401},
		{HERE BEARER, 200},
		{HERE "authorization: bearer " TOKEN "\r\n", 200},
		{HERE "Authorization: Bearer " TOKEN "0\r\n", 401},
		{HERE "Authorization: Bearer 0123456789abcdef\r\n", 401},
		{HERE "Authorization: Bearer \r\n", 401},
		{HERE "Authorization: Basic " TOKEN "\r\n", 401},
		{HERE BEARER "Origin: http://localhost\r\n", 200},
		{HERE BEARER "Origin: http://localhost:8080\r\n", 403},
		{"Host: localhost:8080\r\n" BEARER "Origin: http://localhost:8080\r\n", 200},
		{"Host: localhost:8080\r\n" BEARER "Origin: http://localhost:8081\r\n", 403},
		{HERE BEARER "Origin: http://evil.example.org\r\n", 403},
		{HERE BEARER "Origin: null\r\n", 403},
	};
	char answer[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ask_server(*state, "POST /change", cases[i].headers, answer),
				 cases[i].status);
}

static void http_reading_needs_one_of_the_tokens(void **state)
{
	static const struct {
		const char *line, *headers;
		int status;
	} cases[] = {
		{"GET /read", HERE, 401},
		{"GET /read", HERE BEARER, 200},
		{"GET /read", HERE BEARER_READ, 200},
		{"GET /read", HERE "Authorization: Bearer fedcba987654321\r\n", 401},
		{"GET /plain", HERE, 200},
		{"POST /change", HERE BEARER_READ, 403},
	};
	char answer[4096];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ask_server(*state, cases[i].line, cases[i].headers, answer),
				 cases[i].status);
	assert_non_null(strstr(answer, "this token may only read"));
}

static void http_reading_is_free_where_it_is_said(void **state)
{
	char answer[4096];

	assert_int_equal(ask_server(*state, "GET /read", HERE, answer), 200);
}

static void http_client_that_may_not_ask_gets_no_answer(void **state)
{
	struct fixture *f = *state;
	char answer[4096];

	f->refuse_clients = true;
	assert_int_equal(ask_server(f, "GET /open", HERE, answer), 403);
	assert_int_equal(ask_server(f, "POST /change", HERE BEARER, answer), 403);
}

static void http_refusal_names_the_file_of_the_token_and_says_if_one_was_wrong(void **state)
{
	char answer[4096];

	assert_int_equal(ask_server(*state, "POST /change", HERE, answer), 401);
	assert_non_null(strstr(answer, "this needs the token in " TOKEN_FILE));
	assert_int_equal(ask_server(*state, "POST /change",
				    HERE "Authorization: Bearer 0123456789abcdef\r\n", answer),
			 401);
	assert_non_null(strstr(answer, "the token is wrong: it is the line in " TOKEN_FILE));
}

static void http_without_a_token_changes_nothing(void **state)
{
	char answer[4096];

	assert_int_equal(ask_server(*state, "GET /plain", HERE, answer), 200);
	assert_int_equal(ask_server(*state, "POST /change", HERE, answer), 401);
	assert_int_equal(
		ask_server(*state, "POST /change", HERE "Authorization: Bearer \r\n", answer), 401);
}

static void http_beyond_loopback_shows_only_what_is_open(void **state)
{
	char answer[4096];

	assert_int_equal(ask_server(*state, "GET /plain", HERE, answer), 401);
	assert_int_equal(ask_server(*state, "GET /plain", HERE BEARER, answer), 200);
	assert_int_equal(ask_server(*state, "GET /open", HERE, answer), 200);
}

static void http_takes_a_body_up_to_its_limit(void **state)
{
	const size_t size = HTTP_BODY_MAX + 4096;
	_cleanup_free_ char *request = malloc(size), *answer = malloc(size);
	struct fixture *f = *state;

	for (size_t over = 0; over < 2; over++) {
		int len = snprintf(request, size,
				   "POST /change HTTP/1.1\r\nConnection: close\r\n" HERE BEARER
				   "Content-Length: %zu\r\n\r\n",
				   HTTP_BODY_MAX + over);

		memset(request + len, 'x', HTTP_BODY_MAX + over);
		f->body_len = 0;
		assert_int_equal(exchange_bytes(f, request, (size_t)len + HTTP_BODY_MAX + over,
						answer, size),
				 over ? 413 : 200);
		assert_int_equal(f->body_len, over ? 0 : HTTP_BODY_MAX);
	}
}

static void http_cuts_off_a_body_without_end(void **state)
{
	static const char head[] =
		"POST /change HTTP/1.1\r\n" HERE BEARER "Transfer-Encoding: chunked\r\n\r\n";
	_cleanup_close_ int fd = connect_to(*state);
	char chunk[1024 + 8], answer[4096];
	size_t sent = 0;

	snprintf(chunk, sizeof(chunk), "400\r\n%01024d\r\n", 0);
	assert_int_equal(send(fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
	while (sent < (64u << 20) && send(fd, chunk, 1031, MSG_NOSIGNAL) == 1031)
		sent += 1031;
	assert_true(sent < (64u << 20));
	assert_int_equal(ask_server(*state, "GET /plain", HERE, answer), 200);
}

/* Anything, or nothing, must leave a server that answers. */
static void http_survives_bad_requests(void **state)
{
	static const char *const bad[] = {
		"",
		"\r\n\r\n",
		"GET\r\n\r\n",
		"GET /plain\r\n\r\n",
		"GET /plain HTTP/9.9\r\n\r\n",
		"GET http://[ HTTP/1.1\r\n" HERE "\r\n",
		"POST /change HTTP/1.1\r\n" HERE "Content-Length: -1\r\n\r\n",
		"POST /change HTTP/1.1\r\n" HERE "Content-Length: 99999999999999999999\r\n\r\n",
		"POST /change HTTP/1.1\r\n" HERE "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /plain HTTP/1.1\r\nHost localhost\r\n\r\n",
		"\x16\x03\x01\x02",
	};
	struct fixture *f = *state;
	char answer[4096];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_close_ int fd = connect_to(f);

		assert_true(send(fd, bad[i], strlen(bad[i]), MSG_NOSIGNAL) >= 0);
		assert_int_equal(ask_server(f, "GET /plain", HERE, answer), 200);
	}
}

static void http_bounds_headers_and_random_bytes(void **state)
{
	_cleanup_free_ char *request = malloc(1 << 20);
	struct fixture *f = *state;
	uint64_t rng = 7;
	char answer[4096];
	int len = snprintf(request, 1 << 20, "GET /plain HTTP/1.1\r\n" HERE "X: ");

	memset(request + len, 'y', (1 << 20) - len);
	assert_true(exchange_bytes(f, request, 1 << 20, answer, sizeof(answer)) >= 400 ||
		    answer[0] == '\0');
	for (int round = 0; round < 50; round++) {
		_cleanup_close_ int fd = connect_to(f);

		for (int i = 0; i < 512; i++)
			request[i] = (char)sample_random(&rng);
		send(fd, request, 512, MSG_NOSIGNAL);
	}
	assert_int_equal(ask_server(f, "GET /plain", HERE, answer), 200);
}

static void http_counts_its_answers(void **state)
{
	struct fixture *f = *state;
	uint64_t n[6];
	char answer[4096];

	ask_server(f, "GET /plain", HERE, answer);
	ask_server(f, "GET /none", HERE, answer);
	ask_server(f, "GET /broken", HERE, answer);
	http_answered(f->http, n);
	assert_int_equal(n[2], 1);
	assert_int_equal(n[4], 1);
	assert_int_equal(n[5], 1);
}

/* ---- addresses and tokens ---- */

static bool becomes_true(atomic_bool *what)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 1000000};

	while (!*what && clock_now_ns() < until)
		nanosleep(&pause, NULL);
	return *what;
}

static bool is_refused(const struct fixture *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)http_port(f->http)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == ECONNREFUSED;
}

static void http_end_listening_answers_who_waits_and_ends(void **state)
{
	static const char request[] = "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n";
	struct fixture *f = *state;
	_cleanup_close_ int idle = connect_to(f), waits = connect_to(f);
	char answer[1024] = "";
	size_t got = 0;
	ssize_t n;

	f->hold = true;
	assert_int_equal(send(waits, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(becomes_true(&f->is_asked));
	f->end = true;
	/* The idle one is closed; the one that waits is not. */
	assert_int_equal(recv(idle, answer, sizeof(answer), 0), 0);
	assert_true(is_refused(f));
	assert_false(f->is_empty);
	f->hold = false;
	while ((n = recv(waits, answer + got, sizeof(answer) - 1 - got, 0)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_non_null(strstr(answer, "200 OK"));
	assert_non_null(strstr(answer, "at last"));
	assert_true(becomes_true(&f->is_empty));
}

static void http_new_refuses_what_is_no_address(void **state)
{
	static const char *const bad[] = {"",	       "9477",	     "localhost:9477",
					  "127.0.0.1", "127.0.0.1:", "127.0.0.1:http",
					  ":9477",     "[::1:9477",  "127.0.0.1:99999999"};
	struct http *h = NULL;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct http_config config = {.listen = bad[i], .token = TOKEN};

		assert_int_equal(http_new(&h, &config, routes, NULL, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "http.listen"));
	}
	assert_null(h);
}

static void http_new_beyond_loopback_wants_a_token(void **state)
{
	const struct http_config config = {.listen = "0.0.0.0:0"};
	struct http *h = NULL;
	struct err err;

	(void)state;
	assert_int_equal(http_new(&h, &config, routes, NULL, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "token_file"));
}

static void http_new_says_when_the_port_is_taken(void **state)
{
	struct fixture *f = *state;
	char where[32];
	const struct http_config config = {.listen = where};
	struct http *h = NULL;
	struct err err;

	snprintf(where, sizeof(where), "127.0.0.1:%u", http_port(f->http));
	assert_int_equal(http_new(&h, &config, routes, NULL, &err), -EADDRINUSE);
}

static void http_token_read_makes_one_for_its_owner_alone(void **state)
{
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "token"), *one = NULL, *two = NULL;
	struct stat st;
	struct err err;

	(void)state;
	assert_int_equal(http_token_read(path, false, &one, &err), -ENOENT);
	assert_int_equal(http_token_read(path, true, &one, NULL), 0);
	assert_int_equal(strlen(one), 64);
	assert_int_equal(http_token_read(path, true, &two, NULL), 0);
	assert_string_equal(one, two);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(chmod(path, 0640), 0);
	free(TAKE_PTR(two));
	assert_int_equal(http_token_read(path, true, &two, &err), -EACCES);
	assert_null(two);
	scratch_remove(dir);
}

static void http_token_read_refuses_what_is_no_token(void **state)
{
	static const char *const bad[] = {"", "\n", "short\n", "0123456789 abcdef0123\n",
					  "0123456789abcdef\x80\n"};
	char *dir = scratch_dir(), *token = NULL;
	_cleanup_free_ char *path = scratch_path(dir, "token");
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unlink(path);
		assert_int_equal(file_create(AT_FDCWD, path, 0600, bad[i], strlen(bad[i])), 0);
		assert_int_equal(http_token_read(path, false, &token, &err), -EBADMSG);
	}
	assert_null(token);
	scratch_remove(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, http_setup, http_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(http_answers_by_its_routes),
		T(http_refuses_paths_that_are_not_plain),
		T(http_knows_its_own_hosts_only),
		T(http_changes_need_the_token_and_no_other_origin),
		T(http_reading_needs_one_of_the_tokens),
		T(http_client_that_may_not_ask_gets_no_answer),
		cmocka_unit_test_setup_teardown(http_reading_is_free_where_it_is_said,
						setup_without_token, http_teardown),
		T(http_refusal_names_the_file_of_the_token_and_says_if_one_was_wrong),
		cmocka_unit_test_setup_teardown(http_without_a_token_changes_nothing,
						setup_without_token, http_teardown),
		cmocka_unit_test_setup_teardown(http_beyond_loopback_shows_only_what_is_open,
						setup_everywhere, http_teardown),
		T(http_takes_a_body_up_to_its_limit),
		T(http_cuts_off_a_body_without_end),
		T(http_survives_bad_requests),
		T(http_bounds_headers_and_random_bytes),
		T(http_counts_its_answers),
		T(http_end_listening_answers_who_waits_and_ends),
		cmocka_unit_test(http_new_refuses_what_is_no_address),
		cmocka_unit_test(http_new_beyond_loopback_wants_a_token),
		T(http_new_says_when_the_port_is_taken),
		cmocka_unit_test(http_token_read_makes_one_for_its_owner_alone),
		cmocka_unit_test(http_token_read_refuses_what_is_no_token),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
