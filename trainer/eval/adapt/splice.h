/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Adaptive attacks that are spliced from what a service is known to do. Each does the steps of a goal by
 * system calls, files and peers of the training runs, and puts as few other known events between them as
 * it takes to keep every n-gram known.
 */
#ifndef LUTRA_TRAINER_EVAL_ADAPT_SPLICE_H
#define LUTRA_TRAINER_EVAL_ADAPT_SPLICE_H

#include "trainer/eval/adapt/attack_starts.h"
#include "trainer/eval/adapt/gram_graph.h"
#include "trainer/model/compute/num.h"

enum splice_goal {
	SPLICE_EXFIL,	  /* 3 times: open a secret, read, send, close */
	SPLICE_MASS,	  /* 40 times: open a data file, read, send, close */
	SPLICE_OVERWRITE, /* 10 times: open for writing, or replace; write; close */
	SPLICE_RESIDENT,  /* connect to a known peer; 30 times: wait, receive, send */
	SPLICE_GOALS
};

#define SPLICE_ORDERS 7	   /* 1, 2, 3, 4, 6 system calls; 2, 4 macro events */
#define SPLICE_DILUTIONS 4 /* 0, 1, 3, 10 copied calls for one of the attack */

/* What an attack is. */
struct splice_plan {
	uint8_t goal;	  /* enum splice_goal */
	uint8_t order;	  /* below SPLICE_ORDERS */
	uint8_t dilution; /* below SPLICE_DILUTIONS */
};

const char *splice_goal_name(unsigned goal);   /* exfil, mass, overwrite, resident */
const char *splice_order_name(unsigned order); /* 1, 2, 3, 4, 6, m2, m4 */
unsigned splice_dilution_calls(unsigned dilution);

/* What attacks are made of. */
struct splice_source {
	const struct known_runs *known;
	struct gram_graph graphs[SPLICE_ORDERS];
};

/*
 * Builds the graphs of all orders on threads. known must outlive the source. The caller calls
 * splice_source_done(), also after a failure. Returns 0 or an error of gram_graph_init().
 */
int splice_source_init(struct splice_source *s, const struct known_runs *known, uint64_t seed,
		       unsigned threads, struct err *err);
void splice_source_done(struct splice_source *s);

/* A macro event of an attack. */
struct splice_item {
	uint32_t macro;
	bool payload; /* it does a step of the goal */
};

struct splice {
	struct splice_item *items; /* (n) */
	size_t n, items_size;
};

/* Frees what the splice owns and zeroes it. */
void splice_done(struct splice *s);

/*
 * Makes an attack that begins after a start. ret must be zeroed.
 * Returns 1; 0 if the goal cannot be reached from there; or -ENOMEM.
 */
int splice_make(const struct splice_source *src, const struct splice_plan *plan,
		const struct attack_start *start, struct rng *rng, struct splice *ret);

#endif
