/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judgements of recorded objects. One depends on nothing but the policy, the object, its string and
 * the task's role, and a service touches the same objects again and again: those met last are kept.
 */
#ifndef LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H
#define LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lutra/score.h"

struct cached_judgement {
	struct lutra_object object;
	struct lutra_judgement judgement;
};

struct judgement_cache;

/* image is kept, not owned. -ENOMEM. */
int judgement_cache_new(struct judgement_cache **ret, const struct lutra_policy *image);
void judgement_cache_free(struct judgement_cache *j);
DEFINE_FREEP(struct judgement_cache, judgement_cache_free);

/* The object of an OBJECT record, and what lutra_judge_object() says of it. Valid until the next call. */
const struct cached_judgement *judgement_cache_get(struct judgement_cache *j,
						   const struct lutra_record *rec, const char *str,
						   size_t str_len, uint8_t role);

#endif
