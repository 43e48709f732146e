/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "tests/support/elastic_index.h"
#include "user/sys/clock.h"

#define PATIENCE_NS 60000000000ull

/* Writes the answer of the bulk API to one document. */
static void write_item(struct receiver *r, const char *document, size_t len, FILE *f)
{
	_cleanup_free_ char *text = strndup(document, len);
	json_auto_t *item = NULL;
	struct err err;

	if (r->item && r->item_requests) {
		fprintf(f, "{\"create\": %s}", r->item);
		return;
	}
	if (!r->index || elastic_index_add(r->index, text, &err) == 0) {
		fputs("{\"create\": {\"status\": 201}}", f);
		return;
	}
	item = json_pack("{s:{s:i, s:{s:s, s:s}}}", "create", "status", 400, "error", "type",
			 "document_parsing_exception", "reason", err.msg);
	json_dumpf(item, f, JSON_COMPACT);
}

/* Returns the answer of the bulk API to a request: pairs of lines, an action and a document. */
static char *bulk_answer(struct receiver *r, const char *body)
{
	char *text = NULL;
	unsigned line = 0;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fputs("{\"took\": 1, \"items\": [", f);
	for (const char *p = body, *end; (end = strchr(p, '\n')); p = end + 1) {
		if (line % 2) {
			fputs(line > 1 ? "," : "", f);
			write_item(r, p, (size_t)(end - p), f);
		}
		line++;
	}
	fputs("]}", f);
	fclose(f);
	if (r->item && r->item_requests)
		r->item_requests--;
	return text;
}

static int on_posted(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	struct receiver *r = ctx;
	unsigned i = r->n % BODIES, status = r->status;
	_cleanup_free_ char *bulk = r->bulk ? bulk_answer(r, q->body) : NULL;
	const char *answer = bulk ? bulk : r->answer ? r->answer : "";

	free(r->body[i]);
	r->body[i] = strdup(q->body);
	r->at_ns[i] = clock_now_ns();
	if (r->failures) {
		r->failures--;
		status = 503;
	}
	if (r->disliked && strstr(q->body, r->disliked)) {
		answer = "<!doctype html><title>Bad Request</title>";
		status = 400;
	}
	r->n++;
	return http_text(ret, status, "application/json", answer, strlen(answer));
}

static const struct http_route routes[] = {
	{"POST", "/*", 0, on_posted},
	{},
};

static void *serve_receiver(void *ctx)
{
	struct receiver *r = ctx;
	struct pollfd p = {.fd = http_epoll_fd(r->http), .events = POLLIN};

	while (!r->stop) {
		poll(&p, 1, 10);
		http_run(r->http);
	}
	return NULL;
}

void receiver_start(struct receiver *r, unsigned port)
{
	char where[32];
	const struct http_config config = {.listen = where};

	snprintf(where, sizeof(where), "127.0.0.1:%u", port);
	r->stop = false;
	if (!r->status)
		r->status = 200;
	assert_int_equal(http_new(&r->http, &config, routes, r, NULL), 0);
	r->port = http_port(r->http);
	assert_int_equal(pthread_create(&r->thread, NULL, serve_receiver, r), 0);
}

void receiver_stop(struct receiver *r)
{
	r->stop = true;
	pthread_join(r->thread, NULL);
	http_free(r->http);
}

void receiver_done(struct receiver *r)
{
	for (int i = 0; i < BODIES; i++)
		free(r->body[i]);
}

bool receiver_has(const struct receiver *r, unsigned n)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 1000000};

	while (r->n < n && clock_now_ns() < until)
		nanosleep(&pause, NULL);
	return r->n == n;
}
