/* SPDX-License-Identifier: Apache-2.0 */
/* Float levels: scoring, and training with leave-one-run-out thresholds on all threads. */
#include "trainer/eval/detectors/float_levels.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lutra/score.h"
#include "trainer/eval/detectors/baselines.h"
#include "trainer/eval/detectors/syscall_iter.h"
#include "trainer/model/compute/pool.h"
#include "trainer/rules/calibration/calibrate.h"

#define SMOOTH 8    /* a gated level moves by 1/8 of the distance to each new value */
#define UNITS 4096. /* of the scorer's A in one unit of weight */

void float_levels_done(struct float_levels *f)
{
	free(f->image);
	for (unsigned i = 0; i < MODEL_LAYERS; i++)
		free(f->weight[i]);
	memset(f, 0, sizeof(*f));
}

void float_levels_init(const struct float_levels *f, struct float_state *s)
{
	memset(s, 0, sizeof(*s));
	lutra_state_init(&s->state, f->image);
}

void float_levels_arm(const struct float_levels *f, struct float_state *s,
		      const struct lutra_record *arm)
{
	if (f->gated)
		lutra_state_begin(&s->state, f->image, arm->nr, arm->arg, arm->aux);
}

void float_levels_score(const struct float_levels *f, struct float_state *s,
			uint8_t *process_steady, struct lutra_seen *seen, uint32_t nr)
{
	struct lutra_syscall_score score;
	const uint8_t *w = score.weight;
	double sum = 0;

	lutra_role_follow(&s->state, f->image, process_steady && *process_steady);
	lutra_score_syscall(&s->state, f->image, nr, f->gated ? lutra_claim_seen : NULL, seen,
			    &score);
	sum += w[0] || !f->gated ? f->weight[0][score.pairs.i0] : 0;
	sum += w[1] || !f->gated ? f->weight[1][score.pairs.i1] : 0;
	sum += w[2] || !f->gated ? f->weight[2][score.pairs.i2] : 0;
	s->n++;
	if (f->gated)
		s->level += (sum - s->level) / SMOOTH;
	else
		s->level +=
			(sum - s->level) / (s->n < FLOAT_LEVELS_MEAN ? s->n : FLOAT_LEVELS_MEAN);
	if (lutra_role_steady(&s->state, f->image, nr) && process_steady)
		*process_steady = 1;
}

bool float_levels_is_alarm(const struct float_levels *f, const struct float_state *s)
{
	return s->level > f->threshold && (f->gated || s->n >= FLOAT_LEVELS_MEAN);
}

/* Sets image and weights from the counts of all runs except one. */
static int make_float_weights(struct float_levels *f, const struct float_levels_source *src,
			      size_t without)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = policy_new(&p);

	f->gated = src->gated;
	f->image = calloc(1, sizeof(*f->image));
	if (r < 0 || !f->image)
		return -ENOMEM;
	r = model_policy(src->model, without, p);
	if (r == 0)
		r = policy_to_kernel(p, 1, f->image, NULL);
	return r < 0 ? r : model_weights(src->model, without, src->gated, f->weight);
}

/* A training run that is replayed. */
struct float_replay {
	struct float_levels by; /* of the other runs */
	struct lutra_seen *seen;
	double max;
};

static void init_float_state(const void *ctx, void *entry)
{
	float_levels_init(&((const struct float_replay *)ctx)->by, entry);
}

static int score_replayed(void *ctx, void *entry, const struct lutra_record *rec)
{
	struct float_replay *x = ctx;
	struct float_state *s = entry;

	switch (rec->type) {
	case LUTRA_RECORD_ARM:
		float_levels_arm(&x->by, s, rec);
		return 0;
	case LUTRA_RECORD_FORK:
		lutra_state_fork(&s->state);
		return 0;
	case LUTRA_RECORD_EXEC:
		lutra_state_exec(&s->state, x->by.image, tasks_process(entry)->again);
		return 0;
	default:
		break;
	}
	float_levels_score(&x->by, s, &tasks_process(entry)->steady, x->seen, rec->nr);
	if (float_levels_is_alarm(&x->by, s))
		x->max = s->level > x->max ? s->level : x->max;
	return 0;
}

struct float_job {
	const struct float_levels_source *src;
	double *max; /* (n_runs) */
};

static int replay_training_run(void *ctx, size_t i, struct err *err)
{
	const struct float_job *j = ctx;
	_cleanup_free_ struct lutra_seen *seen = calloc(1, sizeof(*seen));
	struct float_replay x = {.seen = seen};
	struct syscall_iter e = {
		{sizeof(struct float_state), init_float_state, &x}, score_replayed, &x};
	/* A single run has no others: it is judged by itself. */
	size_t without = j->src->model->corpus->n_runs > 1 ? i : MODEL_NO_RUN;
	int r = seen ? make_float_weights(&x.by, j->src, without) : -ENOMEM;

	if (r == 0)
		r = syscall_iter_run(&e, j->src->files[i], err);
	j->max[i] = x.max;
	float_levels_done(&x.by);
	return r;
}

int float_levels_train(struct float_levels *ret, const struct float_levels_source *src,
		       unsigned threads, struct err *err)
{
	size_t n = src->model->corpus->n_runs;
	_cleanup_free_ double *max = calloc(n, sizeof(*max));
	struct float_job j = {src, max};
	int r = max ? make_float_weights(ret, src, MODEL_NO_RUN) : -ENOMEM;

	if (r < 0)
		return err_oom(err);
	r = pool_run(threads, replay_training_run, &j, n, err);
	for (size_t i = 0; i < n; i++)
		ret->threshold =
			fmax(ret->threshold,
			     (src->gated ? CALIBRATE_MARGIN_A : BASELINES_MARGIN) * max[i]);
	if (src->gated)
		ret->threshold = fmax(ret->threshold, CALIBRATE_FLOOR_A / UNITS);
	return r;
}
