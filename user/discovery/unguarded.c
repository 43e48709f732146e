/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers that were discovered and run without guard, for the page and the status. The list
 * is bounded: what comes after the last place is not listed. Runs on the main loop.
 */
#include "user/discovery/discovery.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/list.h"
#include "lib/base/text.h"
#include "user/sys/clock.h"

#define UNGUARDED_MAX 1024

struct unguarded {
	struct unguarded *next;
	struct identity identity; /* with an id */
	char *cgroup;
	char *why;
	uint64_t since_ns; /* CLOCK_REALTIME, when it was discovered */
};

static void unguarded_free(struct unguarded *u)
{
	if (!u)
		return;
	identity_done(&u->identity);
	free(u->cgroup);
	free(u->why);
	free(u);
}
DEFINE_FREEP(struct unguarded, unguarded_free);

static struct unguarded *find_unguarded(struct unguarded *first, const char *id, unsigned *ret_n)
{
	struct unguarded *found = NULL;

	*ret_n = 0;
	for (struct unguarded *u = first; u; u = u->next, (*ret_n)++)
		if (strcmp(u->identity.id, id) == 0)
			found = u;
	return found;
}

void unguarded_remove(struct unguarded **first, const char *id)
{
	unsigned n;
	struct unguarded *u = find_unguarded(*first, id, &n);

	if (!u)
		return;
	LIST_REMOVE(*first, u);
	unguarded_free(u);
}

bool unguarded_add(struct unguarded **first, const struct identity *identity, const char *cgroup,
		   const char *why)
{
	_cleanup_(unguarded_freep) struct unguarded *u = NULL;
	_cleanup_free_ char *copy = strdup(why);
	struct unguarded *known;
	unsigned n;

	known = find_unguarded(*first, identity->id, &n);
	if (known) {
		free(known->why);
		known->why = TAKE_PTR(copy);
		identity_fill(&known->identity, identity);
		return false;
	}
	if (n == UNGUARDED_MAX)
		return false;
	u = calloc(1, sizeof(*u));
	if (!u || identity_fill(&u->identity, identity) < 0)
		return false;
	u->cgroup = strdup(cgroup);
	u->why = TAKE_PTR(copy);
	u->since_ns = clock_realtime_ns();
	if (!u->cgroup)
		return false;
	LIST_PUSH(*first, u);
	(void)TAKE_PTR(u);
	return true;
}

void unguarded_drop_ended(struct unguarded **first, const struct containers *guarded)
{
	LIST_EACH_SAFE (u, *first) {
		if (access(u->cgroup, F_OK) == 0 && !containers_find(guarded, u->cgroup))
			continue;
		LIST_REMOVE(*first, u);
		unguarded_free(u);
	}
}

unsigned unguarded_count(const struct unguarded *first)
{
	unsigned n = 0;

	for (; first; first = first->next)
		n++;
	return n;
}

void unguarded_free_all(struct unguarded *first)
{
	while (first)
		unguarded_free(LIST_POP(first));
}

json_t *unguarded_to_json(const struct unguarded *first, unsigned max)
{
	json_t *list = json_array();
	unsigned n = 0;

	for (const struct unguarded *u = first; u; u = u->next, n++) {
		char since[CLOCK_TEXT];
		json_t *j;

		if (n >= max)
			continue;
		j = identity_to_json(&u->identity);

		json_object_set_new(j, "cgroup", text_json_keep(u->cgroup));
		json_object_set_new(j, "why", u->why ? text_json_keep(u->why) : json_null());
		json_object_set_new(j, "since", json_string(clock_format(u->since_ns, since)));
		json_array_append_new(list, j);
	}
	return json_pack("{s:i, s:o}", "total", (int)n, "containers", list);
}
