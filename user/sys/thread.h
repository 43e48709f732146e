/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside a main loop. */
#ifndef LUTRA_USER_SYS_THREAD_H
#define LUTRA_USER_SYS_THREAD_H

#include <pthread.h>

/* A thread that no signal is delivered to. name: up to 15 bytes, as ps shows it. 0 or -errno. */
int thread_start(pthread_t *ret, const char *name, void *(*work)(void *ctx), void *ctx);

#endif
