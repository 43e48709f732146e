/* SPDX-License-Identifier: Apache-2.0 */
/* Names that stand for code or access, and what a policy makes of a file of such a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/abi/path_text.h"
#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "tests/support/sample.h"

#define FILE_MODE 0100644

static uint32_t index_of(const char *path)
{
	struct lutra_path parsed;

	path_text_parse(path, strlen(path), &parsed);
	return lutra_code_of_path(&parsed);
}

static void code_index_of_a_name_is_that_of_its_table(void **state)
{
	static const struct {
		const char *path;
		uint32_t index;
	} cases[] = {
		{"/x.php", 1},
		{"/x.PHP", 1},
		{"/x.phtml", 2},
		{"/a.b.py", 4},
		{"/.htaccess", 27},
		{"/u.service", 28},
		{"/u.timer", 29},
		{"/x.class", 20},
		{"/x.so", 23},
		{"/x.php.txt", 0},
		{"/php", 0},
		{"/x.", 0},
		{"/x.servicess", 0},
		{"/x.phpphpphp", 0},
		{"/libx.so.1", 30},
		{"/libx.so.1.2.3", 30},
		{"/libx.so.#", 30},
		{"/x.php5", 31},
		{"/x.py3", 0},
		{"/x.log.1", 0},
		{"/17", 0},
		{"/x.shtml", 33},
		{"/x.pht", 32},
		{"/x.jspx", 36},
		{"/authorized_keys", 44},
		{"/authorized_key", 0},
		{"/authorized_keys_", 0},
		{"/.ssh", 44},
		{"/.ssh/any", 44},
		{"/.ssh/any/x", 0},
		{"/x.ssh/any", 0},
		{"/.bashrc", 45},
		{"/.bashrc2", 0},
		{"/cron.d/job", 46},
		{"/crontab", 46},
		{"/.user.ini", 47},
		{"/user.ini", 0},
		{"/.forward", 48},
		{"/ld.so.preload", 49},
		{"/", 0},
		/* Too long for its last part to be known. */
		{"/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.php", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (index_of(cases[i].path) != cases[i].index)
			fail_msg("%s: %u", cases[i].path, index_of(cases[i].path));
}

/* What the tables must hold so that lutra_code_index() finds each name in them. */
static void code_tables_have_an_index_for_each_name(void **state)
{
	static const struct {
		const struct lutra_code_name *table;
		uint32_t n, bytes_max;
	} tables[] = {
		{lutra_code_exts, LUTRA_CODE_COUNT(lutra_code_exts), 8},
		{lutra_code_versioned, LUTRA_CODE_COUNT(lutra_code_versioned), 8},
		{lutra_code_files, LUTRA_CODE_COUNT(lutra_code_files), 15},
		{lutra_code_dirs, LUTRA_CODE_COUNT(lutra_code_dirs), 15},
	};
	bool used[LUTRA_CODE_LAST + 1] = {[0] = true, [LUTRA_CODE_SECRET] = true};

	(void)state;
	assert_true(LUTRA_CODE_LAST < 1u << (LUTRA_FIELD_EXTENSION >> 8));
	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
		for (uint32_t i = 0; i < tables[t].n; i++) {
			const struct lutra_code_name *row = &tables[t].table[i];

			assert_in_range(strnlen(row->s, sizeof(row->s)), 1, tables[t].bytes_max);
			assert_in_range(row->index, 1, LUTRA_CODE_LAST);
			used[row->index] = true;
		}
	}
	for (size_t i = 0; i <= LUTRA_CODE_LAST; i++)
		if (!used[i])
			fail_msg("no name has the index %zu", i);
}

static void secret_names_are_told_from_others(void **state)
{
	static const struct {
		const char *name;
		bool is_secret;
	} cases[] = {
		{".env", true},
		{"app.env", true},
		{".env.local", true},
		{".env-production", true},
		{".envrc", false},
		{".environment", false},
		{"server.key", true},
		{"SERVER.KEY", true},
		{"keys", false},
		{"monkey", false},
		{"id_rsa", true},
		{"id_ed25519", true},
		{"id_#", true},
		{"id_rsa.pub", false},
		{"id_", false},
		{"grid_rsa", false},
		{"credentials", true},
		{".credentials", true},
		{"credentials.json", true},
		{"credentials.py", false},
		{"credentials.html", false},
		{".git-credentials", true},
		{"secrets.yml", true},
		{"secrets.py", false},
		{"secret.txt", false},
		{".pgpass", true},
		{".my.cnf", true},
		{"my.cnf", false},
		{"store.jks", true},
		{"cert.pem", false},
		{"notes.txt", false},
		{"", false},
	};
	struct lutra_name name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].name);

		/* What is behind the name does not count. */
		memset(&name, 'x', sizeof(name));
		memcpy(name.s, cases[i].name, len);
		if (lutra_secret_name(&name, (uint32_t)len) != cases[i].is_secret)
			fail_msg("%s", cases[i].name);
	}
}

/* ---- judgements ---- */

static struct lutra_policy image;

/* srv: data (wrote): a.db   pages *: *   app: index.php */
static int policy_with_data(void **state)
{
	struct policy *p = sample_policy();
	unsigned srv, wild, app;
	int r;

	(void)state;
	free(p->nodes);
	p->nodes = calloc(16, sizeof(*p->nodes));
	p->n_nodes = p->n_objects = 0;
	sample_node(p, 0, "/", 1, LUTRA_NODE_PROTECTED);
	srv = sample_node(p, 0, "srv", 1, 0);
	sample_node(p, sample_node(p, srv, "data", 1, LUTRA_NODE_WROTE), "a.db", 0, 0);
	wild = sample_node(p, srv, "pages", 1, LUTRA_NODE_WILDCARD);
	sample_node(p, wild, "*", 0, 0);
	app = sample_node(p, srv, "app", 1, 0);
	sample_node(p, app, "index.php", 0, 0);
	p->ops = LUTRA_OPS_ALL;
	r = policy_to_kernel(p, 1, &image, NULL);
	policy_free(p);
	return r;
}

static struct lutra_judgement judge_use(const char *path, uint8_t op)
{
	struct lutra_object o = {.op = op, .flags = LUTRA_OBJ_PATH, .mode = FILE_MODE};
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	if (op == LUTRA_OP_OPEN)
		o.flags |= LUTRA_OBJ_WRITE;
	path_text_parse(path, strlen(path), &parsed);
	lutra_judge_object(&image, &o, &parsed, LUTRA_ROLE_STEADY, fold, &j);
	return j;
}

#define LONG "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static void code_in_a_data_directory_is_refused(void **state)
{
	static const char *const paths[] = {
		"/srv/data/.ssh/authorized_keys",
		"/srv/data/.ssh/new",
		"/srv/data/authorized_keys",
		"/srv/data/.user.ini",
		"/srv/data/.htaccess",
		"/srv/data/module.so.1",
		"/srv/data/x.php5",
		"/srv/data/x.shtml",
		"/srv/data/crontabs/root",
		"/srv/data/.bashrc",
		("/srv/data/" LONG ".php"),
	};
	static const uint8_t ops[] = {LUTRA_OP_OPEN, LUTRA_OP_RENAME_TO, LUTRA_OP_LINK_TO,
				      LUTRA_OP_SYMLINK, LUTRA_OP_MKNOD};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		for (size_t k = 0; k < sizeof(ops); k++)
			if (judge_use(paths[i], ops[k]).rule != LUTRA_RULE_OPEN_WRITE_ELSEWHERE)
				fail_msg("%s, operation %u: rule %u", paths[i], ops[k],
					 judge_use(paths[i], ops[k]).rule);
	assert_int_equal(judge_use("/srv/data/new", LUTRA_OP_OPEN).rule,
			 LUTRA_RULE_OPEN_WRITE_DATA_DIR);
	assert_int_equal(judge_use("/srv/data/new", LUTRA_OP_RENAME_TO).rule,
			 LUTRA_RULE_OPEN_WRITE_DATA_DIR);
	assert_int_equal(judge_use("/srv/data/x.php", LUTRA_OP_UNLINK).rule,
			 LUTRA_RULE_PATH_DATA_DIR);
}

/* A wildcard knows the kinds of code that the runs put there. */
static void code_of_a_new_kind_in_a_wildcard_is_refused(void **state)
{
	uint64_t token = judge_use("/srv/pages/x.php", LUTRA_OP_OPEN).token;

	(void)state;
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	assert_int_equal(judge_use("/srv/pages/y.php", LUTRA_OP_OPEN).kind, LUTRA_KIND_KNOWN);
	assert_int_equal(judge_use("/srv/pages/y.php5", LUTRA_OP_OPEN).rule,
			 LUTRA_RULE_OPEN_WRITE_NEW_USE);
	assert_int_equal(judge_use("/srv/pages/y.so.1", LUTRA_OP_RENAME_TO).rule,
			 LUTRA_RULE_OPEN_WRITE_NEW_USE);
	assert_int_equal(judge_use("/srv/pages/y.txt", LUTRA_OP_UNLINK).rule,
			 LUTRA_RULE_PATH_NEW_USE);
}

static void code_that_replaces_a_known_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(judge_use("/srv/app/index.php", LUTRA_OP_RENAME_TO).rule,
			 LUTRA_RULE_OPEN_WRITE_NEW_USE);
	assert_int_equal(judge_use("/srv/app/index.php", LUTRA_OP_UNLINK).rule,
			 LUTRA_RULE_PATH_NEW_USE);
}

/* An older policy has no tokens of the names that came later: the files of its runs stay known. */
static void code_names_of_later_formats_do_not_count_for_an_older_policy(void **state)
{
	uint64_t token;

	(void)state;
	image.code_last = LUTRA_CODE_FORMAT_2;
	token = judge_use("/srv/pages/x", LUTRA_OP_OPEN).token;
	image.object[lutra_object_slot(image.object_seed, token)] = token;
	assert_int_equal(judge_use("/srv/pages/x.so.1", LUTRA_OP_OPEN).kind, LUTRA_KIND_KNOWN);
	assert_int_equal(judge_use("/srv/pages/x.so", LUTRA_OP_OPEN).rule,
			 LUTRA_RULE_OPEN_WRITE_NEW_USE);
}

static unsigned rule_of_read(const char *path, unsigned op, unsigned flags, unsigned layer)
{
	struct lutra_object o = {
		.op = (uint8_t)op,
		.flags = (uint8_t)(LUTRA_OBJ_PATH | flags | layer << LUTRA_OBJ_LAYER_SHIFT),
		.mode = FILE_MODE};
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	path_text_parse(path, strlen(path), &parsed);
	lutra_judge_object(&image, &o, &parsed, LUTRA_ROLE_STEADY, fold, &j);
	return j.rule;
}

static unsigned read_rule(const char *path, unsigned flags)
{
	return rule_of_read(path, LUTRA_OP_OPEN, flags, LUTRA_LAYER_VOLUME);
}

static void secret_names_count_as_protected_wherever_they_lie(void **state)
{
	static const char *const secrets[] = {"/srv/app/.env", "/srv/data/id_rsa",
					      "/srv/pages/server.key", "/srv/new/dir/.pgpass"};

	(void)state;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (read_rule(secrets[i], 0) != LUTRA_RULE_OPEN_READ_PROTECTED)
			fail_msg("%s: rule %u", secrets[i], read_rule(secrets[i], 0));
	assert_int_equal(read_rule("/srv/app/note", 0), LUTRA_RULE_OPEN_READ_ELSEWHERE);
	assert_int_equal(read_rule("/srv/pages/note", 0), LUTRA_RULE_OPEN_READ_NEW_USE);
}

static void secrets_that_the_service_wrote_are_its_own(void **state)
{
	(void)state;
	assert_int_equal(rule_of_read("/srv/data/.env", LUTRA_OP_OPEN, 0, LUTRA_LAYER_WRITTEN),
			 LUTRA_RULE_OPEN_READ_ELSEWHERE);
	assert_int_equal(rule_of_read("/srv/data/ledger", LUTRA_OP_OPEN, LUTRA_OBJ_PRIVATE,
				      LUTRA_LAYER_WRITTEN),
			 LUTRA_RULE_OPEN_READ_ELSEWHERE);
	/* Where it writes no files, somebody has only changed a file of the image. */
	assert_int_equal(rule_of_read("/srv/app/.env", LUTRA_OP_OPEN, 0, LUTRA_LAYER_WRITTEN),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read("/srv/app/ledger", LUTRA_OP_OPEN, LUTRA_OBJ_PRIVATE,
				      LUTRA_LAYER_WRITTEN),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
}

static void private_files_of_other_users_count_as_protected(void **state)
{
	(void)state;
	assert_int_equal(read_rule("/srv/app/ledger", LUTRA_OBJ_PRIVATE),
			 LUTRA_RULE_OPEN_READ_PROTECTED);
	assert_int_equal(rule_of_read("/srv/app/ledger", LUTRA_OP_RENAME_FROM, LUTRA_OBJ_PRIVATE,
				      LUTRA_LAYER_VOLUME),
			 LUTRA_RULE_OPEN_WRITE_PROTECTED);
	assert_int_equal(rule_of_read("/srv/app/.env", LUTRA_OP_LINK_FROM, 0, LUTRA_LAYER_IMAGE),
			 LUTRA_RULE_OPEN_WRITE_PROTECTED);
	/* A service renames its own files, whatever their names are. */
	assert_int_equal(
		rule_of_read("/srv/data/a.key", LUTRA_OP_RENAME_FROM, 0, LUTRA_LAYER_VOLUME),
		LUTRA_RULE_OPEN_WRITE_DATA_DIR);
}

/* A wildcard knows secrets if the runs read one there. */
static void secrets_in_a_wildcard_are_known_if_runs_read_one(void **state)
{
	struct lutra_object o = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = FILE_MODE};
	struct lutra_judgement j;
	struct lutra_path parsed;
	char fold[LUTRA_NAME];

	(void)state;
	path_text_parse("/srv/pages/a.key", 16, &parsed);
	lutra_judge_object(&image, &o, &parsed, LUTRA_ROLE_STEADY, fold, &j);
	assert_int_equal(j.rule, LUTRA_RULE_OPEN_READ_PROTECTED);
	image.object[lutra_object_slot(image.object_seed, j.token)] = j.token;
	assert_int_equal(read_rule("/srv/pages/b.key", 0), LUTRA_RULE_NONE);
	assert_int_equal(read_rule("/srv/pages/b.txt", 0), LUTRA_RULE_OPEN_READ_NEW_USE);
}

static void secret_names_do_not_count_for_an_older_policy(void **state)
{
	(void)state;
	image.code_last = LUTRA_CODE_SECRET - 1;
	assert_int_equal(read_rule("/srv/app/.env", 0), LUTRA_RULE_OPEN_READ_ELSEWHERE);
	assert_int_equal(read_rule("/srv/app/ledger", LUTRA_OBJ_PRIVATE),
			 LUTRA_RULE_OPEN_READ_ELSEWHERE);
}

#define TREE(f) cmocka_unit_test_setup(f, policy_with_data)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code_index_of_a_name_is_that_of_its_table),
		cmocka_unit_test(code_tables_have_an_index_for_each_name),
		cmocka_unit_test(secret_names_are_told_from_others),
		TREE(secret_names_count_as_protected_wherever_they_lie),
		TREE(secrets_that_the_service_wrote_are_its_own),
		TREE(private_files_of_other_users_count_as_protected),
		TREE(secrets_in_a_wildcard_are_known_if_runs_read_one),
		TREE(secret_names_do_not_count_for_an_older_policy),
		TREE(code_in_a_data_directory_is_refused),
		TREE(code_of_a_new_kind_in_a_wildcard_is_refused),
		TREE(code_that_replaces_a_known_file_is_refused),
		TREE(code_names_of_later_formats_do_not_count_for_an_older_policy),
	};

	return cmocka_run_group_tests_name("code_name", tests, NULL, NULL);
}
