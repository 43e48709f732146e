/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run again, event by event, with the state that each task's lineage has: what training counts
 * and what calibration scores. States move by the functions of lutra/score.h.
 */
#ifndef LUTRA_TRAINER_DATA_RUN_ITER_H
#define LUTRA_TRAINER_DATA_RUN_ITER_H

#include "trainer/data/corpus.h"

/* The event at hand. A call's consumer moves the levels on by lutra_level(); roles move here. */
struct run_event {
	struct lutra_state *state;
	uint32_t ms;	 /* since the run's start */
	bool is_syscall; /* else an object event */
	uint32_t nr;	 /* call: its number, LUTRA_NR for a foreign one */
	uint32_t object; /* object event: in run_names.objects */
};

struct run_iter {
	const struct run *run;
	const struct lutra_policy *policy; /* its steady, p1 and p2 count here */
	struct lutra_state *states;	   /* (run->n_tasks) */
	struct ZSTD_DCtx_s *zstd;
	uint32_t *words; /* of a block: (RUN_BLOCK_WORDS) */
	uint32_t n_words, pos;
	size_t block; /* the next */
	uint32_t ms;
	struct lutra_state *called; /* task of the call that was returned last */
	uint32_t called_nr;
};

/* Both must outlive the walk. -ENOMEM. */
int run_iter_init(struct run_iter *r, const struct run *run, const struct lutra_policy *policy);
void run_iter_done(struct run_iter *r);
bool run_iter_next(struct run_iter *r, struct run_event *ret);

/* What a run holds, counted. */
struct run_counts {
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	uint32_t *pairs[3];    /* of layers 0 to 2, indexed as the tables of struct lutra_policy */
	uint8_t *object_roles; /* by object: bit per role that it was seen in */
};

#define PAIRS_SHIFT(layer) ((layer) == 0 ? 8u : 7u)
#define PAIRS_SIZE(layer) ((size_t)1 << 2 * PAIRS_SHIFT(layer))

void run_counts_done(struct run_counts *c);

/* Calls by role, objects by role; ret zeroed before. -ENOMEM. */
int run_count_syscalls(const struct run *run, const struct lutra_policy *policy, uint32_t n_objects,
		       struct run_counts *ret);

/*
 * Pairs of one layer, by the token map and the tables of the layers below it, to ret->pairs.
 * Level 0: pairs with UNK are not counted, they can never be known. -ENOMEM.
 */
int run_count_pairs(const struct run *run, const struct lutra_policy *policy, unsigned layer,
		    struct run_counts *ret);

#endif
