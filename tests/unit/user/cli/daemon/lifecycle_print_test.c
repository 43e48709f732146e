/* SPDX-License-Identifier: Apache-2.0 */
/* What `lutra learn` says of its progress. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lutra/abi.h"
#include "user/cli/daemon/lifecycle_print.h"
#include "user/policy/lifecycle.h"

#define HOUR_NS 3600000000000ull

static int print_setup(void **state)
{
	struct lifecycle *life = calloc(1, sizeof(*life));
	struct lifecycle_image *i;

	assert_int_equal(lifecycle_add(life, "shop:1", &i, NULL), 0);
	*state = life;
	return 0;
}

static int print_teardown(void **state)
{
	lifecycle_done(*state);
	free(*state);
	return 0;
}

/* Begins to learn, adds counted runs of half an hour, and compares what is said. */
static void assert_progress(struct lifecycle *life, uint32_t runs, const struct policy_unseen *u,
			    const char *expected)
{
	struct lifecycle_image *i = life->images;
	struct config_life limits;
	json_auto_t *j = NULL;
	char text[1280] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_int_equal(config_life_parse(NULL, &limits, NULL), 0);
	lifecycle_begin(life, i, runs, &limits, HOUR_NS);
	for (unsigned k = 0; k < 4; k++) {
		assert_int_equal(lifecycle_add_run(life, i, "run.ltr", true), 0);
		i->runs[k].seconds = 1800;
		i->runs[k].counted = true;
		i->runs[k].new_objects = 2;
	}
	i->unseen = *u;
	j = lifecycle_image_to_json(i, &limits, LUTRA_MODE_AUDIT, 3 * HOUR_NS);
	lifecycle_print_progress(j, out);
	fclose(out);
	assert_string_equal(text, expected);
}

static void lifecycle_print_says_what_is_new_and_when_it_ends(void **state)
{
	struct policy_unseen u = {.runs = 4, .hours = 2, .all = {3, {0.3, 4.4}}};

	u.kind[POLICY_UNSEEN_FILES_READ] = (struct policy_unseen_rate){3, {0.3, 4.4}};
	assert_progress(*state, 0, &u,
			"4 runs, 2 h, the last brought 0 new calls and 2 new objects; about 2 new "
			"files read an hour at the end of training; in all 0.3 to 4.4 an hour (95 "
			"%); goes on until one new thing an hour, at least 1 run and 1 h of runs "
			"more, for 166 h at most");
}

static void lifecycle_print_of_a_number_of_runs_counts_them(void **state)
{
	static const struct policy_unseen unknown;

	assert_progress(*state, 9, &unknown,
			"4 of 9 runs, the last brought 0 new calls and 2 new objects");
}

#define T(f) cmocka_unit_test_setup_teardown(f, print_setup, print_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(lifecycle_print_says_what_is_new_and_when_it_ends),
		T(lifecycle_print_of_a_number_of_runs_counts_them),
	};

	return cmocka_run_group_tests_name("lifecycle_print", tests, NULL, NULL);
}
