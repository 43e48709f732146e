/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a recorded run is known to be: benign or an attack, and when.
 *
 * A labelled attack is the root task from the onset on and every task forked from it afterwards,
 * until 1.5 s after the attack's end. Root task 0 stands for all tasks of the container. The time
 * before the onset, less 100 ms, is benign. A run given as an attack without a label is one from
 * its first record to its last.
 */
#ifndef LUTRA_TRAINER_EVAL_RUN_LABELS_H
#define LUTRA_TRAINER_EVAL_RUN_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define LABELS_ALL_TASKS 0 /* root of an attack that all tasks of the container belong to */
#define HARM_LABELS_MAX 4096

enum run_kind { RUN_KIND_NORMAL, RUN_KIND_ATTACK, RUN_KIND_ADAPTIVE, RUN_KINDS };

/* A system call that does the attack's harm. */
struct harm_label {
	uint64_t ns;
	char name[32];
	bool counts; /* a detector could stop it in time */
};

/* Times in ns, CLOCK_MONOTONIC. Of a recorded run, written by run_labels_read() alone. */
struct run_labels {
	enum run_kind kind;
	bool labelled;
	uint64_t start_ns, stop_ns; /* first and last record */
	uint64_t onset_ns;	    /* of the attack; UINT64_MAX in a benign run */
	uint64_t end_ns;	    /* of the attack, with the 1.5 s; UINT64_MAX: no label */
	uint32_t root; /* thread that begins a labelled attack; LABELS_ALL_TASKS: every task does */
	struct harm_label harm[HARM_LABELS_MAX];
	size_t n_harm;
};

/* The names of enum run_kind. */
extern const char *const run_kind_names[RUN_KINDS];

/*
 * Reads the labels of a trace. kind: what the user gave it as.
 * Returns 0, -EINVAL if the trace has a labelled attack but is given as normal, or an error of
 * trace_reader_new() or trace_reader_next().
 */
int run_labels_read(struct run_labels *ret, const char *file, enum run_kind kind, struct err *err);

/* Returns true if the moment is in benign time. */
bool run_labels_is_benign(const struct run_labels *l, uint64_t ts_ns);

/* Returns how long the benign time is. */
double run_labels_benign_hours(const struct run_labels *l);

#endif
