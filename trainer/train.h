/* SPDX-License-Identifier: Apache-2.0 */
/* Trains a policy from a corpus of runs. */
#ifndef LUTRA_TRAINER_TRAIN_H
#define LUTRA_TRAINER_TRAIN_H

#include <jansson.h>

#include "lib/base/command/progress_bar.h"
#include "lib/policy/policy.h"
#include "trainer/data/corpus.h"
#include "trainer/rules/knowledge/knowledge.h"

#define TRAIN_MODE_DEFAULT UINT32_MAX /* deny, or audit where the runs are too few to deny */

struct train_options {
	/*
	 * The policy to update, with its model loaded; the corpus begins with its runs
	 * (update_restore_corpus()). Its seed stays, and its codes if the kind of tables does.
	 * NULL: train anew.
	 */
	const struct policy *old;
	const char *image;
	const char *digest;   /* or NULL */
	uint64_t seed;	      /* below 2^63 */
	unsigned threads;     /* 1 to POOL_THREADS_MAX; the policy does not depend on it */
	uint8_t kill_matches; /* 0: 2 */
	bool guard_sessions;  /* exec sessions are guarded as the service is; else audited */
	uint32_t mode;	      /* enum lutra_mode, or TRAIN_MODE_DEFAULT */
	const struct knowledge_set *knowledge; /* the base and all packs; NULL: none */
	json_t **ret_coverage;		       /* gets coverage_to_json(), or NULL */
	/* Of an update, as in struct calibrate_source. */
	bool (*may_weaken)(void *ctx, const char *text);
	void *may_weaken_ctx;
};

/*
 * Trains on a corpus of at least one run. *ret is the caller's to policy_free(). Blocks.
 * Returns 0; -EINVAL if the mode denies and there are too few runs; -E2BIG or -ENOSPC if there are
 * more system calls, paths or objects than a policy holds; or -ENOMEM.
 */
int train_policy(const struct corpus *corpus, const struct train_options *options,
		 const struct progress *progress, struct policy **ret, struct err *err);

#endif
