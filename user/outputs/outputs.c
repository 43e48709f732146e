/* SPDX-License-Identifier: Apache-2.0 */
/* All outputs. */
#include "user/outputs/outputs.h"

#include <errno.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syslog.h>

#include "lib/base/text.h"
#include "user/sys/clock.h"

#define BUCKETS 1024
#define CONTAINERS_MAX 8192 /* that are told apart; more share a throttle */

/* A container's throttle. */
struct held {
	struct held *next;
	struct throttle throttle;
	char *name;
	char key[]; /* cgroup, or name where it has none */
};

struct outputs {
	const struct outputs_config *config;
	struct sink **sink;
	size_t n;
	struct held *bucket[BUCKETS];
	size_t n_held;
	atomic_uint_least64_t folded;
	bool waiting; /* a throttle is not full, or has something to tell */
};

/* ---- containers ---- */

static size_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return (size_t)(h % BUCKETS);
}

/* NULL: out of memory. */
static struct held *held_of(struct outputs *o, const struct alert *a)
{
	const char *name = a->text[ALERT_CONTAINER] ? a->text[ALERT_CONTAINER] : "";
	const char *key = a->text[ALERT_CGROUP] ? a->text[ALERT_CGROUP] : name;
	struct held *h;
	size_t at, len;

	if (o->n_held >= CONTAINERS_MAX)
		name = key = "(others)";
	at = hash(key);
	for (h = o->bucket[at]; h; h = h->next)
		if (strcmp(h->key, key) == 0)
			return h;
	len = strlen(key) + 1;
	h = calloc(1, sizeof(*h) + len);
	if (!h)
		return NULL;
	memcpy(h->key, key, len);
	h->name = strdup(name);
	if (!h->name) {
		free(h);
		return NULL;
	}
	h->next = o->bucket[at];
	o->bucket[at] = h;
	o->n_held++;
	return h;
}

static void held_free(struct held *h)
{
	free(h->name);
	free(h);
}

/* ---- handing out ---- */

static bool wants(const struct output_config *c, int level, bool passed)
{
	return level <= c->level && (passed || c->all);
}

static bool somebody_wants(const struct outputs *o, int level, bool passed)
{
	for (size_t i = 0; i < o->n; i++)
		if (wants(&o->config->output[i], level, passed))
			return true;
	return false;
}

static bool somebody_is_throttled(const struct outputs *o, int level)
{
	for (size_t i = 0; i < o->n; i++)
		if (!o->config->output[i].all && level <= o->config->output[i].level)
			return true;
	return false;
}

static void put_json(struct outputs *o, const json_t *j, struct message *m, bool passed)
{
	_cleanup_free_ char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(12));

	m->sentence = json_string_value(json_object_get(j, "output"));
	m->rule = json_string_value(json_object_get(j, "rule"));
	m->json = text;
	m->json_len = text ? strlen(text) : 0;
	for (size_t i = 0; text && m->sentence && i < o->n; i++)
		if (wants(&o->config->output[i], m->level, passed))
			sink_put(o->sink[i], m);
}

/* Whether it passes the container's throttle, and how many it stands for beside itself. */
static bool passes(struct outputs *o, const struct alert *a, int level, uint64_t *ret_folded)
{
	struct held *h;

	*ret_folded = 0;
	if (!somebody_is_throttled(o, level))
		return true;
	h = held_of(o, a);
	o->waiting = true;
	if (!h || throttle_pass(&h->throttle, &o->config->rate, clock_now_ns(), ret_folded))
		return true;
	atomic_fetch_add(&o->folded, 1);
	return false;
}

void outputs_put(struct outputs *o, const struct alert *a)
{
	struct message m = {.level = alert_level(a), .container = a->text[ALERT_CONTAINER]};
	json_auto_t *j = NULL;
	uint64_t folded;
	bool passed;

	if (o->n == 0)
		return;
	passed = passes(o, a, m.level, &folded);
	if (!somebody_wants(o, m.level, passed))
		return;
	j = alert_json(a);
	if (j && folded)
		json_object_set_new(json_object_get(j, "output_fields"), "lutra.folded",
				    json_integer((json_int_t)folded));
	if (j)
		put_json(o, j, &m, passed);
}

/* ---- what was folded ---- */

static json_t *summary(const struct held *h, uint64_t folded)
{
	char time[CLOCK_TEXT], host[256] = "", sentence[512];

	gethostname(host, sizeof(host) - 1);
	snprintf(sentence, sizeof(sentence), "%llu more alerts of %.200s were folded",
		 (unsigned long long)folded, h->name);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:[s, s], s:{s:o, s:I}}", "time",
			 clock_format(clock_realtime_ns(), time), "rule", "Alerts folded",
			 "priority", "Warning", "source", "syscall", "hostname",
			 text_json(host, strlen(host)), "output", text_json_keep(sentence), "tags",
			 "lutra", "container", "output_fields", "container.name",
			 text_json_keep(h->name), "lutra.folded", (json_int_t)folded);
}

/* To those that are throttled only: the others had them all. */
static void tell(struct outputs *o, const struct held *h, uint64_t folded)
{
	struct message m = {.level = LOG_WARNING, .container = h->name};
	json_auto_t *j = summary(h, folded);
	_cleanup_free_ char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;

	if (!text)
		return;
	m.sentence = json_string_value(json_object_get(j, "output"));
	m.rule = json_string_value(json_object_get(j, "rule"));
	m.json = text;
	m.json_len = strlen(text);
	for (size_t i = 0; i < o->n; i++)
		if (!o->config->output[i].all && wants(&o->config->output[i], m.level, true))
			sink_put(o->sink[i], &m);
}

/* Tell what is folded, if it may pass. False: it has nothing to tell, and has had nothing lately.
 */
static bool look_at(struct outputs *o, struct held *h, uint64_t now)
{
	uint64_t folded;

	if (h->throttle.folded && throttle_is_open(&h->throttle, &o->config->rate, now) &&
	    throttle_pass(&h->throttle, &o->config->rate, now, &folded))
		tell(o, h, folded);
	return h->throttle.folded || h->throttle.full_ns > now;
}

/* Whether one of the bucket is to be looked at again; the others go. */
static bool tick_bucket(struct outputs *o, struct held **at, uint64_t now)
{
	bool again = false;

	while (*at) {
		struct held *h = *at;

		if (look_at(o, h, now)) {
			again = true;
			at = &h->next;
			continue;
		}
		*at = h->next;
		o->n_held--;
		held_free(h);
	}
	return again;
}

bool outputs_tick(struct outputs *o)
{
	const uint64_t now = clock_now_ns();

	if (!o->waiting)
		return false;
	o->waiting = false;
	for (size_t b = 0; b < BUCKETS; b++)
		o->waiting |= tick_bucket(o, &o->bucket[b], now);
	return o->waiting;
}

/* ---- life ---- */

int outputs_new(struct outputs **ret, const struct outputs_config *config,
		const struct sink_env *env, struct err *err)
{
	_cleanup_(outputs_freep) struct outputs *o = calloc(1, sizeof(*o));

	if (!o)
		return err_oom(err);
	o->config = config;
	o->sink = calloc(config->n + 1,
			 sizeof(struct sink *)); /* NOLINT(bugprone-sizeof-expression) */
	if (!o->sink)
		return err_oom(err);
	for (; o->n < config->n; o->n++) {
		int r = sink_new(&o->sink[o->n], &config->output[o->n], env, err);

		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(o);
	return 0;
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++)
		sink_free(o->sink[i]);
	for (size_t b = 0; b < BUCKETS; b++) {
		while (o->bucket[b]) {
			struct held *h = o->bucket[b];

			o->bucket[b] = h->next;
			held_free(h);
		}
	}
	free(o->sink);
	free(o);
}

void outputs_reopen(struct outputs *o)
{
	for (size_t i = 0; i < o->n; i++)
		sink_reopen(o->sink[i]);
}

size_t outputs_count(const struct outputs *o)
{
	return o->n;
}

const char *outputs_stats(struct outputs *o, size_t i, struct sink_stats *ret)
{
	sink_stats(o->sink[i], ret);
	return o->config->output[i].name;
}

uint64_t outputs_folded(struct outputs *o)
{
	return atomic_load(&o->folded);
}
