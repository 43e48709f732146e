/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket, kept as the time at which it will be full (the generic cell rate algorithm). */
#include "user/events/throttle.h"

#define NSEC 1000000000ull

bool throttle_pass(struct throttle *t, const struct throttle_rate *rate, uint64_t now_ns,
		   uint64_t *ret_folded)
{
	uint64_t token = rate->per_second ? NSEC / rate->per_second : 0;
	uint64_t full = t->full_ns > now_ns ? t->full_ns : now_ns;

	if (full + token > now_ns + rate->burst * token) {
		t->folded++;
		return false;
	}
	t->full_ns = full + token;
	*ret_folded = t->folded;
	t->folded = 0;
	return true;
}
