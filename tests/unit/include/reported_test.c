/* SPDX-License-Identifier: Apache-2.0 */
/* Which alerts have the same key, and what happens where a table has no room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lutra/reported.h"

struct fixture {
	struct lutra_policy policy;
	struct lutra_seen seen;
};

static int reported_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->policy.hash_key[0] = 0x0123456789abcdefull;
	f->policy.hash_key[1] = 0xfedcba9876543210ull;
	*state = f;
	return 0;
}

static int reported_teardown(void **state)
{
	free(*state);
	return 0;
}

/* An alert about an object: what its key is made of. */
struct reported_alert {
	const char *text;
	uint32_t rule, role;
	struct lutra_object object;
};

static uint64_t key_of(const struct fixture *f, const struct reported_alert *a)
{
	struct lutra_path path = {};
	struct lutra_name scratch;

	path_text_parse(a->text, strlen(a->text), &path);
	return lutra_reported_key(&f->policy, &a->object, &path, a->rule | a->role << 8, &scratch);
}

#define FILE_READ                                                                                  \
	{                                                                                          \
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644                      \
	}
#define CONNECT(p)                                                                                 \
	{                                                                                          \
		.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .addr = {10, 0, 0, 1},            \
		.port = (p)                                                                        \
	}

static void reported_key_tells_things_apart(void **state)
{
	const struct reported_alert alerts[] = {
		{"/etc/a/b", 1, 0, FILE_READ},
		{"/etc/a/b", 2, 0, FILE_READ}, /* rule */
		{"/etc/a/b", 1, 1, FILE_READ}, /* role */
		{"/etc/b/a", 1, 0, FILE_READ},
		{"/etc/a", 1, 0, FILE_READ},
		{"/etc/a/b1", 1, 0, FILE_READ}, /* names that fold to the same */
		{"/etc/a/b2", 1, 0, FILE_READ},
		{"/a", 1, 0, FILE_READ},
		{"//a", 1, 0, FILE_READ}, /* in no mount */
		{"/etc/a/b", 1, 0, {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0040755}},
		{"/etc/a/b", 1, 0, {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH, .mode = 0100644}},
		{"/etc/a/b",
		 1,
		 0,
		 {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE, .mode = 0100644}},
		{"/etc/a/b",
		 1,
		 0,
		 {.op = LUTRA_OP_OPEN,
		  .flags = LUTRA_OBJ_PATH | LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT,
		  .mode = 0100644}},
		{"", 1, 0, CONNECT(80)},
		{"", 1, 0, CONNECT(81)},
		{"", 1, 0, CONNECT(40000)},
		{"",
		 1,
		 0,
		 {.op = LUTRA_OP_CONNECT,
		  .family = LUTRA_AF_INET,
		  .addr = {10, 0, 0, 2},
		  .port = 80}},
		{"", 1, 0, {.op = LUTRA_OP_CAPABLE, .mode = 12}},
		{"", 1, 0, {.op = LUTRA_OP_CAPABLE, .mode = 21}},
		{"", 1, 0, {.op = LUTRA_OP_HOOK, .mode = 12}},
	};
	const size_t n = sizeof(alerts) / sizeof(alerts[0]);
	const struct fixture *f = *state;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			assert_true((key_of(f, &alerts[i]) == key_of(f, &alerts[k])) == (i == k));
}

/* A file's permissions do not count, nor a port that the policy knows no number of. */
static void reported_key_is_the_same_for_one_thing(void **state)
{
	const struct reported_alert a = {"/etc/a", 1, 0, FILE_READ},
				    low = {"", 1, 0, CONNECT(40000)};
	struct reported_alert b = a, high = low;
	struct fixture *f = *state;

	b.object.mode = 0100600;
	high.object.port = 50000;
	assert_true(key_of(f, &a) == key_of(f, &b));
	assert_true(key_of(f, &low) == key_of(f, &high));
	f->policy.port_exact = ~0u;
	assert_true(key_of(f, &low) != key_of(f, &high));
}

static void reported_key_depends_on_the_key_of_the_policy(void **state)
{
	const struct reported_alert a = {"/etc/a", 1, 0, FILE_READ};
	struct fixture *f = *state;
	uint64_t key = key_of(f, &a);

	f->policy.hash_key[1]++;
	assert_true(key_of(f, &a) != key);
}

/* What is not known whole may be another thing next time. */
static void reported_key_is_0_where_the_path_is_no_identity(void **state)
{
	const struct reported_alert alerts[] = {
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", 1, 0, FILE_READ},
		{"/0123456789012345678901234567890123456789012345678901234567890123", 1, 0,
		 FILE_READ},
		{"?/a", 1, 0, FILE_READ},
		{"//memfd:a", 1, 0, {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH}},
	};

	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		assert_true(key_of(*state, &alerts[i]) == 0);
}

static void reported_place_is_that_of_the_key_or_the_oldest(void **state)
{
	struct fixture *f = *state;
	const uint64_t set = 7;
	uint32_t place;

	/* Keys of one set: each gets a place of its own until there is none. */
	for (uint64_t i = 1; i <= LUTRA_REPORTED_WAYS; i++) {
		place = lutra_reported_place(&f->seen, i << 32 | set);
		assert_int_equal(f->seen.reported[place].key, 0);
		f->seen.reported[place].key = i << 32 | set;
		f->seen.reported[place].last_ns = 100 + i;
	}
	for (uint64_t i = 1; i <= LUTRA_REPORTED_WAYS; i++) {
		place = lutra_reported_place(&f->seen, i << 32 | set);
		assert_true(f->seen.reported[place].key == (i << 32 | set));
	}
	f->seen.reported[lutra_reported_place(&f->seen, 1ull << 32 | set)].last_ns = 500;
	place = lutra_reported_place(&f->seen, 99ull << 32 | set);
	assert_true(f->seen.reported[place].key == (2ull << 32 | set));
	assert_int_equal(f->seen.reported[lutra_reported_place(&f->seen, set + 1)].key, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, reported_setup, reported_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(reported_key_tells_things_apart),
		T(reported_key_is_the_same_for_one_thing),
		T(reported_key_depends_on_the_key_of_the_policy),
		T(reported_key_is_0_where_the_path_is_no_identity),
		T(reported_place_is_that_of_the_key_or_the_oldest),
	};

	return cmocka_run_group_tests_name("reported", tests, NULL, NULL);
}
