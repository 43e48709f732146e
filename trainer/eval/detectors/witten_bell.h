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

#include "trainer/data/names/intern.h"

#define WITTEN_BELL_ORDER 5

/* A gram of n calls. */
struct gram {
	uint32_t context, suffix; /* numbers of these grams */
	uint32_t order;		  /* n */
};

/* Counts of 5-grams in each run. */
struct witten_bell {
	struct intern *names; /* the calls of each gram; their numbers are those of the grams */
	struct gram *gram;
	uint32_t *count; /* (grams, n_runs): of order WITTEN_BELL_ORDER only, else 0 */
	size_t gram_size, count_size;
	size_t n_runs;
};

/*
 * Makes empty counts for n_runs runs. The caller calls witten_bell_done(), also after a failure.
 * Returns 0 or -ENOMEM.
 */
int witten_bell_init(struct witten_bell *w, size_t n_runs);
void witten_bell_done(struct witten_bell *w);

/* Counts the 5-gram calls, oldest first, n times in a run. Returns 0, -ENOMEM or -E2BIG. */
int witten_bell_add(struct witten_bell *w, const uint16_t calls[WITTEN_BELL_ORDER], size_t run,
		    uint32_t n);

/* The probabilities. */
struct witten_bell_model;

/* Makes the model of all runs except `without`. w must outlive it. Returns 0 or -ENOMEM. */
int witten_bell_model_new(struct witten_bell_model **ret, const struct witten_bell *w,
			  size_t without);
void witten_bell_model_free(struct witten_bell_model *m);
DEFINE_FREEP(struct witten_bell_model, witten_bell_model_free);

/* Returns -ln P(last call | the four before), in nat. */
double witten_bell_surprise(const struct witten_bell_model *m,
			    const uint16_t calls[WITTEN_BELL_ORDER]);

#endif
