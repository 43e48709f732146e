/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of objects: which objects have one key, and which of the policy's keys is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/abi/path_text.h"
#include "tests/support/sample.h"
#include "lutra/score.h"

#define FILE_MODE 0100644
#define DIR_MODE 0040755

static const struct lutra_hash_key key = {{0x1111, 0x2222}};

static const struct lutra_object reading = {
	.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = FILE_MODE};
static const struct lutra_object writing = {
	.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE, .mode = FILE_MODE};
static const struct lutra_object listing = {
	.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = DIR_MODE};
static const struct lutra_object executing = {
	.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH, .mode = 0100755};

/* Computes the hashes of an object. path: NULL: it has none. */
static struct lutra_key_search search_key(const struct lutra_object *o, const char *path)
{
	struct lutra_key_search s;
	struct lutra_path parsed = {};

	memset(&s, 0x5a, sizeof(s));
	if (path)
		path_text_parse(path, strlen(path), &parsed);
	lutra_key_compute(o, &parsed, &key, &s);
	return s;
}

static uint64_t own_hash(const struct lutra_object *o, const char *path)
{
	return search_key(o, path).own;
}

static void key_is_of_a_place_not_of_a_file(void **state)
{
	static const char *const same[][2] = {
		{"/etc/hosts", "/etc/nginx/nginx.conf"},
		{"/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/a"},
		{"/usr/lib/a", "/etc/ld.so.cache"},
		{"/usr/share/a", "/opt/b/c"},
		{"/proc/stat", "/sys/fs/cgroup/a"},
		{"/tmp/a", "/var/tmp/b/c"},
		{"/etc/shadow", "/run/secrets/token"},
		{"/run/a.pid", "/var/run/b/c"},
		{"/srv/www/a/b.html", "/srv/www/c/d/e"},
		{"/srv/www1/a/b", "/srv/www27/c/d"},
		{"/var/log/nginx/access.log", "/srv/www/b.log"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_true(own_hash(&reading, same[i][0]) == own_hash(&reading, same[i][1]));
}

static void key_tells_verbs_places_and_names_apart(void **state)
{
	const uint64_t of[] = {
		own_hash(&reading, "/etc/hosts"),
		own_hash(&writing, "/etc/hosts"),
		own_hash(&listing, "/etc"),
		own_hash(&reading, "/etc/shadow-"),
		own_hash(&reading, "/usr/share/a"),
		own_hash(&reading, "/usr/lib/a"),
		own_hash(&reading, "/srv/www"),
		own_hash(&reading, "/srv/www/a"),
		own_hash(&reading, "/srv/other/a"),
		own_hash(&reading, "/var/lib/a/b"),
		own_hash(&reading, "/var/lib/c/b"),
		own_hash(&reading, "/srv/www.log"),
		own_hash(&executing, "/usr/bin/sh"),
		own_hash(&executing, "/usr/bin/id"),
		own_hash(&executing, "/usr/sbin/id"),
		own_hash(&executing, "/srv/www/sh"),
		own_hash(&executing, "/srv/other/sh"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		for (size_t k = 0; k < i; k++)
			assert_true(of[i] != of[k]);
}

static void key_of_an_address_is_its_family_and_port(void **state)
{
	struct lutra_object v4 = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 80};
	struct lutra_object v6 = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET6, .port = 80};
	struct lutra_object netlink = {.op = LUTRA_OP_CONNECT, .family = 16};
	uint64_t web = own_hash(&v4, NULL), high;

	(void)state;
	v4.addr[0] = 10;
	assert_true(own_hash(&v4, NULL) == web);
	assert_true(own_hash(&v6, NULL) == web);
	assert_true(own_hash(&netlink, NULL) != web);
	v4.port = 81;
	assert_true(own_hash(&v4, NULL) != web);
	v4.port = LUTRA_EPHEMERAL_PORT;
	high = own_hash(&v4, NULL);
	v4.port = 65535;
	assert_true(own_hash(&v4, NULL) == high);
	v4.op = LUTRA_OP_BIND;
	assert_true(own_hash(&v4, NULL) != high);
}

static void key_of_a_unix_socket_is_its_place(void **state)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_CONNECT, .flags = LUTRA_OBJ_PATH, .family = LUTRA_AF_UNIX};
	const struct lutra_object unnamed = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_UNIX};

	(void)state;
	assert_true(own_hash(&o, "/run/a.sock") == own_hash(&o, "/var/run/b/c.sock"));
	assert_true(own_hash(&o, "/srv/a/b.sock") == own_hash(&o, "/srv/c/d.sock"));
	assert_true(own_hash(&o, "/run/a.sock") != own_hash(&o, "/tmp/a.sock"));
	assert_true(own_hash(&unnamed, NULL) == own_hash(&o, "?"));
}

/* Without a path that is known, an object is of no place: it must not pass for a file of the image. */
static void key_of_an_unresolved_or_detached_path_is_other(void **state)
{
	struct lutra_object pathless = reading;

	(void)state;
	pathless.flags = 0;
	assert_true(own_hash(&reading, "?/etc/hosts") == own_hash(&pathless, NULL));
	assert_true(own_hash(&reading, "//memfd:x") == own_hash(&pathless, NULL));
	assert_true(own_hash(&reading, "/etc/hosts") != own_hash(&pathless, NULL));
}

static void key_of_what_level_m_leaves_out_is_none(void **state)
{
	static const uint8_t left_out[] = {LUTRA_OP_NONE,
					   LUTRA_OP_CAPABLE,
					   LUTRA_OP_WX,
					   LUTRA_OP_HOOK,
					   LUTRA_OP_CHDIR,
					   LUTRA_OP_PEER,
					   LUTRA_OP_SOCKET,
					   LUTRA_OP_ADDR_CLASSES,
					   LUTRA_OP_TRANSPORTS,
					   LUTRA_OP_NATIVE,
					   LUTRA_OP_WX_LATER,
					   LUTRA_OP_OUTSIDE,
					   LUTRA_OP_CAPABILITY_ROLES,
					   LUTRA_OP_COUNT};

	(void)state;
	for (size_t i = 0; i < sizeof(left_out); i++) {
		const struct lutra_object o = {
			.op = left_out[i], .flags = LUTRA_OBJ_PATH, .mode = FILE_MODE};
		struct lutra_key_search s = search_key(&o, "/etc/hosts");

		assert_true(s.own == 0 && s.varies == 0);
	}
	for (unsigned op = LUTRA_OP_NONE + 1; op < LUTRA_OP_COUNT; op++) {
		const struct lutra_object o = {
			.op = (uint8_t)op, .flags = LUTRA_OBJ_PATH, .mode = FILE_MODE};

		assert_int_equal(own_hash(&o, "/etc/hosts") == 0,
				 memchr(left_out, (int)op, sizeof(left_out)) != NULL);
	}
}

/* A policy has either the name of a data root or, where names vary, the data root alone. */
static void key_of_a_name_that_varies_is_that_of_its_data_root(void **state)
{
	static struct lutra_policy image;
	struct lutra_key_search s = search_key(&reading, "/srv/www/a.html"), found;
	struct lutra_path path = {};
	uint32_t slot;

	(void)state;
	memset(&image, 0, sizeof(image));
	memcpy(image.hash_key, &key, sizeof(key));
	path_text_parse("/srv/www/b.html", strlen("/srv/www/b.html"), &path);
	assert_int_equal(lutra_object_key(&image, &reading, &path, &found), LUTRA_KEY_NONE);
	image.ops = 1u << LUTRA_OP_OPEN;
	assert_int_equal(lutra_object_key(&image, &reading, &path, &found), LUTRA_KEY_NEW);
	slot = lutra_key_slot(0, s.varies);
	image.key[slot] = s.varies | 7;
	assert_int_equal(lutra_object_key(&image, &reading, &path, &found), 7);
	slot = (lutra_key_slot(0, s.own) + 1) & (LUTRA_KEY_SLOTS - 1);
	image.key[(slot - 1) & (LUTRA_KEY_SLOTS - 1)] = 0x100;
	image.key[slot] = s.own | 8;
	assert_int_equal(lutra_object_key(&image, &reading, &path, &found), 8);
	path_text_parse("/var/lib/db/x", strlen("/var/lib/db/x"), &path);
	assert_int_equal(lutra_object_key(&image, &reading, &path, &found), LUTRA_KEY_NEW);
}

/* The scorer has 16 components of a path and 63 bytes of a name: the rest must not matter. */
static void key_of_a_deep_or_long_path_is_that_of_its_beginning(void **state)
{
	const char *deep = "/srv/www/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d";
	const char *deep_log = "/srv/www/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/d/a.log";
	char name[128] = "/srv/www/";
	uint64_t of_log = own_hash(&reading, "/srv/www/a.log");

	(void)state;
	assert_true(own_hash(&reading, deep) == own_hash(&reading, "/srv/www/d/a"));
	assert_true(own_hash(&reading, deep_log) == own_hash(&reading, "/srv/www/d/a"));
	memset(name + 9, 'x', 80);
	assert_true(own_hash(&reading, name) == own_hash(&reading, "/srv/www/a"));
	assert_true(own_hash(&reading, name) != of_log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key_is_of_a_place_not_of_a_file),
		cmocka_unit_test(key_tells_verbs_places_and_names_apart),
		cmocka_unit_test(key_of_an_address_is_its_family_and_port),
		cmocka_unit_test(key_of_a_unix_socket_is_its_place),
		cmocka_unit_test(key_of_an_unresolved_or_detached_path_is_other),
		cmocka_unit_test(key_of_what_level_m_leaves_out_is_none),
		cmocka_unit_test(key_of_a_name_that_varies_is_that_of_its_data_root),
		cmocka_unit_test(key_of_a_deep_or_long_path_is_that_of_its_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
