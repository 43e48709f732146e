/* SPDX-License-Identifier: Apache-2.0 */
/* The trainer's numbers: exp and log against libm, the generator, products of matrices, threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "trainer/model/compute/mat.h"
#include "trainer/model/compute/num.h"
#include "trainer/model/compute/pool.h"
#include "lib/base/command/progress_bar.h"

static void close_to(double got, double want, double relative)
{
	if (fabs(got - want) > relative * fabs(want) + 1e-300)
		fail_msg("%.17g, not %.17g", got, want);
}

static void num_exp_and_log_agree_with_libm(void **state)
{
	struct rng g = rng_stream(1, 1);

	(void)state;
	for (int i = 0; i < 100000; i++) {
		double x = (rng_uniform(&g) - .5) * 200, y = exp(x);

		close_to(num_exp(x), y, 4e-16);
		if (fabs(x) > 1e-3)
			close_to(num_log(y), log(y), 4e-16);
		close_to(num_expf((float)x / 2), exp((double)((float)x / 2)), 3e-7);
		assert_true(fabs(num_tanhf((float)x / 10) - tanh((double)((float)x / 10))) < 3e-7);
	}
}

static void num_exp_and_log_are_defined_at_the_edges(void **state)
{
	(void)state;
	assert_true(num_exp(0) == 1 && num_log(1) == 0);
	assert_true(num_expf(0) == 1);
	assert_true(num_expf(-1e30f) > 0 && num_expf(1e30f) < INFINITY);
	assert_true(num_exp(-1e30) > 0 && num_exp(1e30) < (double)INFINITY);
	close_to(num_log(5e-300), log(5e-300), 4e-16);
	close_to(num_pow(16, .75), 8, 1e-15);
}

static void rng_gives_the_same_numbers_for_a_seed(void **state)
{
	struct rng a = rng_stream(5, 2), b = rng_stream(5, 2), c = rng_stream(5, 3);

	(void)state;
	assert_true(rng_u64(&a) == rng_u64(&b));
	assert_true(rng_u64(&a) != rng_u64(&c));
	/* The reference output of SplitMix64 for the state 1234567. */
	a.state = 1234567;
	assert_true(rng_u64(&a) == 6457827717110365317ull);
}

static void rng_normal_has_mean_0_and_variance_1(void **state)
{
	struct rng g = rng_stream(9, 0);
	double sum = 0, squares = 0;
	int n = 200000;

	(void)state;
	for (int i = 0; i < n; i += 2) {
		float x[2];

		rng_normal2(&g, x);
		sum += x[0] + x[1];
		squares += x[0] * x[0] + x[1] * x[1];
	}
	assert_true(fabs(sum / n) < .01);
	assert_true(fabs(squares / n - 1) < .02);
}

static void mat_mul_gives_the_bits_of_the_plain_one(void **state)
{
	static float a[40 * 40], b[40 * 40], fast[40 * 40], plain[40 * 40];
	struct rng g = rng_stream(3, 0);

	(void)state;
	for (int round = 0; round < 500; round++) {
		struct mat_dims d = {.m = 1 + rng_u64(&g) % 40,
				     .n = 8 + 8 * (rng_u64(&g) % 4),
				     .k = rng_u64(&g) % 40};

		d.add = round & 1;
		d.a_row = round & 2 ? 1 : d.k;
		d.a_col = round & 2 ? d.m : 1;
		for (size_t i = 0; i < 40 * 40; i++) {
			a[i] = (float)rng_uniform(&g) - .5f;
			b[i] = (float)rng_uniform(&g) - .5f;
			fast[i] = plain[i] = (float)rng_uniform(&g);
		}
		mat_mul(fast, a, b, &d);
		mat_mul_ref(plain, a, b, &d);
		assert_memory_equal(fast, plain, sizeof(fast));
	}
}

static void mat_transpose_swaps(void **state)
{
	const float in[6] = {1, 2, 3, 4, 5, 6};
	float out[6];

	(void)state;
	mat_transpose(out, in, 2, 3);
	assert_memory_equal(out, ((const float[6]){1, 4, 2, 5, 3, 6}), sizeof(out));
}

static int count_one(void *ctx, size_t i, struct err *err)
{
	unsigned char *seen = ctx;

	(void)err;
	seen[i]++;
	return 0;
}

static void pool_does_each_piece_once(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads <= 5; threads += 2) {
		for (size_t n = 0; n < 300; n += 23) {
			unsigned char seen[300] = {0};

			assert_int_equal(pool_run(threads, count_one, seen, n, NULL), 0);
			for (size_t i = 0; i < sizeof(seen); i++)
				assert_int_equal(seen[i], i < n);
		}
	}
}

/* Piece 7 fails with a text of its own, all after it without one. */
static int fail_from_seven(void *ctx, size_t i, struct err *err)
{
	(void)ctx;
	if (i == 7)
		return err_set(err, -E2BIG, "piece 7 is too big");
	return i < 7 ? 0 : -ENOMEM;
}

static int fail_from_eight(void *ctx, size_t i, struct err *err)
{
	return i == 7 ? 0 : fail_from_seven(ctx, i, err);
}

static void pool_gives_the_error_of_the_first_piece_that_failed(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(pool_run(4, fail_from_seven, NULL, 100, &err), -E2BIG);
	assert_string_equal(err.msg, "piece 7 is too big");
	assert_int_equal(pool_run(4, fail_from_eight, NULL, 100, &err), -ENOMEM);
	assert_string_equal(err.msg, strerror(ENOMEM));
	assert_int_equal(pool_run(4, fail_from_seven, NULL, 7, &err), 0);
}

struct shown {
	atomic_size_t calls, whole;
};

static void on_progress(void *ctx, const char *stage, double done)
{
	struct shown *s = ctx;

	assert_string_equal(stage, "working");
	assert_true(done > 0 && done <= 1);
	atomic_fetch_add(&s->calls, 1);
	atomic_fetch_add(&s->whole, done == 1);
}

static int end_piece(void *ctx, size_t i, struct err *err)
{
	(void)i;
	(void)err;
	progress_piece(ctx);
	return 0;
}

static void progress_ends_once_after_all_pieces(void **state)
{
	struct shown shown = {0, 0};
	struct progress progress = {on_progress, &shown};
	struct progress_pieces pieces = {&progress, "working", 50, 0};

	(void)state;
	assert_int_equal(pool_run(3, end_piece, &pieces, 50, NULL), 0);
	assert_int_equal(shown.calls, 50);
	assert_int_equal(shown.whole, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(num_exp_and_log_agree_with_libm),
		cmocka_unit_test(num_exp_and_log_are_defined_at_the_edges),
		cmocka_unit_test(rng_gives_the_same_numbers_for_a_seed),
		cmocka_unit_test(rng_normal_has_mean_0_and_variance_1),
		cmocka_unit_test(mat_mul_gives_the_bits_of_the_plain_one),
		cmocka_unit_test(mat_transpose_swaps),
		cmocka_unit_test(pool_does_each_piece_once),
		cmocka_unit_test(pool_gives_the_error_of_the_first_piece_that_failed),
		cmocka_unit_test(progress_ends_once_after_all_pieces),
	};

	return cmocka_run_group_tests_name("train_num", tests, NULL, NULL);
}
