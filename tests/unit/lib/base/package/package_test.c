/* SPDX-License-Identifier: Apache-2.0 */
/* The package of a file, by the database of a root directory, which may be anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/base/package/package.h"
#include "tests/support/scratch.h"

#define INFO "var/lib/dpkg/info"
#define APK "lib/apk/db"

struct fixture {
	char *dir;
	int root;
};

static int package_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_dir();
	f->root = open(f->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->root < 0 ? -1 : 0;
}

static int package_teardown(void **state)
{
	struct fixture *f = *state;

	close(f->root);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* Makes a directory with those above it. */
static void make_dir(const struct fixture *f, const char *path)
{
	char up[256];

	for (const char *at = path; at; at = strchr(at + 1, '/')) {
		if (at == path)
			continue;
		snprintf(up, sizeof(up), "%.*s", (int)(at - path), path);
		mkdirat(f->root, up, 0755);
	}
	assert_true(mkdirat(f->root, path, 0755) == 0 || errno == EEXIST);
}

static void make_file(const struct fixture *f, const char *path, const char *text)
{
	assert_int_equal(file_create(f->root, path, 0644, text, strlen(text)), 0);
}

/* A database of dpkg with two packages. */
static void make_dpkg(const struct fixture *f)
{
	make_dir(f, INFO);
	make_file(f, INFO "/zlib1g:amd64.list", "/.\n/lib/libz.so.1.2\n/usr/share/doc/zlib1g\n");
	make_file(f, INFO "/dash.list", "/.\n/usr/bin/dash");
	make_file(f, INFO "/dash.postinst", "/usr/bin/other\n");
	make_file(f, "var/lib/dpkg/status",
		  "Package: dash\nStatus: install ok installed\nVersion: 0.5.12-2\n\n"
		  "Package: zlib1g\nArchitecture: amd64\nVersion: 1:1.2.13.dfsg-1\n");
}

static void assert_package(const struct fixture *f, const char *path, const char *name,
			   const char *version)
{
	struct package p = {};

	assert_int_equal(package_find(f->root, path, &p), 0);
	assert_string_equal(p.name, name);
	assert_string_equal(p.version, version);
}

static void package_of_dpkg_has_name_and_version(void **state)
{
	struct fixture *f = *state;
	struct package p;

	make_dpkg(f);
	assert_package(f, "/usr/bin/dash", "dash", "0.5.12-2");
	/* The package has it where a link leads that the root has in place of /lib. */
	assert_package(f, "/usr/lib/libz.so.1.2", "zlib1g", "1:1.2.13.dfsg-1");
	assert_int_equal(package_find(f->root, "/usr/bin/other", &p), -ENOENT);
	assert_int_equal(package_find(f->root, "/usr/bin/das", &p), -ENOENT);
}

static void package_of_apk_has_name_and_version(void **state)
{
	struct fixture *f = *state;
	struct package p;

	make_dir(f, APK);
	make_file(f, APK "/installed",
		  "C:Q1\nP:musl\nV:1.2.4-r2\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\n"
		  "P:nginx\nV:1.24.0-r7\nF:\nR:top\nF:usr/sbin\nR:nginx\n");
	assert_package(f, "/lib/ld-musl-x86_64.so.1", "musl", "1.2.4-r2");
	assert_package(f, "/usr/lib/ld-musl-x86_64.so.1", "musl", "1.2.4-r2");
	assert_package(f, "/usr/sbin/nginx", "nginx", "1.24.0-r7");
	assert_package(f, "/top", "nginx", "1.24.0-r7");
	assert_int_equal(package_find(f->root, "/usr/sbin/ngin", &p), -ENOENT);
}

static void package_without_a_database_is_unknown(void **state)
{
	struct fixture *f = *state;
	struct package p;

	assert_int_equal(package_find(f->root, "/usr/bin/dash", &p), -ENOENT);
}

/* A walk's files, "PACKAGE PATH" in a line each. */
struct seen_files {
	char text[512];
	unsigned asked; /* how often wants() was called */
	int result;	/* what on_file() returns */
};

static bool wants_some(void *ctx, const char *name)
{
	((struct seen_files *)ctx)->asked++;
	return strcmp(name, "dash") == 0 || strcmp(name, "nginx") == 0;
}

static int note_file(void *ctx, const char *name, const char *path, size_t len)
{
	struct seen_files *f = ctx;
	size_t at = strlen(f->text);

	snprintf(f->text + at, sizeof(f->text) - at, "%s %.*s\n", name, (int)len, path);
	return f->result;
}

static void package_files_of_wanted_packages_are_walked(void **state)
{
	struct fixture *f = *state;
	struct seen_files seen = {};
	const struct package_visitor v = {wants_some, note_file, &seen};

	assert_int_equal(package_each_file(f->root, &v), -ENOENT);
	make_dpkg(f);
	assert_int_equal(package_each_file(f->root, &v), 0);
	assert_string_equal(seen.text, "dash /.\ndash /usr/bin/dash\n");
	seen = (struct seen_files){.result = -E2BIG};
	assert_int_equal(package_each_file(f->root, &v), -E2BIG);
	assert_string_equal(seen.text, "dash /.\n");
	seen = (struct seen_files){};
	make_dir(f, APK);
	make_file(f, APK "/installed",
		  "P:a\nF:bin\nR:a\n\nP:nginx\nR:\nR:top\nF:usr/sbin\nR:nginx\n");
	assert_int_equal(package_each_file(f->root, &v), 0);
	assert_string_equal(seen.text, "nginx /top\nnginx /usr/sbin/nginx\n");
	assert_int_equal(seen.asked, 2);
}

/* A link does not lead out of the root, and what is no file is not opened. */
static void package_of_a_hostile_root_is_unknown(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int outer = f->root;
	struct package p;
	char target[512];

	make_dpkg(f);
	assert_package(f, "/usr/bin/dash", "dash", "0.5.12-2");
	make_dir(f, "inner/var/lib");
	snprintf(target, sizeof(target), "%s/var/lib/dpkg", f->dir);
	assert_int_equal(symlinkat(target, f->root, "inner/var/lib/dpkg"), 0);
	f->root = openat(outer, "inner", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(package_find(f->root, "/usr/bin/dash", &p), -ENOENT);
	assert_int_equal(unlinkat(f->root, "var/lib/dpkg", 0), 0);
	assert_int_equal(symlinkat("../../../../var/lib/dpkg", f->root, "var/lib/dpkg"), 0);
	assert_int_equal(package_find(f->root, "/usr/bin/dash", &p), -ELOOP);
	assert_int_equal(unlinkat(f->root, "var/lib/dpkg", 0), 0);
	make_dir(f, INFO);
	assert_int_equal(mkfifoat(f->root, INFO "/dash.list", 0644), 0);
	assert_int_equal(package_find(f->root, "/usr/bin/dash", &p), -ENOENT);
}

/* Words go into an alert as they are: what is none is left out. */
static void package_words_are_clean(void **state)
{
	const char apk[] = "P:bad name\nF:bin\nR:a\n\nP:ok\nV:1\x1b[2J\nF:bin\nR:b\n";
	const char status[] = "Package: ok\nVersion: 1 2\n";
	struct package p = {.name = "ok"};

	(void)state;
	assert_int_equal(package_apk_find(apk, strlen(apk), "/bin/a", &p), -ENOENT);
	assert_int_equal(package_apk_find(apk, strlen(apk), "/bin/b", &p), 0);
	assert_string_equal(p.version, "");
	package_status_read(status, strlen(status), &p);
	assert_string_equal(p.version, "");
	assert_false(package_list_has("", 0, "/bin/a"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, package_setup, package_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(package_of_dpkg_has_name_and_version),
		TEST(package_of_apk_has_name_and_version),
		TEST(package_files_of_wanted_packages_are_walked),
		TEST(package_without_a_database_is_unknown),
		TEST(package_of_a_hostile_root_is_unknown),
		TEST(package_words_are_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
