/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that come out the same on every host: exp and log without libm, whose results depend on
 * the processor it finds, and a random generator with its distributions. Polynomials: fdlibm
 * (double, https://netlib.org/fdlibm/e_exp.c, e_log.c) and Cephes (float,
 * https://netlib.org/cephes/).
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_NUM_H
#define LUTRA_TRAINER_MODEL_COMPUTE_NUM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* e^x, error below 1 ulp. x is clamped to +-700. */
static inline double num_exp(double x)
{
	double k, hi, lo, r, t, c, y, scale;
	uint64_t bits;

	x = x < -700 ? -700 : x > 700 ? 700 : x;
	k = rint(x * 1.44269504088896338700e+00);
	hi = x - k * 6.93147180369123816490e-01;
	lo = k * 1.90821492927058770002e-10;
	r = hi - lo;
	t = r * r;
	c = r - t * (1.66666666666666019037e-01 +
		     t * (-2.77777777770155933842e-03 +
			  t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 +
								 t * 4.13813679705723846039e-08))));
	y = 1 - ((lo - (r * c) / (2 - c)) - hi);
	bits = (uint64_t)((int64_t)k + 1023) << 52;
	memcpy(&scale, &bits, sizeof(scale));
	return y * scale;
}

/* Natural logarithm of a normal x > 0, error below 1 ulp. */
static inline double num_log(double x)
{
	double f, s, z, w, r, half, k;
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	/* x = 2^k (1 + f), sqrt(1/2) < 1 + f <= sqrt(2) */
	k = (double)((int64_t)(bits >> 52 & 0x7ff) - 1023);
	bits = (bits & 0xfffffffffffffull) | 0x3ff0000000000000ull;
	memcpy(&f, &bits, sizeof(f));
	if (f > 1.4142135623730951) {
		f *= .5;
		k += 1;
	}
	f -= 1;
	s = f / (2 + f);
	z = s * s;
	w = z * z;
	r = w * (3.999999999940941908e-01 +
		 w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01)) +
	    z * (6.666666666666735130e-01 +
		 w * (2.857142874366239149e-01 +
		      w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
	half = .5 * f * f;
	return k * 6.93147180369123816490e-01 -
	       ((half - (s * (half + r) + k * 1.90821492927058770002e-10)) - f);
}

static inline double num_pow(double x, double y)
{
	return num_exp(y * num_log(x));
}

/* e^x to 2e-7, without a branch so that loops of it become vector code. Clamped to [-87, 87]. */
static inline float num_expf(float x)
{
	float k, r, y, scale;
	int32_t bits;

	x = x < -87.f ? -87.f : x;
	x = x > 87.f ? 87.f : x;
	/* Adding 1.5 * 2^23 leaves the nearest integer in the low bits. */
	k = (x * 1.44269504088896341f + 12582912.f) - 12582912.f;
	r = x - k * 0.693359375f;
	r = r + k * 2.12194440e-4f;
	y = 1.9875691500e-4f;
	y = y * r + 1.3981999507e-3f;
	y = y * r + 8.3334519073e-3f;
	y = y * r + 4.1665795894e-2f;
	y = y * r + 1.6666665459e-1f;
	y = y * r + 5.0000001201e-1f;
	y = y * r * r + r + 1.f;
	bits = ((int32_t)k + 127) * (1 << 23);
	memcpy(&scale, &bits, sizeof(scale));
	return y * scale;
}

static inline float num_tanhf(float x)
{
	return 1.f - 2.f / (num_expf(2.f * x) + 1.f);
}

/* SplitMix64 (Steele, Lea, Flood 2014, https://doi.org/10.1145/2660193.2660195). */
struct rng {
	uint64_t state;
};

static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* A generator of its own for each purpose: equal (seed, stream) give equal numbers. */
static inline struct rng rng_stream(uint64_t seed, uint64_t stream)
{
	struct rng r = {seed};

	r.state = rng_u64(&r) ^ stream * 0xd6e8feb86659fd93ull;
	r.state = rng_u64(&r);
	return r;
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_uniform(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/* Two independent standard normals: Marsaglia's polar method. */
static inline void rng_normal2(struct rng *r, float ret[2])
{
	double u, v, s;

	do {
		u = 2 * rng_uniform(r) - 1;
		v = 2 * rng_uniform(r) - 1;
		s = u * u + v * v;
	} while (s >= 1 || s == 0);
	s = sqrt(-2 * num_log(s) / s);
	ret[0] = (float)(u * s);
	ret[1] = (float)(v * s);
}

#endif
