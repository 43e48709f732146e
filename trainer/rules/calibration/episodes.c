/* SPDX-License-Identifier: Apache-2.0 */
/* Matches, episodes, and the interval of their rate. */
#include "trainer/rules/calibration/episodes.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/base/array.h"
#include "lutra/verdict.h"
#include "trainer/model/compute/num.h"

#define TAIL .025 /* probability on each side of the interval */

int episodes_add(struct matches *m, const struct match *match)
{
	struct match *last = &m->last[match->what & LUTRA_MATCH_RULE];

	if (last->ms == match->ms + 1 && last->what == match->what &&
	    last->object == match->object && last->role == match->role)
		return 0;
	if (ARRAY_RESERVE(m->list, m->size, m->n + 1) < 0)
		return -ENOMEM;
	m->list[m->n++] = *match;
	*last = *match;
	last->ms++;
	return 0;
}

void episodes_done(struct matches *m)
{
	free(m->list);
	memset(m, 0, sizeof(*m));
}

uint32_t episodes_count(const struct matches *m, uint32_t rules, unsigned least)
{
	uint64_t last = 0;
	uint32_t n = 0;

	for (size_t i = 0; i < m->n; i++) {
		const struct match *match = &m->list[i];

		if (!(rules >> (match->what & LUTRA_MATCH_RULE) & 1) || match->action < least)
			continue;
		n += n == 0 || match->ms - last > EPISODES_GAP_MS;
		last = match->ms;
	}
	return n;
}

/* Returns P(N <= n) of a Poisson variable N. */
static double poisson_cdf(uint32_t n, double mean)
{
	double term = num_exp(-mean), sum = term;

	for (uint32_t k = 1; k <= n; k++) {
		term *= mean / k;
		sum += term;
	}
	return sum < 1 ? sum : 1;
}

/*
 * Returns the mean at which P(N <= n) is p, by bisection. From n = 501 on, where exp(-mean) gets
 * too small, by the normal approximation; normal: the standard normal quantile of 1 - p.
 */
static double poisson_mean(uint32_t n, double p, double normal)
{
	double lo = 0, hi = 650;

	if (n > 500) {
		/* Wilson and Hilferty 1931: half the chi-square quantile of 2 (n + 1) degrees. */
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

/* Returns how many episodes are a clump: at least 1, at most all of them. */
static double clump_size(const struct episodes_of_run *runs, size_t n, uint32_t sum, double hours)
{
	double chi_square = 0, size;
	size_t n_timed = 0;

	for (size_t i = 0; i < n; i++) {
		double expected = sum * runs[i].hours / hours;

		if (!(expected > 0))
			continue;
		chi_square += (runs[i].n - expected) * (runs[i].n - expected) / expected;
		n_timed++;
	}
	size = n_timed > 1 ? chi_square / (double)(n_timed - 1) : 1;
	return size < 1 ? 1 : size > sum ? sum : size;
}

void episodes_clumped_rate_95(const struct episodes_of_run *runs, size_t n, double ret[2])
{
	double hours = 0, size;
	uint32_t sum = 0, clumps;

	for (size_t i = 0; i < n; i++) {
		sum += runs[i].n;
		hours += runs[i].hours;
	}
	if (!(hours > 0) || !sum) {
		episodes_rate_95(0, hours, ret);
		return;
	}
	clumps = (uint32_t)(sum / clump_size(runs, n, sum, hours));
	size = (double)sum / clumps;
	episodes_rate_95(clumps, hours, ret);
	ret[0] *= size;
	ret[1] *= size;
}
