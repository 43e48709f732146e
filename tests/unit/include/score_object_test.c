/* SPDX-License-Identifier: Apache-2.0 */
/* How the scorer judges operations on names: what a rename, a link or a truncation counts as. */
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
#define LINK_MODE 0120777

static struct lutra_policy image; /* of policy_of_app() */
static unsigned own_file, own_dir, etc_file;

static uint64_t token_at(unsigned op, unsigned node)
{
	return lutra_object_token_put(LUTRA_FIELD_OP, op) |
	       lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
	       lutra_object_token_put(LUTRA_FIELD_DETAIL, node);
}

static uint64_t write_token(unsigned node)
{
	return token_at(LUTRA_OP_OPEN, node) | lutra_object_token_put(LUTRA_FIELD_WRITE, 1) |
	       lutra_object_token_put(LUTRA_FIELD_INODE_TYPE, LUTRA_S_IFREG_TYPE);
}

/*
 * The service reads /srv/app/config and runs /srv/app/bin/helper. It writes /srv/app/data/a.db, and makes
 * the directory /srv/app/data/batch. It writes /etc/app/state in role steady.
 */
static int policy_of_app(void **state)
{
	struct policy *p = sample_policy();
	unsigned srv, app, bin, data, etc;

	(void)state;
	free(p->nodes);
	free(p->objects);
	p->nodes = calloc(32, sizeof(*p->nodes));
	p->objects = calloc(8, sizeof(*p->objects));
	p->n_nodes = p->n_objects = 0;
	sample_node(p, 0, "/", 1, LUTRA_NODE_PROTECTED);
	etc = sample_node(p, 0, "etc", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_ROLE);
	etc = sample_node(p, etc, "app", 1, LUTRA_NODE_ROLE);
	etc_file = sample_node(p, etc, "state", 0, LUTRA_NODE_ROLE);
	srv = sample_node(p, 0, "srv", 1, 0);
	app = sample_node(p, srv, "app", 1, 0);
	sample_node(p, app, "config", 0, 0);
	bin = sample_node(p, app, "bin", 1, 0);
	sample_node(p, bin, "helper", 0, 0);
	data = sample_node(p, app, "data", 1, LUTRA_NODE_WROTE);
	own_file = sample_node(p, data, "a.db", 0, 0);
	own_dir = sample_node(p, data, "batch", 1, 0);
	p->objects[p->n_objects++] = write_token(own_file);
	p->objects[p->n_objects++] = token_at(LUTRA_OP_MKDIR, own_dir);
	p->objects[p->n_objects++] =
		write_token(etc_file) | lutra_object_token_put_role(LUTRA_ROLE_STEADY);
	qsort(p->objects, p->n_objects, sizeof(*p->objects), policy_compare_objects);
	p->ops = LUTRA_OPS_ALL;
	return policy_to_kernel(p, 1, &image, NULL) || (policy_free(p), 0);
}

static unsigned rule_of(const char *path, unsigned op, unsigned mode, uint8_t role)
{
	struct lutra_object o = {
		.op = (uint8_t)op, .mode = (uint16_t)mode, .flags = LUTRA_OBJ_PATH};
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path, strlen(path), &parsed);
	lutra_judge_object(&image, &o, &parsed, role, fold, &j);
	return j.rule;
}

#define CONFIG "/srv/app/config"
#define BIN "/srv/app/bin"
#define OWN "/srv/app/data/a.db"
#define BATCH "/srv/app/data/batch"

struct name_case {
	const char *path;
	unsigned op, mode, rule;
};

static void check_names(const struct name_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct name_case *c = &cases[i];
		unsigned rule = rule_of(c->path, c->op, c->mode, LUTRA_ROLE_STEADY);

		if (rule != c->rule)
			fail_msg("%s, case %zu: rule %u", c->path, i, rule);
	}
}

#define CHECK_NAMES(cases) check_names(cases, sizeof(cases) / sizeof((cases)[0]))

/* Truncating, renaming and linking are as strict as writing: both names count. */
static void names_of_a_file_that_is_only_read_count_as_written(void **state)
{
	static const struct name_case cases[] = {
		{CONFIG, LUTRA_OP_TRUNCATE, FILE_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_RENAME_FROM, FILE_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_RENAME_TO, FILE_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_LINK_FROM, FILE_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_LINK_TO, FILE_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_SYMLINK, LINK_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_MKNOD, 0010600, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{CONFIG, LUTRA_OP_UNLINK, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
		{CONFIG, LUTRA_OP_CHOWN, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
	};

	(void)state;
	CHECK_NAMES(cases);
}

static void names_that_no_run_used_count_as_written(void **state)
{
	static const struct name_case cases[] = {
		{"/srv/new", LUTRA_OP_RENAME_TO, FILE_MODE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
		{"/srv/new", LUTRA_OP_LINK_FROM, FILE_MODE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
		{"/srv/new", LUTRA_OP_TRUNCATE, FILE_MODE, LUTRA_RULE_OPEN_WRITE_ELSEWHERE},
		{"/srv/new", LUTRA_OP_SYMLINK, LINK_MODE, LUTRA_RULE_PATH_ELSEWHERE},
		{"/srv/new", LUTRA_OP_RENAME_TO, DIR_MODE, LUTRA_RULE_PATH_ELSEWHERE},
		{"/srv/app/data/new", LUTRA_OP_RENAME_TO, FILE_MODE,
		 LUTRA_RULE_OPEN_WRITE_DATA_DIR},
	};

	(void)state;
	CHECK_NAMES(cases);
}

/* Whoever may write a file gains nothing by another operation on its name. */
static void names_of_a_file_that_is_written_only_alert(void **state)
{
	static const struct name_case cases[] = {
		{OWN, LUTRA_OP_TRUNCATE, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
		{OWN, LUTRA_OP_RENAME_TO, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
		{OWN, LUTRA_OP_LINK_FROM, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
		{"/etc/app/state", LUTRA_OP_RENAME_TO, FILE_MODE, LUTRA_RULE_PATH_NEW_USE},
	};

	(void)state;
	CHECK_NAMES(cases);
	assert_int_equal(
		rule_of("/etc/app/state", LUTRA_OP_RENAME_TO, FILE_MODE, LUTRA_ROLE_SPAWNED),
		LUTRA_RULE_OPEN_WRITE_NEW_USE);
}

/* A directory in the place of another one brings other files of known names. */
static void names_of_a_directory_that_is_known_count_as_written(void **state)
{
	static const struct name_case cases[] = {
		{BIN, LUTRA_OP_RENAME_TO, DIR_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{BIN, LUTRA_OP_RENAME_FROM, DIR_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{"/srv/app", LUTRA_OP_RENAME_FROM, DIR_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{BIN, LUTRA_OP_SYMLINK, LINK_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{BIN, LUTRA_OP_RENAME_TO, LINK_MODE, LUTRA_RULE_OPEN_WRITE_NEW_USE},
		{BIN, LUTRA_OP_RMDIR, DIR_MODE, LUTRA_RULE_PATH_NEW_USE},
		{BATCH, LUTRA_OP_RENAME_FROM, DIR_MODE, LUTRA_RULE_PATH_NEW_USE},
		{BATCH, LUTRA_OP_SYMLINK, LINK_MODE, LUTRA_RULE_PATH_DATA_DIR},
		{"/etc/new", LUTRA_OP_RENAME_TO, DIR_MODE, LUTRA_RULE_PATH_PROTECTED},
	};

	(void)state;
	CHECK_NAMES(cases);
}

static unsigned rule_of_capability(uint8_t role)
{
	const struct lutra_object o = {.op = LUTRA_OP_CAPABLE, .mode = 0};
	struct lutra_judgement j;

	lutra_judge_pathless(&image, &o, role, &j);
	return j.rule;
}

static void know_token(uint64_t token)
{
	image.object[lutra_object_slot(image.object_seed, token)] = token;
}

/* What a start as root uses is not known of the service that listens later. */
static void capabilities_are_known_in_their_role(void **state)
{
	uint64_t token = lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CAPABLE);

	(void)state;
	know_token(token | lutra_object_token_put_role(LUTRA_ROLE_STARTUP));
	assert_int_equal(rule_of_capability(LUTRA_ROLE_STARTUP), LUTRA_RULE_NONE);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_STEADY), LUTRA_RULE_CAPABLE);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_SPAWNED), LUTRA_RULE_CAPABLE);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_ANY), LUTRA_RULE_NONE);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_SESSION), LUTRA_RULE_NONE);
}

static void capabilities_of_an_older_policy_have_no_role(void **state)
{
	uint64_t token = lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CAPABLE);

	(void)state;
	image.ops &= ~(1u << LUTRA_OP_CAPABILITY_ROLES);
	know_token(token);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_STEADY), LUTRA_RULE_NONE);
	assert_int_equal(rule_of_capability(LUTRA_ROLE_DEEPER), LUTRA_RULE_NONE);
}

static unsigned rule_of_attribute(const char *path, unsigned layer)
{
	struct lutra_object o = {.op = LUTRA_OP_SETXATTR,
				 .flags =
					 (uint8_t)(LUTRA_OBJ_PATH | layer << LUTRA_OBJ_LAYER_SHIFT),
				 .mode = 0100644};
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path, strlen(path), &parsed);
	lutra_judge_object(&image, &o, &parsed, LUTRA_ROLE_STEADY, fold, &j);
	return j.rule;
}

/* Older recordings have one name for all files of volumes. What they knew stays known. */
static void attributes_of_volumes_are_known_if_older_recordings_had_one(void **state)
{
	struct policy *p = sample_policy();
	unsigned file;

	(void)state;
	assert_int_not_equal(rule_of_attribute("/srv/app/config", LUTRA_LAYER_VOLUME),
			     LUTRA_RULE_NONE);
	free(p->nodes);
	p->nodes = calloc(4, sizeof(*p->nodes));
	p->n_nodes = p->n_objects = 0;
	sample_node(p, 0, "/", 1, 0);
	file = sample_node(p, sample_node(p, 0, "/", 1, 0), "/", 0, 0);
	p->objects[p->n_objects++] = token_at(LUTRA_OP_SETXATTR, file);
	p->ops = LUTRA_OPS_ALL;
	assert_int_equal(policy_to_kernel(p, 1, &image, NULL), 0);
	assert_int_equal(rule_of_attribute("/srv/app/config", LUTRA_LAYER_VOLUME), LUTRA_RULE_NONE);
	assert_int_equal(rule_of_attribute("///", LUTRA_LAYER_UNKNOWN), LUTRA_RULE_NONE);
	assert_int_not_equal(rule_of_attribute("/srv/app/config", LUTRA_LAYER_WRITTEN),
			     LUTRA_RULE_NONE);
	policy_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_of_a_file_that_is_only_read_count_as_written,
				       policy_of_app),
		cmocka_unit_test_setup(names_that_no_run_used_count_as_written, policy_of_app),
		cmocka_unit_test_setup(names_of_a_file_that_is_written_only_alert, policy_of_app),
		cmocka_unit_test_setup(names_of_a_directory_that_is_known_count_as_written,
				       policy_of_app),
		cmocka_unit_test_setup(capabilities_are_known_in_their_role, policy_of_app),
		cmocka_unit_test_setup(capabilities_of_an_older_policy_have_no_role, policy_of_app),
		cmocka_unit_test_setup(attributes_of_volumes_are_known_if_older_recordings_had_one,
				       policy_of_app),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
