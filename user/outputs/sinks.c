/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of outputs. An output that takes another one's place ends that one in its own thread, so
 * that a reload waits for no receiver. An output that was removed goes on for a while in the list
 * retired.
 */
#include "user/outputs/sinks.h"

#include <errno.h>
#include <string.h>

#include "lib/base/list.h"
#include "user/sys/clock.h"

#define RETIRE_NS (10 * NSEC_PER_SEC) /* that a receiver has to take what waits */

struct retired_sink {
	struct retired_sink *next;
	struct sink *sink;
	uint64_t until_ns; /* CLOCK_MONOTONIC */
};

/* ---- outputs that were removed ---- */

/* Reports what became of the alerts of an output that was removed. */
static void report_removed(struct sinks *s, const struct sink *sink, const struct sink_stats *stats)
{
	const struct output_config *c = sink_config(sink);
	char msg[600];

	if (!s->env.report)
		return;
	if (stats->waiting)
		snprintf(msg, sizeof(msg),
			 "output %s was removed: %llu alerts sent, %llu lost; %llu wait in "
			 "%.300s/output-%s.db for an output of that name",
			 c->name, (unsigned long long)stats->sent, (unsigned long long)stats->lost,
			 (unsigned long long)stats->waiting, s->env.state_dir, c->name);
	else
		snprintf(msg, sizeof(msg), "output %s was removed: %llu alerts sent, %llu lost",
			 c->name, (unsigned long long)stats->sent, (unsigned long long)stats->lost);
	s->env.report(s->env.ctx, stats->waiting > 0, msg);
}

static void end_removed(struct sinks *s, struct sink *sink)
{
	struct sink_stats stats;

	sink_end(sink, &stats);
	atomic_fetch_add(&s->lost, stats.lost);
	report_removed(s, sink, &stats);
	sink_free(sink);
}

/* Puts an output on the list of those that were removed. Without memory the output ends at once. */
static void retire_sink(struct sinks *s, struct sink *sink)
{
	struct retired_sink *r = malloc(sizeof(*r));

	if (!r) {
		end_removed(s, sink);
		return;
	}
	*r = (struct retired_sink){.sink = sink, .until_ns = clock_now_ns() + RETIRE_NS};
	LIST_PUSH(s->retired, r);
}

/* Takes an output off the list that has the queue of a name. NULL: there is none. */
static struct sink *take_retired(struct sinks *s, const char *name)
{
	for (struct retired_sink **at = &s->retired, *r; (r = *at); at = &r->next) {
		const struct output_config *c = sink_config(r->sink);
		struct sink *sink = r->sink;

		if (strcmp(c->name, name) != 0 || !output_config_has_queue(c))
			continue;
		*at = r->next;
		free(r);
		return sink;
	}
	return NULL;
}

/* Takes an output off the list that is done, or has no more time. NULL: there is none. */
static struct sink *take_done(struct sinks *s)
{
	struct sink *sink = NULL;

	pthread_mutex_lock(&s->lock);
	for (struct retired_sink **at = &s->retired, *r; (r = *at); at = &r->next) {
		bool is_late = clock_now_ns() >= r->until_ns &&
			       output_config_has_queue(sink_config(r->sink));

		if (!is_late && !sink_is_drained(r->sink))
			continue;
		*at = r->next;
		sink = r->sink;
		free(r);
		break;
	}
	pthread_mutex_unlock(&s->lock);
	return sink;
}

bool sinks_end_retired(struct sinks *s)
{
	struct sink *sink;
	bool more;

	while ((sink = take_done(s)))
		end_removed(s, sink);
	pthread_mutex_lock(&s->lock);
	more = s->retired != NULL;
	pthread_mutex_unlock(&s->lock);
	return more;
}

/* ---- the list ---- */

static struct sink *find_sink(const struct sinks *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sink[i] && strcmp(sink_config(s->sink[i])->name, name) == 0)
			return s->sink[i];
	return NULL;
}

/* Opens the outputs that are new or different. The others are NULL in ret. */
static int open_changed(const struct sinks *s, const struct outputs_config *config,
			struct sink *ret[static OUTPUTS_MAX + 1], struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < config->n && r == 0; i++) {
		const struct output_config *c = &config->output[i];
		const struct sink *old = find_sink(s, c->name);

		if (!old || !output_config_equal(sink_config(old), c))
			r = sink_new(&ret[i], c, &s->env, err);
	}
	for (size_t i = 0; i < config->n && r < 0; i++)
		sink_free(TAKE_PTR(ret[i]));
	return r;
}

/* Takes an output off the list that is open; its place is NULL from here on. */
static void take_sink(struct sinks *s, const struct sink *sink)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->sink[i] == sink)
			s->sink[i] = NULL;
}

/*
 * Starts an output in the place of old, NULL: there is none. *ret: the output that is in force
 * then. -EAGAIN: no thread can be started, so the old one goes on.
 */
static int start_in_place(struct sinks *s, struct sink *fresh, struct sink *old, struct sink **ret,
			  struct err *err)
{
	const struct output_config *c = sink_config(fresh);
	bool has_queue = output_config_has_queue(c);
	bool is_heir = old && output_config_has_queue(sink_config(old)) == has_queue;
	struct sink *before = is_heir ? old : has_queue ? take_retired(s, c->name) : NULL;
	int r = sink_start(fresh, before, err);

	if (r == 0) {
		if (old && !is_heir)
			retire_sink(s, old);
		*ret = fresh;
		return 0;
	}
	if (before && !is_heir)
		retire_sink(s, before);
	sink_free(fresh);
	*ret = old;
	return r;
}

int sinks_set(struct sinks *s, const struct outputs_config *config, struct err *err)
{
	struct sink *now[OUTPUTS_MAX + 1] = {};
	size_t n = 0;
	int r = open_changed(s, config, now, err);

	if (r < 0)
		return r;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < config->n; i++) {
		struct sink *old = find_sink(s, config->output[i].name);

		take_sink(s, old);
		if (now[i] && start_in_place(s, now[i], old, &old, err) < 0)
			r = -EAGAIN;
		if (old)
			now[n++] = old;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->sink[i])
			retire_sink(s, s->sink[i]);
	for (size_t i = 0; i < n; i++)
		s->sink[i] = now[i];
	s->n = n;
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* ---- alerts ---- */

static bool is_sink_wanted(const struct sink *sink, int level, bool is_incident)
{
	const struct output_config *c = sink_config(sink);

	return c->all != is_incident && level <= c->level;
}

bool sinks_want(struct sinks *s, int level, bool is_incident)
{
	bool wanted = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		wanted |= is_sink_wanted(s->sink[i], level, is_incident);
	pthread_mutex_unlock(&s->lock);
	return wanted;
}

void sinks_put(struct sinks *s, struct alert_json *a, bool is_incident)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++)
		if (is_sink_wanted(s->sink[i], a->level, is_incident))
			sink_put(s->sink[i], a);
	pthread_mutex_unlock(&s->lock);
}

uint64_t sinks_lost(struct sinks *s)
{
	uint64_t lost = atomic_load(&s->lost);
	struct sink_stats stats;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n; i++) {
		sink_stats(s->sink[i], &stats);
		lost += stats.lost;
	}
	for (const struct retired_sink *r = s->retired; r; r = r->next) {
		sink_stats(r->sink, &stats);
		lost += stats.lost;
	}
	pthread_mutex_unlock(&s->lock);
	return lost;
}

/* ---- life ---- */

void sinks_init(struct sinks *s, const struct sink_env *env)
{
	*s = (struct sinks){.env = *env};
	pthread_mutex_init(&s->lock, NULL);
}

void sinks_done(struct sinks *s)
{
	struct retired_sink *next;

	for (size_t i = 0; i < s->n; i++)
		sink_free(s->sink[i]);
	for (struct retired_sink *r = s->retired; r; r = next) {
		next = r->next;
		end_removed(s, r->sink);
		free(r);
	}
	pthread_mutex_destroy(&s->lock);
}
