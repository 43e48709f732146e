/* SPDX-License-Identifier: Apache-2.0 */
/* Workers of the test of the task cache, and the memory by which they and the test keep step. */
#ifndef LUTRA_TESTS_SUPPORT_BPF_CACHES_TASK_CACHE_WORKERS_H
#define LUTRA_TESTS_SUPPORT_BPF_CACHES_TASK_CACHE_WORKERS_H

#include <stdatomic.h>

#include "tests/support/bpf/test_program.h"

#define NOVEL SYS_getpgid /* harmless, and made by no other code of the workers */
#define CROWD_MAX 1000
#define OWN_CALLS (2 * LUTRA_HISTORY)
#define CROWD_NOVEL 5 /* novel calls of one in ten of a crowd */

/* What the test and its workers both see. */
struct shared_memory {
	atomic_uint ready, go;
	unsigned n;
	bool tasks; /* pid[] are processes, each with a role by its number */
	pid_t pid[CROWD_MAX];
};

extern struct shared_memory *shared;
extern const char *shared_arg; /* the worker's argument: a descriptor of the memory */

/* Maps the memory behind a descriptor. Returns NULL on failure. */
struct shared_memory *shared_map(int fd);

/* Makes two novel calls. Returns 0. */
int make_novel_calls(void);

/* A member of a crowd makes one of these calls, by its number, so that its history is its own. */
extern const unsigned own_call[4];

/*
 * novel: two novel calls · crowd, threads: shared->n processes or threads at once · leader: a leader
 * that ends before its threads · late: the same, its threads older than the enrolment · short-lives:
 * shared->n children one after the other · words: a novel call at each step of the test
 */
extern const struct worker workers[7];

#endif
