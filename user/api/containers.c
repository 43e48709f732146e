/* SPDX-License-Identifier: Apache-2.0 */
/* Status, and the containers under guard: shown, switched, let go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/api/api_impl.h"
#include "user/sys/clock.h"

#define PAGE_MAX 200
#define PAGE_DEFAULT 50

int api_status(struct api_call *c, json_t **ret, struct err *err)
{
	struct daemon *d = c->d;
	unsigned modes[LUTRA_MODE_FREEZE + 1] = {}, n = 0;
	json_t *by_mode = json_object();
	struct writer_stats s;
	uint64_t lost;
	char time[CLOCK_TEXT], host[256] = "";

	(void)err;
	gethostname(host, sizeof(host) - 1);
	alerts_stats(d, &s);
	lost = s.lost_queue + s.lost_store;
	for (const struct container *e = d->containers; e; e = e->next, n++)
		modes[e->mode <= LUTRA_MODE_FREEZE ? e->mode : 0]++;
	for (unsigned m = 0; m <= LUTRA_MODE_FREEZE; m++)
		json_object_set_new(by_mode, mode_name(m), json_integer(modes[m]));
	*ret = json_pack("{s:o, s:i, s:s, s:b, s:b, s:i, s:o, s:{s:b, s:I, s:I, s:I, s:I}}",
			 "hostname", text_json(host, strlen(host)), "pid", (int)getpid(), "since",
			 clock_format(d->start_ns, time), "lsm", guard_has_lsm(d->guard), "calls",
			 !d->config->no_calls, "containers", (int)n, "modes", by_mode, "store",
			 "open", s.open, "stored", (json_int_t)s.stored, "lost", (json_int_t)lost,
			 "expired", (json_int_t)s.expired, "bytes", (json_int_t)s.store_bytes);
	return 0;
}

int api_verdicts(struct api_call *c, json_t **ret, struct err *err)
{
	uint64_t minutes = 60;
	int r = api_number(c, "minutes", (uint64_t[]){1, API_MINUTES}, &minutes, err);

	if (r == 0)
		*ret = api_tally_json(&c->d->tally, clock_realtime_ns(), (unsigned)minutes);
	return r;
}

/* ---- a page of them ---- */

/* Who spoke last comes first; of the others, by name. */
static int by_alert(const void *a, const void *b)
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
	       (c->who.image && strcasestr(c->who.image, text));
}

static json_t *container_json(const struct daemon *d, const struct container *c)
{
	json_t *j = containers_json(d, c);
	char time[CLOCK_TEXT];

	json_object_set_new(j, "level", api_level_json(d, c));
	json_object_set_new(j, "last_alert",
			    c->alert_ns ? json_string(clock_format(c->alert_ns, time))
					: json_null());
	return j;
}

/* Those asked for, in order; *ret the caller's to free. */
static int choose(const struct api_call *c, const struct container ***ret, size_t *ret_n)
{
	const char *text = c->q->arg(c->q->ctx, "q");
	size_t n = 0;
	const struct container **all;

	for (const struct container *e = c->d->containers; e; e = e->next)
		n++;
	all = calloc(n + 1, sizeof(void *));
	if (!all)
		return -ENOMEM;
	n = 0;
	for (const struct container *e = c->d->containers; e; e = e->next)
		if (is_asked_for(e, text))
			all[n++] = e;
	qsort(all, n, sizeof(void *), by_alert);
	*ret = all;
	*ret_n = n;
	return 0;
}

int api_containers(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_free_ const struct container **all = NULL;
	uint64_t limit = PAGE_DEFAULT, offset = 0;
	json_t *list;
	size_t n;
	int r = api_number(c, "limit", (uint64_t[]){1, PAGE_MAX}, &limit, err);

	if (r == 0)
		r = api_number(c, "offset", (uint64_t[]){0, LUTRA_SLOTS}, &offset, err);
	if (r < 0)
		return r;
	if (choose(c, &all, &n) < 0)
		return err_oom(err);
	list = json_array();
	for (size_t i = offset; i < n && i < offset + limit; i++)
		json_array_append_new(list, container_json(c->d, all[i]));
	*ret = json_pack("{s:o, s:i}", "containers", list, "total", (int)n);
	return 0;
}

static const char *nothing(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

json_t *api_overview(struct daemon *d)
{
	const struct api_request q = {.method = "GET", .path = "", .arg = nothing};
	struct api_call c = {.d = d, .q = &q, .name = ""};
	_cleanup_free_ const struct container **all = NULL;
	json_t *status = NULL, *verdicts = NULL, *list;
	size_t n;

	if (choose(&c, &all, &n) < 0)
		return NULL;
	api_status(&c, &status, NULL);
	api_verdicts(&c, &verdicts, NULL);
	list = json_array();
	for (size_t i = 0; i < n && i < PAGE_MAX; i++)
		json_array_append_new(list, container_json(d, all[i]));
	return json_pack("{s:o, s:o, s:o}", "status", status, "verdicts", verdicts, "containers",
			 list);
}

/* ---- one of them ---- */

static int named(const struct api_call *c, struct container **ret, struct err *err)
{
	*ret = containers_find(c->d, c->name);
	return *ret ? 0 : err_set(err, -ENOENT, "%.200s: not under guard", c->name);
}

int api_container(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = named(c, &e, err);

	if (r == 0)
		*ret = container_json(c->d, e);
	return r;
}

int api_processes(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = named(c, &e, err);

	if (r == 0)
		*ret = json_pack("{s:o}", "processes", api_processes_json(c->d, e));
	return r;
}

int api_container_mode(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	unsigned mode;
	bool force;
	int r = named(c, &e, err);

	if (r == 0)
		r = api_mode_body(c, &mode, &force, err);
	if (r == 0)
		r = containers_set_mode(c->d, e, mode, force, err);
	if (r == 0)
		*ret = container_json(c->d, e);
	return r;
}

/* The container of a request whose body says nothing. */
static int plain(const struct api_call *c, struct container **ret, struct err *err)
{
	int r = named(c, ret, err);

	if (r == 0 && json_object_size(c->body))
		return err_set(err, -EINVAL, "body: it has no members here");
	return r;
}

int api_container_release(struct api_call *c, json_t **ret, struct err *err)
{
	struct container *e;
	int r = plain(c, &e, err);

	if (r < 0)
		return r;
	containers_release(c->d, e, true);
	*ret = json_pack("{s:i}", "released", 1);
	return 0;
}

static int act(struct api_call *c, int (*what)(struct daemon *, struct container *, struct err *),
	       json_t **ret, struct err *err)
{
	struct container *e;
	int r = plain(c, &e, err);

	if (r == 0)
		r = what(c->d, e, err);
	if (r == 0)
		*ret = container_json(c->d, e);
	return r;
}

int api_container_thaw(struct api_call *c, json_t **ret, struct err *err)
{
	return act(c, containers_thaw, ret, err);
}

int api_container_freeze(struct api_call *c, json_t **ret, struct err *err)
{
	return act(c, containers_freeze, ret, err);
}

int api_container_kill(struct api_call *c, json_t **ret, struct err *err)
{
	return act(c, containers_kill, ret, err);
}
