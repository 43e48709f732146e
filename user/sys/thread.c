/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside a main loop. */
#include "user/sys/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, const char *name, void *(*work)(void *ctx), void *ctx)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	r = pthread_create(ret, NULL, work, ctx);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		pthread_setname_np(*ret, name);
	return -r;
}
