/* SPDX-License-Identifier: Apache-2.0 */
/* Which directories have random names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "trainer/data/names/random_names.h"

/* Adds the names of one run to one directory. */
static void add_names(struct random_names *n, size_t run, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		assert_int_equal(random_names_add(n, "/srv", 4, names[i], strlen(names[i]), run),
				 0);
}

/* Returns true if the names of the only directory vary. */
static bool names_vary(const struct random_names *n)
{
	uint32_t count = intern_count(n->directories);

	assert_true(count <= 1);
	return count && random_names_vary(n, 0);
}

static void random_names_vary_by_their_letters(void **state)
{
	static const char *const hashes[] = {"3f9a", "07bc", "b21d"};
	struct random_names n = {0};

	(void)state;
	assert_int_equal(random_names_init(&n), 0);
	add_names(&n, 0, hashes, 1);
	assert_false(names_vary(&n));
	add_names(&n, 1, hashes + 1, 1);
	assert_true(names_vary(&n));
	add_names(&n, 2, hashes, 3);
	assert_true(names_vary(&n));
	random_names_done(&n);
}

static void random_names_are_no_counters_and_no_fixed_set(void **state)
{
	static const char *const counters[] = {"log1", "log2", "log33", "2024-01-02.gz"};
	static const char *const set[] = {"a1", "b2", "c3"};
	struct random_names n = {0};

	(void)state;
	assert_int_equal(random_names_init(&n), 0);
	for (size_t run = 0; run < 4; run++)
		add_names(&n, run, counters + run, 1);
	for (size_t run = 0; run < 4; run++)
		add_names(&n, run, set, 3);
	assert_false(names_vary(&n));
	random_names_done(&n);
}

/* A run that is left out must not be the only one that shows it. */
static void random_names_need_two_runs_that_differ(void **state)
{
	static const char *const names[] = {"a1", "b2", "c3"};
	struct random_names n = {0};

	(void)state;
	assert_int_equal(random_names_init(&n), 0);
	add_names(&n, 0, names, 1);
	add_names(&n, 1, names, 1);
	add_names(&n, 2, names, 2);
	assert_false(names_vary(&n));
	add_names(&n, 1, names + 2, 1);
	assert_true(names_vary(&n));
	random_names_done(&n);
}

/* One run with many names leaves room for those of the next. */
static void random_names_of_a_run_leave_room(void **state)
{
	struct random_names n = {0};
	char name[3] = {0};

	(void)state;
	assert_int_equal(random_names_init(&n), 0);
	for (size_t i = 0; i < 52; i++) {
		snprintf(name, sizeof(name), "%c1", 'a' + (int)(i % 26));
		if (i >= 26)
			name[0] = (char)('A' + i % 26);
		assert_int_equal(random_names_add(&n, "/srv", 4, name, 2, i / 26), 0);
	}
	assert_true(names_vary(&n));
	assert_int_equal(random_names_add(&n, "/srv", 4, "x1", 2, RANDOM_NAMES_RUNS), 0);
	assert_int_equal(intern_count(n.directories), 1);
	random_names_done(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_names_vary_by_their_letters),
		cmocka_unit_test(random_names_are_no_counters_and_no_fixed_set),
		cmocka_unit_test(random_names_need_two_runs_that_differ),
		cmocka_unit_test(random_names_of_a_run_leave_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
