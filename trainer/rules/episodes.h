/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of replayed runs, counted as alarm episodes, and what the counts say of the rate. */
#ifndef LUTRA_TRAINER_RULES_EPISODES_H
#define LUTRA_TRAINER_RULES_EPISODES_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define EPISODES_GAP_MS 1000 /* signals closer than this are one episode */

/* A signal of a group. */
struct match {
	uint32_t ms;
	uint32_t group;
};

/* A run's signals in the order of time, at most one a group and millisecond. */
struct matches {
	struct match *list;
	size_t n, size;
	uint64_t last[LUTRA_G_COUNT]; /* ms + 1 */
};

int episodes_add(struct matches *s, uint32_t ms, unsigned group); /* -ENOMEM */
void episodes_done(struct matches *s);

/* Episodes of the groups in the mask (bit per enum lutra_group), of any of them together. */
uint32_t episodes_count(const struct matches *s, uint32_t groups);

/*
 * Exact (Garwood) 95 % interval of a Poisson rate per hour, from n episodes in hours; {0, 0}
 * where hours is 0.
 */
void episodes_rate_95(uint32_t n, double hours, double ret[2]);

#endif
