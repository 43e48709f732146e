/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of an output on disk: nobody but root reads what waits in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "tests/support/scratch.h"
#include "user/outputs/spool.h"

#define MAX_BYTES (1 << 20)

static void assert_private(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void spool_files_are_private(void **state)
{
	char *dir = scratch_dir();
	_cleanup_free_ char *path = scratch_path(dir, "output-one.db"),
			    *log = scratch_path(dir, "output-one.db-wal");
	struct spool *s = NULL;
	struct err err;

	(void)state;
	assert_int_equal(spool_new(&s, path, MAX_BYTES, &err), 0);
	assert_private(path);
	assert_private(log);
	spool_free(s);
	/* An older lutra made it so. */
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(spool_new(&s, path, MAX_BYTES, &err), 0);
	assert_private(path);
	spool_free(s);
	scratch_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(spool_files_are_private)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
