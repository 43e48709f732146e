/* SPDX-License-Identifier: Apache-2.0 */
/* New names that vary, as objects of a policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/support/sample.h"
#include "trainer/rules/calibration/varying.h"

/* Two directories of an old policy may be one wildcard in the new one. */
static void varying_kept_twice_is_added_once(void **state)
{
	const uint64_t token = lutra_object_token_of_new_name(sample_open_token(1));
	struct policy p = {.n_nodes = 2};
	struct varying v = {.n_kept = 2, .kept_size = 2};

	(void)state;
	v.kept = calloc(2, sizeof(*v.kept));
	assert_non_null(v.kept);
	v.kept[0] = v.kept[1] = token;
	varying_sort(&v);
	assert_int_equal(varying_add_tokens(&v, &p), 0);
	assert_int_equal(p.n_objects, 1);
	assert_true(p.objects[0] == token);
	free(p.objects);
	varying_done(&v);
}

static bool is_not_two(const void *ctx, uint64_t token)
{
	return token != *(const uint64_t *)ctx;
}

static void varying_ask_drops_a_kind_that_may_not_vary(void **state)
{
	const uint64_t one = lutra_object_token_of_new_name(sample_open_token(1));
	const uint64_t two = lutra_object_token_of_new_name(sample_open_token(2));
	struct varying v = {0};

	(void)state;
	for (size_t run = 0; run < VARYING_RUNS; run++) {
		assert_int_equal(varying_add(&v, run, one), 0);
		assert_int_equal(varying_add(&v, run, two), 0);
	}
	varying_sort(&v);
	varying_ask(&v, is_not_two, &two);
	assert_true(varying_has_kind(&v, VARYING_ALL_RUNS, one));
	assert_false(varying_has_kind(&v, VARYING_ALL_RUNS, two));
	varying_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(varying_kept_twice_is_added_once),
		cmocka_unit_test(varying_ask_drops_a_kind_that_may_not_vary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
