/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that empties the store's log. */
#include "user/store/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/store/store.h"
#include "user/sys/thread.h"

struct checkpointer {
	char *path;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;
	pthread_cond_t more;
	bool wanted, stop;
};

static bool wait_wanted(struct checkpointer *c)
{
	bool stop;

	pthread_mutex_lock(&c->lock);
	while (!c->wanted && !c->stop)
		pthread_cond_wait(&c->more, &c->lock);
	c->wanted = false;
	stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return !stop;
}

/* What fails here fails in the writer too, which says so. */
static void *work(void *ctx)
{
	struct checkpointer *c = ctx;
	struct store *s = NULL;

	while (wait_wanted(c)) {
		if (!s)
			store_new_reader(&s, c->path, NULL);
		if (s)
			store_checkpoint(s, NULL);
	}
	store_free(s);
	return NULL;
}

int checkpointer_new(struct checkpointer **ret, const char *path)
{
	_cleanup_(checkpointer_freep) struct checkpointer *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	c->path = strdup(path);
	if (!c->path)
		return -ENOMEM;
	r = thread_start(&c->thread, "lutrad-log", work, c);
	if (r < 0)
		return r;
	c->started = true;
	*ret = TAKE_PTR(c);
	return 0;
}

void checkpointer_free(struct checkpointer *c)
{
	if (!c)
		return;
	if (c->started) {
		pthread_mutex_lock(&c->lock);
		c->stop = true;
		pthread_cond_signal(&c->more);
		pthread_mutex_unlock(&c->lock);
		pthread_join(c->thread, NULL);
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	free(c->path);
	free(c);
}

void checkpointer_wake(struct checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	c->wanted = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
}
