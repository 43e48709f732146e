/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad's metrics, in the text format of Prometheus. */
#ifndef LUTRA_USER_API_METRICS_H
#define LUTRA_USER_API_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct container;
struct daemon;
struct metrics;

/*
 * All of them; *ret is the caller's. answered: HTTP requests by hundred of their status. -ENOMEM.
 */
int metrics_text(struct daemon *d, const uint64_t answered[static 6], char **ret, size_t *ret_len);
/* Keep what a container's counters came to, before they are given to another. */
void metrics_retire(struct daemon *d, const struct container *c);
void metrics_free(struct metrics *m);

#endif
