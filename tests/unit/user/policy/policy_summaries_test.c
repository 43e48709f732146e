/* SPDX-License-Identifier: Apache-2.0 */
/* Summaries of policies that are kept: when they are made anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/policy/modes.h"
#include "user/policy/policy_stamp.h"
#include "user/policy/policy_summary.h"
#include "user/sys/clock.h"

struct kept {
	struct sample_saved *f;
	struct config config;
	struct policy_summaries *all;
	uint64_t later_ns; /* since the files were written */
};

static void setup_kept(struct kept *k, struct sample_saved *f)
{
	*k = (struct kept){.f = f,
			   .config = {.state_dir = f->dir, .policies_dir = f->dir},
			   .later_ns = 10 * NSEC_PER_SEC};
	assert_int_equal(policy_summaries_new(&k->all), 0);
}

static json_t *summary_of(struct kept *k, const char *container)
{
	return policy_summaries_get(k->all, &k->config, "shop",
				    container ? json_pack("[s]", container) : json_array(),
				    clock_realtime_ns() + k->later_ns);
}

/* Returns true if two summaries share what was read: the second one was not made anew. */
static bool is_same_reading(const json_t *a, const json_t *b)
{
	const json_t *x = json_object_get(a, "calibration"), *y = json_object_get(b, "calibration");

	return x && x == y;
}

static void summaries_are_kept_and_list_the_containers_of_each_question(void **state)
{
	struct kept k;
	json_auto_t *a = NULL, *b = NULL;

	setup_kept(&k, *state);
	a = summary_of(&k, "web-1");
	b = summary_of(&k, NULL);
	assert_true(is_same_reading(a, b));
	assert_string_equal(json_string_value(json_object_get(a, "name")), "shop");
	assert_int_equal(json_array_size(json_object_get(a, "containers")), 1);
	assert_int_equal(json_array_size(json_object_get(b, "containers")), 0);
	policy_summaries_free(k.all);
}

static void touch_file(const struct sample_saved *f, const char *name)
{
	_cleanup_free_ char *path = scratch_path(f->policy, name);
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void summaries_are_made_anew_after_each_file_that_changes(void **state)
{
	static const char *const names[] = {POLICY_JSON_FILE, "tables.lut"};
	struct kept k;
	json_t *before;

	setup_kept(&k, *state);
	before = summary_of(&k, NULL);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *after;

		touch_file(k.f, names[i]);
		after = summary_of(&k, NULL);
		assert_false(is_same_reading(before, after));
		json_decref(before);
		before = after;
	}
	json_decref(before);
	policy_summaries_free(k.all);
}

/* A file that has just been written may be written again within the same tick of its clock. */
static void summaries_of_files_that_have_just_changed_have_no_stamp(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_JSON_FILE);
	const struct config config = {.state_dir = f->dir, .policies_dir = f->dir};
	struct stat st;
	uint64_t changed;

	touch_file(f, POLICY_JSON_FILE);
	assert_int_equal(stat(path, &st), 0);
	changed = (uint64_t)st.st_ctim.tv_sec * NSEC_PER_SEC + (uint64_t)st.st_ctim.tv_nsec;
	assert_true(policy_stamp(&config, f->policy, changed + NSEC_PER_SEC / 2) == 0);
	assert_true(policy_stamp(&config, f->policy, changed + 2 * NSEC_PER_SEC) != 0);
}

static void summaries_tell_the_mode_that_was_set_since(void **state)
{
	struct kept k;
	json_auto_t *before = NULL, *after = NULL;

	setup_kept(&k, *state);
	before = summary_of(&k, NULL);
	assert_int_equal(modes_set(&k.config, "shop", k.f->p, LUTRA_MODE_KILL, true, NULL), 0);
	after = summary_of(&k, NULL);
	assert_string_equal(json_string_value(json_object_get(before, "mode")), "deny");
	assert_string_equal(json_string_value(json_object_get(after, "mode")), "kill");
	policy_summaries_free(k.all);
}

static void summaries_of_keys_that_were_added_refuse_a_policy_without_signature(void **state)
{
	struct kept k;
	json_auto_t *before = NULL, *after = NULL;

	setup_kept(&k, *state);
	before = summary_of(&k, NULL);
	k.config.policy_keys.n = 1;
	after = summary_of(&k, NULL);
	assert_true(json_is_true(json_object_get(before, "good")));
	assert_true(json_is_false(json_object_get(after, "good")));
	policy_summaries_free(k.all);
}

static void summaries_of_a_damaged_policy_tell_when_it_is_good_again(void **state)
{
	struct kept k;
	json_auto_t *before = NULL, *after = NULL;
	_cleanup_free_ char *path = NULL;

	setup_kept(&k, *state);
	path = scratch_path(k.f->policy, POLICY_JSON_FILE);
	scratch_write(path, "{", 1);
	before = summary_of(&k, NULL);
	assert_int_equal(policy_save(k.f->p, k.f->policy, NULL), 0);
	after = summary_of(&k, NULL);
	assert_true(json_is_false(json_object_get(before, "good")));
	assert_true(json_is_true(json_object_get(after, "good")));
	policy_summaries_free(k.all);
}

static void summaries_of_no_directory_are_none(void **state)
{
	struct kept k;

	setup_kept(&k, *state);
	assert_null(policy_summaries_get(k.all, &k.config, "none", json_array(), 1));
	policy_summaries_free(k.all);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, sample_saved_setup, sample_saved_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(summaries_are_kept_and_list_the_containers_of_each_question),
		TEST(summaries_are_made_anew_after_each_file_that_changes),
		TEST(summaries_of_files_that_have_just_changed_have_no_stamp),
		TEST(summaries_tell_the_mode_that_was_set_since),
		TEST(summaries_of_keys_that_were_added_refuse_a_policy_without_signature),
		TEST(summaries_of_a_damaged_policy_tell_when_it_is_good_again),
		TEST(summaries_of_no_directory_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
