/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The APIs of Docker and Podman. A stream of events tells of containers that start and end; when it
 * begins, the running containers are asked for, so that none is missed in between. Each container
 * and its image are inspected, then the container is enrolled. An engine that ends is asked again
 * after 1, 2, 4 … 30 seconds; its containers stay guarded meanwhile.
 *
 * Runs on the main loop and does not block. An answer that cannot be true is refused and logged.
 */
#include "user/discovery/discovery.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "user/discovery/engine_api.h"
#include "user/http/client.h"
#include "user/sys/clock.h"

#define LIST_MAX (16u << 20)
#define INSPECT_MAX (4u << 20)
#define EVENT_MAX (256u << 10)
#define ANSWER_MS 10000L
#define BACKOFF_MAX_S 30
#define INSPECTIONS_MAX 4096 /* at a time */
#define SECOND_NS 1000000000ull

static const char events_path[] =
	"/events?filters=%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22start%22%2C"
	"%22die%22%5D%7D";

struct engine_link {
	struct engines *all;
	char *socket;	  /* the configuration's */
	enum engine kind; /* known once the engine has answered */
	bool asked;	  /* the stream is open, or being opened */
	bool up;	  /* the stream has begun */
	bool logged;	  /* that the engine is not there */
	unsigned backoff_s;
	uint64_t retry_ns; /* CLOCK_MONOTONIC */
	struct inspection *inspections;
	unsigned n_inspections;
};

/* A container about which an engine is asked. */
struct inspection {
	struct inspection *next;
	struct engine_link *engine;
	char id[ENGINE_ID_BYTES];
	struct identity identity;
	pid_t pid;
	engines_answer *answer; /* NULL: the container is enrolled */
	void *answer_ctx;
};

struct engines {
	struct engines_parts parts;
	struct loop_watch watch;
	struct http_client *client;
	struct engine_link links[CONFIG_ENGINES_MAX];
	size_t n;
};

static int send_get(struct engine_link *e, const struct http_client_get *get)
{
	int r = http_client_start(e->all->client, get);

	if (r < 0)
		log_error("%s: %s", e->socket, strerror(-r));
	return r;
}

/* Asks for an answer of at most max bytes. */
static int ask_engine(struct engine_link *e, const char *path, size_t max,
		      void (*done)(void *ctx, const struct http_client_answer *a), void *ctx)
{
	const struct http_client_get get = {.socket = e->socket,
					    .path = path,
					    .max = max,
					    .timeout_ms = ANSWER_MS,
					    .done = done,
					    .ctx = ctx};

	return send_get(e, &get);
}

/* ---- one container ---- */

static void inspection_free(struct inspection *i)
{
	if (!i)
		return;
	if (i->answer)
		i->answer(i->answer_ctx, i->id, NULL);
	LIST_REMOVE(i->engine->inspections, i);
	i->engine->n_inspections--;
	identity_done(&i->identity);
	free(i);
}
DEFINE_FREEP(struct inspection, inspection_free);

/* Returns false if the answer cannot be used, which is logged. */
static bool is_usable(const struct inspection *i, const struct http_client_answer *a)
{
	if (a->r == 0 && a->status == 200)
		return true;
	if (a->r == 0 && a->status == 404)
		log_info("%.12s: gone before it could be inspected", i->id);
	else
		log_error("%.12s: %s: %s (%ld)", i->id, i->engine->socket,
			  a->r < 0 ? a->why : "an answer of another status", a->status);
	return false;
}

static void enrol_inspected(struct inspection *i)
{
	struct discovered found = {.identity = &i->identity, .pid = i->pid};
	struct container *c;
	struct err why;

	if (i->identity.engine == ENGINE_UNKNOWN)
		i->identity.engine = i->engine->kind;
	if (i->answer)
		TAKE_PTR(i->answer)(i->answer_ctx, i->id, &i->identity);
	else if (discovery_enrol(i->engine->all->parts.discovery, &found, &c, &why) < 0)
		log_warning("%.12s: cannot be guarded: %s", i->id, why.msg);
}

static void on_image(void *ctx, const struct http_client_answer *a)
{
	_cleanup_(inspection_freep) struct inspection *i = ctx;
	struct err err;

	/* The image may have been removed while its container runs on. */
	if (a->r == 0 && a->status == 200 &&
	    engine_image_parse(a->body, a->len, &i->identity, &err) < 0)
		log_error("%.12s: %s: %s", i->id, i->engine->socket, err.msg);
	enrol_inspected(i);
}

/* Asks for the image's names and digests. Returns false if they cannot be asked for. */
static bool ask_for_image(struct inspection *i)
{
	const char *prefix = i->engine->kind == ENGINE_PODMAN ? "/v4.0.0/libpod" : "";
	_cleanup_free_ char *path = NULL;

	/* Podman's own API also has the digest of an image that was never pulled. */
	if (!i->identity.image_id ||
	    asprintf(&path, "%s/images/%s/json", prefix, i->identity.image_id) < 0)
		return false;
	return ask_engine(i->engine, path, INSPECT_MAX, on_image, i) == 0;
}

static void on_inspect(void *ctx, const struct http_client_answer *a)
{
	_cleanup_(inspection_freep) struct inspection *i = ctx;
	struct err err;

	if (!is_usable(i, a))
		return;
	if (engine_container_parse(a->body, a->len, i->id, &i->identity, &i->pid, &err) < 0) {
		log_error("%.12s: %s: %s", i->id, i->engine->socket, err.msg);
		return;
	}
	/* The engine may not have noted yet that the container for which somebody waits runs. */
	if (i->pid == 0 && !i->answer) {
		log_info("%.12s: ended before it could be guarded", i->id);
		return;
	}
	if (ask_for_image(i))
		TAKE_PTR(i);
	else
		enrol_inspected(i);
}

/* Asks an engine about a container. answer: gets what it says; NULL: the container is enrolled. */
static void begin_inspection(struct engine_link *e, const char id[static ENGINE_ID_BYTES],
			     engines_answer *answer, void *ctx)
{
	char path[ENGINE_ID_BYTES + 32];
	struct inspection *i;

	if (e->n_inspections == INSPECTIONS_MAX) {
		log_error("%.12s: %s: too many containers at once", id, e->socket);
		i = NULL;
	} else {
		i = calloc(1, sizeof(*i));
	}
	if (!i) {
		if (answer)
			answer(ctx, id, NULL);
		return;
	}
	i->engine = e;
	i->answer = answer;
	i->answer_ctx = ctx;
	LIST_PUSH(e->inspections, i);
	e->n_inspections++;
	memcpy(i->id, id, ENGINE_ID_BYTES);
	snprintf(path, sizeof(path), "/containers/%s/json", id);
	if (ask_engine(e, path, INSPECT_MAX, on_inspect, i) < 0)
		inspection_free(i);
}

static void inspect_container(void *ctx, const char id[static ENGINE_ID_BYTES])
{
	struct engine_link *e = ctx;
	const struct container *c = containers_find_id(e->all->parts.containers, id);

	/* The hook came first, and knows all that an engine does. */
	if (!c || !c->identity.digest || !c->identity.name)
		begin_inspection(e, id, NULL, NULL);
}

unsigned engines_inspect(struct engines *all, enum engine kind,
			 const char id[static ENGINE_ID_BYTES], engines_answer *answer, void *ctx)
{
	unsigned n = 0;

	for (size_t i = 0; i < all->n; i++) {
		struct engine_link *e = &all->links[i];

		if (!e->up || (kind != ENGINE_UNKNOWN && e->kind != kind))
			continue;
		begin_inspection(e, id, answer, ctx);
		n++;
	}
	return n;
}

bool engines_has(const struct engines *all, enum engine kind)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->links[i].up && all->links[i].kind == kind)
			return true;
	return false;
}

/* ---- one engine ---- */

static void on_list(void *ctx, const struct http_client_answer *a)
{
	struct engine_link *e = ctx;
	struct err err;

	if (a->r < 0 || a->status != 200)
		log_error("%s: no list of containers: %s (%ld)", e->socket,
			  a->r < 0 ? a->why : "another status", a->status);
	else if (engine_list_parse(a->body, a->len, inspect_container, e, &err) < 0)
		log_error("%s: %s", e->socket, err.msg);
}

static void on_stream_head(void *ctx, bool podman)
{
	struct engine_link *e = ctx;

	e->kind = podman ? ENGINE_PODMAN : ENGINE_DOCKER;
	e->up = true;
	e->logged = false;
	e->backoff_s = 0;
	log_info("%s: connected to %s", e->socket, engine_name(e->kind));
	ask_engine(e, "/containers/json", LIST_MAX, on_list, e);
}

static void on_stream_line(void *ctx, const char *text, size_t len)
{
	struct engine_link *e = ctx;
	struct engine_event event;
	struct err err;
	int r = engine_event_parse(text, len, &event, &err);

	if (r == -EBADMSG)
		log_error("%s: %s", e->socket, err.msg);
	if (r < 0)
		return;
	if (event.started)
		inspect_container(e, event.id);
	else
		discovery_end(e->all->parts.discovery, event.id);
}

static void on_stream_end(void *ctx, const struct http_client_answer *a)
{
	struct engine_link *e = ctx;

	e->asked = false;
	e->backoff_s = e->backoff_s ? e->backoff_s * 2 : 1;
	if (e->backoff_s > BACKOFF_MAX_S)
		e->backoff_s = BACKOFF_MAX_S;
	e->retry_ns = clock_now_ns() + e->backoff_s * SECOND_NS;
	if (e->up)
		log_warning("%s: %s is gone (%s); its containers stay guarded, lutrad asks again",
			    e->socket, engine_name(e->kind),
			    a->r < 0 ? a->why : "it closed the connection");
	else if (!e->logged)
		log_info("%s: no engine there yet: %s (%ld)", e->socket,
			 a->r < 0 ? a->why : "another status", a->status);
	e->logged = !e->up;
	e->up = false;
}

static void open_stream(struct engine_link *e)
{
	const struct http_client_get get = {.socket = e->socket,
					    .path = events_path,
					    .max = EVENT_MAX,
					    .head = on_stream_head,
					    .line = on_stream_line,
					    .done = on_stream_end,
					    .ctx = e};

	e->asked = send_get(e, &get) == 0;
	if (!e->asked)
		e->retry_ns = clock_now_ns() + BACKOFF_MAX_S * SECOND_NS;
}

/* ---- all of them ---- */

static void on_answers_ready(void *ctx)
{
	struct engines *all = ctx;

	http_client_run(all->client);
}

void engines_check(struct engines *all)
{
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < all->n; i++)
		if (!all->links[i].asked && now >= all->links[i].retry_ns)
			open_stream(&all->links[i]);
}

int engines_new(struct engines **ret, const struct engines_parts *parts, struct err *err)
{
	struct engines *all = calloc(1, sizeof(*all));
	int r;

	if (!all)
		return err_oom(err);
	all->parts = *parts;
	r = http_client_new(&all->client, err);
	if (r == 0) {
		for (; parts->config->engines[all->n]; all->n++)
			all->links[all->n] = (struct engine_link){
				.all = all, .socket = parts->config->engines[all->n]};
		all->watch = (struct loop_watch){.fd = http_client_fd(all->client),
						 .on_ready = on_answers_ready,
						 .ctx = all};
		r = loop_watch(parts->loop, &all->watch, EPOLLIN, err);
	}
	if (r < 0) {
		engines_free(all);
		return r;
	}
	engines_check(all);
	*ret = all;
	return 0;
}

void engines_free(struct engines *all)
{
	if (!all)
		return;
	http_client_free(all->client);
	for (size_t i = 0; i < all->n; i++)
		while (all->links[i].inspections) {
			all->links[i].inspections->answer = NULL;
			inspection_free(all->links[i].inspections);
		}
	free(all);
}

json_t *engines_to_json(void *engines)
{
	const struct engines *all = engines;
	json_t *list = json_array();

	for (size_t i = 0; i < all->n; i++) {
		const struct engine_link *e = &all->links[i];

		json_array_append_new(list, json_pack("{s:o, s:s, s:b}", "socket",
						      text_json_keep(e->socket), "engine",
						      engine_name(e->kind), "connected", e->up));
	}
	return list;
}
