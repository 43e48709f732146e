/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinct histories of a corpus. A history is the last 8 tokens of a task, which is all that
 * the three layers of level M see. It is stored as a number, with the last token in the lowest byte
 * and PAD before the first token. A corpus has far fewer histories than events. All counts are made
 * from histories, so codes can be trained again without reading the runs again.
 */
#ifndef LUTRA_TRAINER_MODEL_LEVEL_M_HISTORIES_H
#define LUTRA_TRAINER_MODEL_LEVEL_M_HISTORIES_H

#include "trainer/data/names/number_map.h"
#include "trainer/model/level_m/tokens.h"

#define HISTORIES_NO_RUN SIZE_MAX /* of `without`: leave no run out */

/* How often a run had a history. */
struct history_count {
	uint32_t history; /* index in histories.map */
	uint32_t n;
	uint32_t gap; /* tokens of the task since the last history that was new to the run */
};

struct run_histories {
	struct history_count *list; /* (n), in the order in which the run had them first */
	size_t n;
};

struct histories {
	struct number_map map; /* the histories */
	struct run_histories *runs;
	size_t n_runs;
	/* In so many layers, from 0 on, the first pair of a new task counts. */
	unsigned start_layers;
};

/* Returns true if a token is left out, because it equals both of the last two tokens. */
static inline bool history_repeats(uint64_t history, uint8_t token)
{
	return (history & 0xff) == token && (history >> 8 & 0xff) == token;
}

/* Returns the history after one more token. */
static inline uint64_t history_push(uint64_t history, uint8_t token)
{
	return history << 8 | token;
}

/*
 * Counts the histories of all runs. The histories of the runs of an old policy come from its model.
 * The caller calls histories_done(), also after a failure.
 * Returns 0, -E2BIG if there are too many, -EBADMSG if the model is damaged, or -ENOMEM.
 */
int histories_count(struct histories *ret, const struct tokens *tokens,
		    const struct tokens_source *src);
void histories_done(struct histories *h);

#endif
