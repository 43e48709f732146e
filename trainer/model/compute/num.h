/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions and random numbers that give the same bits on every host. libm is not used for exp and
 * log, because its results depend on the processor it finds.
 *
 * Polynomials: fdlibm for double (https://netlib.org/fdlibm/e_exp.c, e_log.c), Cephes for float
 * (https://netlib.org/cephes/). Letters as in these sources: x = k ln 2 + r, y the result, t, z, w
 * powers, c, s intermediate terms.
 */
#ifndef LUTRA_TRAINER_MODEL_COMPUTE_NUM_H
#define LUTRA_TRAINER_MODEL_COMPUTE_NUM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Returns e^x, with an error below 1 ulp. x is clamped to [-700, 700]. */
static inline double num_exp(double x)
{
	double k, hi, lo, r, t, c, y, scale;
	uint64_t bits;

	x = x < -700 ? -700 : x > 700 ? 700 : x;
	/* x = k ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, so that r keeps its low bits */
	k = rint(x * 1.44269504088896338700e+00);
	hi = x - k * 6.93147180369123816490e-01;
	lo = k * 1.90821492927058770002e-10;
	r = hi - lo;
	/* e^r by a rational function of r */
	t = r * r;
	c = r - t * (1.66666666666666019037e-01 +
		     t * (-2.77777777770155933842e-03 +
			  t * (6.61375632143793436117e-05 + t * (-1.65339022054652515390e-06 +
								 t * 4.13813679705723846039e-08))));
	y = 1 - ((lo - (r * c) / (2 - c)) - hi);
	/* times 2^k, whose bits are its exponent alone */
	bits = (uint64_t)((int64_t)k + 1023) << 52;
	memcpy(&scale, &bits, sizeof(scale));
	return y * scale;
}

/* Returns ln x for a normal x > 0, with an error below 1 ulp. */
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
	/* ln(1 + f) = 2 artanh(s), s = f / (2 + f), by its series in s^2 */
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

/* Returns x^y for a normal x > 0. */
static inline double num_pow(double x, double y)
{
	return num_exp(y * num_log(x));
}

/*
 * Returns e^x with a relative error of 2e-7. x is clamped to [-87, 87]. There is no branch, so the
 * compiler makes vector code of loops that call it.
 */
static inline float num_expf(float x)
{
	float k, r, y, scale;
	int32_t bits;

	x = x < -87.f ? -87.f : x;
	x = x > 87.f ? 87.f : x;
	/* Adding 1.5 * 2^23 rounds to an integer: a float that large has no bits for a fraction. */
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

/* Returns tanh x = 1 - 2 / (e^2x + 1). */
static inline float num_tanhf(float x)
{
	return 1.f - 2.f / (num_expf(2.f * x) + 1.f);
}

/* A random generator: SplitMix64 (Steele, Lea, Flood 2014, doi.org/10.1145/2660193.2660195). */
struct rng {
	uint64_t state;
};

/* Returns 64 random bits. */
static inline uint64_t rng_u64(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* Returns a generator for one purpose: equal (seed, stream) give equal numbers. */
static inline struct rng rng_stream(uint64_t seed, uint64_t stream)
{
	struct rng r = {seed};

	r.state = rng_u64(&r) ^ stream * 0xd6e8feb86659fd93ull;
	r.state = rng_u64(&r);
	return r;
}

/* Returns a number uniform in [0, 1), with 53 random bits. */
static inline double rng_uniform(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1p-53;
}

/*
 * Draws two independent standard normal numbers by Marsaglia's polar method (1964,
 * https://doi.org/10.1137/1006063).
 */
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
