/* SPDX-License-Identifier: Apache-2.0 */
/* Signals of replayed runs, counted as alarm episodes, and what the counts say of the rate. */
#ifndef LUTRA_TRAINER_RULES_EPISODES_H
#define LUTRA_TRAINER_RULES_EPISODES_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/abi.h"

#define ALARMS_GAP_MS 1000 /* signals closer than this are one episode */

/* A signal of a group. */
struct signal {
	uint32_t ms;
	uint32_t group;
};

/* A run's signals in the order of time, at most one a group and millisecond. */
struct signals {
	struct signal *list;
	size_t n, size;
	uint64_t last[LUTRA_G_COUNT]; /* ms + 1 */
};

int signals_add(struct signals *s, uint32_t ms, unsigned group); /* -ENOMEM */
void signals_done(struct signals *s);

/* Episodes of the groups in the mask (bit per enum lutra_group), of any of them together. */
uint32_t signals_episodes(const struct signals *s, uint32_t groups);

/*
 * Exact (Garwood) 95 % interval of a Poisson rate per hour, from n episodes in hours; {0, 0}
 * where hours is 0.
 */
void alarms_rate_95(uint32_t n, double hours, double ret[2]);

#endif
