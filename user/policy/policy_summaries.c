/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps summaries of policies. To make one, the whole policy is read, which takes milliseconds: a
 * list of hundreds would take seconds each time. Owns the summaries.
 */
#include "user/policy/policy_summary.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/base/list.h"
#include "lib/policy/accepted/accepted.h"
#include "user/policy/policy_stamp.h"

#define SUMMARIES_MAX 1024 /* policies that come and go under other names are forgotten then */

struct summary {
	struct summary *next;
	char *name;
	uint64_t stamp; /* policy_stamp(), before it was read */
	int64_t until;	/* seconds since 1970, when something that was accepted ends; 0: never */
	json_t *json;	/* NULL: not made, or not of a good policy */
};

struct policy_summaries {
	struct summary *first;
	size_t n;
};

static bool is_fresh(const struct summary *s, uint64_t stamp)
{
	return s->json && stamp && s->stamp == stamp && (!s->until || accepted_now() < s->until);
}

static void summary_free(struct summary *s)
{
	json_decref(s->json);
	free(s->name);
	free(s);
}

static void forget_all(struct policy_summaries *all)
{
	while (all->first)
		summary_free(LIST_POP(all->first));
	all->n = 0;
}

/* Finds or adds the summary of a name. NULL: out of memory. */
static struct summary *summary_of_name(struct policy_summaries *all, const char *name)
{
	struct summary *s = all->first;

	while (s && strcmp(s->name, name) != 0)
		s = s->next;
	if (s)
		return s;
	if (all->n >= SUMMARIES_MAX)
		forget_all(all);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->name = strdup(name);
	if (!s->name) {
		free(s);
		return NULL;
	}
	LIST_PUSH(all->first, s);
	all->n++;
	return s;
}

/* The stamp is older than what is read: what changes meanwhile is read again the next time. */
static json_t *make_summary(struct summary *s, const struct config *config, uint64_t stamp)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	json_t *j = policy_summary_to_json(config, config->policies_dir, s->name, json_array(), &p);

	json_decref(s->json);
	s->json = p ? json_incref(j) : NULL;
	s->stamp = stamp;
	s->until = p ? p->accepted_until : 0;
	return j;
}

json_t *policy_summaries_get(struct policy_summaries *all, const struct config *config,
			     const char *name, json_t *containers, uint64_t now_ns)
{
	struct summary *s = summary_of_name(all, name);
	json_auto_t *whole = NULL;
	json_t *ret = NULL;
	char dir[PATH_MAX];
	uint64_t stamp;

	if (s) {
		snprintf(dir, sizeof(dir), "%s/%.255s", config->policies_dir, name);
		stamp = policy_stamp(config, dir, now_ns);
		whole = is_fresh(s, stamp) ? json_incref(s->json) : make_summary(s, config, stamp);
		ret = whole ? json_copy(whole) : NULL;
	}
	if (!ret)
		json_decref(containers);
	else
		json_object_set_new(ret, "containers", containers);
	return ret;
}

int policy_summaries_new(struct policy_summaries **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void policy_summaries_free(struct policy_summaries *all)
{
	if (!all)
		return;
	forget_all(all);
	free(all);
}
