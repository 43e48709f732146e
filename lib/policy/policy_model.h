/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an update of a policy is made from, and nothing else needs: the decoder's heads, and what
 * was counted in training. The third file of a policy directory, model.lut; policies guard without
 * it.
 */
#ifndef LUTRA_LIB_POLICY_POLICY_MODEL_H
#define LUTRA_LIB_POLICY_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lutra/abi.h"

#define POLICY_MODEL_LAYERS 3

struct policy_layer {
	uint32_t k;	/* codes of the layer below; of layer 0: tokens */
	uint32_t codes; /* at most LUTRA_K */
	float *la, *lb; /* (codes, k): -log p(a | code), -log p(b | code), nat */
};

/* How often a run had a history. */
struct policy_history_count {
	uint32_t history; /* index in policy_model.histories */
	uint32_t n;
	uint32_t gap; /* tokens of the task since the last history that was new to the run */
};

/* The histories of a run, in the order in which they came first. */
struct policy_run_histories {
	struct policy_history_count *list;
	size_t n;
};

/* A distinct object of the runs, and bits of the roles that each run saw it in. */
struct policy_seen {
	struct lutra_object object;
	char *path; /* folded, or NULL */
	uint16_t path_len;
	uint8_t *roles; /* (n_runs) */
};

struct policy_model {
	size_t n_runs;
	bool lib_digits; /* "/#" stands for /lib64 or its like */
	uint64_t calls[LUTRA_ROLES][LUTRA_NR];
	struct policy_layer layer[POLICY_MODEL_LAYERS];
	uint64_t
		*histories; /* each: the last 8 tokens of a task, the last one in the lowest byte */
	size_t n_histories;
	struct policy_run_histories *runs; /* (n_runs) */
	struct policy_seen *seen;
	size_t n_seen;
};

void policy_model_free(struct policy_model *m);
DEFINE_FREEP(struct policy_model, policy_model_free);

#endif
