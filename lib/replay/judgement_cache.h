/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judgements of recorded objects. One depends on nothing but the policy, the object, its string and
 * the task's role, and a service touches the same objects again and again: those met last are kept.
 */
#ifndef LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H
#define LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/score.h"

struct cached_judgement {
	struct lutra_object object;
	struct lutra_judgement judgement;
};

#define JUDGEMENT_CACHE_BITS 9
#define JUDGEMENT_CACHE_STRING 104 /* what is longer is judged each time */

/* All zero bytes: empty. */
struct judgement_cache {
	struct cached_judgement unkept;
	struct judgement_entry {
		uint64_t arg;
		uint64_t rest; /* of the key: aux, role, the string's length, and a bit that says
				  there is one */
		struct cached_judgement what;
		char str[JUDGEMENT_CACHE_STRING];
	} entry[1u << JUDGEMENT_CACHE_BITS];
};

/*
 * The object of an OBJECT record, and what lutra_judge_object() says of it. image: the same at each
 * call. Valid until the next call.
 */
const struct cached_judgement *judgement_cache_get(struct judgement_cache *j,
						   const struct lutra_policy *image,
						   const struct lutra_record *rec, const char *str,
						   size_t str_len, uint8_t role);

#endif
