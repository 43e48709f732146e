/* SPDX-License-Identifier: Apache-2.0 */
/* Stored alerts: a page of them, and one with the reasons for it. */
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "user/api/routes/api_impl.h"

#define SAME_TIME_MAX 64
#define CURSOR_MAX 48

/* Returns an alert with "key" and "at", as api_event_text() prints them. */
static json_t *event_to_json(const struct alert_fields *a)
{
	char key[2 * CURSOR_MAX], at[CURSOR_MAX];
	json_t *j = alert_fields_to_json(a);

	snprintf(at, sizeof(at), "%lld", (long long)a->number[ALERT_TIME]);
	snprintf(key, sizeof(key), "%s-%lld", at, (long long)a->number[ALERT_TID]);
	json_object_set_new(j, "key", json_string(key));
	json_object_set_new(j, "at", json_string(at));
	return j;
}

char *api_event_text(const struct alert_json *a, uint64_t folded)
{
	unsigned long long at = a->time_ns;
	char *out;

	/* In place of the last brace. */
	if (asprintf(&out, "%.*s,\"key\":\"%llu-%u\",\"at\":\"%llu\",\"folded\":%llu}",
		     (int)a->len - 1, a->text, at, a->tid, at, (unsigned long long)folded) < 0)
		return NULL;
	return out;
}

/* Reads two numbers with a character between them. -EINVAL. */
static int read_pair(const char *text, char between, uint64_t ret[static 2])
{
	size_t digits = strspn(text, "0123456789");
	const char *second = text + digits + 1;

	if (!digits || digits > 19 || text[digits] != between || !*second || strlen(second) > 19 ||
	    strspn(second, "0123456789") != strlen(second))
		return -EINVAL;
	ret[0] = strtoull(text, NULL, 10);
	ret[1] = strtoull(second, NULL, 10);
	return ret[0] <= INT64_MAX && ret[1] <= INT64_MAX ? 0 : -EINVAL;
}

/* ---- a page ---- */

static int add_to_page(void *ctx, int64_t id, const struct alert_fields *a)
{
	struct api_page *p = ctx;

	if (api_page_is_full(p))
		return 0;
	snprintf(p->next, sizeof(p->next), "%lld.%lld", (long long)a->number[ALERT_TIME],
		 (long long)id);
	return json_array_append_new(p->list, event_to_json(a)) < 0 ? -ENOMEM : 0;
}

static int check_verdict(const char *name, struct err *err)
{
	for (unsigned v = 0; v <= LUTRA_VERDICT_KILL; v++)
		if (strcmp(name, verdict_name(v)) == 0)
			return 0;
	return err_set(err, -EINVAL, "verdict: allow, alert, deny or kill");
}

static int check_rule(const char *name, struct err *err)
{
	unsigned rule;

	return rule_find(name, &rule) == 0 || rule_is_old(name)
		       ? 0
		       : err_set(err, -EINVAL, "rule: %.60s is none; GET /rules lists them", name);
}

static int read_query(const struct api_call *c, struct store_query *q, struct err *err)
{
	const char *before = http_query(c->q, "before");
	uint64_t pair[2] = {}, any[2] = {0, INT64_MAX}, id[2] = {1, INT64_MAX};
	int r = api_number(c, "since", any, &q->since_ns, err);

	if (r == 0)
		r = api_number(c, "until", any, &q->until_ns, err);
	if (r == 0)
		r = api_number(c, "incident", id, &q->incident, err);
	if (r < 0)
		return r;
	if (before && read_pair(before, '.', pair) < 0)
		return err_set(err, -EINVAL, "before: not the next of an answer");
	q->before_ns = pair[0];
	q->before_id = pair[1];
	q->container = http_query(c->q, "container");
	q->container_id = http_query(c->q, "container_id");
	q->image = http_query(c->q, "image");
	q->verdict = http_query(c->q, "verdict");
	q->rule = http_query(c->q, "rule");
	q->path = http_query(c->q, "path");
	if (q->path && !*q->path)
		return err_set(err, -EINVAL, "path: empty");
	r = q->verdict ? check_verdict(q->verdict, err) : 0;
	if (r == 0)
		r = api_check_times(q->since_ns, q->until_ns, err);
	return r == 0 && q->rule ? check_rule(q->rule, err) : r;
}

/* A container may be named by the beginning of its id. *ret: the id, which the caller frees, or NULL. */
static int read_container(struct store *s, struct store_query *q, char **ret, struct err *err)
{
	int r = q->container ? store_find_container_id(s, q->container, CONTAINERS_ID_MIN, ret, err)
			     : 0;

	if (r < 0 || !*ret || !**ret)
		return r == -ENOTUNIQ ? -EINVAL : r;
	q->container = NULL;
	if (q->container_id && strcmp(q->container_id, *ret) != 0)
		return err_set(err, -EINVAL, "container and container_id name two containers");
	q->container_id = *ret;
	return 0;
}

int api_events(struct api_call *c, json_t **ret, struct err *err)
{
	struct store_query q = {};
	struct store *s = NULL;
	_cleanup_free_ char *id = NULL;
	struct api_page p = {};
	int r = read_query(c, &q, err);

	if (r == 0)
		r = api_page_begin(c, &p, &s, err);
	if (r < 0)
		return r;
	q.limit = (uint32_t)p.limit + 1;
	r = read_container(s, &q, &id, err);
	if (r == 0)
		r = store_select(s, &q, add_to_page, &p, err);
	if (r == 0 && json_array_size(p.list) == 0)
		r = api_check_filters(c, s, err);
	return api_page_end(&p, r, "events", ret, err);
}

static int append_event(void *ctx, int64_t id, const struct alert_fields *a)
{
	(void)id;
	return json_array_append_new(ctx, event_to_json(a)) < 0 ? -ENOMEM : 0;
}

json_t *api_incident_events(struct store *s, uint64_t incident, uint32_t limit, struct err *err)
{
	struct store_query q = {.incident = incident, .limit = limit, .first = true};
	json_auto_t *list = json_array();

	return store_select(s, &q, append_event, list, err) < 0 ? NULL : json_incref(list);
}

/* ---- one ---- */

struct wanted {
	uint64_t tid;
	json_t *event;
};

static int take_event(void *ctx, int64_t id, const struct alert_fields *a)
{
	struct wanted *w = ctx;

	(void)id;
	if (w->event || (uint64_t)a->number[ALERT_TID] != w->tid)
		return 0;
	w->event = event_to_json(a);
	json_object_set_new(w->event, "why", api_why_json(a, w->event));
	return 0;
}

int api_one_event(struct api_call *c, json_t **ret, struct err *err)
{
	struct store_query q = {.limit = SAME_TIME_MAX};
	struct wanted w = {};
	uint64_t pair[2];
	struct store *s = NULL;
	int r;

	if (read_pair(c->name, '-', pair) < 0 || !pair[0])
		return err_set(err, -EINVAL, "not the key of an event");
	q.since_ns = q.until_ns = pair[0];
	w.tid = pair[1];
	r = api_store(c, &s, err);
	if (r == 0)
		r = store_select(s, &q, take_event, &w, err);
	if (r < 0)
		return r;
	if (!w.event)
		return err_set(err, -ENOENT, "no such event: it is not written yet, or expired");
	*ret = w.event;
	return 0;
}
