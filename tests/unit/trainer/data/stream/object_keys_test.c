/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of objects: classes of paths, names in data roots, sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lutra/object_key.h"
#include "tests/support/trainer/made_policy.h"
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
	assert_int_equal(object_keys_init(&f->keys, (const uint64_t[2]){1, 2}, UINT32_MAX), 0);
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
	assert_string_equal(object_keys_text(&f->keys, file_key(f, path, false)), text);
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

/* Two runs have names of their own, so that names would vary; but one has the name in a directory too. */
static void object_keys_of_a_known_name_in_another_use_are_those_of_its_root(void **state)
{
	static const char *const one[] = {"/srv/index", "/srv/a", NULL};
	static const char *const two[] = {"/srv/index", "/srv/b", NULL};
	struct fixture *f = *state;
	struct made_run m;

	add_reading_run(f, one);
	add_reading_run(f, two);
	m = made_run_new(&f->corpus);
	made_run_open(&m, 1, "/srv/c", true);
	made_run_end(&m, "2.ltr", false);
	f->seen[2] = calloc(256, 1);
	assert_non_null(f->seen[2]);
	f->seen[2][intern_count(f->corpus.names.objects) - 1] = 1;
	learn_fixture(f);
	expect_key(f, "/srv/index", "read own /srv/index");
	/* No run wrote the index, but one wrote a name that varies. */
	assert_string_equal(object_keys_text(&f->keys, file_key(f, "/srv/index", true)),
			    "write own /srv");
}

static void object_keys_of_too_many_names_are_one(void **state)
{
	char names[OBJECT_KEYS_NAMES + 1][32];
	const char *paths[OBJECT_KEYS_NAMES + 2] = {NULL};
	struct fixture *f = *state;

	for (unsigned i = 0; i <= OBJECT_KEYS_NAMES; i++) {
		snprintf(names[i], sizeof(names[i]), "/srv/%c%c", 'a' + (int)i / 26,
			 'a' + (int)i % 26);
		paths[i] = names[i];
	}
	add_reading_run(f, paths);
	learn_fixture(f);
	assert_int_equal(object_keys_count(&f->keys), 1);
	expect_key(f, "/srv/aa", "read own /srv");
	expect_key(f, "/srv/never", "read own /srv");
}

/* Objects that the runs of add_varied_runs() had, and others. */
static const struct {
	struct lutra_object o;
	const char *path; /* NULL: it has none */
	bool is_known;
} scorer_cases[] = {
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/service.conf", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/etc/never", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/srv/page12.html", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/srv/own1", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/srv/never", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/data/only", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/data/never", false},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE}, "/srv/data/log", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE}, "/srv/own1", false},
	{{.op = LUTRA_OP_OPEN, .mode = 0040755}, "/srv", false},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "/lib64/libm.so.6", true},
	{{.op = LUTRA_OP_OPEN, .mode = 0100644}, "?", false},
	{{.op = LUTRA_OP_EXEC, .mode = 0100755}, "/usr/bin/sort", true},
	{{.op = LUTRA_OP_EXEC, .mode = 0100755}, "/usr/bin/never", false},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 443}, NULL, true},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET6, .port = 443}, NULL, true},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 444}, NULL, false},
	/* The recordings could not see a bind. */
	{{.op = LUTRA_OP_BIND, .family = LUTRA_AF_INET, .port = 80}, NULL, false},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 50000}, NULL, true},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_UNIX}, "/run/db.sock", true},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_UNIX}, "/run/never.sock", true},
	{{.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_UNIX}, "//abstract", false},
	{{.op = LUTRA_OP_CONNECT, .family = 16}, NULL, false},
};

/* Adds three runs of a service with names of its own, a program, peers and a Unix socket. */
static void add_varied_runs(struct corpus *c)
{
	for (unsigned i = 0; i < 3; i++) {
		const struct lutra_object web = {
			.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 443};
		const struct lutra_object peer = {
			.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 40000};
		const struct lutra_object socket = {.op = LUTRA_OP_CONNECT,
						    .family = LUTRA_AF_UNIX};
		const struct lutra_object program = {.op = LUTRA_OP_EXEC, .mode = 0100755};
		struct made_run m;
		char name[16], path[32];

		snprintf(name, sizeof(name), "service%u", i);
		made_run_service(c, name, i, 40);
		m = made_run_new(c);
		made_run_syscall(&m, 10, 0);
		snprintf(path, sizeof(path), "/srv/own%c", 'a' + (char)i);
		made_run_open(&m, 10, path, false);
		made_run_open(&m, 10, "/lib64/libc.so.6", false);
		if (i == 0)
			made_run_open(&m, 10, "/data/only", false);
		made_run_object(&m, 10, program, "/usr/bin/sort");
		made_run_object(&m, 10, peer, NULL);
		made_run_object(&m, 10, web, NULL);
		made_run_object(&m, 10, socket, "/run/db.sock");
		made_run_end(&m, path, false);
	}
}

/* What the guard computes of a policy is what training found. */
static void object_keys_are_those_of_the_scorer(void **state)
{
	struct fixture *f = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	_cleanup_(object_keys_done) struct object_keys keys = {0};

	add_varied_runs(&f->corpus);
	p = made_policy_train(&f->corpus, &made_policy_options);
	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	assert_int_equal(object_keys_init(&keys, p->hash_key, p->ops), 0);
	for (size_t i = 0; i < p->n_keys; i++)
		assert_int_equal(object_keys_add(&keys, p->keys[i].hash, p->keys[i].name), 0);
	for (size_t i = 0; i < sizeof(scorer_cases) / sizeof(scorer_cases[0]); i++) {
		struct lutra_object o = scorer_cases[i].o;
		const char *text = scorer_cases[i].path ? scorer_cases[i].path : "";
		const struct policy_key *got;
		struct lutra_key_search search;
		struct lutra_path path = {};
		uint32_t number, by_text;

		o.flags |= scorer_cases[i].path ? LUTRA_OBJ_PATH : 0;
		path_text_parse(text, strlen(text), &path);
		number = lutra_object_key(image, &o, &path, &search);
		by_text = object_keys_find(&keys, &o, text, strlen(text));
		got = policy_key_by_number(p, number);
		if ((got != NULL) != scorer_cases[i].is_known)
			fail_msg("case %zu, %s: key %u", i, text, number);
		if (got)
			assert_string_equal(got->name, object_keys_text(&keys, by_text));
		else
			assert_int_equal(by_text, number == LUTRA_KEY_NEW ? OBJECT_KEYS_NEW
									  : OBJECT_KEYS_NONE);
	}
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
		cmocka_unit_test_setup_teardown(
			object_keys_of_a_known_name_in_another_use_are_those_of_its_root,
			object_keys_setup, object_keys_teardown),
		cmocka_unit_test_setup_teardown(object_keys_of_too_many_names_are_one,
						object_keys_setup, object_keys_teardown),
		cmocka_unit_test_setup_teardown(object_keys_are_those_of_the_scorer,
						object_keys_setup, object_keys_teardown),
		cmocka_unit_test_setup_teardown(object_keys_tell_sockets_apart_by_port,
						object_keys_setup, object_keys_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
