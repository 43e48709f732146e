/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The autoencoder on a block of n rows, forward and backward.
 *
 *   x (n, 32)  h1 (n, 64)  z, zn (n, 8)  h2 (n, 64)  out (n, 2 * out)
 *   w1 (32, 64)  w2 (64, 8)  w3 (8, 64)  wh (64, 2 * out): weights are (in, out)
 *   a gradient dv has the shape of its v
 *   struct mat_dims of a layer: m rows, k in (depth), n out (width)
 */
#include "trainer/model/ae/ae_pass.h"

#include "trainer/model/compute/mat.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/vec.h"

/* Forward: out (m, n) = in (m, k) w (k, n) + bias (n). */
static void linear_forward(float *out, const float *in, const float *w, const float *bias,
			   const struct mat_dims *shape)
{
	struct mat_dims d = *shape;

	d.a_row = d.k;
	d.a_col = 1;
	d.add = true;
	for (size_t i = 0; i < d.m; i++)
		memcpy(out + i * d.n, bias, d.n * sizeof(*out));
	mat_mul(out, in, w, &d);
}

/* Backward, parameters: dw (k, n) += in (m, k)' dout (m, n), dbias (n) += column sums of dout. */
static void linear_weight_grad(float *dw, float *dbias, const float *in, const float *dout,
			       const struct mat_dims *shape)
{
	struct mat_dims d = {.m = shape->k,
			     .n = shape->n,
			     .k = shape->m,
			     .a_row = 1,
			     .a_col = shape->k,
			     .add = true};

	mat_mul(dw, in, dout, &d);
	for (size_t i = 0; i < shape->m; i++)
		for (size_t j = 0; j < shape->n; j++)
			dbias[j] += dout[i * shape->n + j];
}

/* Backward, input: din (m, k) = dout (m, n) w' (n, k). */
static void linear_input_grad(float *din, const float *dout, const float *transposed,
			      const struct mat_dims *shape)
{
	struct mat_dims d = {
		.m = shape->m, .n = shape->k, .k = shape->n, .a_row = shape->n, .a_col = 1};

	mat_mul(din, dout, transposed, &d);
}

static void relu_forward(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = x[i] > 0 ? x[i] : 0;
}

/* Backward: dx = 0 where the output y of relu_forward() is 0. */
static void relu_grad(float *dx, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dx[i] = y[i] > 0 ? dx[i] : 0;
}

static struct mat_dims linear_shape(size_t rows, size_t depth, size_t width)
{
	return (struct mat_dims){.m = rows, .k = depth, .n = width};
}

void ae_encode_block(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n)
{
	const float *p = m->params;
	struct mat_dims d;

	/* x = emb_a[a], emb_b[b] */
	for (size_t i = 0; i < n; i++) {
		float *x = k->x + i * AE_X;

		memcpy(x, p + m->at.emb_a + rows[i].in_a * AE_EMB, AE_EMB * sizeof(*x));
		memcpy(x + AE_EMB, p + m->at.emb_b + rows[i].in_b * AE_EMB, AE_EMB * sizeof(*x));
	}
	/* h1 = relu(x w1 + b1) */
	d = linear_shape(n, AE_X, AE_HIDDEN);
	linear_forward(k->h1, k->x, p + m->at.w1, p + m->at.b1, &d);
	relu_forward(k->h1, n * AE_HIDDEN);
	/* z = tanh(h1 w2 + b2) */
	d = linear_shape(n, AE_HIDDEN, AE_Z);
	linear_forward(k->z, k->h1, p + m->at.w2, p + m->at.b2, &d);
	for (size_t i = 0; i < n * AE_Z; i++)
		k->z[i] = num_tanhf(k->z[i]);
}

void ae_decode_block(const struct ae *m, struct ae_block *k, size_t n)
{
	const float *p = m->params;
	struct mat_dims d = linear_shape(n, AE_Z, AE_HIDDEN);

	/* h2 = relu(zn w3 + b3) */
	linear_forward(k->h2, k->zn, p + m->at.w3, p + m->at.b3, &d);
	relu_forward(k->h2, n * AE_HIDDEN);
	/* out = h2 wh + bh */
	d = linear_shape(n, AE_HIDDEN, 2 * m->out);
	linear_forward(k->out, k->h2, p + m->at.wh, p + m->at.bh, &d);
}

/* Softmax of one row of one head: x (width), width a multiple of 8. */
static inline __attribute__((always_inline)) void softmax_row(float *x, size_t width)
{
	float max = x[0], scale;
	vec8 sum = {0}, part;

	for (size_t i = 1; i < width; i++)
		max = x[i] > max ? x[i] : max;
	for (size_t i = 0; i < width; i++) {
		float d = x[i] - max;

		/* Below e^-60 nothing changes the sum; the clamp avoids slow denormal numbers. */
		x[i] = num_expf(d < -60.f ? -60.f : d);
	}
	for (size_t i = 0; i < width; i += 8) {
		vec8_load(&part, x + i);
		sum += part;
	}
	scale = 1.f / vec8_sum(&sum);
	for (size_t i = 0; i < width; i++)
		x[i] *= scale;
}

VEC_CLONES void ae_softmax_block(const struct ae *m, struct ae_block *k, size_t n)
{
	for (size_t i = 0; i < 2 * n; i++)
		softmax_row(k->out + i * m->out, m->out);
}

/*
 * Turns the probabilities in out into the gradient of weight * (cross entropy of a + of b) with
 * respect to the logits: weight * (p - 1 at the right code). Returns the loss in nat.
 */
static double loss_grad(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n)
{
	size_t width = 2 * m->out;
	double loss = 0;

	for (size_t i = 0; i < n; i++) {
		float *out = k->out + i * width;
		double pa = out[rows[i].a], pb = out[m->out + rows[i].b];

		/* softmax_row() keeps both far above 0, so num_log() can take them. */
		loss -= rows[i].weight * (num_log(pa) + num_log(pb));
		out[rows[i].a] -= 1.f;
		out[m->out + rows[i].b] -= 1.f;
		for (size_t j = 0; j < width; j++)
			out[j] *= rows[i].weight;
	}
	return loss;
}

static void backward_pass(const struct ae *m, struct ae_block *k, const struct ae_row *rows,
			  size_t n, float *grad)
{
	const float *t = m->transposed;
	struct mat_dims d = linear_shape(n, AE_HIDDEN, 2 * m->out);

	/* the heads: dwh, dbh; dh2 */
	linear_weight_grad(grad + m->at.wh, grad + m->at.bh, k->h2, k->out, &d);
	linear_input_grad(k->dh, k->out, t + m->at.wh, &d);
	relu_grad(k->dh, k->h2, n * AE_HIDDEN);
	/* the decoder's hidden layer: dw3, db3; dz through tanh, (1 - z^2) */
	d = linear_shape(n, AE_Z, AE_HIDDEN);
	linear_weight_grad(grad + m->at.w3, grad + m->at.b3, k->zn, k->dh, &d);
	linear_input_grad(k->dz, k->dh, t + m->at.w3, &d);
	for (size_t i = 0; i < n * AE_Z; i++)
		k->dz[i] *= 1.f - k->z[i] * k->z[i];
	/* the bottleneck: dw2, db2; dh1 */
	d = linear_shape(n, AE_HIDDEN, AE_Z);
	linear_weight_grad(grad + m->at.w2, grad + m->at.b2, k->h1, k->dz, &d);
	linear_input_grad(k->dh, k->dz, t + m->at.w2, &d);
	relu_grad(k->dh, k->h1, n * AE_HIDDEN);
	/* the encoder's hidden layer: dw1, db1; dx */
	d = linear_shape(n, AE_X, AE_HIDDEN);
	linear_weight_grad(grad + m->at.w1, grad + m->at.b1, k->x, k->dh, &d);
	linear_input_grad(k->dx, k->dh, t + m->at.w1, &d);
	/* the embeddings: dx goes to the rows that went in */
	for (size_t i = 0; i < n; i++) {
		float *da = grad + m->at.emb_a + rows[i].in_a * AE_EMB;
		float *db = grad + m->at.emb_b + rows[i].in_b * AE_EMB;

		for (size_t j = 0; j < AE_EMB; j++) {
			da[j] += k->dx[i * AE_X + j];
			db[j] += k->dx[i * AE_X + AE_EMB + j];
		}
	}
}

double ae_pass(const struct ae *m, struct ae_block *k, const struct ae_row *rows, size_t n,
	       float *grad)
{
	double loss;

	ae_encode_block(m, k, rows, n);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < AE_Z; j++)
			k->zn[i * AE_Z + j] = k->z[i * AE_Z + j] + rows[i].noise[j];
	ae_decode_block(m, k, n);
	ae_softmax_block(m, k, n);
	loss = loss_grad(m, k, rows, n);
	backward_pass(m, k, rows, n, grad);
	return loss;
}

void ae_transpose(struct ae *m)
{
	const float *p = m->params;
	float *t = m->transposed;

	mat_transpose(t + m->at.w1, p + m->at.w1, AE_X, AE_HIDDEN);
	mat_transpose(t + m->at.w2, p + m->at.w2, AE_HIDDEN, AE_Z);
	mat_transpose(t + m->at.w3, p + m->at.w3, AE_Z, AE_HIDDEN);
	mat_transpose(t + m->at.wh, p + m->at.wh, AE_HIDDEN, 2 * m->out);
}
