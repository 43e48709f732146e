/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad's metrics, in the text format of Prometheus. */
#ifndef LUTRA_USER_API_METRICS_H
#define LUTRA_USER_API_METRICS_H

#include "user/api/routes/api.h"

struct metrics;

/* Keeps the counters of containers that are released from here on. Returns 0 or -ENOMEM. */
int metrics_new(struct metrics **ret, const struct api_parts *parts);
void metrics_free(struct metrics *m);
/* What the HTTP servers count. */
struct metrics_clients {
	uint64_t answered[6]; /* requests over TCP by the hundred of their status */
	uint64_t timed_out;   /* clients that were cut off */
};

/* Writes all metrics; the caller frees *ret. Returns 0 or -ENOMEM. */
int metrics_text(struct metrics *m, const struct metrics_clients *clients, char **ret,
		 size_t *ret_len);

#endif
