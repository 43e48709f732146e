/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Caches the judgements and keys of recorded objects. They depend only on the policy, the object,
 * its string and the task's role. The judgement of an execution depends also on the program that
 * the task runs. A service uses the same objects many times.
 */
#ifndef LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H
#define LUTRA_LIB_REPLAY_JUDGEMENT_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "lutra/reported.h"
#include "lutra/score.h"

struct cached_judgement {
	struct lutra_object object;
	struct lutra_judgement judgement;
	uint64_t reported_key; /* lutra_reported_key(), unless the object is known */
	uint8_t key;	       /* lutra_object_key(); LUTRA_KEY_NONE without level M */
};

/* What a judgement depends on of the task. */
struct judgement_task {
	uint8_t role;
	uint16_t program; /* path node of what it runs; 0: the policy does not know it */
};

#define JUDGEMENT_CACHE_BITS 9
#define JUDGEMENT_CACHE_STRING 104 /* an object with a longer string is judged each time */

/* A cache of zero bytes is empty. */
struct judgement_cache {
	struct cached_judgement unkept;
	struct judgement_entry {
		uint64_t arg;
		/*
		 * The rest of the key: aux, the task, length of the string, and a bit that is set
		 * in use.
		 */
		uint64_t rest;
		struct cached_judgement what;
		char str[JUDGEMENT_CACHE_STRING];
	} entry[1u << JUDGEMENT_CACHE_BITS];
};

/*
 * Returns the object of an OBJECT record, and its judgement by lutra_judge_object() and
 * lutra_judge_starter(). Valid until the next call. image: the same policy at each call.
 */
const struct cached_judgement *judgement_cache_get(struct judgement_cache *j,
						   const struct lutra_policy *image,
						   const struct lutra_record *rec, const char *str,
						   size_t str_len,
						   const struct judgement_task *task);

#endif
