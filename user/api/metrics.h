/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad's metrics, in the text format of Prometheus. */
#ifndef LUTRA_USER_API_METRICS_H
#define LUTRA_USER_API_METRICS_H

#include "user/api/routes/api.h"

struct metrics;

/* Keeps the counters of containers that are released from here on. Returns 0 or -ENOMEM. */
int metrics_new(struct metrics **ret, const struct api_parts *parts);
void metrics_free(struct metrics *m);
/*
 * Writes all metrics; the caller frees *ret. answered: HTTP requests by the hundred of their
 * status. Returns 0 or -ENOMEM.
 */
int metrics_text(struct metrics *m, const uint64_t answered[static 6], char **ret, size_t *ret_len);

#endif
