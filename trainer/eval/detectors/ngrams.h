/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of n-grams of system calls, with the training runs that had them. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_NGRAMS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_NGRAMS_H

#include "trainer/data/names/intern.h"

#define NGRAMS_ALL SIZE_MAX /* of `without`: leave no run out */

struct ngrams {
	struct intern *names;
	uint32_t *run; /* by number: the run that had it, or NGRAMS_MANY */
	size_t size;
};

/*
 * Makes an empty set. The caller calls ngrams_done(), also after a failure. Returns 0 or -ENOMEM.
 */
int ngrams_init(struct ngrams *g);
void ngrams_done(struct ngrams *g);

/* Adds the n-gram of a run. Returns 0, -ENOMEM, or -E2BIG if the set is full. */
int ngrams_add(struct ngrams *g, const void *calls, size_t bytes, size_t run);

/* Returns true if a run other than `without` had the n-gram. */
bool ngrams_known(const struct ngrams *g, const void *calls, size_t bytes, size_t without);

#endif
