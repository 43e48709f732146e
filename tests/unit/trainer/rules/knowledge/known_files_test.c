/* SPDX-License-Identifier: Apache-2.0 */
/* Which packs a policy gets: by the package of a program, by its path, and those that it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/support/made_run.h"
#include "tests/support/scratch.h"
#include "trainer/rules/knowledge/knowledge.h"

#define PACK                                                                                       \
	"{\"name\": \"store\", \"version\": 1, \"about\": \"a\", "                                 \
	"\"programs\": [\"/usr/lib/store/#/bin/stored\"], "                                        \
	"\"packages\": [\"store-[0-9]*\", \"stored\"], "                                           \
	"\"objects\": [{\"ops\": [\"open\"], \"access\": \"read\", \"paths\": "                    \
	"[\"/proc/#/smaps\"], "                                                                    \
	"\"why\": \"w\", \"source\": \"s\"}]}"

/* A set of one pack, a root directory, and runs. */
struct fixture {
	struct corpus corpus;
	struct knowledge pack;
	struct knowledge_set set;
	struct known_files files;
	char *root;
};

static int known_files_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = {""};

	*state = f;
	f->set = (struct knowledge_set){.file = &f->pack, .n = 1};
	f->root = scratch_dir();
	if (knowledge_decode(PACK, strlen(PACK), false, &f->pack, &err) < 0)
		fail_msg("%s", err.msg);
	return corpus_init(&f->corpus);
}

static int known_files_teardown(void **state)
{
	struct fixture *f = *state;

	known_files_done(&f->files);
	knowledge_done(&f->pack);
	corpus_done(&f->corpus);
	scratch_remove(f->root);
	free(f);
	return 0;
}

/* Adds a run in which a container begins with a program, and executes another one (NULL: none). */
static void add_run(struct fixture *f, const char *program, const char *executed)
{
	const struct lutra_record arm = {
		.type = LUTRA_RECORD_ARM, .tid = 1, .tgid = 1, .nr = LUTRA_NR_NONE};
	const struct lutra_object exec = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct made_run m = made_run_new(&f->corpus);

	assert_int_equal(made_run_record(&m, arm, program), 0);
	if (executed)
		made_run_object(&m, 1, exec, executed);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, "run", false);
}

/* Writes the list of a package of dpkg into the root. */
static void install_package(const struct fixture *f, const char *file, const char *text)
{
	static const char *const dirs[] = {"var", "var/lib", "var/lib/dpkg", "var/lib/dpkg/info"};
	char *path;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		path = scratch_path(f->root, dirs[i]);
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		free(path);
	}
	path = scratch_path(f->root, file);
	scratch_write(path, text, strlen(text));
	free(path);
}

static void read_packages(struct fixture *f)
{
	struct err err = {""};

	if (knowledge_read_packages(&f->set, f->root, &err) < 0)
		fail_msg("%s", err.msg);
}

/* Selects, and checks by what the pack was recognised. program NULL: it was not. */
static void assert_pack(struct fixture *f, const struct policy *old, const char *program,
			const char *package)
{
	known_files_done(&f->files);
	assert_int_equal(known_files_select(&f->files, &f->set, &f->corpus, old), 0);
	assert_int_equal(f->files.n, program != NULL);
	if (!program)
		return;
	assert_string_equal(f->files.use[0].program, program);
	if (package)
		assert_string_equal(f->files.use[0].package, package);
	else
		assert_null(f->files.use[0].package);
}

static void known_files_recognise_a_program_by_its_path(void **state)
{
	struct fixture *f = *state;

	add_run(f, "/usr/bin/sh", "/usr/lib/store/bin/stored");
	assert_pack(f, NULL, NULL, NULL);
	add_run(f, "/usr/bin/sh", "/usr/lib/store/15/bin/stored");
	assert_pack(f, NULL, "/usr/lib/store/#/bin/stored", NULL);
}

static void known_files_recognise_a_program_by_its_package(void **state)
{
	struct fixture *f = *state;

	install_package(f, "var/lib/dpkg/info/store-15.list", "/.\n/opt/s-15/bin/d\n");
	install_package(f, "var/lib/dpkg/info/store-client-15.list", "/opt/s-15/bin/ask\n");
	add_run(f, "/opt/s-15/bin/ask", NULL);
	assert_pack(f, NULL, NULL, NULL);
	read_packages(f);
	assert_pack(f, NULL, NULL, NULL);
	add_run(f, "/opt/s-15/bin/d", NULL);
	assert_pack(f, NULL, "/opt/s-#/bin/d", "store-15");
	/* Of several, one that does not depend on the order in the directory. */
	install_package(f, "var/lib/dpkg/info/store-14.list", "/opt/s-14/bin/d\n/opt/s/a\n");
	add_run(f, "/opt/s/a", NULL);
	read_packages(f);
	assert_pack(f, NULL, "/opt/s-#/bin/d", "store-14");
}

/* A program below /usr, which its package has where a link leads. */
static void known_files_recognise_a_package_without_usr(void **state)
{
	struct fixture *f = *state;

	install_package(f, "var/lib/dpkg/info/stored:amd64.list", "/.\n/bin/d\n//\n");
	read_packages(f);
	add_run(f, "/usr/bin/sh", "/usr/bin/d");
	assert_pack(f, NULL, "/bin/d", "stored");
}

/* The runs of an update need not execute the program again. */
static void known_files_keep_the_packs_of_the_old_policy(void **state)
{
	struct fixture *f = *state;
	char name[] = "store", program[] = "/opt/d", package[] = "stored", other[] = "other";
	struct policy_known known = {.name = name, .program = program, .package = package};
	const struct policy old = {.known = &known, .n_known = 1};

	add_run(f, "/usr/bin/sh", NULL);
	assert_pack(f, &old, "/opt/d", "stored");
	known.name = other;
	assert_pack(f, &old, NULL, NULL);
}

static void known_files_need_a_package_database(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};

	assert_int_equal(knowledge_read_packages(&f->set, f->root, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no package database"));
	assert_int_equal(knowledge_read_packages(&f->set, "/no/such/root", &err), -ENOENT);
}

#define T(f) cmocka_unit_test_setup_teardown(f, known_files_setup, known_files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(known_files_recognise_a_program_by_its_path),
		T(known_files_recognise_a_program_by_its_package),
		T(known_files_recognise_a_package_without_usr),
		T(known_files_keep_the_packs_of_the_old_policy),
		T(known_files_need_a_package_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
