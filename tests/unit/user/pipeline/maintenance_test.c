/* SPDX-License-Identifier: Apache-2.0 */
/* Maintenance: what cannot be saved does not happen, and is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/scratch.h"
#include "user/pipeline/maintenance.h"

#define BEGIN 1000
#define NOW 2000
#define UNTIL 3000

static void maintenance_that_cannot_be_ended_on_disk_goes_on(void **state)
{
	const struct maintenance_request q = {.image = "shop",
					      .reason = "upgrade",
					      .by = "root",
					      .now_ns = BEGIN,
					      .until_ns = UNTIL};
	char *dir = scratch_dir();
	_cleanup_free_ char *sub = scratch_path(dir, "state"), *aside = scratch_path(dir, "aside"),
			    *path = scratch_path(sub, "maintenance.json");
	_cleanup_(maintenance_freep) struct maintenance *m = NULL;
	struct incident_maintenance found;
	struct err err = {""};

	(void)state;
	assert_int_equal(mkdir(sub, 0700), 0);
	assert_int_equal(maintenance_new(&m, path, NULL), 0);
	assert_int_equal(maintenance_begin(m, &q, NULL), 0);
	assert_int_equal(rename(sub, aside), 0);
	assert_int_equal(maintenance_end(m, "shop", NOW, &err), -EIO);
	assert_non_null(strstr(err.msg, "goes on"));
	assert_true(maintenance_find(m, "shop:1", NOW, &found));
	assert_int_equal(rename(aside, sub), 0);
	assert_int_equal(maintenance_end(m, "shop", NOW, &err), 0);
	assert_false(maintenance_find(m, "shop:1", NOW, &found));
	scratch_remove(dir);
}

static void maintenance_list_that_is_damaged_is_set_aside(void **state)
{
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "maintenance.json");
	_cleanup_(maintenance_freep) struct maintenance *m = NULL;
	struct err err = {""};

	(void)state;
	scratch_write(path, "[{", 2);
	assert_int_equal(maintenance_new(&m, path, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "maintenance.json.damaged-"));
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(access(strstr(err.msg, "it is now ") + strlen("it is now "), F_OK), 0);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maintenance_that_cannot_be_ended_on_disk_goes_on),
		cmocka_unit_test(maintenance_list_that_is_damaged_is_set_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
