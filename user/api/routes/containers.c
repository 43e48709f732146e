/* SPDX-License-Identifier: Apache-2.0 */
/* The status, and the guarded containers: to show, switch, freeze, kill and release. */
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/api/routes/api_impl.h"
#include "user/containers/containers.h"
#include "user/sys/clock.h"

#define PAGE_MAX 200
#define PAGE_DEFAULT 50
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
	*ret = json_pack("{s:o, s:i, s:s, s:b, s:b, s:i, s:o, s:{s:b, s:I, s:I, s:I, s:I}}",
			 "hostname", text_json(host, strlen(host)), "pid", (int)getpid(), "since",
			 clock_format(parts->start_ns, time), "lsm", guard_has_lsm(parts->guard),
			 "calls", !parts->config->no_calls, "containers", (int)n, "modes", by_mode,
			 "store", "open", s.open, "stored", (json_int_t)s.stored, "lost",
			 (json_int_t)s.lost_queue + (json_int_t)s.lost_store, "expired",
			 (json_int_t)s.expired, "bytes", (json_int_t)s.store_bytes);
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

int api_containers(struct api_call *c, json_t **ret, struct err *err)
{
	uint64_t limit = PAGE_DEFAULT, offset = 0;
	json_t *list;
	size_t total;
	int r = api_number(c, "limit", (uint64_t[]){1, PAGE_MAX}, &limit, err);

	if (r == 0)
		r = api_number(c, "offset", (uint64_t[]){0, LUTRA_SLOTS}, &offset, err);
	if (r < 0)
		return r;
	list = list_containers(c, offset, limit, &total);
	if (!list)
		return err_oom(err);
	*ret = json_pack("{s:o, s:i}", "containers", list, "total", (int)total);
	return 0;
}

/* {"status", "verdicts" of the last hour, "containers": the 200 that alerted last}. */
int api_overview(struct api_call *c, json_t **ret, struct err *err)
{
	json_t *status = NULL, *verdicts = NULL;
	size_t total;
	int r = api_verdicts(c, &verdicts, err);

	if (r < 0)
		return r;
	api_status(c, &status, NULL);
	*ret = json_pack("{s:o, s:o, s:o}", "status", status, "verdicts", verdicts, "containers",
			 list_containers(c, 0, PAGE_MAX, &total));
	return *ret ? 0 : err_oom(err);
}

/* ---- one of them ---- */

int api_find_container(const struct api_call *c, const char *name, struct container **ret,
		       struct err *err)
{
	*ret = containers_find(c->api->parts.containers, name);
	return *ret ? 0 : err_set(err, -ENOENT, "%.200s: not enrolled; see `lutra status`", name);
}

int api_container(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = api_find_container(c, c->name, &e, err);

	if (r < 0)
		return r;
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

int api_container_mode(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	unsigned mode;
	bool force;
	int r = api_find_container(c, c->name, &e, err);

	if (r == 0)
		r = api_mode_body(c, &mode, &force, err);
	if (r == 0)
		r = container_set_mode(e, mode, force, err);
	if (r == 0)
		*ret = container_with_level(c->api, e);
	return r;
}

/* Finds the container of a request whose body must be empty. */
static int find_without_body(const struct api_call *c, struct container **ret, struct err *err)
{
	int r = api_find_container(c, c->name, ret, err);

	if (r == 0 && json_object_size(c->body))
		return err_set(err, -EINVAL, "body: it has no members here");
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
