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
	_cleanup_free_ char *model = scratch_path(f->policy, POLICY_MODEL_FILE);

	scratch_write(model, "m", 1);
	for (int32_t threshold = 97; threshold < 100; threshold++) {
		_cleanup_(policy_freep) struct policy *q = NULL;
		int32_t was = threshold == 97 ? 123456 : threshold - 1;

		f->p->threshold = threshold;
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
		assert_int_equal(policy_load(&q, before, NULL), 0);
		assert_int_equal(q->threshold, was);
	}
	assert_int_equal(access(two_before, F_OK), -1);
	free(model);
	model = scratch_path(before, POLICY_MODEL_FILE);
	assert_int_equal(access(model, F_OK), -1);
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
		T(policy_save_refuses_a_directory_with_other_files),
		T(policy_save_refuses_what_could_not_be_loaded_and_keeps_the_old),
		T(policy_save_without_parent_fails),
	};

	return cmocka_run_group_tests_name("policy_save", tests, NULL, NULL);
}
