/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Baselines. Training reads the runs twice: to learn, on one thread; to calibrate, on all threads.
 */
#include "trainer/eval/detectors/baselines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "trainer/eval/detectors/syscall_iter.h"
#include "trainer/model/compute/pool.h"

#define FOREIGN (LUTRA_NR + 1) /* stands for system calls through a foreign entry */
#define SMOOTH (1. / 8)	       /* share of each new value in the smoothed surprise */

/* Baselines that count how many of a lineage's last n-grams were never seen. */
static const struct gram_kind {
	unsigned detector;
	size_t calls;	/* n */
	size_t from;	/* calls of a lineage from which on its n-grams count */
	unsigned frame; /* how many n-grams */
	bool is_bag;	/* the order of the calls does not count */
} kinds[BASELINES_GRAMS] = {
	{DETECTOR_NOVEL_CALL, 1, 1, 1, false},
	{DETECTOR_NOVEL_BIGRAM, 2, 1, 1, false},
	{DETECTOR_STIDE6, 6, 6, 20, false},
	{DETECTOR_BOSC, BASELINES_CALLS, BASELINES_CALLS, 100, true},
};

/* ---- the system calls of a lineage ---- */

static void push_syscall(struct syscall_history *h, uint32_t nr)
{
	memmove(h->call, h->call + 1, sizeof(h->call) - sizeof(h->call[0]));
	h->call[BASELINES_CALLS - 1] = (uint16_t)(nr < LUTRA_NR ? nr + 1 : FOREIGN);
	h->n++;
}

/* Returns the last n system calls, oldest first. */
static const uint16_t *last_syscalls(const struct syscall_history *h, size_t n)
{
	return h->call + BASELINES_CALLS - n;
}

/* Copies the last n-gram. The calls of a bag are sorted, by insertion. */
static void last_gram(const struct syscall_history *h, const struct gram_kind *k,
		      uint16_t ret[BASELINES_CALLS])
{
	const uint16_t *call = last_syscalls(h, k->calls);

	for (size_t i = 0; i < k->calls; i++) {
		size_t at = i;

		for (; k->is_bag && at > 0 && ret[at - 1] > call[i]; at--)
			ret[at] = ret[at - 1];
		ret[at] = call[i];
	}
}

/* Judges by all runs except one; model is theirs. */
static void score_baselines(const struct baselines *b, const struct witten_bell_model *model,
			    size_t without, struct syscall_history *h, uint32_t nr,
			    struct baseline_levels *ret)
{
	push_syscall(h, nr);
	for (size_t i = 0; i < BASELINES_GRAMS; i++) {
		const struct gram_kind *k = &kinds[i];
		uint16_t gram[BASELINES_CALLS];
		unsigned __int128 bits = h->unseen[i] << 1;

		last_gram(h, k, gram);
		if (h->n >= k->from)
			bits |= !ngrams_known(&b->grams, gram, k->calls * sizeof(*gram), without);
		bits &= ((unsigned __int128)1 << k->frame) - 1;
		h->unseen[i] = bits;
		ret->level[k->detector] = __builtin_popcountll((uint64_t)bits) +
					  __builtin_popcountll((uint64_t)(bits >> 64));
	}
	/* witten_bell5 */
	h->surprise +=
		(witten_bell_surprise(model, last_syscalls(h, WITTEN_BELL_ORDER)) - h->surprise) *
		SMOOTH;
	ret->level[DETECTOR_WITTEN_BELL5] = h->surprise;
}

void baselines_score(const struct baselines *b, struct syscall_history *h, uint32_t nr,
		     struct baseline_levels *ret)
{
	score_baselines(b, b->model, NGRAMS_ALL, h, nr, ret);
}

/* ---- training ---- */

static int learn_syscall(struct baselines *b, struct syscall_history *h, uint32_t nr, size_t run)
{
	uint16_t gram[BASELINES_CALLS];
	int r = 0;

	push_syscall(h, nr);
	for (const struct gram_kind *k = kinds; r == 0 && k < kinds + BASELINES_GRAMS; k++) {
		last_gram(h, k, gram);
		if (h->n >= k->from)
			r = ngrams_add(&b->grams, gram, k->calls * sizeof(*gram), run);
	}
	return r < 0 ? r : witten_bell_add(&b->wb, last_syscalls(h, WITTEN_BELL_ORDER), run, 1);
}

/* One pass over a run: learns from it, or finds its highest levels by a model. */
struct baseline_pass {
	struct baselines *b;
	size_t run;			       /* the run, to learn; else one to leave out */
	const struct witten_bell_model *model; /* NULL: learn */
	double max[DETECTOR_COUNT];
};

static int take_record(void *ctx, void *entry, const struct lutra_record *rec)
{
	struct baseline_pass *p = ctx;
	struct baseline_levels x;

	if (rec->type != LUTRA_RECORD_SYSCALL)
		return 0;
	if (!p->model)
		return learn_syscall(p->b, entry, rec->nr, p->run);
	score_baselines(p->b, p->model, p->run, entry, rec->nr, &x);
	for (unsigned i = DETECTOR_NOVEL_CALL; i <= DETECTOR_WITTEN_BELL5; i++)
		p->max[i] = x.level[i] > p->max[i] ? x.level[i] : p->max[i];
	return 0;
}

static int pass_run(struct baseline_pass *p, const char *file, struct err *err)
{
	struct syscall_iter e = {{.size = sizeof(struct syscall_history)}, take_record, p};

	return syscall_iter_run(&e, file, err);
}

/* Calibration, a piece of work for each run. */
struct baseline_job {
	struct baselines *b;
	const char *const *files;
	struct baseline_pass *pass; /* (n) */
	size_t n;
};

static int calibrate_on_run(void *ctx, size_t i, struct err *err)
{
	struct baseline_job *c = ctx;
	_cleanup_(witten_bell_model_freep) struct witten_bell_model *model = NULL;
	/* A single run has no others: it is judged by itself. */
	size_t without = c->n > 1 ? i : NGRAMS_ALL;
	int r = witten_bell_model_new(&model, &c->b->wb, without);

	c->pass[i] = (struct baseline_pass){.b = c->b, .run = without, .model = model};
	return r < 0 ? r : pass_run(&c->pass[i], c->files[i], err);
}

static int calibrate_baselines(struct baselines *b, const char *const *files, size_t n,
			       unsigned threads, struct err *err)
{
	_cleanup_free_ struct baseline_pass *pass = calloc(n + 1, sizeof(*pass));
	struct baseline_job c = {b, files, pass, n};
	int r;

	if (!pass)
		return err_oom(err);
	r = pool_run(threads, calibrate_on_run, &c, n, err);
	for (size_t i = 0; i < n; i++)
		for (unsigned k = DETECTOR_BOSC; k <= DETECTOR_WITTEN_BELL5; k++)
			b->threshold[k] = fmax(b->threshold[k], BASELINES_MARGIN * pass[i].max[k]);
	return r;
}

void baselines_done(struct baselines *b)
{
	ngrams_done(&b->grams);
	witten_bell_model_free(b->model);
	witten_bell_done(&b->wb);
	memset(b, 0, sizeof(*b));
}

int baselines_train(struct baselines *ret, const char *const *files, size_t n, unsigned threads,
		    struct err *err)
{
	int r;

	memset(ret, 0, sizeof(*ret));
	if (ngrams_init(&ret->grams) < 0 || witten_bell_init(&ret->wb, n) < 0)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		struct baseline_pass p = {.b = ret, .run = i};

		r = pass_run(&p, files[i], err);
		if (r < 0)
			return r;
	}
	r = witten_bell_model_new(&ret->model, &ret->wb, NGRAMS_ALL);
	if (r < 0)
		return err_oom(err);
	return calibrate_baselines(ret, files, n, threads, err);
}
