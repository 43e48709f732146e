/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The APIs of Docker and Podman: a stream of events tells of containers that start and end; when it
 * begins, those that run already are asked for, so that none falls between. Each is looked at, and
 * its image, and adopted. An engine that ends is tried again, after 1, 2, 4 … 30 seconds; its
 * containers stay guarded meanwhile.
 *
 * Fails: what an engine says that cannot be is refused, with a line in the log.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/text.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"
#include "user/discovery/engine_api.h"
#include "user/http/client.h"

#define LIST_MAX (16u << 20)
#define INSPECT_MAX (4u << 20)
#define EVENT_MAX (256u << 10)
#define ANSWER_MS 10000L
#define BACKOFF_MAX_S 30
#define LOOKS_MAX 4096 /* containers that are looked at, at a time */

static const char events_path[] =
	"/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C"
	"%22die%22%5D%7D";

struct api {
	struct daemon *d;
	char *socket;
	enum engine kind; /* once it has said so */
	bool asked;	  /* the stream is under way, or being opened */
	bool up;	  /* it has begun */
	bool said;	  /* that it is not there */
	unsigned backoff_s;
	uint64_t retry_ns; /* CLOCK_MONOTONIC */
	struct look *looks;
	unsigned n_looks;
};

/* A container that is looked at. */
struct look {
	struct look *next;
	struct api *e;
	char id[API_ID];
	struct identity who;
	pid_t pid;
};

struct engines {
	struct source source;
	struct http_client *fetch;
	struct api engine[CONFIG_ENGINES_MAX];
	size_t n;
};

static int start(struct api *e, const struct http_client_get *get)
{
	int r = http_client_start(e->d->engines->fetch, get);

	if (r < 0)
		daemon_log(e->d, LOG_LEVEL_ERROR, "%s: %s", e->socket, strerror(-r));
	return r;
}

/* ---- one container ---- */

static void look_free(struct look *l)
{
	struct look **at = l ? &l->e->looks : NULL;

	if (!l)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	l->e->n_looks--;
	identity_done(&l->who);
	free(l);
}
DEFINE_FREEP(struct look, look_free);

/* What became of a question; false: nothing that can be used, which was said. */
static bool is_answer(const struct look *l, const struct http_client_answer *a)
{
	if (a->r == 0 && a->status == 200)
		return true;
	if (a->r == 0 && a->status == 404)
		daemon_log(l->e->d, LOG_LEVEL_INFO, "%.12s: gone before it could be looked at",
			   l->id);
	else
		daemon_log(l->e->d, LOG_LEVEL_ERROR, "%.12s: %s: %s (%ld)", l->id, l->e->socket,
			   a->r < 0 ? a->why : "an answer of another status", a->status);
	return false;
}

static void take(struct look *l)
{
	struct arrival a = {.who = &l->who, .pid = l->pid};
	struct container *c;
	struct err why;

	if (l->who.engine == ENGINE_UNKNOWN)
		l->who.engine = l->e->kind;
	if (adopt(l->e->d, &a, &c, &why) < 0)
		daemon_log(l->e->d, LOG_LEVEL_WARNING, "%.12s: cannot be guarded: %s", l->id,
			   why.msg);
}

static void on_image(void *ctx, const struct http_client_answer *a)
{
	_cleanup_(look_freep) struct look *l = ctx;
	struct err err;

	/* The image may have been removed while its container runs on. */
	if (a->r == 0 && a->status == 200 && api_image(a->body, a->len, &l->who, &err) < 0)
		daemon_log(l->e->d, LOG_LEVEL_ERROR, "%.12s: %s: %s", l->id, l->e->socket, err.msg);
	take(l);
}

static void on_inspect(void *ctx, const struct http_client_answer *a)
{
	_cleanup_(look_freep) struct look *l = ctx;
	struct http_client_get get = {.socket = l->e->socket,
				      .max = INSPECT_MAX,
				      .timeout_ms = ANSWER_MS,
				      .done = on_image,
				      .ctx = l};
	_cleanup_free_ char *path = NULL;
	struct err err;

	if (!is_answer(l, a))
		return;
	if (api_inspect(a->body, a->len, l->id, &l->who, &l->pid, &err) < 0) {
		daemon_log(l->e->d, LOG_LEVEL_ERROR, "%.12s: %s: %s", l->id, l->e->socket, err.msg);
		return;
	}
	if (l->pid == 0) {
		daemon_log(l->e->d, LOG_LEVEL_INFO, "%.12s: ended before it could be guarded",
			   l->id);
		return;
	}
	/* Podman's own answer has the digest also of an image that was never pulled. */
	if (l->who.digest || !l->who.image_id ||
	    asprintf(&path, "%s/images/%s/json",
		     l->e->kind == ENGINE_PODMAN ? "/v4.0.0/libpod" : "", l->who.image_id) < 0) {
		take(l);
		return;
	}
	get.path = path;
	if (start(l->e, &get) == 0)
		TAKE_PTR(l);
	else
		take(l);
}

static void look(void *ctx, const char id[static API_ID])
{
	struct api *e = ctx;
	struct container *c = adopt_find(e->d, id);
	struct http_client_get get = {.socket = e->socket,
				      .max = INSPECT_MAX,
				      .timeout_ms = ANSWER_MS,
				      .done = on_inspect};
	char path[API_ID + 32];
	struct look *l;

	/* The hook was first, and knows all that an engine does. */
	if (c && c->who.digest && c->who.name)
		return;
	if (e->n_looks == LOOKS_MAX) {
		daemon_log(e->d, LOG_LEVEL_ERROR, "%.12s: %s: too many containers at once", id,
			   e->socket);
		return;
	}
	l = calloc(1, sizeof(*l));
	if (!l)
		return;
	l->e = e;
	l->next = e->looks;
	e->looks = l;
	e->n_looks++;
	memcpy(l->id, id, API_ID);
	snprintf(path, sizeof(path), "/containers/%s/json", id);
	get.path = path;
	get.ctx = l;
	if (start(e, &get) < 0)
		look_free(l);
}

/* ---- one engine ---- */

static void on_list(void *ctx, const struct http_client_answer *a)
{
	struct api *e = ctx;
	struct err err;

	if (a->r < 0 || a->status != 200)
		daemon_log(e->d, LOG_LEVEL_ERROR, "%s: no list of containers: %s (%ld)", e->socket,
			   a->r < 0 ? a->why : "another status", a->status);
	else if (api_list(a->body, a->len, look, e, &err) < 0)
		daemon_log(e->d, LOG_LEVEL_ERROR, "%s: %s", e->socket, err.msg);
}

static void on_head(void *ctx, bool podman)
{
	struct api *e = ctx;
	struct http_client_get get = {.socket = e->socket,
				      .path = "/containers/json",
				      .max = LIST_MAX,
				      .timeout_ms = ANSWER_MS,
				      .done = on_list,
				      .ctx = e};

	e->kind = podman ? ENGINE_PODMAN : ENGINE_DOCKER;
	e->up = true;
	e->said = false;
	e->backoff_s = 0;
	daemon_log(e->d, LOG_LEVEL_INFO, "%s: %s tells of its containers", e->socket,
		   engine_name(e->kind));
	start(e, &get);
}

static void on_line(void *ctx, const char *text, size_t len)
{
	struct api *e = ctx;
	struct api_event event;
	struct err err;
	int r = api_event(text, len, &event, &err);

	if (r == -EBADMSG)
		daemon_log(e->d, LOG_LEVEL_ERROR, "%s: %s", e->socket, err.msg);
	if (r < 0)
		return;
	if (event.started)
		look(e, event.id);
	else
		adopt_end(e->d, event.id);
}

static void on_end(void *ctx, const struct http_client_answer *a)
{
	struct api *e = ctx;

	e->asked = false;
	e->backoff_s = e->backoff_s ? e->backoff_s * 2 : 1;
	if (e->backoff_s > BACKOFF_MAX_S)
		e->backoff_s = BACKOFF_MAX_S;
	e->retry_ns = clock_now_ns() + e->backoff_s * NSEC_PER_SEC;
	if (e->up)
		daemon_log(e->d, LOG_LEVEL_WARNING,
			   "%s: %s is gone (%s); its containers stay guarded, it is tried again",
			   e->socket, engine_name(e->kind), a->r < 0 ? a->why : "it said no more");
	else if (!e->said)
		daemon_log(e->d, LOG_LEVEL_INFO, "%s: no engine there yet: %s (%ld)", e->socket,
			   a->r < 0 ? a->why : "another status", a->status);
	e->said = !e->up;
	e->up = false;
}

static void ask(struct api *e)
{
	const struct http_client_get get = {.socket = e->socket,
					    .path = events_path,
					    .max = EVENT_MAX,
					    .head = on_head,
					    .line = on_line,
					    .done = on_end,
					    .ctx = e};

	e->asked = start(e, &get) == 0;
	if (!e->asked)
		e->retry_ns = clock_now_ns() + BACKOFF_MAX_S * NSEC_PER_SEC;
}

/* ---- all of them ---- */

static void on_ready(struct daemon *d, struct source *s, uint32_t events)
{
	(void)s;
	(void)events;
	http_client_run(d->engines->fetch);
}

void engines_check(struct daemon *d)
{
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < d->engines->n; i++) {
		struct api *e = &d->engines->engine[i];

		if (!e->asked && now >= e->retry_ns)
			ask(e);
	}
}

int engines_open(struct daemon *d, struct err *err)
{
	struct engines *all = calloc(1, sizeof(*all));
	int r;

	d->engines = all;
	if (!all)
		return err_oom(err);
	r = http_client_new(&all->fetch, err);
	if (r < 0)
		return r;
	for (; all->n < d->config->n_engines; all->n++)
		all->engine[all->n] = (struct api){.d = d, .socket = d->config->engines[all->n]};
	all->source.fd = http_client_fd(all->fetch);
	all->source.ready = on_ready;
	r = daemon_watch(d, &all->source, EPOLLIN);
	if (r < 0)
		return err_set(err, r, "epoll: %s", strerror(-r));
	engines_check(d);
	return 0;
}

void engines_close(struct daemon *d)
{
	if (!d->engines)
		return;
	http_client_free(d->engines->fetch);
	for (size_t i = 0; i < d->engines->n; i++)
		while (d->engines->engine[i].looks)
			look_free(d->engines->engine[i].looks);
	free(d->engines);
	d->engines = NULL;
}

json_t *engines_json(const struct daemon *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->engines->n; i++) {
		const struct api *e = &d->engines->engine[i];

		json_array_append_new(list, json_pack("{s:o, s:s, s:b}", "socket",
						      text_json_keep(e->socket), "engine",
						      engine_name(e->kind), "connected", e->up));
	}
	return list;
}
