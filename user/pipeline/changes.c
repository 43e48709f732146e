/* SPDX-License-Identifier: Apache-2.0 */
/* The list of changes, under a lock. */
#include "user/pipeline/changes.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/list.h"

/* More than a store has findings: one change of a policy may be about all of them. */
#define CHANGES_MAX 65536

struct changes {
	pthread_mutex_t lock; /* of all below */
	struct change *first, **last;
	unsigned n;
};

int changes_new(struct changes **ret)
{
	struct changes *all = calloc(1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	pthread_mutex_init(&all->lock, NULL);
	all->last = &all->first;
	*ret = all;
	return 0;
}

void change_free(struct change *c)
{
	if (!c)
		return;
	free(c->state);
	free(c->text);
	free(c);
}

void changes_free(struct changes *all)
{
	if (!all)
		return;
	while (all->first)
		change_free(LIST_POP(all->first));
	pthread_mutex_destroy(&all->lock);
	free(all);
}

int changes_put(struct changes *all, const struct change *c, const char *state, const char *text)
{
	struct change *copy = malloc(sizeof(*copy));
	int r = copy ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	*copy = *c;
	copy->next = NULL;
	copy->state = state ? strdup(state) : NULL;
	copy->text = text ? strdup(text) : NULL;
	if ((state && !copy->state) || (text && !copy->text))
		r = -ENOMEM;
	pthread_mutex_lock(&all->lock);
	if (r == 0 && all->n >= CHANGES_MAX)
		r = -EBUSY;
	if (r == 0) {
		*all->last = copy;
		all->last = &copy->next;
		all->n++;
	}
	pthread_mutex_unlock(&all->lock);
	if (r < 0)
		change_free(copy);
	return r;
}

struct change *changes_take(struct changes *all)
{
	struct change *first;

	pthread_mutex_lock(&all->lock);
	first = all->first;
	all->first = NULL;
	all->last = &all->first;
	all->n = 0;
	pthread_mutex_unlock(&all->lock);
	return first;
}
