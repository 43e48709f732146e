/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What training leaves out of the runs. It leaves out the tasks that did something unusual, from the
 * first unusual event of their lineage on. It leaves out exec sessions too, except those that repeat:
 * sessions of at least half of the runs did all that such a session does. An update leaves out all
 * sessions, because the policy knows already those that repeat.
 */
#ifndef LUTRA_TRAINER_DATA_LEFT_OUT_H
#define LUTRA_TRAINER_DATA_LEFT_OUT_H

#include "lib/base/err.h"
#include "lib/policy/policy.h"

/* A task by its number, see task_numbers.h. */
struct left_out_task {
	uint32_t number;
	uint64_t from_ns;
};

struct left_out_run {
	char *path;
	struct left_out_task *tasks; /* (n_tasks), by number */
	size_t n_tasks;
	uint32_t lineages; /* that did something unusual */
	uint32_t sessions; /* exec sessions that are left out */
};

struct left_out {
	struct left_out_run *runs;
	size_t n_runs;
};

struct left_out_options {
	bool is_update; /* a policy is updated: no exec session is kept */
	/* The runs are judged by this policy too, not by their marks alone; NULL: by the marks. */
	const struct policy *judge;
};

/*
 * Finds what to leave out of traces. path: (n). *ret is the caller's to left_out_done(), also after a
 * failure. Errors as lineages_read().
 */
int left_out_find(struct left_out *ret, const char *const *path, size_t n,
		  const struct left_out_options *options, struct err *err);
void left_out_done(struct left_out *l);

/* Returns what is left out of a trace; NULL: it is not among those that were read. */
const struct left_out_run *left_out_of(const struct left_out *l, const char *path);

/* Goes through a trace again and tells which records are left out. */
struct left_out_filter;

/* run must outlive the filter. Returns 0 or -ENOMEM. */
int left_out_filter_new(struct left_out_filter **ret, const struct left_out_run *run);
void left_out_filter_free(struct left_out_filter *f);
DEFINE_FREEP(struct left_out_filter, left_out_filter_free);

/* Takes the next record. Returns 1: it is left out. 0: it is not. -ENOMEM; -ENOSPC. */
int left_out_filter_step(struct left_out_filter *f, const struct lutra_record *rec);

#endif
