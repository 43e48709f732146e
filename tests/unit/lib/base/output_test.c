/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs: only regular files are written, whole, and an old one is replaced on request only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/output.h"
#include "tests/support/scratch.h"

struct fixture {
	char *dir, *path;
};

static int output_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_dir();
	f->path = scratch_path(f->dir, "out");
	*state = f;
	return 0;
}

static int output_teardown(void **state)
{
	struct fixture *f = *state;

	scratch_remove(f->dir);
	free(f->path);
	free(f);
	return 0;
}

static int write_text(const char *path, bool force, const char *text)
{
	return output_write(path, force, 0644, text, strlen(text), NULL);
}

static void check_text(const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 100, &text, &len, NULL), 0);
	assert_string_equal(text, want);
}

static unsigned count_files(const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	assert_true(n >= 2);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return (unsigned)n - 2;
}

static void output_write_replaces_a_file_only_on_request(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_text(f->path, false, "one"), 0);
	assert_int_equal(write_text(f->path, false, "two"), -EEXIST);
	check_text(f->path, "one");
	assert_int_equal(write_text(f->path, true, "three"), 0);
	check_text(f->path, "three");
	assert_int_equal(count_files(f->dir), 1);
}

static void output_write_refuses_what_is_no_regular_file(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	_cleanup_free_ char *fifo = scratch_path(f->dir, "fifo"),
			    *dir = scratch_path(f->dir, "dir");
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct err err;
	struct stat st;

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", f->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	for (int force = 0; force < 2; force++) {
		assert_int_equal(output_write("/dev/null", force, 0644, "x", 1, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "/dev/null: not a regular file"));
		assert_int_equal(write_text(f->path, force, "x"), -EINVAL);
		assert_int_equal(write_text(fifo, force, "x"), -EINVAL);
		assert_int_equal(write_text(dir, force, "x"), -EISDIR);
	}
	assert_int_equal(lstat(fifo, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(file_replace(fifo, 0600, "x", 1), -EINVAL);
	assert_int_equal(file_replace(dir, 0600, "x", 1), -EISDIR);
	assert_int_equal(count_files(f->dir), 3);
}

/* As /dev/stdout: a link to what standard output is. */
static void output_write_follows_a_link(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *link = scratch_path(f->dir, "link");
	struct stat st;

	assert_int_equal(symlink("/dev/null", link), 0);
	assert_int_equal(write_text(link, true, "x"), -EINVAL);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(f->path, link), 0);
	assert_int_equal(write_text(link, true, "x"), -EINVAL); /* leads nowhere */
	assert_int_equal(write_text(f->path, false, "old"), 0);
	assert_int_equal(write_text(link, false, "new"), -EEXIST);
	assert_int_equal(write_text(link, true, "new"), 0);
	check_text(f->path, "new");
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void output_end_does_not_replace_a_file_that_was_made_meanwhile(void **state)
{
	struct fixture *f = *state;
	_cleanup_(output_done) struct output o = {};

	assert_int_equal(output_begin(&o, f->path, false, NULL), 0);
	scratch_write(o.part, "part", 4);
	scratch_write(f->path, "mine", 4);
	assert_int_equal(output_end(&o, NULL), -EEXIST);
	check_text(f->path, "mine");
	output_done(&o);
	assert_int_equal(count_files(f->dir), 1);
}

static void output_end_copies_to_standard_output(void **state)
{
	struct fixture *f = *state;
	int keep = dup(STDOUT_FILENO), fd = open(f->path, O_WRONLY | O_CREAT | O_EXCL, 0600), r;
	struct output o = {};

	assert_true(keep >= 0 && fd >= 0);
	assert_int_equal(setenv("TMPDIR", f->dir, 1), 0);
	assert_int_equal(output_begin(&o, "-", false, NULL), 0);
	scratch_write(o.part, "part", 4);
	dup2(fd, STDOUT_FILENO);
	r = output_end(&o, NULL);
	output_done(&o);
	if (r == 0)
		r = write_text("-", false, ", text");
	dup2(keep, STDOUT_FILENO);
	close(keep);
	close(fd);
	unsetenv("TMPDIR");
	assert_int_equal(r, 0);
	check_text(f->path, "part, text");
	assert_int_equal(count_files(f->dir), 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, output_setup, output_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(output_write_replaces_a_file_only_on_request),
		T(output_write_refuses_what_is_no_regular_file),
		T(output_write_follows_a_link),
		T(output_end_does_not_replace_a_file_that_was_made_meanwhile),
		T(output_end_copies_to_standard_output),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
