/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run in memory: a stream of 32-bit words, one a call, in compressed blocks: a fraction of a
 * byte a call. Calibration replays runs many times; decoding traces each time would cost more than
 * training.
 */
#ifndef LUTRA_TRAINER_DATA_RUN_H
#define LUTRA_TRAINER_DATA_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy_args.h"
#include "lutra/abi.h"
#include "trainer/data/intern.h"

#define RUN_TASKS_MAX (1u << 20) /* that live at a time */
#define RUN_BLOCK_WORDS 65536
#define RUN_BLOCKS_MAX (1u << 17)

/* A stream word: payload << 12 | code. The code is a call's number (payload: task), or: */
enum run_code {
	RUN_FOREIGN = LUTRA_NR, /* a call through a foreign entry, or a number past the map */
	RUN_ARM,		/* payload: task, starts afresh */
	RUN_FORK,		/* payload: parent; the next word is the child */
	RUN_EXEC,		/* payload: task */
	RUN_OBJECT,		/* payload: task; the next word is the object */
	RUN_TIME,		/* payload: milliseconds passed */
};

/* Whole events: none goes on in the next block. */
struct run_block {
	void *packed; /* a zstd frame */
	uint32_t bytes, n_words;
};

struct run {
	char *file; /* base name of the trace */
	char sha256[65];
	bool heldout;
	struct run_block *blocks;
	size_t n_blocks, blocks_size;
	uint32_t n_tasks; /* task numbers in the stream are below */
	uint64_t calls, foreign, objects;
	uint64_t lost; /* records that the recorder could not keep */
	uint32_t length_ms;
	uint32_t ops; /* bit per enum lutra_op that the recording could see */
	struct policy_arguments args;
};

void run_done(struct run *r);

/* A distinct object: what of struct lutra_object decides a token, and its folded path. */
struct run_object {
	struct lutra_object object; /* inode types for modes, no address */
	uint32_t path;		    /* number of its path, or RUN_NO_PATH */
};
_Static_assert(sizeof(struct run_object) == 28, "no padding: it is hashed");

#define RUN_NO_PATH UINT32_MAX

/* Where the strings and objects of all runs are numbered. */
struct run_names {
	struct intern *paths;	/* folded, for path_parse() */
	struct intern *objects; /* struct run_object */
	bool lib_digits;	/* a path began with /lib64 or its like, folded "/#" */
};

int run_names_init(struct run_names *n); /* -ENOMEM */
void run_names_done(struct run_names *n);
void run_names_object(const struct run_names *n, uint32_t i, struct run_object *ret);

struct run_builder;

/* names must outlive the builder. -ENOMEM. */
int run_builder_new(struct run_builder **ret, struct run_names *names);
void run_builder_free(struct run_builder *b);
DEFINE_FREEP(struct run_builder, run_builder_free);

/*
 * Append a record. -EINVAL: a labelled attack, or a record type that does not exist; -E2BIG: more
 * tasks, time, names or events than fit; -ENOMEM.
 */
int run_builder_add(struct run_builder *b, const struct lutra_record *rec, const char *str,
		    size_t str_len, struct err *err);

/* The run so far: it is the caller's, the builder's is empty afterwards. -ENOMEM, -E2BIG. */
int run_builder_take(struct run_builder *b, struct run *ret);

#endif
