/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the two highest levels, and finds the reference level. */
#include "trainer/model/level_m/m_threshold.h"

#include <math.h>

void m_highest_add(struct m_highest *h, double level)
{
	if (level > h->first) {
		h->second = h->first;
		h->first = level;
	} else if (level > h->second) {
		h->second = level;
	}
}

double m_highest_reference(const struct m_highest *h, double typical)
{
	return sqrt((h->first + h->second) / 2 * typical);
}
