/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the threads anew for each pool_run(): they take far less time to start than to work. */
#include "trainer/model/compute/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct pieces {
	int (*fn)(void *ctx, size_t i, struct err *err);
	void *ctx;
	size_t n;
	atomic_size_t next;   /* the first piece that no thread has taken */
	pthread_mutex_t lock; /* guards what follows */
	size_t failed;	      /* the first piece that failed, or n */
	int r;		      /* its error, or 0 */
	struct err *err;
};

static void *run_pieces(void *arg)
{
	struct pieces *p = arg;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n) {
		struct err why = {""};
		int r = p->fn(p->ctx, i, &why);

		pthread_mutex_lock(&p->lock);
		if (r < 0 && i < p->failed) {
			p->failed = i;
			p->r = err_set(p->err, r, "%s", why.msg[0] ? why.msg : strerror(-r));
		}
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

int pool_run(unsigned threads, int (*fn)(void *ctx, size_t i, struct err *err), void *ctx, size_t n,
	     struct err *err)
{
	struct pieces p = {fn, ctx, n, 0, PTHREAD_MUTEX_INITIALIZER, n, 0, err};
	pthread_t thread[POOL_THREADS_MAX];
	unsigned started = 0;

	while (started + 1 < threads && started + 1 < n &&
	       pthread_create(&thread[started], NULL, run_pieces, &p) == 0)
		started++;
	run_pieces(&p);
	while (started > 0)
		pthread_join(thread[--started], NULL);
	return p.r;
}

unsigned pool_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)n;
}
