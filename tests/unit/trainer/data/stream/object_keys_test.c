/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of objects: classes of paths, names in data roots, sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lutra/object_token.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/data/stream/object_keys.h"

struct fixture {
	struct corpus corpus;
	struct object_keys keys;
	uint32_t *key_of;
	uint8_t *seen[4];
};

static int object_keys_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	return corpus_init(&f->corpus);
}

static int object_keys_teardown(void **state)
{
	struct fixture *f = *state;

	object_keys_done(&f->keys);
	corpus_done(&f->corpus);
	free(f->key_of);
	for (int i = 0; i < 4; i++)
		free(f->seen[i]);
	free(f);
	return 0;
}

/* Adds a run that reads files, given by their paths. */
static void add_reading_run(struct fixture *f, const char *const *paths)
{
	struct made_run m = made_run_new(&f->corpus);
	size_t run = f->corpus.n_runs;

	made_run_syscall(&m, 1, 0);
	f->seen[run] = calloc(256, 1);
	assert_non_null(f->seen[run]);
	for (; *paths; paths++) {
		struct run_object o;
		uint32_t n = intern_count(f->corpus.names.objects);

		made_run_open(&m, 1, *paths, false);
		for (uint32_t i = 0; i < intern_count(f->corpus.names.objects); i++) {
			size_t len;
			const char *path;

			run_names_object(&f->corpus.names, i, &o);
			path = intern_get(f->corpus.names.paths, o.path, &len);
			if (i >= n || (len == strlen(*paths) && memcmp(path, *paths, len) == 0))
				f->seen[run][i] = 1;
		}
	}
	made_run_end(&m, run == 0 ? "0.ltr" : run == 1 ? "1.ltr" : "2.ltr", false);
}

static void learn_fixture(struct fixture *f)
{
	assert_int_equal(object_keys_learn(&f->keys, &f->corpus, (const uint8_t *const *)f->seen,
					   &f->key_of),
			 0);
}

static uint32_t file_key(const struct fixture *f, const char *path, bool write)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN,
		.mode = 0x8000,
		.flags = (uint8_t)(LUTRA_OBJ_PATH | (write ? LUTRA_OBJ_WRITE : 0))};

	return object_keys_find(&f->keys, &o, path, strlen(path));
}

/* Expects the key of a file that is read, as text. */
static void expect_key(const struct fixture *f, const char *path, const char *text)
{
	char got[OBJECT_KEYS_TEXT];

	object_keys_describe(&f->keys, file_key(f, path, false), got);
	assert_string_equal(got, text);
}

static void object_keys_follow_the_place_of_a_path(void **state)
{
	static const char *const paths[] = {"/usr/lib/a.so",
					    "/lib/b",
					    "/#/c.so",
					    "/etc/ld.so.cache",
					    "/usr/share/x",
					    "/bin/sh",
					    "/etc/passwd",
					    "/etc/shadow",
					    "/run/secrets/key",
					    "/var/run/secrets/token",
					    "/proc/self/maps",
					    "/sys/x",
					    "/dev/null",
					    "/run/x.pid",
					    "/tmp/x",
					    "/var/tmp/x",
					    "/root/.profile",
					    "/srv/www/index.html",
					    "/srv/www",
					    "/var/lib/mysql/db/t.ibd",
					    "/var/lib/mysql/ibdata",
					    "/var/log/nginx/access.log",
					    "/srv",
					    "/",
					    NULL};
	struct fixture *f = *state;

	add_reading_run(f, paths);
	learn_fixture(f);
	expect_key(f, "/usr/lib/a.so", "read lib");
	expect_key(f, "/#/c.so", "read lib");
	expect_key(f, "/etc/ld.so.cache", "read lib");
	expect_key(f, "/usr/share/x", "read usr");
	expect_key(f, "/usr/share/never", "read usr");
	expect_key(f, "/bin/sh", "read usr");
	expect_key(f, "/etc/passwd", "read etc");
	expect_key(f, "/etc/shadow-", "read secret");
	expect_key(f, "/var/run/secrets/token", "read secret");
	expect_key(f, "/proc/self/maps", "read proc");
	expect_key(f, "/sys/x", "read proc");
	expect_key(f, "/dev/null", "read dev");
	expect_key(f, "/var/run/x.pid", "read run");
	expect_key(f, "/var/tmp/x", "read tmp");
	expect_key(f, "/home/x", "read home");
	expect_key(f, "/srv/www/index.html", "read own/ /srv/www");
	expect_key(f, "/srv/www", "read own /srv/www");
	expect_key(f, "/var/lib/mysql/db/t.ibd", "read own/ /var/lib/mysql/db");
	expect_key(f, "/var/lib/mysql/ibdata", "read own /var/lib/mysql/ibdata");
	expect_key(f, "/var/log/nginx/error.log", "read log");
	expect_key(f, "/", "read data");
	expect_key(f, "/srv/other", "new");
	assert_int_equal(file_key(f, "/etc/passwd", true), OBJECT_KEYS_NEW);
}

static void object_keys_merge_names_that_vary(void **state)
{
	static const char *const one[] = {"/srv/index", "/srv/a", "/opt", NULL};
	static const char *const two[] = {"/srv/index", "/srv/b", "/data/x", NULL};
	struct fixture *f = *state;

	add_reading_run(f, one);
	add_reading_run(f, two);
	learn_fixture(f);
	expect_key(f, "/srv/index", "read own /srv/index");
	expect_key(f, "/srv/a", "read own /srv");
	expect_key(f, "/srv/b", "read own /srv");
	expect_key(f, "/srv/never", "read own /srv");
	/* One run alone does not make names vary. */
	expect_key(f, "/data/x", "read own /data/x");
	expect_key(f, "/data/y", "new");
}

static void object_keys_tell_sockets_apart_by_port(void **state)
{
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	struct lutra_object o = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 443};
	uint32_t https, any;

	made_run_syscall(&m, 1, 0);
	made_run_object(&m, 1, o, NULL);
	o.port = 40000;
	made_run_object(&m, 1, o, NULL);
	made_run_end(&m, "0.ltr", false);
	f->seen[0] = calloc(256, 1);
	assert_non_null(f->seen[0]);
	memset(f->seen[0], 1, 256);
	learn_fixture(f);
	any = object_keys_find(&f->keys, &o, "", 0);
	o.port = 50000;
	assert_int_equal(object_keys_find(&f->keys, &o, "", 0), any);
	o.port = 443;
	https = object_keys_find(&f->keys, &o, "", 0);
	assert_in_range(https, 0, 1);
	assert_int_not_equal(https, any);
	o.family = LUTRA_AF_INET6;
	assert_int_equal(object_keys_find(&f->keys, &o, "", 0), https);
	o.port = 80;
	assert_int_equal(object_keys_find(&f->keys, &o, "", 0), OBJECT_KEYS_NEW);
	o.op = LUTRA_OP_CAPABLE;
	assert_int_equal(object_keys_find(&f->keys, &o, "", 0), OBJECT_KEYS_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(object_keys_follow_the_place_of_a_path,
						object_keys_setup, object_keys_teardown),
		cmocka_unit_test_setup_teardown(object_keys_merge_names_that_vary,
						object_keys_setup, object_keys_teardown),
		cmocka_unit_test_setup_teardown(object_keys_tell_sockets_apart_by_port,
						object_keys_setup, object_keys_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
