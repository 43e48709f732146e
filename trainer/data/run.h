/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run in memory: a stream of 32-bit words in compressed blocks. A system call is one word, and
 * takes a fraction of a byte. Calibration replays runs many times; decoding their traces each time
 * would take longer than training.
 */
#ifndef LUTRA_TRAINER_DATA_RUN_H
#define LUTRA_TRAINER_DATA_RUN_H

#include "lib/base/err.h"
#include "lib/policy/policy_args.h"
#include "trainer/data/names/intern.h"
#include "trainer/data/names/numbered_names.h"
#include "trainer/data/names/random_names.h"

#define RUN_BLOCK_WORDS 65536
#define RUN_BLOCKS_MAX (1u << 17)

/* A word is payload << 12 | code. The code is a system call's number (payload: task), or one of: */
enum run_code {
	RUN_FOREIGN = LUTRA_NR, /* a system call by a foreign entry, or with too high a number */
	RUN_ARM,		/* payload: task; its state starts anew */
	RUN_SESSION,		/* the same, of a task of an exec session */
	RUN_CARRIED,		/* the same, of a task that ran before; the next word is arg */
	RUN_FORK,		/* payload: parent; the next word is the child */
	RUN_PROCESS,		/* payload: task; the next word is the number of its process */
	RUN_EXEC,		/* payload: task */
	RUN_EXEC_AGAIN,		/* the same, of the program that its process runs, in place */
	RUN_OBJECT,		/* payload: task; the next word is the object, with RUN_WORKER */
	RUN_TIME,		/* payload: milliseconds that passed */
};

#define RUN_WORKER 0x80000000u /* an io_uring worker used the object, outside any system call */

/* A block holds whole events. */
struct run_block {
	void *packed;		 /* a zstd frame */
	uint32_t bytes, n_words; /* packed, unpacked */
};

struct run {
	char *file; /* base name of the trace */
	char sha256[65];
	bool heldout; /* calibrates, but is not trained on */
	struct run_block *blocks;
	size_t n_blocks, blocks_size;
	uint32_t n_tasks;     /* task numbers in the stream are below */
	uint32_t n_processes; /* process numbers are from 1 to this one: none is used again */
	uint64_t calls, foreign, objects;
	uint64_t lost; /* records that the recorder had to drop */
	char *partial; /* why the recording is only a part of a run, or NULL */
	uint32_t length_ms;
	uint32_t ops; /* bit per enum lutra_op that the recording could see */
	/* It has private or public IPv6 addresses. An older recording does not say of which class these
	 * are; of IPv4 it has the whole address. */
	bool is_coarse;
	struct policy_arguments args;
};

/* Frees what the run owns and zeroes it. */
void run_done(struct run *r);

/*
 * A distinct object: the fields of struct lutra_object that decide its token, and its folded path.
 */
struct run_object {
	struct lutra_object object; /* mode: inode type only; addr: zero,
					       but where lutra_network_bit() */
	uint32_t path;		    /* number in run_names.paths, or RUN_NO_PATH */
};
_Static_assert(sizeof(struct run_object) == 28, "no padding: intern hashes its bytes");

#define RUN_NO_PATH UINT32_MAX
#define RUN_NOT_TRAINED SIZE_MAX

/* The numbers of the paths and objects of all runs. */
struct run_names {
	struct intern *paths;		/* folded; path_text_parse() reads them */
	struct intern *objects;		/* struct run_object */
	struct intern *programs;	/* folded paths of what containers began with */
	struct numbered_names numbered; /* directories that share a folded name */
	struct random_names random;	/* of the service in runs that are trained on */
	bool lib_digits; /* some path began with /lib64, /lib32 or /libx32, folded "/#" */
};

int run_names_init(struct run_names *n); /* Returns 0 or -ENOMEM. */
void run_names_done(struct run_names *n);

/*
 * Folds each component of a path. s: len bytes, without an empty component. out: room for len
 * bytes.
 * Returns the bytes written, without NUL.
 */
size_t run_fold_path(const char *s, size_t len, char *out);

/* Copies object i. */
void run_names_object(const struct run_names *n, uint32_t i, struct run_object *ret);

struct run_builder;

/*
 * Starts a run. names must outlive the builder. number: how many runs were trained on before, or
 * RUN_NOT_TRAINED. Returns 0 or -ENOMEM.
 */
int run_builder_new(struct run_builder **ret, struct run_names *names, size_t number);
void run_builder_free(struct run_builder *b);
DEFINE_FREEP(struct run_builder, run_builder_free);

/*
 * Adds a record of a trace. str (str_len): its string, or NULL.
 * Returns 0; -EINVAL if the record labels an attack or its type is unknown; -E2BIG if there are
 * more tasks, time, names or events than a run can hold; or -ENOMEM.
 */
int run_builder_add(struct run_builder *b, const struct lutra_record *rec, const char *str,
		    size_t str_len, struct err *err);

/*
 * Passes a record of a task that the run leaves out: what the task did is not part of the run. That
 * the task lives, and which files it writes, counts for the other tasks. Returns as
 * run_builder_add().
 */
int run_builder_pass(struct run_builder *b, const struct lutra_record *rec, const char *str,
		     size_t str_len, struct err *err);

/*
 * Ends the run and moves it to *ret, for the caller to run_done(). The builder is used up.
 * Returns 0, -ENOMEM or -E2BIG.
 */
int run_builder_take(struct run_builder *b, struct run *ret);

#endif
