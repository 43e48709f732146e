/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-grams of calls that baselines of the literature judge by: which were seen in which training
 * run, and the Witten-Bell smoothed probability of the last one.
 */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_NGRAMS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_NGRAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trainer/data/intern.h"

#define NGRAMS_ALL SIZE_MAX /* without: no run is left out */

/* Strings of calls, and whether one run alone had each. */
struct ngrams {
	struct intern *names;
	uint32_t *run; /* by number: the run that had it, or NGRAMS_MANY */
	uint32_t size;
};

int ngrams_init(struct ngrams *g); /* -ENOMEM. ngrams_done() also after a failure */
void ngrams_done(struct ngrams *g);
int ngrams_add(struct ngrams *g, const void *calls, size_t bytes, size_t run); /* -ENOMEM, -E2BIG */

/* Did a run other than `without` have it? */
bool ngrams_known(const struct ngrams *g, const void *calls, size_t bytes, size_t without);

#define WITTEN_BELL_ORDER 5

/* Counts of 5-grams in each run. calls: WITTEN_BELL_ORDER of them, oldest first. */
struct witten_bell;

int witten_bell_new(struct witten_bell **ret, size_t n_runs); /* -ENOMEM */
void witten_bell_free(struct witten_bell *w);
DEFINE_FREEP(struct witten_bell, witten_bell_free);
int witten_bell_add(struct witten_bell *w, const uint16_t calls[WITTEN_BELL_ORDER],
		    size_t run); /* -ENOMEM, -E2BIG */

/*
 * Interpolated Witten-Bell model (Witten and Bell 1991, https://doi.org/10.1109/18.87000) of all
 * runs but one: P(w | h) = (n(h, w) + T(h) P(w | h')) / (n(h) + T(h)), T(h): distinct calls after
 * h, h': h without its oldest call; below one call uniform over the calls and one more.
 */
struct witten_bell_model;

int witten_bell_model_new(struct witten_bell_model **ret, struct witten_bell *w,
			  size_t without); /* -ENOMEM */
void witten_bell_model_free(struct witten_bell_model *m);
DEFINE_FREEP(struct witten_bell_model, witten_bell_model_free);

/* -ln P(last call | the four before), nat. */
double witten_bell_surprise(const struct witten_bell_model *m,
			    const uint16_t calls[WITTEN_BELL_ORDER]);

#endif
