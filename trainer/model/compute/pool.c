/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that share out numbered pieces of work.
 *
 * Each pool_run() is one generation. A thread waits on `start` until the generation changes, takes
 * piece numbers from the counter `next` until none is left, and then counts itself out of `busy`.
 * The caller's thread works too. `lock` guards all fields but `next`.
 */
#include "trainer/model/compute/pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t start, done;
	pthread_t thread[POOL_THREADS_MAX];
	unsigned threads; /* without the caller's */
	unsigned busy;	  /* threads that still work on this generation */
	unsigned long generation;
	bool quit;
	void (*fn)(void *ctx, size_t i);
	void *ctx;
	size_t n;	    /* pieces of this generation */
	atomic_size_t next; /* the first piece that no thread has taken */
};

static void run_pieces(struct pool *p)
{
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n)
		p->fn(p->ctx, i);
}

static void *pool_thread_main(void *arg)
{
	struct pool *p = arg;
	unsigned long seen = 0;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->generation == seen && !p->quit)
			pthread_cond_wait(&p->start, &p->lock);
		if (p->quit)
			break;
		seen = p->generation;
		pthread_mutex_unlock(&p->lock);
		run_pieces(p);
		pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int pool_new(struct pool **ret, unsigned threads)
{
	struct pool *p = calloc(1, sizeof(*p));

	assert(threads >= 1 && threads <= POOL_THREADS_MAX);
	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->start, NULL);
	pthread_cond_init(&p->done, NULL);
	for (unsigned i = 0; i + 1 < threads; i++) {
		int r = pthread_create(&p->thread[i], NULL, pool_thread_main, p);

		if (r) {
			pool_free(p);
			return -r;
		}
		p->threads++;
	}
	*ret = p;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->start);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void pool_run(struct pool *p, void (*fn)(void *ctx, size_t i), void *ctx, size_t n)
{
	pthread_mutex_lock(&p->lock);
	p->fn = fn;
	p->ctx = ctx;
	p->n = n;
	atomic_store(&p->next, 0);
	p->busy = p->threads;
	p->generation++;
	pthread_cond_broadcast(&p->start);
	pthread_mutex_unlock(&p->lock);
	run_pieces(p);
	pthread_mutex_lock(&p->lock);
	while (p->busy)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

unsigned pool_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)n;
}
