/* SPDX-License-Identifier: Apache-2.0 */
/* How a component of a path is folded and hashed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lutra/score.h"
#include "tests/support/sample.h"

#define RANDOM_ROUNDS 20000

static void component_fold_turns_runs_with_digits_into_a_mark(void **state)
{
	static const char *const cases[][2] = {
		{"page12", "#"},	  {"libc.so.6", "libc.so.#"},
		{"python3.11", "#.#"},	  {"index.html", "index.html"},
		{"a1b2-cd-3e", "#-cd-#"}, {"7", "#"},
		{"-_.", "-_."},		  {"", ""},
		{"x#1", "x##"},		  {"\xc3\xa9t9", "\xc3\xa9#"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[LUTRA_NAME];
		__u32 n = lutra_fold_component(cases[i][0], (__u32)strlen(cases[i][0]), out);

		assert_int_equal(n, strlen(cases[i][1]));
		assert_memory_equal(out, cases[i][1], n);
	}
}

static void component_fold_of_folded_is_the_same(void **state)
{
	uint64_t rng = 3;

	(void)state;
	for (int round = 0; round < RANDOM_ROUNDS; round++) {
		char in[LUTRA_NAME] = {}, once[LUTRA_NAME] = {}, twice[LUTRA_NAME];
		__u32 len = sample_random(&rng) % LUTRA_NAME, n;

		for (__u32 i = 0; i < len; i++)
			in[i] = "ab1-.#Z9"[sample_random(&rng) & 7];
		n = lutra_fold_component(in, len, once);
		assert_in_range(n, 0, len);
		assert_int_equal(lutra_fold_component(once, n, twice), n);
		assert_memory_equal(once, twice, n);
	}
}

static uint64_t rotate_left(uint64_t x, int b)
{
	return x << b | x >> (64 - b);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1], v[1] = rotate_left(v[1], 13) ^ v[0], v[0] = rotate_left(v[0], 32);
	v[2] += v[3], v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = rotate_left(v[1], 17) ^ v[2], v[2] = rotate_left(v[2], 32);
}

/* SipHash-1-3 as its paper has it: any length, bytes gathered one by one. */
static uint64_t sip_hash_13(const uint8_t *in, size_t len, const uint64_t key[2])
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
			 key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};

	for (size_t at = 0; at <= len; at += 8) {
		uint64_t w = 0;

		for (size_t i = at; i < at + 8 && i < len; i++)
			w |= (uint64_t)in[i] << 8 * (i - at);
		if (at + 8 > len)
			w |= (uint64_t)len << 56;
		v[3] ^= w;
		sip_round(v);
		v[0] ^= w;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void component_key_of_a_file_is_siphash_1_3(void **state)
{
	const __u64 key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};
	char s[LUTRA_NAME];

	(void)state;
	for (int i = 0; i < LUTRA_NAME; i++)
		s[i] = (char)(i * 37 + 11);
	for (__u32 len = 0; len < LUTRA_NAME; len++)
		assert_true(lutra_component_key(s, len, key, 0) ==
			    sip_hash_13((const uint8_t *)s, len, (const uint64_t *)key));
}

static void component_key_keeps_directories_and_secrets_apart(void **state)
{
	const __u64 key[2] = {1, 2}, other[2] = {1, 3};
	char s[LUTRA_NAME] = "name";

	(void)state;
	assert_true(lutra_component_key(s, 4, key, 0) != lutra_component_key(s, 4, key, 1));
	assert_true(lutra_component_key(s, 4, key, 0) != lutra_component_key(s, 4, other, 0));
	assert_true(lutra_component_key(s, 4, key, 0) != lutra_component_key(s, 3, key, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(component_fold_turns_runs_with_digits_into_a_mark),
		cmocka_unit_test(component_fold_of_folded_is_the_same),
		cmocka_unit_test(component_key_of_a_file_is_siphash_1_3),
		cmocka_unit_test(component_key_keeps_directories_and_secrets_apart),
	};

	return cmocka_run_group_tests_name("component", tests, NULL, NULL);
}
