/* SPDX-License-Identifier: Apache-2.0 */
/* The status, and the guarded containers: to show, switch, freeze, kill and release. */
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/api/routes/api_impl.h"
#include "user/containers/containers.h"
#include "user/discovery/discovery.h"
#include "user/pipeline/pipeline.h"
#include "user/store/store.h"
#include "user/sys/clock.h"

#define PAGE_MAX 200
#define PAGE_DEFAULT 50
#define ENDED_MAX 4096 /* containers that are not guarded any more */
#define REPEATS_MAX 50 /* repeated alerts that are listed of one container */

int api_status(struct api_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	unsigned modes[LUTRA_MODE_FREEZE + 1] = {}, n = 0;
	json_t *by_mode = json_object();
	struct pipeline_stats s;
	char time[CLOCK_TEXT], host[256] = "";

	(void)err;
	gethostname(host, sizeof(host) - 1);
	pipeline_stats(parts->pipeline, &s);
	for (const struct container *e = containers_first(parts->containers); e; e = e->next, n++)
		modes[e->mode <= LUTRA_MODE_FREEZE ? e->mode : 0]++;
	for (unsigned m = 0; m <= LUTRA_MODE_FREEZE; m++)
		json_object_set_new(by_mode, mode_name(m), json_integer(modes[m]));
	*ret = json_pack(
		"{s:o, s:i, s:s, s:b, s:b, s:b, s:i, s:o, s:{s:b, s:b, s:I, s:I, s:I, s:I}}",
		"hostname", text_json(host, strlen(host)), "pid", (int)getpid(), "since",
		clock_format(parts->start_ns, time), "lsm", guard_has_lsm(parts->guard), "pinned",
		parts->config->pin_dir != NULL, "calls", !parts->config->no_calls, "containers",
		(int)n, "modes", by_mode, "store", "open", s.open, "failing", s.failing, "stored",
		(json_int_t)s.stored, "lost", (json_int_t)pipeline_lost(&s), "expired",
		(json_int_t)s.expired, "bytes", (json_int_t)s.store_bytes);
	return 0;
}

/* Changes nothing. The server has refused a request without the right token already. */
int api_token(struct api_call *c, json_t **ret, struct err *err)
{
	if (json_object_size(c->body))
		return err_set(err, -EINVAL, "body: it has no members here");
	*ret = json_object();
	return 0;
}

int api_verdicts(struct api_call *c, json_t **ret, struct err *err)
{
	uint64_t minutes = 60;
	int r = api_number(c, "minutes", (uint64_t[]){1, TALLY_MINUTES}, &minutes, err);

	if (r == 0)
		*ret = tally_to_json(&c->api->tally, clock_realtime_ns(), (unsigned)minutes);
	return r;
}

/* ---- a page of them ---- */

/* The container that alerted last comes first; those without an alert by name. */
static int compare_by_alert(const void *a, const void *b)
{
	const struct container *x = *(const struct container *const *)a;
	const struct container *y = *(const struct container *const *)b;

	if (x->alert_ns != y->alert_ns)
		return x->alert_ns > y->alert_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool is_asked_for(const struct container *c, const char *text)
{
	return !text || strcasestr(c->name, text) ||
	       (c->identity.image && strcasestr(c->identity.image, text));
}

static json_t *container_with_level(const struct api *a, const struct container *c)
{
	json_t *j = container_to_json(c);

	json_object_set_new(j, "level", api_level_json(a->parts.guard, c));
	return j;
}

/*
 * Returns a page of the containers that the query asks for, in order; *ret_total is how many there
 * are. NULL: out of memory.
 */
static json_t *list_containers(const struct api_call *c, size_t offset, size_t limit,
			       size_t *ret_total)
{
	const char *text = http_query(c->q, "q");
	const struct containers *registry = c->api->parts.containers;
	_cleanup_free_ const struct container **all =
		calloc(containers_count(registry) + 1, sizeof(void *));
	json_t *list;
	size_t n = 0;

	if (!all)
		return NULL;
	for (const struct container *e = containers_first(registry); e; e = e->next)
		if (is_asked_for(e, text))
			all[n++] = e;
	qsort(all, n, sizeof(void *), compare_by_alert);
	list = json_array();
	for (size_t i = offset; i < n && i < offset + limit; i++)
		json_array_append_new(list, container_with_level(c->api, all[i]));
	*ret_total = n;
	return list;
}

/* Describes a container that is not guarded any more by its last event. */
static json_t *ended_to_json(const struct alert_fields *f)
{
	static const struct {
		const char *key;
		enum alert_field field;
	} members[] = {
		{"name", ALERT_CONTAINER}, {"id", ALERT_CONTAINER_ID}, {"image", ALERT_IMAGE},
		{"engine", ALERT_ENGINE},  {"digest", ALERT_DIGEST},   {"pod", ALERT_POD},
		{"cgroup", ALERT_CGROUP},  {"policy", ALERT_POLICY},   {"mode", ALERT_MODE},
	};
	char time[CLOCK_TEXT];
	json_t *j = json_pack("{s:b, s:s}", "ended", 1, "last_event",
			      clock_format((uint64_t)f->number[ALERT_TIME], time));

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *text = f->text[members[i].field];

		json_object_set_new(j, members[i].key, text ? text_json_keep(text) : json_null());
	}
	return j;
}

struct ended_page {
	const struct api_call *call;
	uint64_t offset, limit;
	size_t total;
	json_t *list;
};

static int add_ended(void *ctx, int64_t id, const struct alert_fields *f)
{
	struct ended_page *p = ctx;
	const char *q = http_query(p->call->q, "q"), *name = f->text[ALERT_CONTAINER];
	const char *image = f->text[ALERT_IMAGE];

	(void)id;
	if (!name || (f->text[ALERT_CONTAINER_ID] &&
		      json_object_get(p->call->prepared, f->text[ALERT_CONTAINER_ID])))
		return 0;
	if (q && !strcasestr(name, q) && !(image && strcasestr(image, q)))
		return 0;
	if (p->total >= p->offset && p->total < p->offset + p->limit)
		json_array_append_new(p->list, ended_to_json(f));
	p->total++;
	return 0;
}

/* The ids of the guarded containers, as the members of an object. */
static json_t *guarded_ids(const struct containers *all)
{
	json_t *ids = json_object();

	for (const struct container *c = containers_first(all); c; c = c->next)
		if (c->identity.id)
			json_object_set_new(ids, c->identity.id, json_true());
	return ids;
}

static int read_page(const struct api_call *c, uint64_t *ret_limit, uint64_t *ret_offset,
		     struct err *err)
{
	int r = api_number(c, "limit", (uint64_t[]){1, PAGE_MAX}, ret_limit, err);

	return r < 0 ? r : api_number(c, "offset", (uint64_t[]){0, ENDED_MAX}, ret_offset, err);
}

/* A page of the containers that are not guarded any more and of which an event is stored. */
int api_ended_containers(struct api_call *c, json_t **ret, struct err *err)
{
	struct ended_page p = {.call = c, .limit = PAGE_DEFAULT};
	struct store *s = NULL;
	int r = read_page(c, &p.limit, &p.offset, err);

	if (r == 0)
		r = api_store(c, &s, err);

	if (r < 0)
		return r;
	p.list = json_array();
	r = store_last_of_each(s, add_ended, &p, err);
	if (r < 0)
		json_decref(p.list);
	else
		*ret = json_pack("{s:o, s:i}", "containers", p.list, "total", (int)p.total);
	return r;
}

int api_containers(struct api_call *c, json_t **ret, struct err *err)
{
	const char *state = http_query(c->q, "state");
	uint64_t limit = PAGE_DEFAULT, offset = 0;
	json_t *list;
	size_t total;
	int r = read_page(c, &limit, &offset, err);

	if (r == 0 && state && strcmp(state, "guarded") != 0 && strcmp(state, "ended") != 0)
		r = err_set(err, -EINVAL, "state: guarded or ended");
	if (r < 0)
		return r;
	if (state && strcmp(state, "ended") == 0) {
		c->prepared = guarded_ids(c->api->parts.containers);
		return c->prepared ? 0 : err_oom(err);
	}
	list = list_containers(c, offset, limit, &total);
	if (!list)
		return err_oom(err);
	*ret = json_pack("{s:o, s:i}", "containers", list, "total", (int)total);
	return 0;
}

/* {"status", "verdicts" of the last hour, "containers" that alerted last, "unguarded"}. */
int api_overview(struct api_call *c, json_t **ret, struct err *err)
{
	json_t *status = NULL, *verdicts = NULL;
	uint64_t limit = PAGE_MAX;
	size_t total;
	int r = api_number(c, "limit", (uint64_t[]){0, PAGE_MAX}, &limit, err);

	if (r == 0)
		r = api_verdicts(c, &verdicts, err);
	if (r < 0)
		return r;
	api_status(c, &status, NULL);
	*ret = json_pack("{s:o, s:o, s:o, s:o}", "status", status, "verdicts", verdicts,
			 "containers", list_containers(c, 0, limit, &total), "unguarded",
			 discovery_unguarded_to_json(c->api->parts.discovery, PAGE_MAX));
	return *ret ? 0 : err_oom(err);
}

/* ---- one of them ---- */

int api_find_container(const struct api_call *c, const char *name, struct container **ret,
		       struct err *err)
{
	int r = containers_match(c->api->parts.containers, name, ret);

	if (r == -ENOTUNIQ)
		return err_set(err, -EINVAL, "%.200s: several ids begin so: give more of the id",
			       name);
	return r < 0 ? err_set(err, -ENOENT, "%.200s: not enrolled; see `lutra status`", name) : 0;
}

/* Returns true if there is a container and it has that id; NULL: any id. */
static bool is_incarnation(const struct container *c, const char *id)
{
	return c && (!id || (c->identity.id && strcmp(c->identity.id, id) == 0));
}

static int take_ended(void *ctx, int64_t id, const struct alert_fields *f)
{
	json_t **ended = ctx;

	(void)id;
	*ended = ended_to_json(f);
	return 0;
}

/* Answers for a container that is not guarded any more: as long as an event of it is stored. */
int api_ended_container(struct api_call *c, json_t **ret, struct err *err)
{
	const struct store_query q = {
		.container = c->name, .container_id = http_query(c->q, "id"), .limit = 1};
	json_t *ended = NULL;
	struct store *s;
	int r = api_store(c, &s, err);

	if (r == 0)
		r = store_select(s, &q, take_ended, &ended, err);
	if (r < 0)
		return r;
	if (!ended)
		return err_set(err, -ENOENT,
			       "%.200s: not enrolled, and no event of it is stored; see `lutra "
			       "status`",
			       c->name);
	*ret = ended;
	return 0;
}

int api_container(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e = NULL;
	const char *id = http_query(c->q, "id");
	int r = api_find_container(c, c->name, &e, err);

	if (r < 0 && r != -ENOENT)
		return r;
	/* One that has ended is looked for in the store. */
	if (!is_incarnation(e, id))
		return 0;
	*ret = container_with_level(c->api, e);
	json_object_set_new(*ret, "repeats", container_repeats_to_json(e, REPEATS_MAX));
	return 0;
}

int api_processes(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = api_find_container(c, c->name, &e, err);

	if (r == 0)
		*ret = json_pack("{s:o}", "processes", api_processes_json(c->api->parts.guard, e));
	return r;
}

/*
 * Finds the container that a request changes. A body with "id" is for the container of that id
 * alone: another one may have its name by now. Takes "id" off the body.
 */
static int find_to_change(const struct api_call *c, struct container **ret, struct err *err)
{
	const json_t *id = json_object_get(c->body, "id");
	int r = api_find_container(c, c->name, ret, err);

	if (r < 0 || !id)
		return r;
	if (!json_is_string(id))
		return err_set(err, -EINVAL, "body: id is not a string");
	if (!is_incarnation(*ret, json_string_value(id)))
		return err_set(
			err, -EXDEV,
			"%.200s: the container of that id has ended, and another one has its "
			"name now",
			c->name);
	json_object_del(c->body, "id");
	return 0;
}

int api_container_mode(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	struct asked_mode ask;
	int r = find_to_change(c, &e, err);

	if (r == 0)
		r = api_mode_body(c, &ask, err);
	if (r == 0)
		r = container_set_mode(e, &ask, err);
	if (r == 0)
		*ret = container_with_level(c->api, e);
	return r;
}

/* Finds the container of a request whose body may have "id" alone. */
static int find_without_body(const struct api_call *c, struct container **ret, struct err *err)
{
	int r = find_to_change(c, ret, err);

	if (r == 0 && json_object_size(c->body))
		return err_set(err, -EINVAL, "body: it may have id alone");
	return r;
}

int api_container_release(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = find_without_body(c, &e, err);

	if (r < 0)
		return r;
	container_release(e, true);
	*ret = json_pack("{s:i}", "released", 1);
	return 0;
}

static int handle_action(struct api_call *c, int (*action)(struct container *, struct err *),
			 json_t **ret, struct err *err)
{
	struct container *e;
	int r = find_without_body(c, &e, err);

	if (r == 0)
		r = action(e, err);
	if (r == 0)
		*ret = container_with_level(c->api, e);
	return r;
}

int api_container_thaw(struct api_call *c, json_t **ret, struct err *err)
{
	return handle_action(c, container_thaw, ret, err);
}

int api_container_freeze(struct api_call *c, json_t **ret, struct err *err)
{
	return handle_action(c, container_freeze, ret, err);
}

int api_container_kill(struct api_call *c, json_t **ret, struct err *err)
{
	return handle_action(c, container_kill, ret, err);
}
