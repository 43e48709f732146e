/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket, kept as the time at which it will be full (the generic cell rate algorithm). */
#include "user/sys/rate_limit.h"

#include "lutra/types.h"

static uint64_t token_ns(const struct throttle_rate *rate)
{
	return rate->per_second ? NSEC_PER_SEC / rate->per_second : 0;
}

static uint64_t full_ns(const struct throttle *t, uint64_t now_ns)
{
	return t->full_ns > now_ns ? t->full_ns : now_ns;
}

bool throttle_is_open(const struct throttle *t, const struct throttle_rate *rate, uint64_t now_ns)
{
	uint64_t token = token_ns(rate);

	return full_ns(t, now_ns) + token <= now_ns + rate->burst * token;
}

bool throttle_pass(struct throttle *t, const struct throttle_rate *rate, uint64_t now_ns,
		   uint64_t *ret_folded)
{
	if (!throttle_is_open(t, rate, now_ns)) {
		t->folded++;
		return false;
	}
	t->full_ns = full_ns(t, now_ns) + token_ns(rate);
	*ret_folded = t->folded;
	t->folded = 0;
	return true;
}
