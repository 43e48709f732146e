/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP requests over Unix sockets, with libcurl's multi interface. Owns an epoll descriptor, in
 * which libcurl's sockets and its timer are watched. Runs on the caller's thread.
 */
#include "user/http/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "lib/base/array.h"
#include "lib/base/list.h"

#define CONNECT_MS 2000L
#define CONNECTIONS_MAX 16L
#define EVENTS_MAX 64 /* descriptors that one http_client_run() serves */

struct request {
	struct request *next;
	CURL *easy;
	struct http_client_get get;
	char error[CURL_ERROR_SIZE];
	char *buf;
	size_t len, size;
	bool added;
	bool too_large;
	bool podman;
};

struct http_client {
	CURLM *multi;
	struct request *requests;
	int epoll_fd;
	int timer_fd;
	bool inside; /* libcurl is running: it takes no new transfer from its own callbacks */
};

static void request_free(struct http_client *h, struct request *q)
{
	LIST_REMOVE(h->requests, q);
	if (q->added)
		curl_multi_remove_handle(h->multi, q->easy);
	curl_easy_cleanup(q->easy);
	free(q->buf);
	free(q);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *known)
{
	struct http_client *h = ctx;
	struct epoll_event ev = {.data.fd = fd};

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	epoll_ctl(h->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
	curl_multi_assign(h->multi, fd, h);
	return 0;
}

static int on_timeout(CURLM *multi, long ms, void *ctx)
{
	struct http_client *h = ctx;
	/* 0 would disarm the timer. */
	const struct itimerspec t = {
		.it_value = {ms > 0 ? ms / 1000 : 0, ms > 0 ? ms % 1000 * 1000000 : ms == 0}};

	(void)multi;
	timerfd_settime(h->timer_fd, 0, &t, NULL);
	return 0;
}

static bool request_append(struct request *q, const char *data, size_t n)
{
	if (n > q->get.max - q->len) {
		q->too_large = true;
		return false;
	}
	if (ARRAY_RESERVE(q->buf, q->size, q->len + n + 1) < 0)
		return false;
	memcpy(q->buf + q->len, data, n);
	q->len += n;
	q->buf[q->len] = '\0';
	return true;
}

static size_t on_data(char *data, size_t one, size_t n, void *ctx)
{
	struct request *q = ctx;
	size_t left = n;

	(void)one;
	while (q->get.line && left) {
		char *end = memchr(data, '\n', left);
		size_t part = end ? (size_t)(end - data) : left;

		if (!request_append(q, data, part))
			return 0;
		data += part + (end != NULL);
		left -= part + (end != NULL);
		if (!end)
			return n;
		if (q->len)
			q->get.line(q->get.ctx, q->buf, q->len);
		q->len = 0;
	}
	return left == 0 || request_append(q, data, left) ? n : 0;
}

static size_t on_header(char *data, size_t one, size_t n, void *ctx)
{
	static const char podman[] = "Libpod-API-Version:";
	struct request *q = ctx;
	long status = 0;

	(void)one;
	if (n >= strlen(podman) && strncasecmp(data, podman, strlen(podman)) == 0)
		q->podman = true;
	/* An empty line ends the head. */
	if (n <= 2 && q->get.head) {
		curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
		if (status == 200)
			q->get.head(q->get.ctx, q->podman);
	}
	return n;
}

int http_client_new(struct http_client **ret, struct err *err)
{
	_cleanup_(http_client_freep) struct http_client *h = calloc(1, sizeof(*h));
	struct epoll_event ev = {.events = EPOLLIN};

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_oom(err);
	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	h->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	h->multi = curl_multi_init();
	ev.data.fd = h->timer_fd;
	if (!h->multi || h->epoll_fd < 0 || h->timer_fd < 0 ||
	    epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, h->timer_fd, &ev) < 0)
		return err_set(err, -ENOMEM, "cannot set up HTTP requests: %s", strerror(errno));
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, CONNECTIONS_MAX);
	*ret = TAKE_PTR(h);
	return 0;
}

void http_client_free(struct http_client *h)
{
	if (!h)
		return;
	while (h->requests)
		request_free(h, h->requests);
	curl_multi_cleanup(h->multi);
	if (h->epoll_fd >= 0)
		close(h->epoll_fd);
	if (h->timer_fd >= 0)
		close(h->timer_fd);
	free(h);
}

static void request_set_up(struct request *q, const char *url)
{
	curl_easy_setopt(q->easy, CURLOPT_URL, url);
	curl_easy_setopt(q->easy, CURLOPT_UNIX_SOCKET_PATH, q->get.socket);
	curl_easy_setopt(q->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(q->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(q->easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(q->easy, CURLOPT_TIMEOUT_MS, q->get.timeout_ms);
	curl_easy_setopt(q->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(q->easy, CURLOPT_WRITEDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(q->easy, CURLOPT_HEADERDATA, q);
	curl_easy_setopt(q->easy, CURLOPT_ERRORBUFFER, q->error);
	curl_easy_setopt(q->easy, CURLOPT_PRIVATE, q);
}

static bool request_add(struct http_client *h, struct request *q)
{
	q->added = curl_multi_add_handle(h->multi, q->easy) == CURLM_OK;
	return q->added;
}

int http_client_start(struct http_client *h, const struct http_client_get *get)
{
	_cleanup_free_ char *url = NULL;
	struct request *q = calloc(1, sizeof(*q));

	if (!q || asprintf(&url, "http://localhost%s", get->path) < 0) {
		free(q);
		return -ENOMEM;
	}
	q->get = *get;
	q->easy = curl_easy_init();
	LIST_PUSH(h->requests, q);
	if (!q->easy || !request_append(q, "", 0)) {
		request_free(h, q);
		return -ENOMEM;
	}
	request_set_up(q, url);
	q->get.socket = q->get.path = NULL; /* libcurl has copies */
	if (!h->inside && !request_add(h, q)) {
		request_free(h, q);
		return -EIO;
	}
	return 0;
}

int http_client_fd(const struct http_client *h)
{
	return h->epoll_fd;
}

/* Hands the answer to the request's owner and frees the request. */
static void request_finish(struct http_client *h, struct request *q, CURLcode code)
{
	struct http_client_answer a = {.body = q->buf, .len = q->len, .why = q->error};
	struct http_client_get get = q->get;

	curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &a.status);
	if (code != CURLE_OK)
		a.r = q->too_large ? -EFBIG : code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
	if (q->too_large)
		a.why = "the engine's answer is too large";
	else if (code != CURLE_OK && !q->error[0])
		a.why = curl_easy_strerror(code);
	get.done(get.ctx, &a);
	request_free(h, q);
}

/* Adds the requests that callbacks started while libcurl was running. */
static void add_waiting(struct http_client *h)
{
	struct request *q = h->requests;

	while (q) {
		if (q->added || request_add(h, q)) {
			q = q->next;
			continue;
		}
		/* The callback may have changed the list: begin again. */
		request_finish(h, q, CURLE_OUT_OF_MEMORY);
		q = h->requests;
	}
}

void http_client_run(struct http_client *h)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(h->epoll_fd, ev, EVENTS_MAX, 0), running, left;
	CURLMsg *msg;
	uint64_t ticks;

	h->inside = true;
	for (int i = 0; i < n; i++) {
		int flags = (ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			    (ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
			    (ev[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);

		if (ev[i].data.fd != h->timer_fd)
			curl_multi_socket_action(h->multi, ev[i].data.fd, flags, &running);
		else if (read(h->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
			curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	h->inside = false;
	add_waiting(h);
	while ((msg = curl_multi_info_read(h->multi, &left))) {
		CURLcode code = msg->data.result;
		char *private = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		request_finish(h, (struct request *)(void *)private, code);
	}
}
