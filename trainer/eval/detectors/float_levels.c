/* SPDX-License-Identifier: Apache-2.0 */
/* Levels in floating point. */
#include "trainer/eval/detectors/float_levels.h"

#include <errno.h>
#include <string.h>

#include "lutra/score.h"
#include "trainer/eval/detectors/syscall_iter.h"
#include "trainer/rules/calibrate.h"

#define SMOOTH 8    /* calls, of a gated level */
#define UNITS 4096. /* of the product's A, to one of weight */

void floats_done(struct floats *f)
{
	free(f->image);
	for (unsigned i = 0; i < MODEL_LEVELS; i++)
		free(f->weight[i]);
	memset(f, 0, sizeof(*f));
}

void floats_init(const struct floats *f, struct float_state *s)
{
	memset(s, 0, sizeof(*s));
	lutra_state_init(&s->state, f->image);
}

void floats_step(const struct floats *f, struct float_state *s, struct lutra_seen *seen,
		 uint32_t nr)
{
	uint8_t tok = lutra_token(f->image, s->state.role, nr), w[3] = {0};
	struct lutra_pairs x;
	double sum = 0;

	lutra_pairs(&s->state, f->image, tok, &x);
	if (f->gated)
		lutra_claim(seen, &x, w);
	sum += w[0] || !f->gated ? f->weight[0][x.i0] : 0;
	sum += w[1] || !f->gated ? f->weight[1][x.i1] : 0;
	sum += w[2] || !f->gated ? f->weight[2][x.i2] : 0;
	s->n++;
	if (f->gated)
		s->level += (sum - s->level) / SMOOTH;
	else
		s->level += (sum - s->level) / (s->n < FLOATS_MEAN ? s->n : FLOATS_MEAN);
	lutra_level(&s->state, &x, w, tok);
	lutra_steady(&s->state, f->image, nr);
}

bool floats_alarm(const struct floats *f, const struct float_state *s)
{
	return s->level > f->threshold && (f->gated || s->n >= FLOATS_MEAN);
}

/* The floats of all runs but one. */
static int weigh(struct floats *f, const struct floats_source *src, size_t without)
{
	struct model_weighing w = {src->counts, src->n, without, src->gated};
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = policy_new(&p);

	f->gated = src->gated;
	f->image = calloc(1, sizeof(*f->image));
	if (r < 0 || !f->image)
		return -ENOMEM;
	r = model_policy(src->model, src->counts, src->n, without, p);
	if (r == 0)
		r = policy_image(p, 1, f->image, NULL);
	return r < 0 ? r : model_weights(src->model, &w, f->weight);
}

/* A training run replayed. */
struct replayed {
	struct floats by; /* what the other runs taught */
	struct lutra_seen *seen;
	double max;
	struct err err;
	int r;
};

static void init(const void *ctx, void *entry)
{
	floats_init(&((const struct replayed *)ctx)->by, entry);
}

static int step(void *ctx, void *entry, const struct lutra_record *rec)
{
	struct replayed *x = ctx;
	struct float_state *s = entry;

	if (rec->type == LUTRA_REC_EXEC) {
		lutra_state_exec(&s->state);
		return 0;
	}
	floats_step(&x->by, s, x->seen, rec->nr);
	if (floats_alarm(&x->by, s))
		x->max = s->level > x->max ? s->level : x->max;
	return 0;
}

struct job {
	const struct floats_source *src;
	struct replayed *replayed; /* (src->n) */
};

static void replay_run(void *ctx, size_t i)
{
	struct job *j = ctx;
	struct replayed *x = &j->replayed[i];
	struct each e = {{sizeof(struct float_state), init, x}, step, x};

	x->seen = calloc(1, sizeof(*x->seen));
	/* One run alone has no others: it judges itself. */
	x->r = x->seen ? weigh(&x->by, j->src, j->src->n > 1 ? i : MODEL_NO_RUN) : -ENOMEM;
	if (x->r == 0)
		x->r = each_call(&e, j->src->files[i], &x->err);
	free(x->seen);
	floats_done(&x->by);
}

int floats_train(struct floats *ret, const struct floats_source *src, struct pool *pool,
		 struct err *err)
{
	_cleanup_free_ struct replayed *replayed = calloc(src->n, sizeof(*replayed));
	struct job j = {src, replayed};
	double max = 0;
	int r = replayed ? weigh(ret, src, MODEL_NO_RUN) : -ENOMEM;

	if (r < 0)
		return err_set(err, r, "out of memory");
	pool_run(pool, replay_run, &j, src->n);
	for (size_t i = 0; i < src->n; i++) {
		const struct replayed *x = &replayed[i];

		if (x->r < 0)
			return err_set(err, x->r, "%s",
				       x->err.msg[0] ? x->err.msg : strerror(-x->r));
		max = x->max > max ? x->max : max;
	}
	ret->threshold = CALIBRATE_MARGIN_A * max;
	if (src->gated && ret->threshold < CALIBRATE_FLOOR_A / UNITS)
		ret->threshold = CALIBRATE_FLOOR_A / UNITS;
	return 0;
}
