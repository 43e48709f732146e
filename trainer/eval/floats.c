/* SPDX-License-Identifier: Apache-2.0 */
/* Levels in floating point. */
#include "trainer/eval/floats.h"

#include <errno.h>
#include <string.h>

#include "lutra/score.h"
#include "trainer/eval/each.h"
#include "trainer/rules/calibrate.h"

#define SMOOTH (1. / 8)
#define UNITS 4096. /* of the product's A, to one of weight */

void floats_done(struct floats *f)
{
	free(f->image);
	for (unsigned i = 0; i < MODEL_LEVELS; i++) {
		free(f->error[i]);
		free(f->weight[i]);
	}
	memset(f, 0, sizeof(*f));
}

void floats_init(const struct floats *f, struct float_state *s)
{
	memset(s, 0, sizeof(*s));
	lutra_state_init(&s->state, f->image);
}

static double mean_error(struct float_state *s, double error)
{
	uint32_t at = s->n & (FLOATS_MEAN - 1);

	s->sum += error - (s->n < FLOATS_MEAN ? 0 : s->error[at]);
	s->error[at] = (float)error;
	s->n++;
	return s->sum / (s->n < FLOATS_MEAN ? s->n : FLOATS_MEAN);
}

double floats_step(const struct floats *f, struct float_state *s, struct lutra_seen *seen,
		   uint32_t nr)
{
	uint8_t tok = lutra_token(f->image, s->state.role, nr), w[3];
	struct lutra_pairs x;
	double sum = 0, error = 0;

	lutra_pairs(&s->state, f->image, tok, &x);
	lutra_claim(seen, &x, w);
	sum += w[0] ? f->weight[0][x.i0] : 0;
	sum += w[1] ? f->weight[1][x.i1] : 0;
	sum += w[2] ? f->weight[2][x.i2] : 0;
	if (f->error[0])
		error = f->error[0][x.i0] + f->error[1][x.i1] + f->error[2][x.i2];
	s->a += (sum - s->a) * SMOOTH;
	lutra_level(&s->state, &x, w, tok);
	lutra_steady(&s->state, f->image, nr);
	return mean_error(s, error);
}

/* The floats of all runs but one. */
static int weigh(struct floats *f, const struct floats_source *src, size_t without)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	int r = policy_new(&p);

	f->image = calloc(1, sizeof(*f->image));
	if (r < 0 || !f->image)
		return -ENOMEM;
	r = model_policy(src->model, src->counts, src->n, without, p);
	if (r == 0)
		r = policy_image(p, 1, f->image, NULL);
	return r < 0 ? r : model_weights(src->model, src->counts, src->n, without, f->weight);
}

/* A training run replayed. */
struct replayed {
	const struct floats *f;
	struct lutra_seen *seen;
	double max_a, max_error;
	struct err err;
	int r;
};

static void init(const void *ctx, void *entry)
{
	floats_init(ctx, entry);
}

static int step(void *ctx, void *entry, const struct lutra_record *rec)
{
	struct replayed *x = ctx;
	struct float_state *s = entry;
	double error;

	if (rec->type == LUTRA_REC_EXEC) {
		lutra_state_exec(&s->state);
		return 0;
	}
	error = floats_step(x->f, s, x->seen, rec->nr);
	x->max_a = s->a > x->max_a ? s->a : x->max_a;
	x->max_error = error > x->max_error ? error : x->max_error;
	return 0;
}

struct job {
	const struct floats_source *src;
	const struct floats *full;
	struct replayed *replayed; /* (src->n) */
};

static void replay_run(void *ctx, size_t i)
{
	struct job *j = ctx;
	struct replayed *x = &j->replayed[i];
	_cleanup_free_ struct lutra_seen *seen = calloc(1, sizeof(*seen));
	_cleanup_(floats_done) struct floats without = {0};
	struct each e = {{sizeof(struct float_state), init, &without}, step, x};

	x->f = &without;
	x->seen = seen;
	x->r = seen ? weigh(&without, j->src, i) : -ENOMEM;
	for (unsigned l = 0; l < MODEL_LEVELS; l++)
		without.error[l] = j->full->error[l];
	if (x->r == 0)
		x->r = each_call(&e, j->src->files[i], &x->err);
	memset(without.error, 0, sizeof(without.error)); /* the full one's */
}

int floats_train(struct floats *ret, const struct floats_source *src, struct pool *pool,
		 struct err *err)
{
	_cleanup_free_ struct replayed *replayed = calloc(src->n, sizeof(*replayed));
	struct job j = {src, ret, replayed};
	double a = 0;
	int r = replayed ? weigh(ret, src, MODEL_NO_RUN) : -ENOMEM;

	if (r == 0)
		r = model_errors(src->model, ret->error);
	if (r < 0)
		return err_set(err, r, "out of memory");
	pool_run(pool, replay_run, &j, src->n);
	for (size_t i = 0; i < src->n; i++) {
		const struct replayed *x = &replayed[i];

		if (x->r < 0)
			return err_set(err, x->r, "%s",
				       x->err.msg[0] ? x->err.msg : strerror(-x->r));
		a = x->max_a > a ? x->max_a : a;
		ret->th_error = x->max_error > ret->th_error ? x->max_error : ret->th_error;
	}
	a *= CALIBRATE_MARGIN_A;
	ret->th_a = a > CALIBRATE_FLOOR_A / UNITS ? a : CALIBRATE_FLOOR_A / UNITS;
	ret->th_error *= CALIBRATE_MARGIN_A;
	return 0;
}
