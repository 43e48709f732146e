/* SPDX-License-Identifier: Apache-2.0 */
/* From a corpus of runs to a policy. */
#ifndef LUTRA_TRAINER_TRAIN_H
#define LUTRA_TRAINER_TRAIN_H

#include <jansson.h>

#include "lib/policy/policy.h"
#include "trainer/data/corpus.h"

#define TRAIN_MODE_DEFAULT UINT32_MAX /* deny, or audit where the runs are too few to deny */

struct train_options {
	/*
	 * A policy to update, its model loaded, with which the corpus began
	 * (update_restore_corpus()): codes and seed stay its own. Or NULL.
	 */
	const struct policy *old;
	const char *image;
	const char *digest;    /* or NULL */
	uint64_t seed;	       /* below 2^63 */
	unsigned threads;      /* 1 to 64; the policy does not depend on it */
	unsigned layer_flags;  /* LAYER_* of trainer/model/tables/layer.h */
	uint8_t kill_matches;  /* 0: two */
	uint32_t mode;	       /* enum lutra_mode, or TRAIN_MODE_DEFAULT */
	json_t **ret_coverage; /* what each run brought, as coverage_to_json(); or NULL */
};

/*
 * Train on a corpus of at least one run. -EINVAL: a mode that acts, and too few runs for it;
 * -E2BIG, -ENOSPC: more calls, paths or objects than a policy holds; -ENOMEM; -EAGAIN: no threads.
 */
int train_policy(const struct corpus *corpus, const struct train_options *options,
		 const struct progress *progress, struct policy **ret, struct err *err);

#endif
