/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines. Training reads the runs twice: to learn, on one thread; to calibrate, on all threads.
 */
#include "trainer/eval/detectors/baselines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval/detectors/syscall_iter.h"

#define FOREIGN (LUTRA_NR + 1) /* stands for system calls through a foreign entry */
#define SMOOTH (1. / 8)	       /* share of each new value in the smoothed surprise */

/* What judges: all runs, or all except one. */
struct baseline_judge {
	const struct baselines *b;
	const struct witten_bell_model *model;
	size_t without;
};

/* ---- the system calls of a lineage ---- */

static void push_syscall(struct syscall_history *h, uint32_t nr)
{
	memmove(h->call, h->call + 1, sizeof(h->call) - sizeof(h->call[0]));
	h->call[BAG_CALLS - 1] = (uint16_t)(nr < LUTRA_NR ? nr + 1 : FOREIGN);
	h->n++;
}

/* Returns the last n system calls, oldest first. */
static const uint16_t *last_syscalls(const struct syscall_history *h, size_t n)
{
	return h->call + BAG_CALLS - n;
}

/* Sorts the last system calls, by insertion. */
static void sort_bag(const struct syscall_history *h, uint16_t ret[BAG_CALLS])
{
	for (size_t i = 0; i < BAG_CALLS; i++) {
		size_t at = i;

		for (; at > 0 && ret[at - 1] > h->call[i]; at--)
			ret[at] = ret[at - 1];
		ret[at] = h->call[i];
	}
}

static void score_syscall(const struct baseline_judge *j, struct syscall_history *h, uint32_t nr,
			  struct baseline_levels *ret)
{
	const struct baselines *b = j->b;
	uint16_t bag[BAG_CALLS];
	bool known = true;

	push_syscall(h, nr);
	/* novel_call, novel_bigram: 1 if never seen */
	ret->level[DETECTOR_NOVEL_CALL] =
		!ngrams_known(&b->calls, last_syscalls(h, 1), 2, j->without);
	ret->level[DETECTOR_NOVEL_BIGRAM] =
		!ngrams_known(&b->pairs, last_syscalls(h, 2), 4, j->without);
	/* stide6: count the sequences of the frame that were never seen */
	if (h->n >= STIDE_CALLS)
		known = ngrams_known(&b->windows, last_syscalls(h, STIDE_CALLS), 2 * STIDE_CALLS,
				     j->without);
	h->windows = (h->windows << 1 | !known) & ((1u << STIDE_FRAME) - 1);
	ret->level[DETECTOR_STIDE6] = __builtin_popcount(h->windows);
	/* bosc: count the bags of the frame that were never seen; 100 bits in two words */
	known = true;
	if (h->n >= BAG_CALLS) {
		sort_bag(h, bag);
		known = ngrams_known(&b->bags, bag, sizeof(bag), j->without);
	}
	h->bags[1] = (h->bags[1] << 1 | h->bags[0] >> 63) & ((1ull << (BAG_FRAME - 64)) - 1);
	h->bags[0] = h->bags[0] << 1 | !known;
	ret->level[DETECTOR_BOSC] =
		__builtin_popcountll(h->bags[0]) + __builtin_popcountll(h->bags[1]);
	/* witten_bell5 */
	h->surprise += (witten_bell_surprise(j->model, last_syscalls(h, WITTEN_BELL_ORDER)) -
			h->surprise) *
		       SMOOTH;
	ret->level[DETECTOR_WITTEN_BELL5] = h->surprise;
}

void baselines_score(const struct baselines *b, struct syscall_history *h, uint32_t nr,
		     struct baseline_levels *ret)
{
	struct baseline_judge j = {b, b->model, NGRAMS_ALL};

	score_syscall(&j, h, nr, ret);
}

/* ---- training ---- */

static int learn_syscall(struct baselines *b, struct syscall_history *h, uint32_t nr, size_t run)
{
	uint16_t bag[BAG_CALLS];
	int r;

	push_syscall(h, nr);
	r = ngrams_add(&b->calls, last_syscalls(h, 1), 2, run);
	if (r == 0)
		r = ngrams_add(&b->pairs, last_syscalls(h, 2), 4, run);
	if (r == 0 && h->n >= STIDE_CALLS)
		r = ngrams_add(&b->windows, last_syscalls(h, STIDE_CALLS), 2 * STIDE_CALLS, run);
	if (r == 0 && h->n >= BAG_CALLS) {
		sort_bag(h, bag);
		r = ngrams_add(&b->bags, bag, sizeof(bag), run);
	}
	return r < 0 ? r : witten_bell_add(b->wb, last_syscalls(h, WITTEN_BELL_ORDER), run);
}

/* One pass over a run: learns from it, or, if learn is NULL, finds its highest levels. */
struct baseline_pass {
	struct baselines *learn;
	size_t run;
	const struct baseline_judge *judge;
	double max[DETECTOR_NAMED];
};

static int pass_record(void *ctx, void *entry, const struct lutra_record *rec)
{
	struct baseline_pass *p = ctx;
	struct baseline_levels x;

	if (rec->type != LUTRA_RECORD_SYSCALL)
		return 0;
	if (p->learn)
		return learn_syscall(p->learn, entry, rec->nr, p->run);
	score_syscall(p->judge, entry, rec->nr, &x);
	for (unsigned i = DETECTOR_NOVEL_CALL; i <= DETECTOR_WITTEN_BELL5; i++)
		p->max[i] = x.level[i] > p->max[i] ? x.level[i] : p->max[i];
	return 0;
}

static int pass_run(struct baseline_pass *p, const char *file, struct err *err)
{
	struct syscall_iter e = {{.size = sizeof(struct syscall_history)}, pass_record, p};

	return syscall_iter_run(&e, file, err);
}

/* Calibration, a piece of work for each run. */
struct baseline_job {
	const struct baselines *b;
	const char *const *files;
	struct baseline_pass *pass; /* (n) */
	struct err *err;	    /* (n) */
	int *r;			    /* (n) */
	size_t n;
};

static void calibrate_on_run(void *ctx, size_t i)
{
	struct baseline_job *c = ctx;
	_cleanup_(witten_bell_model_freep) struct witten_bell_model *model = NULL;
	/* A single run has no others: it is judged by itself. */
	struct baseline_judge j = {c->b, NULL, c->n > 1 ? i : NGRAMS_ALL};

	c->r[i] = witten_bell_model_new(&model, c->b->wb, j.without);
	if (c->r[i] < 0)
		return;
	j.model = model;
	c->pass[i].judge = &j;
	c->r[i] = pass_run(&c->pass[i], c->files[i], &c->err[i]);
}

static int calibrate_baselines(struct baselines *b, const char *const *files, size_t n,
			       struct pool *pool, struct err *err)
{
	_cleanup_free_ struct baseline_pass *pass = calloc(n + 1, sizeof(*pass));
	_cleanup_free_ struct err *errs = calloc(n + 1, sizeof(*errs));
	_cleanup_free_ int *codes = calloc(n + 1, sizeof(*codes));
	struct baseline_job c = {b, files, pass, errs, codes, n};

	if (!pass || !errs || !codes)
		return err_oom(err);
	pool_run(pool, calibrate_on_run, &c, n);
	for (size_t i = 0; i < n; i++) {
		if (codes[i] < 0)
			return err_set(err, codes[i], "%s",
				       errs[i].msg[0] ? errs[i].msg : strerror(-codes[i]));
		for (unsigned k = DETECTOR_BOSC; k <= DETECTOR_WITTEN_BELL5; k++) {
			double th = BASELINES_MARGIN * pass[i].max[k];

			b->threshold[k] = th > b->threshold[k] ? th : b->threshold[k];
		}
	}
	return 0;
}

void baselines_done(struct baselines *b)
{
	ngrams_done(&b->calls);
	ngrams_done(&b->pairs);
	ngrams_done(&b->bags);
	ngrams_done(&b->windows);
	witten_bell_model_free(b->model);
	witten_bell_free(b->wb);
	memset(b, 0, sizeof(*b));
}

int baselines_train(struct baselines *ret, const char *const *files, size_t n, struct pool *pool,
		    struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (ngrams_init(&ret->calls) < 0 || ngrams_init(&ret->pairs) < 0 ||
	    ngrams_init(&ret->bags) < 0 || ngrams_init(&ret->windows) < 0 ||
	    witten_bell_new(&ret->wb, n) < 0)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		struct baseline_pass p = {.learn = ret, .run = i};

		r = pass_run(&p, files[i], err);
		if (r < 0)
			return r;
	}
	r = witten_bell_model_new(&ret->model, ret->wb, NGRAMS_ALL);
	if (r < 0)
		return err_oom(err);
	return calibrate_baselines(ret, files, n, pool, err);
}
