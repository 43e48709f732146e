/* SPDX-License-Identifier: Apache-2.0 */
/* Runs made record by record, for the tests of the trainer. Errors end the test. */
#ifndef LUTRA_TESTS_SUPPORT_TRAINER_MADE_RUN_H
#define LUTRA_TESTS_SUPPORT_TRAINER_MADE_RUN_H

#include "lutra/verdict.h"
#include "lib/policy/policy.h"
#include "trainer/data/corpus.h"

#define MADE_OPS                                                                                   \
	(1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_MAPX)
#define MADE_STEP_NS 1000000 /* between two records */

/* A run under construction. */
struct made_run {
	struct corpus *corpus;
	struct run_builder *b;
	uint64_t ts_ns;
};

/* The fixture of a test that needs a corpus alone. */
int made_corpus_setup(void **state);
int made_corpus_teardown(void **state);

struct made_run made_run_new(struct corpus *c);

/* Adds a record with a time of its own. Returns what run_builder_add() returns. path may be NULL. */
int made_run_record(struct made_run *m, struct lutra_record rec, const char *path);

void made_run_syscall(struct made_run *m, uint32_t tid, unsigned nr);
/* type: LUTRA_RECORD_ARM, LUTRA_RECORD_FORK and so on. */
void made_run_task(struct made_run *m, uint32_t tid, unsigned type, uint64_t arg);
void made_run_object(struct made_run *m, uint32_t tid, struct lutra_object o, const char *path);
void made_run_open(struct made_run *m, uint32_t tid, const char *path, bool write);

/* Adds the run to the corpus, which owns it then. */
void made_run_end(struct made_run *m, const char *file, bool heldout);

/*
 * Adds the run of a small service. It starts, accepts, and answers `requests` requests: each a read,
 * an open of a page, a write and a close. seed varies the pages, and a system call now and then.
 */
void made_run_service(struct corpus *c, const char *file, unsigned seed, unsigned requests);

/* Adds four runs. The last one makes two calls and opens a file that no other does, twice, 2 s apart. */
void made_run_odd_one_out(struct corpus *c);

/*
 * Returns a policy in which accept ends the start-up, and nothing else does. It has all operations. The
 * caller frees it.
 */
struct lutra_policy *made_run_roles(void);

/* Trains a policy of the runs, saves it and loads it again. The caller frees it. */
struct policy *made_run_train(const struct corpus *c, uint64_t seed, unsigned threads);

#endif
