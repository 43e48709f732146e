/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy knows of the objects that its runs used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/rules/objects.h"
#include "trainer/train.h"

static int objects_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return corpus_init(c);
}

static int objects_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

/* Runs of one connect each to these ports, in a class of addresses each. */
static void objects_ports_are_exact_up_to_four(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct lutra_object four = {.op = LUTRA_OP_CONNECT, .family = 2, .addr_class = 1};
	struct lutra_object five = {.op = LUTRA_OP_CONNECT, .family = 2, .addr_class = 2};
	struct made_run m = made_run_new(c);

	made_run_syscall(&m, 1, SYS_accept);
	for (uint16_t i = 0; i < 5; i++) {
		four.port = 3000 + i % 4;
		five.port = 4000 + i;
		made_run_object(&m, 1, four, NULL);
		made_run_object(&m, 1, five, NULL);
	}
	made_run_end(&m, "r", false);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(p->port_exact, 1u << lutra_port_bit(&four));
	assert_int_equal(p->n_objects, 4 + 1);
}

static struct lutra_judgement judge_object(const struct policy *p, const struct corpus *c,
					   uint32_t i, uint8_t role)
{
	_cleanup_free_ struct lutra_policy *image = calloc(1, sizeof(*image));
	struct lutra_judgement j;

	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	objects_judge(c, i, role, image, &j);
	return j;
}

static void objects_trained_are_known_in_their_role(void **state)
{
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct made_run m = made_run_new(c);

	made_run_open(&m, 1, "/etc/conf", false);
	made_run_open(&m, 1, "/srv/data/x", true);
	made_run_open(&m, 1, "?lost", false);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, "r", false);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(judge_object(p, c, 0, LUTRA_ROLE_STARTUP).kind, LUTRA_KIND_KNOWN);
	assert_int_equal(judge_object(p, c, 0, LUTRA_ROLE_SPAWNED).kind, LUTRA_KIND_NEW_ROLE);
	assert_int_equal(judge_object(p, c, 1, LUTRA_ROLE_SPAWNED).kind, LUTRA_KIND_KNOWN);
	/* A path that could not be resolved is never known. */
	assert_int_equal(judge_object(p, c, 2, LUTRA_ROLE_STARTUP).kind, LUTRA_KIND_PROTECTED);
	assert_int_equal(p->n_objects, 2 + 11); /* and the names of what it writes */
}

/* Returns the roles (bits) in which the policy knows an operation. */
static unsigned roles_known(const struct policy *p, unsigned op)
{
	unsigned roles = 0;

	for (uint32_t i = 0; i < p->n_objects; i++)
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP) == op)
			roles |= 1u << lutra_object_token_role(p->objects[i]);
	return roles;
}

/* It may accept in the first place before it binds the second: a matter of chance. */
static void objects_bound_in_startup_are_known_in_steady(void **state)
{
	const struct lutra_object bound = {
		.op = LUTRA_OP_BIND, .family = 2, .addr_class = LUTRA_ADDR_ANY, .port = 80};
	const struct lutra_object peer = {
		.op = LUTRA_OP_CONNECT, .family = 2, .addr_class = LUTRA_ADDR_ANY, .port = 80};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct made_run m = made_run_new(c);

	made_run_object(&m, 1, bound, NULL);
	made_run_object(&m, 1, peer, NULL);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, "r", false);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(roles_known(p, LUTRA_OP_BIND),
			 1u << LUTRA_ROLE_STARTUP | 1u << LUTRA_ROLE_STEADY);
	assert_int_equal(roles_known(p, LUTRA_OP_CONNECT), 1u << LUTRA_ROLE_STARTUP);
}

static uint8_t judge_name(const struct policy *p, unsigned op, const char *path)
{
	const struct lutra_object o = {.op = (uint8_t)op, .mode = 0100644};

	return made_policy_judge(p, o, path, LUTRA_ROLE_STEADY).kind;
}

static struct lutra_object named_object(unsigned op, unsigned mode)
{
	return (struct lutra_object){
		.op = (uint8_t)op, .flags = LUTRA_OBJ_PATH, .mode = (uint16_t)mode};
}

static void objects_written_as_data_may_be_renamed_linked_changed_and_removed(void **state)
{
	static const struct {
		const char *path;
		unsigned op;
		uint8_t kind;
	} cases[] = {
		{"/srv/data/log", LUTRA_OP_UNLINK, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_RENAME_FROM, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_RENAME_TO, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_LINK_FROM, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_LINK_TO, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_TRUNCATE, LUTRA_KIND_KNOWN},
		{"/srv/data", LUTRA_OP_MKDIR, LUTRA_KIND_KNOWN},
		{"/srv/data", LUTRA_OP_RMDIR, LUTRA_KIND_KNOWN},
		{"/srv/made", LUTRA_OP_RMDIR, LUTRA_KIND_KNOWN},
		{"/srv/listed", LUTRA_OP_RMDIR, LUTRA_KIND_NEW_USE},
		{"/etc/made", LUTRA_OP_RMDIR, LUTRA_KIND_NEW_USE},
		{"/etc/app", LUTRA_OP_RMDIR, LUTRA_KIND_NEW_USE},
		{"/etc/app", LUTRA_OP_MKDIR, LUTRA_KIND_NEW_USE},
		{"/srv/data/log", LUTRA_OP_SYMLINK, LUTRA_KIND_NEW_USE},
		{"/srv/data/log", LUTRA_OP_CHOWN, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_CHMOD, LUTRA_KIND_KNOWN},
		{"/srv/data/log", LUTRA_OP_SETXATTR, LUTRA_KIND_KNOWN},
		{"/srv/data/read", LUTRA_OP_CHMOD, LUTRA_KIND_NEW_USE},
		{"/srv/data/read", LUTRA_OP_LINK_FROM, LUTRA_KIND_NEW_USE},
		{"/srv/data/upload", LUTRA_OP_UNLINK, LUTRA_KIND_KNOWN},
		{"/srv/data/linked", LUTRA_OP_RENAME_FROM, LUTRA_KIND_KNOWN},
		{"/srv/data/directory", LUTRA_OP_UNLINK, LUTRA_KIND_DATA_DIR},
		{"/srv/data/read", LUTRA_OP_UNLINK, LUTRA_KIND_NEW_USE},
		{"/srv/data/other", LUTRA_OP_UNLINK, LUTRA_KIND_DATA_DIR},
		{"/etc/app/state", LUTRA_OP_UNLINK, LUTRA_KIND_NEW_USE},
		{"/usr/lib/state", LUTRA_OP_UNLINK, LUTRA_KIND_NEW_USE},
	};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct lutra_object program = named_object(LUTRA_OP_CHMOD, 0100755);
	struct made_run m = made_run_new(c);

	made_run_syscall(&m, 1, SYS_accept);
	made_run_open(&m, 1, "/srv/data/log", true);
	made_run_open(&m, 1, "/srv/data/read", false);
	made_run_open(&m, 1, "/etc/app/state", true);
	made_run_open(&m, 1, "/usr/lib/state", true);
	made_run_object(&m, 1, named_object(LUTRA_OP_RENAME_TO, 0100644), "/srv/data/upload");
	made_run_object(&m, 1, named_object(LUTRA_OP_LINK_TO, 0100644), "/srv/data/linked");
	made_run_object(&m, 1, named_object(LUTRA_OP_RENAME_TO, 0040755), "/srv/data/directory");
	made_run_object(&m, 1, named_object(LUTRA_OP_MKDIR, 0040755), "/srv/made");
	made_run_object(&m, 1, named_object(LUTRA_OP_OPEN, 0040755), "/srv/listed");
	made_run_object(&m, 1, named_object(LUTRA_OP_MKDIR, 0040755), "/etc/made");
	made_run_end(&m, "r", false);
	c->runs[0].ops = LUTRA_OPS_ALL;
	p = made_policy_train(c, &made_policy_options);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(judge_name(p, cases[i].op, cases[i].path), cases[i].kind);
	program.flags |= LUTRA_OBJ_XBIT;
	assert_int_equal(made_policy_judge(p, program, "/srv/data/log", LUTRA_ROLE_STEADY).kind,
			 LUTRA_KIND_NEW_USE);
}

/* Makes a run that writes these files. */
static void add_run_of_files(struct corpus *c, const char *file, const char *const *names, size_t n)
{
	struct made_run m = made_run_new(c);

	made_run_syscall(&m, 1, SYS_accept);
	for (size_t i = 0; i < n; i++)
		made_run_open(&m, 1, names[i], true);
	made_run_end(&m, file, false);
	c->runs[c->n_runs - 1].ops = LUTRA_OPS_ALL;
}

/* The names fold to one, because each part has a digit. The next run's have a part without. */
static void objects_with_random_names_are_known_by_their_directory(void **state)
{
	static const char *const first[] = {"/srv/notes/3f9a-07bc.json", "/srv/log/web-1.log",
					    "/etc/3f9a-07bc.key"};
	static const char *const second[] = {"/srv/notes/b21d-e44f.json", "/srv/log/web-2.log",
					     "/etc/b21d-e44f.key"};
	struct corpus *c = *state;
	_cleanup_(policy_freep) struct policy *p = NULL;

	add_run_of_files(c, "a", first, 3);
	add_run_of_files(c, "b", second, 3);
	p = made_policy_train(c, &made_policy_options);
	assert_int_equal(judge_name(p, LUTRA_OP_UNLINK, "/srv/notes/dead-0a1b.json"),
			 LUTRA_KIND_KNOWN);
	/* A counter is no random name, and a protected directory never generalises. */
	assert_int_not_equal(judge_name(p, LUTRA_OP_UNLINK, "/srv/log/mail-1.log"),
			     LUTRA_KIND_KNOWN);
	assert_int_not_equal(judge_name(p, LUTRA_OP_UNLINK, "/etc/dead-0a1b.key"),
			     LUTRA_KIND_KNOWN);
}

#define T(f) cmocka_unit_test_setup_teardown(f, objects_setup, objects_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(objects_ports_are_exact_up_to_four),
		T(objects_trained_are_known_in_their_role),
		T(objects_bound_in_startup_are_known_in_steady),
		T(objects_written_as_data_may_be_renamed_linked_changed_and_removed),
		T(objects_with_random_names_are_known_by_their_directory),
	};

	return cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
