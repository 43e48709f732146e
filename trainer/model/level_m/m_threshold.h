/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thresholds of levels M and N, from the highest levels of the replays.
 *
 * The highest level of a few replays says little: one odd run decides it. So the threshold comes
 * from the two highest replays, and it is pulled halfway, on a logarithmic scale, towards the level
 * that is typical of services:
 *
 *   reference   sqrt(mean of the two highest levels * typical level)
 *   threshold   margin * reference
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_M_THRESHOLD_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_M_THRESHOLD_H

#define M_THRESHOLD_MARGIN (5 / 3.)
#define M_THRESHOLD_TYPICAL .36 /* nat: the mean of the two highest levels, of a usual service */

/* Of few runs the threshold is a margin times the highest level of the replays. */
#define M_THRESHOLD_MARGIN_FEW (5 / 3.)
#define N_THRESHOLD_MARGIN_FEW (4 / 3.)

#define N_THRESHOLD_MARGIN (7 / 5.)
#define N_THRESHOLD_TYPICAL .12 /* share of new pairs: about two new pairs in a row */

/* The two highest levels of some replays, in any unit. Zero: no replay was added yet. */
struct m_highest {
	double first, second;
};

/* Adds the highest level of one replay. */
void m_highest_add(struct m_highest *h, double level);

/* Returns the reference level. typical: the typical level, in the unit of the levels. */
double m_highest_reference(const struct m_highest *h, double typical);

#endif
