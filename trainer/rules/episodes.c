/* SPDX-License-Identifier: Apache-2.0 */
/* Episodes, and Garwood's interval (1936, https://doi.org/10.1093/biomet/28.3-4.437). */
#include "trainer/rules/episodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/model/compute/num.h"

#define TAIL .025

int episodes_add(struct matches *s, uint32_t ms, unsigned group)
{
	if (s->last[group] == (uint64_t)ms + 1)
		return 0;
	if (s->n == s->size) {
		size_t size = s->size ? s->size * 2 : 64;
		struct match *list = realloc(s->list, size * sizeof(*list));

		if (!list)
			return -ENOMEM;
		s->list = list;
		s->size = size;
	}
	s->list[s->n++] = (struct match){ms, group};
	s->last[group] = (uint64_t)ms + 1;
	return 0;
}

void episodes_done(struct matches *s)
{
	free(s->list);
	memset(s, 0, sizeof(*s));
}

uint32_t episodes_count(const struct matches *s, uint32_t groups)
{
	uint64_t last = 0;
	uint32_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!(groups >> s->list[i].group & 1))
			continue;
		n += n == 0 || s->list[i].ms - last > EPISODES_GAP_MS;
		last = s->list[i].ms;
	}
	return n;
}

/* P(N <= n) of a Poisson variable. */
static double poisson_cdf(uint32_t n, double mean)
{
	double term = num_exp(-mean), sum = term;

	for (uint32_t k = 1; k <= n; k++) {
		term *= mean / k;
		sum += term;
	}
	return sum < 1 ? sum : 1;
}

/* The mean at which P(N <= n) is p. Past 500, where exp(-mean) runs out, the normal limit. */
static double poisson_mean(uint32_t n, double p, double normal)
{
	double lo = 0, hi = 650;

	if (n > 500) {
		/* Wilson and Hilferty's cube: the chi-square quantile at 2 (n + 1) degrees. */
		double m = n + 1., x = 1 - 1 / (9 * m) + normal / (3 * sqrt(m));

		return m * x * x * x;
	}
	for (int i = 0; i < 200; i++) {
		double mid = (lo + hi) / 2;

		if (poisson_cdf(n, mid) > p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

void episodes_rate_95(uint32_t n, double hours, double ret[2])
{
	ret[0] = ret[1] = 0;
	if (hours <= 0)
		return;
	if (n > 0)
		ret[0] = poisson_mean(n - 1, 1 - TAIL, -1.959964) / hours;
	ret[1] = poisson_mean(n, TAIL, 1.959964) / hours;
}
