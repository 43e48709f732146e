/* SPDX-License-Identifier: Apache-2.0 */
/* What is learned of directories: files beside known ones, and where a service has its data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/train.h"

#define RUNS 4

static int siblings_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return corpus_init(c);
}

static int siblings_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

/* Trains runs that all do the same: `list` (n) in op. */
static struct policy *train_uses(struct corpus *c, struct lutra_object op, const char *const *list,
				 size_t n)
{
	for (unsigned r = 0; r < RUNS; r++) {
		struct made_run m = made_run_new(c);
		char name[16];

		snprintf(name, sizeof(name), "%u.ltr", r);
		for (size_t i = 0; i < n; i++) {
			made_run_syscall(&m, 1, 0);
			made_run_object(&m, 1, op, list[i]);
		}
		made_run_end(&m, name, false);
	}
	return made_policy_train(c, &made_policy_options);
}

/* Which files of a directory of libraries only alert: those of the image's layers. */
static void siblings_library_of_the_image_alerts(void **state)
{
	static const char *const used[] = {"/usr/lib/db/a.so", "/usr/lib/db/b.so",
					   "/usr/lib/one/a.so"};
	const uint8_t image = LUTRA_LAYER_IMAGE << LUTRA_OBJ_LAYER_SHIFT;
	const uint8_t written = LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	const struct {
		const char *path;
		uint8_t op, flags;
		bool varies;
		uint8_t role;
	} cases[] = {
		{"/usr/lib/db/new.so", LUTRA_OP_MAPX, image, false, LUTRA_ROLE_STEADY},
		{"/usr/lib/db/new.so", LUTRA_OP_MAPX, image, true, LUTRA_ROLE_ANY},
		{"/usr/lib/db/new.so", LUTRA_OP_MAPX, image, true, LUTRA_ROLE_STARTUP},
		{"/usr/lib/db/new.so", LUTRA_OP_MAPX, written, false, LUTRA_ROLE_STARTUP},
		{"/usr/lib/db/new.so", LUTRA_OP_MAPX, 0, false,
		 LUTRA_ROLE_STARTUP}, /* the layer is not known */
		{"/usr/lib/db/new.so", LUTRA_OP_EXEC, image, false, LUTRA_ROLE_STARTUP},
		{"/usr/lib/db/sub/new.so", LUTRA_OP_MAPX, image, false, LUTRA_ROLE_STARTUP},
		{"/usr/lib/one/new.so", LUTRA_OP_MAPX, image, false,
		 LUTRA_ROLE_STARTUP}, /* beside one alone */
		{"/tmp/new.so", LUTRA_OP_MAPX, image, false, LUTRA_ROLE_STARTUP},
	};
	_cleanup_(policy_freep) struct policy *p = train_uses(
		*state, (struct lutra_object){.op = LUTRA_OP_MAPX, .mode = 0100644}, used, 3);

	p->ops |= 1u << LUTRA_OP_EXEC;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_judgement j = made_policy_judge(
			p, (struct lutra_object){.op = cases[i].op, .flags = cases[i].flags},
			cases[i].path, cases[i].role);

		print_message("%s, case %zu\n", cases[i].path, i);
		assert_int_not_equal(j.kind, LUTRA_KIND_KNOWN);
		assert_int_equal(j.varies, cases[i].varies);
	}
}

/* Which programs only alert: of the image, in start-up, in a directory of the service's own. */
static void siblings_program_of_the_image_alerts(void **state)
{
	static const char *const used[] = {"/usr/lib/mail/bounce", "/usr/lib/mail/local",
					   "/usr/lib/one/a", "/usr/bin/sed", "/usr/bin/date"};
	const uint8_t image = LUTRA_LAYER_IMAGE << LUTRA_OBJ_LAYER_SHIFT;
	const uint8_t written = LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	const struct {
		const char *path;
		uint8_t flags, role;
		bool varies;
	} cases[] = {
		{"/usr/lib/mail/error", image, LUTRA_ROLE_STARTUP, true},
		{"/usr/lib/mail/error", written, LUTRA_ROLE_STARTUP, false},
		{"/usr/lib/mail/error", 0, LUTRA_ROLE_STARTUP, false},
		{"/usr/lib/mail/error", image, LUTRA_ROLE_STEADY, false},
		{"/usr/lib/mail/error", image, LUTRA_ROLE_SESSION, false},
		{"/usr/lib/one/error", image, LUTRA_ROLE_STARTUP, false},
		{"/usr/bin/curl", image, LUTRA_ROLE_STARTUP, false},
		{"/srv/error", image, LUTRA_ROLE_STARTUP, false},
	};
	_cleanup_(policy_freep) struct policy *p = train_uses(
		*state, (struct lutra_object){.op = LUTRA_OP_EXEC, .mode = 0100755}, used, 5);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_judgement j = made_policy_judge(
			p, (struct lutra_object){.op = LUTRA_OP_EXEC, .flags = cases[i].flags},
			cases[i].path, cases[i].role);

		print_message("%s, case %zu\n", cases[i].path, i);
		assert_int_not_equal(j.kind, LUTRA_KIND_KNOWN);
		assert_int_equal(j.varies, cases[i].varies);
	}
}

/* A new mailbox beside two is of the service's data; what lies above all of them is not. */
static void siblings_directory_of_data_directories_is_one(void **state)
{
	static const char *const written[] = {"/srv/mail/ann/box/new",
					      "/srv/mail/bob/box/new",
					      "/srv/one/ann/box/new",
					      "/etc/x/a",
					      "/etc/y/a",
					      "/srv/post/user1/box/new",
					      "/srv/post/user2/box/new"};
	const struct lutra_object open = {
		.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_WRITE};
	const struct {
		const char *path;
		uint8_t rule;
	} cases[] = {
		{"/srv/mail/eve/box/new", LUTRA_RULE_OPEN_WRITE_DATA_DIR},
		{"/srv/mail/eve/box/new.php", LUTRA_RULE_OPEN_WRITE_ELSEWHERE}, /* code */
		{"/srv/mail/ann/box/sub/new", LUTRA_RULE_OPEN_WRITE_DATA_DIR},
		{"/srv/post/eve/box/new", LUTRA_RULE_OPEN_WRITE_DATA_DIR}, /* user1, user2 fold */
		{"/srv/one/eve/box/new", LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
		{"/srv/two/box/new", LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
		{"/etc/z/a", LUTRA_RULE_OPEN_WRITE_PROTECTED},
	};
	_cleanup_(policy_freep) struct policy *p = train_uses(*state, open, written, 7);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].path);
		assert_int_equal(made_policy_judge(p, open, cases[i].path, 0).rule, cases[i].rule);
	}
}

/* Trains on two runs in which a steady task reads these files. */
static struct policy *train_readers(struct corpus *c, const char *const *paths, size_t n,
				    bool wrote)
{
	for (int r = 0; r < 2; r++) {
		char file[2] = {(char)('a' + r), 0};
		struct made_run m = made_run_new(c);

		made_run_syscall(&m, 1, SYS_accept);
		for (size_t i = 0; i < n; i++)
			made_run_open(&m, 1, paths[i], false);
		if (wrote)
			made_run_open(&m, 1, "/etc/own.txt", true);
		made_run_end(&m, file, false);
	}
	return made_policy_train(c, &made_policy_options);
}

static uint8_t rule_of_read(const struct policy *p, const char *path, uint8_t role)
{
	const struct lutra_object o = {.op = LUTRA_OP_OPEN, .mode = LUTRA_S_IFREG_TYPE << 12};

	return made_policy_judge(p, o, path, role).rule;
}

static void siblings_new_file_beside_two_of_its_kind_is_a_sibling(void **state)
{
	static const char *const read[] = {"/etc/a.conf",  "/etc/b.conf",  "/etc/c.key",
					   "/etc/d.key",   "/etc/passwd",  "/etc/group",
					   "/etc/one.txt", "/root/a.conf", "/root/b.conf"};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = train_readers(c, read, 9, false);

	assert_int_equal(rule_of_read(p, "/etc/new.conf", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_SIBLING);
	assert_int_equal(rule_of_read(p, "/etc/new.conf", LUTRA_ROLE_STARTUP),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/etc/new.key", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/etc/shadow", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/etc/new.txt", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/root/new.conf", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/etc/new.d/new.conf", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
}

/* Files of these kinds hold secrets, and .sh has the kind of .secret. */
static void siblings_of_a_secret_kind_are_none(void **state)
{
	static const char *const read[] = {"/etc/a.sh", "/etc/b.sh", "/etc/c.cache",
					   "/etc/d.cache"};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = train_readers(c, read, 4, false);

	assert_int_equal(rule_of_read(p, "/etc/x.secret", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read(p, "/etc/x.netrc", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
}

static void siblings_where_the_service_writes_are_no_siblings(void **state)
{
	static const char *const read[] = {"/etc/a.conf", "/etc/b.conf"};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = train_readers(c, read, 2, true);

	assert_int_equal(rule_of_read(p, "/etc/new.conf", LUTRA_ROLE_STEADY),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
}

#define T(f) cmocka_unit_test_setup_teardown(f, siblings_setup, siblings_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(siblings_new_file_beside_two_of_its_kind_is_a_sibling),
		T(siblings_of_a_secret_kind_are_none),
		T(siblings_where_the_service_writes_are_no_siblings),
		T(siblings_library_of_the_image_alerts),
		T(siblings_program_of_the_image_alerts),
		T(siblings_directory_of_data_directories_is_one),
	};

	return cmocka_run_group_tests_name("siblings", tests, NULL, NULL);
}
