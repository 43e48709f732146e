/* SPDX-License-Identifier: Apache-2.0 */
/* Names with digits: of programs, libraries and protected files a policy knows only those of its runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/policy/files/policy_format.h"
#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"

#define FILE_MODE 0100644

static void use_file(struct made_run *m, unsigned op, const char *path)
{
	made_run_object(m, 1,
			(struct lutra_object){.op = (uint8_t)op,
					      .mode = FILE_MODE,
					      .flags = LUTRA_OBJ_PATH |
						       LUTRA_LAYER_IMAGE << LUTRA_OBJ_LAYER_SHIFT},
			path);
}

/* Three runs of a service that executes, maps and reads files with digits in their names. */
static struct policy *train_service(struct corpus *c)
{
	static const char *const spool[] = {"/run/app.17.pid", "/run/app.94.pid", "/run/app.5.pid"};

	for (int i = 0; i < 3; i++) {
		struct made_run m = made_run_new(c);

		made_run_syscall(&m, 1, SYS_accept);
		use_file(&m, LUTRA_OP_EXEC, "/usr/bin/base64");
		use_file(&m, LUTRA_OP_EXEC, "/srv/app/tool2");
		use_file(&m, LUTRA_OP_EXEC, "/usr/lib/python3.11/run");
		use_file(&m, LUTRA_OP_MAPX, "/usr/lib/x86_64-linux-gnu/libc.so.6");
		use_file(&m, LUTRA_OP_OPEN, "/usr/lib/x86_64-linux-gnu/libc.so.6");
		made_run_open(&m, 1, "/run/secrets/token1", false);
		made_run_open(&m, 1, spool[i], true);
		made_run_open(&m, 1, "/srv/data/17.log", true);
		made_run_end(&m, "r", false);
	}
	return made_policy_train(c, &made_policy_options);
}

static uint8_t kind_of(const struct policy *p, unsigned op, const char *path, unsigned flags)
{
	const struct lutra_object o = {
		.op = (uint8_t)op, .mode = FILE_MODE, .flags = (uint8_t)(LUTRA_OBJ_PATH | flags)};

	return made_policy_judge(p, o, path, LUTRA_ROLE_STEADY).kind;
}

struct name_case {
	unsigned op;
	const char *path;
	unsigned flags;
	bool known;
};

static void check_names(const struct policy *p, const struct name_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct name_case *c = &cases[i];

		if ((kind_of(p, c->op, c->path, c->flags) == LUTRA_KIND_KNOWN) != c->known)
			fail_msg("%s, operation %u: kind %u", c->path, c->op,
				 kind_of(p, c->op, c->path, c->flags));
	}
}

static const struct name_case same_names[] = {
	{LUTRA_OP_EXEC, "/usr/bin/base64", 0, true},
	{LUTRA_OP_EXEC, "/srv/app/tool2", 0, true},
	{LUTRA_OP_EXEC, "/usr/lib/python3.11/run", 0, true},
	{LUTRA_OP_MAPX, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0, true},
	{LUTRA_OP_OPEN, "/usr/lib/x86_64-linux-gnu/libc.so.6", 0, true},
	{LUTRA_OP_OPEN, "/run/secrets/token1", 0, true},
};

static const struct name_case other_names[] = {
	{LUTRA_OP_EXEC, "/usr/bin/sha256sum", 0, false},
	{LUTRA_OP_EXEC, "/srv/app/tool3", 0, false},
	{LUTRA_OP_EXEC, "/usr/lib/ruby3.1/run", 0, false},
	{LUTRA_OP_MAPX, "/usr/lib/x86_64-linux-gnu/libc.so.7", 0, false},
	{LUTRA_OP_OPEN, "/run/secrets/token2", 0, false},
};

/* What the service makes itself has other digits next time, and data is no program. */
static const struct name_case own_names[] = {
	{LUTRA_OP_OPEN, "/run/app.4711.pid", LUTRA_OBJ_WRITE, true},
	{LUTRA_OP_OPEN, "/srv/data/94.log", LUTRA_OBJ_WRITE, true},
};

#define CHECK_NAMES(p, cases) check_names(p, cases, sizeof(cases) / sizeof((cases)[0]))

static void names_of_programs_and_protected_files_are_told_apart(void **state)
{
	_cleanup_(policy_freep) struct policy *p = train_service(*state);

	assert_true(p->exact_names);
	CHECK_NAMES(p, same_names);
	CHECK_NAMES(p, other_names);
	CHECK_NAMES(p, own_names);
}

/* A policy says in its format how it was trained: one of format 4 tells no names apart. */
static void names_of_an_older_policy_are_folded(void **state)
{
	_cleanup_(policy_freep) struct policy *p = train_service(*state), *old = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t len;
	struct err err = {};

	p->exact_names = false;
	assert_int_equal(policy_tables_encode(p, &data, &len), 0);
	assert_int_equal(policy_new(&old), 0);
	free(old->arch);
	old->arch = NULL;
	assert_int_equal(policy_tables_decode(old, data, len, &err), 0);
	assert_int_equal(old->format, POLICY_FORMAT_FOLDED);
	assert_false(old->exact_names);
	assert_int_equal(old->n_names, 0);
	free(p->names);
	p->names = NULL;
	p->n_names = 0;
	CHECK_NAMES(p, same_names);
	assert_int_equal(kind_of(p, LUTRA_OP_EXEC, "/usr/bin/sha256sum", 0), LUTRA_KIND_KNOWN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, made_corpus_setup, made_corpus_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_of_programs_and_protected_files_are_told_apart),
		TEST(names_of_an_older_policy_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
