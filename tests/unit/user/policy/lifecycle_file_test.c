/* SPDX-License-Identifier: Apache-2.0 */
/* A life.json that is damaged: lutrad renames it, and starts without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/support/scratch.h"
#include "user/policy/lifecycle.h"

#define TOO_LARGE (17 << 20)

static void lifecycle_of_an_image_that_is_none_is_damaged(void **state)
{
	_cleanup_(lifecycle_done) struct lifecycle life = {}, again = {};
	struct lifecycle_image *image;
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	struct err err;

	(void)state;
	assert_int_equal(lifecycle_add(&life, "example.org/shop:1", &image, NULL), 0);
	j = lifecycle_to_json(&life);
	json_object_set_new(json_array_get(j, 0), "image", json_string(""));
	text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(lifecycle_parse(text, strlen(text), &again, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "not an image reference"));
	assert_null(again.images);
}

/* A restart of lutrad must not make an update of a policy that is to be made anew. */
static void lifecycle_keeps_that_a_policy_is_made_anew(void **state)
{
	_cleanup_(lifecycle_done) struct lifecycle life = {}, again = {};
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	struct lifecycle_image *i;

	(void)state;
	assert_int_equal(lifecycle_add(&life, "shop:1", &i, NULL), 0);
	i->learning = i->trained = i->anew = true;
	j = lifecycle_to_json(&life);
	text = json_dumps(j, JSON_COMPACT);
	assert_int_equal(lifecycle_parse(text, strlen(text), &again, NULL), 0);
	assert_true(again.images->anew);
}

static void lifecycle_that_is_no_list_is_damaged(void **state)
{
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	struct err err;

	(void)state;
	assert_int_equal(lifecycle_parse("{}", 2, &again, &err), -EBADMSG);
	assert_string_equal(err.msg, "not an array");
}

static void lifecycle_in_a_directory_or_a_huge_file_is_damaged(void **state)
{
	_cleanup_(lifecycle_done) struct lifecycle again = {};
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "life.json");
	struct err err;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(lifecycle_load(dir, &again, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "not a regular file"));
	assert_int_equal(rmdir(path), 0);
	scratch_write(path, "[]", 2);
	assert_int_equal(truncate(path, TOO_LARGE), 0);
	assert_int_equal(lifecycle_load(dir, &again, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "larger than"));
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lifecycle_of_an_image_that_is_none_is_damaged),
		cmocka_unit_test(lifecycle_keeps_that_a_policy_is_made_anew),
		cmocka_unit_test(lifecycle_that_is_no_list_is_damaged),
		cmocka_unit_test(lifecycle_in_a_directory_or_a_huge_file_is_damaged),
	};

	return cmocka_run_group_tests_name("lifecycle_file", tests, NULL, NULL);
}
