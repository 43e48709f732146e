/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of a process, which may have made them to mislead: as the kernel writes them, and not so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/process/mounts.h"

static struct mounts parse_text(const char *text)
{
	struct mounts m = {};

	assert_int_equal(mounts_parse(text, strlen(text), &m), 0);
	return m;
}

static void mounts_parse_reads_what_the_kernel_writes(void **state)
{
	struct mounts m = parse_text(
		"21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw,errors=remount-ro\n"
		"36 21 0:32 /etc /host/etc ro master:2 propagate_from:1 - ext4 /dev/sda2 rw\n"
		"40 21 0:4294967295 / /run rw - tmpfs  rw,size=1k\n");

	(void)state;
	assert_int_equal(m.n, 3);
	assert_false(m.truncated);
	assert_int_equal(m.mount[1].id, 36);
	assert_int_equal(m.mount[1].parent, 21);
	assert_int_equal(m.mount[1].major, 0);
	assert_int_equal(m.mount[1].minor, 32);
	assert_string_equal(m.mount[1].root, "/etc");
	assert_string_equal(m.mount[1].point, "/host/etc");
	assert_int_equal(m.mount[2].minor, UINT32_MAX);
	mounts_done(&m);
}

static void mounts_parse_undoes_escapes(void **state)
{
	struct mounts m =
		parse_text("1 0 8:1 /a\\040b\\134 /c\\011\\012\\043\\303\\244 rw - ext4 x rw\n");

	(void)state;
	assert_int_equal(m.n, 1);
	assert_string_equal(m.mount[0].root, "/a b\\");
	assert_string_equal(m.mount[0].point, "/c\t\n#\xc3\xa4");
	mounts_done(&m);
}

/* A namespace's file, a directory that was deleted, and a cgroup above the reader's. */
static void mounts_parse_knows_roots_that_have_no_path(void **state)
{
	struct mounts m = parse_text("1 0 0:4 net:[4026531840] /run/netns/x rw - nsfs nsfs rw\n"
				     "2 0 8:1 /srv/x//deleted /x rw - ext4 x rw\n"
				     "3 0 0:29 /../.. /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
				     "4 0 0:29 /.. /cgroup rw - cgroup2 cgroup rw\n");

	(void)state;
	assert_int_equal(m.n, 4);
	for (size_t i = 0; i < m.n; i++)
		assert_null(m.mount[i].root);
	assert_string_equal(m.mount[1].point, "/x");
	mounts_done(&m);
}

static void mounts_parse_skips_lines_that_the_kernel_does_not_write(void **state)
{
	static const char *const bad[] = {
		"",
		"36",
		"36 21 8:2 /etc /host/etc rw",
		"36 21 8:2 /etc /host/etc rw master:1",
		"36 21 8:2 /etc /host/etc rw master:1 - ",
		"36 21 8:2 /etc /host/etc rw -",
		"36 21 8 /etc /host/etc rw - ext4 x rw",
		"36 21 8:2 /etc host/etc rw - ext4 x rw",
		"36 21 8:2 /etc /host/../etc rw - ext4 x rw",
		"36 21 8:2 /etc /host/./etc rw - ext4 x rw",
		"36 21 8:2 /etc /host//etc rw - ext4 x rw",
		"36 21 8:2 /etc /host/ rw - ext4 x rw",
		"36 21 8:2  /host/etc rw - ext4 x rw",
		"36 21 8:2 /etc  rw - ext4 x rw",
		" 36 21 8:2 /etc /host/etc rw - ext4 x rw",
		"-1 21 8:2 /etc /host/etc rw - ext4 x rw",
		"0x24 21 8:2 /etc /host/etc rw - ext4 x rw",
		"4294967296 21 8:2 /etc /host/etc rw - ext4 x rw",
		"99999999999999999999 21 8:2 /etc /host/etc rw - ext4 x rw",
		"36 21 8:+2 /etc /host/etc rw - ext4 x rw",
		"36 21 8:2 /etc /host\\04 rw - ext4 x rw",
		"36 21 8:2 /etc /host\\ rw - ext4 x rw",
		"36 21 8:2 /etc /host\\000etc rw - ext4 x rw",
		"36 21 8:2 /etc /host\\400etc rw - ext4 x rw",
		"36 21 8:2 /etc /host\\x20etc rw - ext4 x rw",
		"36 21 8:2 /etc\\08 /host rw - ext4 x rw",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[512];
		struct mounts m;

		snprintf(text, sizeof(text),
			 "1 0 8:2 / / rw - ext4 x rw\n%s\n"
			 "2 1 8:2 /etc /e rw - ext4 x rw\n",
			 bad[i]);
		m = parse_text(text);
		if (m.n != 2 || m.mount[1].id != 2)
			fail_msg("taken for a mount: %s", bad[i]);
		mounts_done(&m);
	}
}

static void mounts_parse_skips_a_line_without_its_end(void **state)
{
	struct mounts m = parse_text("1 0 8:2 / / rw - ext4 x rw\n2 1 8:2 /etc /e rw - ext4 x r");

	(void)state;
	assert_int_equal(m.n, 1);
	mounts_done(&m);
}

static void mounts_parse_skips_bytes_of_zero(void **state)
{
	static const char text[] = "1 0 8:2 /etc /e\0tc rw - ext4 x rw\n";
	struct mounts m = {};

	(void)state;
	assert_int_equal(mounts_parse(text, sizeof(text) - 1, &m), 0);
	assert_int_equal(m.n, 0);
	mounts_done(&m);
}

static void mounts_parse_skips_paths_that_are_too_long(void **state)
{
	_cleanup_free_ char *text = malloc(5 * PATH_MAX);
	struct mounts m;
	static const char rest[] = " rw - ext4 x rw\n";
	int at = sprintf(text, "1 0 8:2 /etc /");

	(void)state;
	memset(text + at, 'x', PATH_MAX);
	memcpy(text + at + PATH_MAX, rest, sizeof(rest));
	m = parse_text(text);
	assert_int_equal(m.n, 0);
	mounts_done(&m);
}

static void mounts_parse_says_that_there_are_too_many(void **state)
{
	static const char line[] = "7 1 8:2 /etc /e rw - ext4 x rw\n";
	const size_t n = MOUNTS_MAX + 1;
	_cleanup_free_ char *text = calloc(n, sizeof(line));
	struct mounts m = {};

	(void)state;
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	assert_int_equal(mounts_parse(text, (n - 1) * (sizeof(line) - 1), &m), 0);
	assert_int_equal(m.n, MOUNTS_MAX);
	assert_false(m.truncated);
	mounts_done(&m);
	assert_int_equal(mounts_parse(text, n * (sizeof(line) - 1), &m), 0);
	assert_int_equal(m.n, MOUNTS_MAX);
	assert_true(m.truncated);
	mounts_done(&m);
}

static void mounts_read_reads_those_of_a_process(void **state)
{
	_cleanup_close_ int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mounts m = {};
	bool found = false;

	(void)state;
	assert_int_equal(mounts_read(proc, &m), 0);
	for (size_t i = 0; i < m.n; i++)
		found |= strcmp(m.mount[i].point, "/proc") == 0;
	assert_true(found);
	mounts_done(&m);
}

static bool has_point(const struct mounts *m, const char *point)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->mount[i].point, point) == 0)
			return true;
	return false;
}

/* Starts a process in a mount namespace of its own, whose root is /usr of that. */
static pid_t start_chrooted(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || chroot("/usr") < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* An exec session gets the root of the namespace, and not that of the first process. */
static void mounts_read_namespace_begins_at_its_root(void **state)
{
	_cleanup_close_ int proc = -1;
	struct mounts m = {};
	char path[32];
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = start_chrooted();
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mounts_read(proc, &m), 0);
	assert_false(has_point(&m, "/proc"));
	mounts_done(&m);
	assert_int_equal(mounts_read_namespace(proc, &m), 0);
	assert_true(has_point(&m, "/proc"));
	mounts_done(&m);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(mounts_read_namespace(proc, &m), -ESRCH);
}

static void mounts_read_namespace_reads_lutrads_own(void **state)
{
	_cleanup_close_ int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct mounts m = {};

	(void)state;
	assert_int_equal(mounts_read_namespace(proc, &m), 0);
	assert_true(has_point(&m, "/proc"));
	mounts_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts_parse_reads_what_the_kernel_writes),
		cmocka_unit_test(mounts_parse_undoes_escapes),
		cmocka_unit_test(mounts_parse_knows_roots_that_have_no_path),
		cmocka_unit_test(mounts_parse_skips_lines_that_the_kernel_does_not_write),
		cmocka_unit_test(mounts_parse_skips_a_line_without_its_end),
		cmocka_unit_test(mounts_parse_skips_bytes_of_zero),
		cmocka_unit_test(mounts_parse_skips_paths_that_are_too_long),
		cmocka_unit_test(mounts_parse_says_that_there_are_too_many),
		cmocka_unit_test(mounts_read_reads_those_of_a_process),
		cmocka_unit_test(mounts_read_namespace_begins_at_its_root),
		cmocka_unit_test(mounts_read_namespace_reads_lutrads_own),
	};

	return cmocka_run_group_tests_name("mounts", tests, NULL, NULL);
}
