/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket that counts what it holds back. */
#ifndef LUTRA_USER_SYS_RATE_LIMIT_H
#define LUTRA_USER_SYS_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct throttle_rate {
	uint32_t per_second; /* 0: without limit */
	uint32_t burst;	     /* at least 1 */
};

/* All zero: nothing has passed yet. */
struct throttle {
	uint64_t full_ns; /* when the bucket is full again */
	uint64_t folded;  /* held back since the last that passed */
};

/*
 * May one pass at now_ns, of a clock that does not go back? Then *ret_folded is how many were held
 * back since the one before; else this one is counted.
 */
bool throttle_pass(struct throttle *t, const struct throttle_rate *rate, uint64_t now_ns,
		   uint64_t *ret_folded);

/* Would one pass? */
bool throttle_is_open(const struct throttle *t, const struct throttle_rate *rate, uint64_t now_ns);

#endif
