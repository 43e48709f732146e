/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that empties the store's log. Its errors are ignored: the store's writer meets them. */
#include "user/store/checkpoint.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "user/store/store.h"
#include "user/sys/worker.h"

struct checkpointer {
	char *path;
	struct store *store; /* the thread's; NULL: not open yet */
	struct worker *worker;
	atomic_bool wanted;
};

static unsigned on_wake(void *ctx, struct worker_item *none)
{
	struct checkpointer *c = ctx;

	(void)none;
	if (!atomic_exchange(&c->wanted, false))
		return 0;
	if (!c->store)
		store_new_reader(&c->store, c->path, NULL);
	if (c->store)
		store_checkpoint(c->store, NULL);
	return 0;
}

int checkpointer_new(struct checkpointer **ret, const char *path)
{
	_cleanup_(checkpointer_freep) struct checkpointer *c = calloc(1, sizeof(*c));
	const struct worker_config config = {.name = "lutrad-log", .on_items = on_wake, .ctx = c};
	int r;

	if (!c)
		return -ENOMEM;
	c->path = strdup(path);
	r = c->path ? worker_new(&c->worker, &config) : -ENOMEM;
	if (r == 0)
		r = worker_start(c->worker);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

void checkpointer_free(struct checkpointer *c)
{
	if (!c)
		return;
	worker_free(c->worker);
	store_free(c->store);
	free(c->path);
	free(c);
}

void checkpointer_wake(struct checkpointer *c)
{
	atomic_store(&c->wanted, true);
	worker_wake(c->worker);
}
