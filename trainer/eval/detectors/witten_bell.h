/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interpolated Witten-Bell model of 5-grams (Witten and Bell 1991,
 * https://doi.org/10.1109/18.87000):
 *
 *   P(w | h) = (n(h, w) + T(h) P(w | h')) / (n(h) + T(h))
 *
 * h: the calls before w. n(h, w): how often w came after h. T(h): how many distinct calls came
 * after h. h': h without its oldest call. Below one call, P is uniform over the calls and one more.
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_WITTEN_BELL_H
#define LUTRA_TRAINER_EVAL_DETECTORS_WITTEN_BELL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

#define WITTEN_BELL_ORDER 5

/* Counts of 5-grams in each run. */
struct witten_bell;

/* Makes empty counts for n_runs runs. Returns 0 or -ENOMEM. */
int witten_bell_new(struct witten_bell **ret, size_t n_runs);
void witten_bell_free(struct witten_bell *w);
DEFINE_FREEP(struct witten_bell, witten_bell_free);

/* Counts the 5-gram calls, oldest first, in a run. Returns 0, -ENOMEM or -E2BIG. */
int witten_bell_add(struct witten_bell *w, const uint16_t calls[WITTEN_BELL_ORDER], size_t run);

/* The probabilities. */
struct witten_bell_model;

/* Makes the model of all runs except `without`. w must outlive it. Returns 0 or -ENOMEM. */
int witten_bell_model_new(struct witten_bell_model **ret, struct witten_bell *w, size_t without);
void witten_bell_model_free(struct witten_bell_model *m);
DEFINE_FREEP(struct witten_bell_model, witten_bell_model_free);

/* Returns -ln P(last call | the four before), in nat. */
double witten_bell_surprise(const struct witten_bell_model *m,
			    const uint16_t calls[WITTEN_BELL_ORDER]);

#endif
