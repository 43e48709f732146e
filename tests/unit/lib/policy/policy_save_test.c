/* SPDX-License-Identifier: Apache-2.0 */
/* Saving policies: both files are written anew, and the policy before is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/policy/files/policy_format.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

static int load_saved(const char *dir)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	return policy_load(&p, dir, NULL);
}

static void policy_save_twice_gives_the_same_bytes(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *q = NULL;
	_cleanup_free_ char *again = scratch_path(f->dir, "again");
	_cleanup_free_ char *j1 = NULL, *j2 = NULL, *t1 = NULL, *t2 = NULL;
	size_t j1_len, j2_len, t1_len, t2_len;

	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_int_equal(policy_save(q, again, NULL), 0);
	j1 = scratch_read(f->policy, POLICY_JSON_FILE, &j1_len);
	j2 = scratch_read(again, POLICY_JSON_FILE, &j2_len);
	t1 = scratch_read(f->policy, POLICY_TABLES_FILE, &t1_len);
	t2 = scratch_read(again, POLICY_TABLES_FILE, &t2_len);
	assert_string_equal(j1, j2);
	assert_int_equal(t1_len, t2_len);
	assert_memory_equal(t1, t2, t1_len);
}

static void policy_save_replaces_an_old_policy_and_leaves_nothing_beside(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(policy_freep) struct policy *q = NULL;
	DIR *d;
	int n = 0;

	f->p->threshold = 99;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_int_equal(q->threshold, 99);
	d = opendir(f->dir);
	while (readdir(d))
		n++;
	closedir(d);
	assert_int_equal(n, 3);
}

static void policy_save_keeps_the_one_before_and_no_more(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *before = scratch_path(f->policy, POLICY_PREVIOUS_DIR);
	_cleanup_free_ char *two_before = scratch_path(before, POLICY_PREVIOUS_DIR);

	for (int32_t threshold = 97; threshold < 100; threshold++) {
		_cleanup_(policy_freep) struct policy *q = NULL;
		int32_t was = threshold == 97 ? 123456 : threshold - 1;

		f->p->threshold = threshold;
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
		assert_int_equal(policy_load(&q, before, NULL), 0);
		assert_int_equal(q->threshold, was);
	}
	assert_int_equal(access(two_before, F_OK), -1);
}

static void policy_save_keeps_the_model_of_the_one_before(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *before = scratch_path(f->policy, POLICY_PREVIOUS_DIR), *kept = NULL;
	_cleanup_free_ char *model = scratch_path(f->policy, POLICY_MODEL_FILE);
	size_t len;

	scratch_write(model, "m", 1);
	f->p->threshold = 97;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	kept = scratch_read(before, POLICY_MODEL_FILE, &len);
	assert_string_equal(kept, "m");
}

static int32_t roll_back(const char *dir)
{
	_cleanup_(policy_freep) struct policy *p = NULL, *q = NULL;

	assert_int_equal(policy_roll_back(dir, NULL, &p, NULL), 0);
	assert_int_equal(policy_load(&q, dir, NULL), 0);
	assert_int_equal(p->threshold, q->threshold);
	return q->threshold;
}

static void policy_roll_back_brings_the_one_before_and_a_second_one_undoes_it(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *model = scratch_path(f->policy, POLICY_MODEL_FILE), *is = NULL;
	size_t len;

	scratch_write(model, "old", 3);
	f->p->threshold = 97;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	scratch_write(model, "new", 3);
	assert_int_equal(roll_back(f->policy), 123456);
	is = scratch_read(f->policy, POLICY_MODEL_FILE, &len);
	assert_string_equal(is, "old");
	assert_int_equal(roll_back(f->policy), 97);
	free(is);
	is = scratch_read(f->policy, POLICY_MODEL_FILE, &len);
	assert_string_equal(is, "new");
}

static void policy_roll_back_keeps_what_a_person_added(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *added = scratch_path(f->policy, POLICY_ACCEPTED_FILE), *is = NULL;
	size_t len;

	f->p->threshold = 97;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	scratch_write(added, "{}", 2);
	roll_back(f->policy);
	is = scratch_read(f->policy, POLICY_ACCEPTED_FILE, &len);
	assert_string_equal(is, "{}");
}

static void policy_roll_back_without_one_before_changes_nothing(void **state)
{
	struct sample_saved *f = *state;
	struct policy *p;
	struct err err;

	assert_int_equal(policy_roll_back(f->policy, NULL, &p, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "replaced no policy"));
	assert_int_equal(load_saved(f->policy), 0);
}

static void policy_roll_back_to_a_damaged_one_changes_nothing(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *before = scratch_path(f->policy, POLICY_PREVIOUS_DIR);
	_cleanup_free_ char *tables = scratch_path(before, POLICY_TABLES_FILE);
	_cleanup_(policy_freep) struct policy *q = NULL;
	struct policy *p;

	f->p->threshold = 97;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	scratch_write(tables, "x", 1);
	assert_int_equal(policy_roll_back(f->policy, NULL, &p, NULL), -EBADMSG);
	assert_int_equal(policy_load(&q, f->policy, NULL), 0);
	assert_int_equal(q->threshold, 97);
}

static void policy_save_refuses_a_directory_with_other_files(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *notes = scratch_path(f->policy, "notes.txt");
	struct err err;

	scratch_write(notes, "mine", 4);
	assert_int_equal(policy_save(f->p, f->policy, &err), -EEXIST);
	assert_int_equal(load_saved(f->policy), 0);
}

static void policy_save_refuses_what_could_not_be_loaded_and_keeps_the_old(void **state)
{
	struct sample_saved *f = *state;
	struct err err;

	f->p->t1[5] |= 0x80;
	assert_int_equal(policy_save(f->p, f->policy, &err), -EINVAL);
	assert_int_equal(load_saved(f->policy), 0);
}

static void policy_save_without_parent_fails(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "no/such/parent");
	struct err err;

	assert_int_equal(policy_save(f->p, path, &err), -ENOENT);
}
#define T(f) cmocka_unit_test_setup_teardown(f, sample_saved_setup, sample_saved_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policy_save_twice_gives_the_same_bytes),
		T(policy_save_replaces_an_old_policy_and_leaves_nothing_beside),
		T(policy_save_keeps_the_one_before_and_no_more),
		T(policy_save_keeps_the_model_of_the_one_before),
		T(policy_roll_back_brings_the_one_before_and_a_second_one_undoes_it),
		T(policy_roll_back_keeps_what_a_person_added),
		T(policy_roll_back_without_one_before_changes_nothing),
		T(policy_roll_back_to_a_damaged_one_changes_nothing),
		T(policy_save_refuses_a_directory_with_other_files),
		T(policy_save_refuses_what_could_not_be_loaded_and_keeps_the_old),
		T(policy_save_without_parent_fails),
	};

	return cmocka_run_group_tests_name("policy_save", tests, NULL, NULL);
}
