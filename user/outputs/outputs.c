/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses who gets an alert or a message; owns the rate limits of containers. */
#include "user/outputs/outputs.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/syslog.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "lutra/alert_kind.h"
#include "user/alerts/alert_text.h"
#include "user/outputs/sinks.h"
#include "user/sys/clock.h"

#define CONTAINERS_MAX 8192 /* containers with a limit of their own; the others share one */

/* The limit of a container that had a message in the last seconds. */
struct container_limit {
	struct container_limit *next;
	struct throttle throttle;
	struct lutra_alert_kinds levels; /* of messages that had room; a level is a kind */
	char *name;			 /* behind key */
	char key[];			 /* cgroup, or name if the cgroup is unknown */
};

struct outputs {
	struct sinks sinks;
	struct container_limit *limits;
	size_t n_limits;
	atomic_uint_least64_t folded;
	atomic_uint_least64_t rate; /* of each container, packed: another thread sets it */
};

/* ---- the rate ---- */

static void set_outputs_rate(struct outputs *o, const struct throttle_rate *rate)
{
	atomic_store(&o->rate, (uint64_t)rate->per_second << 32 | rate->burst);
}

static struct throttle_rate read_rate(struct outputs *o)
{
	uint64_t packed = atomic_load(&o->rate);

	return (struct throttle_rate){.per_second = (uint32_t)(packed >> 32),
				      .burst = (uint32_t)packed};
}

/* ---- containers ---- */

/* Finds or makes the limit of a container. NULL: out of memory. */
static struct container_limit *find_limit(struct outputs *o, const char *key, const char *name)
{
	struct container_limit *l;

	if (o->n_limits >= CONTAINERS_MAX)
		name = key = "(others)";
	for (l = o->limits; l; l = l->next)
		if (strcmp(l->key, key) == 0)
			return l;
	l = calloc(1, sizeof(*l) + strlen(key) + strlen(name) + 2);
	if (!l)
		return NULL;
	l->name = stpcpy(l->key, key) + 1;
	stpcpy(l->name, name);
	LIST_PUSH(o->limits, l);
	o->n_limits++;
	return l;
}

/* Frees the limit at a place of the list; the next one takes that place. */
static void free_limit(struct outputs *o, struct container_limit **at)
{
	struct container_limit *l = *at;

	*at = l->next;
	o->n_limits--;
	free(l);
}

/* ---- alerts and messages ---- */

bool outputs_want_event(struct outputs *o, const struct alert_fields *f)
{
	return sinks_want(&o->sinks, alert_syslog_level(f), false);
}

void outputs_put_event(struct outputs *o, struct alert_json *a)
{
	sinks_put(&o->sinks, a, false);
}

/* ---- what was held back ---- */

static json_t *folded_to_json(const struct container_limit *l, uint64_t folded)
{
	char time[CLOCK_TEXT], host[256] = "", sentence[512];

	gethostname(host, sizeof(host) - 1);
	snprintf(sentence, sizeof(sentence), "%llu more messages of %.200s were held back",
		 (unsigned long long)folded, l->name);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:[s, s], s:{s:o, s:I}}", "time",
			 clock_format(clock_realtime_ns(), time), "rule", "Alerts folded",
			 "priority", "Warning", "source", "syscall", "hostname",
			 text_json(host, strlen(host)), "output", text_json_keep(sentence), "tags",
			 "lutra", "container", "output_fields", "container.name",
			 text_json_keep(l->name), "lutra.folded", (json_int_t)folded);
}

/* Sends the count to the outputs of incidents. */
static void report_folded(struct outputs *o, const struct container_limit *l, uint64_t folded)
{
	json_auto_t *j = folded_to_json(l, folded);
	_cleanup_(alert_json_unrefp) struct alert_json *a =
		alert_json_print(j, LOG_WARNING, l->name);

	if (a)
		sinks_put(&o->sinks, a, true);
}

void outputs_put_incident(struct outputs *o, const char *cgroup, const char *name,
			  struct alert_json *message)
{
	const struct throttle_rate rate = read_rate(o);
	struct container_limit *l;
	uint64_t folded = 0;

	if (!sinks_want(&o->sinks, message->level, true))
		return;
	l = find_limit(o, cgroup, name);
	if (l && !lutra_is_first_of_kind(&l->levels, (uint32_t)message->level, clock_now_ns()) &&
	    !throttle_pass(&l->throttle, &rate, clock_now_ns(), &folded)) {
		atomic_fetch_add(&o->folded, 1);
		return;
	}
	if (folded)
		report_folded(o, l, folded);
	sinks_put(&o->sinks, message, true);
}

/* Reports a container's count if the limit allows it. Returns false if the limit can be freed. */
static bool check_limit(struct outputs *o, struct container_limit *l, uint64_t now_ns)
{
	const struct throttle_rate rate = read_rate(o);
	uint64_t folded;

	if (l->throttle.folded && throttle_is_open(&l->throttle, &rate, now_ns) &&
	    throttle_pass(&l->throttle, &rate, now_ns, &folded))
		report_folded(o, l, folded);
	return l->throttle.folded || l->throttle.full_ns > now_ns;
}

bool outputs_tick(struct outputs *o)
{
	const uint64_t now_ns = clock_now_ns();
	bool ending = sinks_end_retired(&o->sinks);

	for (struct container_limit **at = &o->limits; *at;) {
		if (check_limit(o, *at, now_ns))
			at = &(*at)->next;
		else
			free_limit(o, at);
	}
	return ending || o->limits != NULL;
}

/* ---- life ---- */

int outputs_set(struct outputs *o, const struct outputs_config *config, struct err *err)
{
	int r = sinks_set(&o->sinks, config, err);

	if (r == 0)
		set_outputs_rate(o, &config->rate);
	return r;
}

int outputs_new(struct outputs **ret, const struct outputs_config *config,
		const struct sink_env *env, struct err *err)
{
	_cleanup_(outputs_freep) struct outputs *o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return err_oom(err);
	sinks_init(&o->sinks, env);
	r = outputs_set(o, config, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

void outputs_free(struct outputs *o)
{
	if (!o)
		return;
	sinks_done(&o->sinks);
	while (o->limits)
		free_limit(o, &o->limits);
	free(o);
}

void outputs_sync(struct outputs *o)
{
	for (size_t i = 0; i < o->sinks.n; i++)
		sink_sync(o->sinks.sink[i]);
}

void outputs_reopen(struct outputs *o)
{
	for (size_t i = 0; i < o->sinks.n; i++)
		sink_reopen(o->sinks.sink[i]);
}

size_t outputs_count(const struct outputs *o)
{
	return o->sinks.n;
}

const char *outputs_stats(struct outputs *o, size_t i, struct sink_stats *ret)
{
	sink_stats(o->sinks.sink[i], ret);
	return sink_config(o->sinks.sink[i])->name;
}

uint64_t outputs_lost(struct outputs *o)
{
	return sinks_lost(&o->sinks);
}

uint64_t outputs_folded(struct outputs *o)
{
	return atomic_load(&o->folded);
}

json_t *outputs_to_json(void *outputs)
{
	struct outputs *o = outputs;
	json_t *list = json_array();

	for (size_t i = 0; i < o->sinks.n; i++) {
		struct sink_stats s;
		const char *name = outputs_stats(o, i, &s);

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:b}", "name", name,
						      "sent", (json_int_t)s.sent, "lost",
						      (json_int_t)s.lost, "waiting",
						      (json_int_t)s.waiting, "failing", s.failing));
	}
	return list;
}
