/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the matrix products of one training step on 64 rows, by the trainer's mat_mul() and by
 * OpenBLAS on one thread, if that library is installed.
 *
 *   forward    out (rows, n) = in (rows, k) w (k, n)
 *   backward   dw (k, n) += in (rows, k)' dout (rows, n)
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trainer/model/ae/ae_pass.h"
#include "trainer/model/compute/mat.h"

#define ROUNDS 400
#define REPEAT 20
#define HEADS 200 /* of an alphabet of 100 */
#define FLOATS_MAX (AE_HIDDEN * 256)

struct buffers {
	float in[FLOATS_MAX], w[FLOATS_MAX], out[FLOATS_MAX];
};

/* Constants of cblas.h. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
		      const float *a, int lda, const float *b, int ldb, float beta, float *c,
		      int ldc);
static sgemm_fn *sgemm;

typedef void product_fn(struct buffers *b, int rows, int n, int k);

static void own_forward(struct buffers *b, int rows, int n, int k)
{
	const struct mat_dims d = {(size_t)rows, (size_t)n, (size_t)k, (size_t)k, 1, false};

	mat_mul(b->out, b->in, b->w, &d);
}

static void blas_forward(struct buffers *b, int rows, int n, int k)
{
	sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, rows, n, k, 1, b->in, k, b->w, n, 0, b->out, n);
}

/* in (rows, k)' x out (rows, n), added to w (k, n) */
static void own_weights(struct buffers *b, int rows, int n, int k)
{
	const struct mat_dims d = {(size_t)k, (size_t)n, (size_t)rows, 1, (size_t)k, true};

	mat_mul(b->w, b->in, b->out, &d);
}

static void blas_weights(struct buffers *b, int rows, int n, int k)
{
	sgemm(ROW_MAJOR, TRANS, NO_TRANS, k, n, rows, 1, b->in, k, b->out, n, 1, b->w, n);
}

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns the seconds of one product, the least of ROUNDS. */
static double product_seconds(product_fn *f, struct buffers *b, int n, int k)
{
	double best = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double start = now_seconds(), took;

		for (int j = 0; j < REPEAT; j++)
			f(b, AE_BLOCK, n, k);
		took = (now_seconds() - start) / REPEAT;
		best = took < best ? took : best;
		memset(b->w, 0, sizeof(b->w));
	}
	return best;
}

/* memcpy() instead of a cast: ISO C has none from an object pointer to a function pointer. */
static int load_openblas(void)
{
	void *library = dlopen("libopenblas.so.0", RTLD_NOW), *symbol;
	void (*set_threads)(int);

	symbol = library ? dlsym(library, "openblas_set_num_threads") : NULL;
	if (!symbol)
		return -1;
	memcpy(&set_threads, &symbol, sizeof(symbol));
	set_threads(1);
	symbol = dlsym(library, "cblas_sgemm");
	memcpy(&sgemm, &symbol, sizeof(symbol));
	return symbol ? 0 : -1;
}

int main(void)
{
	static const struct {
		const char *name;
		int n, k;
	} layers[] = {{"32 -> 64", AE_HIDDEN, AE_X},
		      {"64 -> 8", AE_Z, AE_HIDDEN},
		      {"8 -> 64", AE_HIDDEN, AE_Z},
		      {"64 -> heads", HEADS, AE_HIDDEN}};
	struct buffers *b = calloc(1, sizeof(*b));
	double own = 0, blas = 0;

	if (!b)
		return 1;
	if (load_openblas() < 0) {
		fputs("products: no libopenblas.so.0 to compare with: apt-get install "
		      "libopenblas0-pthread\n",
		      stderr);
		free(b);
		return 1;
	}
	printf("us on %d rows       own forward, back   OpenBLAS forward, back\n", AE_BLOCK);
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		int n = layers[i].n, k = layers[i].k;
		double of = product_seconds(own_forward, b, n, k),
		       ow = product_seconds(own_weights, b, n, k);
		double bf = product_seconds(blas_forward, b, n, k),
		       bw = product_seconds(blas_weights, b, n, k);

		printf("%-20s %10.2f %7.2f %13.2f %9.2f\n", layers[i].name, of * 1e6, ow * 1e6,
		       bf * 1e6, bw * 1e6);
		/* The gradient of the input takes as long as the forward product. */
		own += 2 * of + ow;
		blas += 2 * bf + bw;
	}
	printf("%-20s %10.2f %21.2f\n", "a step", own * 1e6, blas * 1e6);
	free(b);
	return 0;
}
