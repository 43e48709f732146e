/* SPDX-License-Identifier: Apache-2.0 */
/* Which packs a policy gets: by the package of a program, by its path, and those that it had. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_run.h"
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

	install_package(f, "var/lib/dpkg/info/store-15.list", "/.\n/opt/s-15/bin/stored\n");
	install_package(f, "var/lib/dpkg/info/store-client-15.list", "/opt/c/bin/stored\n");
	add_run(f, "/opt/c/bin/stored", NULL);
	assert_pack(f, NULL, NULL, NULL);
	read_packages(f);
	assert_pack(f, NULL, NULL, NULL);
	add_run(f, "/opt/s-15/bin/stored", NULL);
	assert_pack(f, NULL, "/opt/s-#/bin/stored", "store-15");
	/* Of several, one that does not depend on the order in the directory. */
	install_package(f, "var/lib/dpkg/info/store-14.list",
			"/opt/s-14/bin/stored\n/opt/t/stored\n");
	add_run(f, "/opt/t/stored", NULL);
	read_packages(f);
	assert_pack(f, NULL, "/opt/s-#/bin/stored", "store-14");
}

/* Clients, and scripts that start the program, are in its package too. */
static void known_files_need_the_program_of_the_package(void **state)
{
	struct fixture *f = *state;

	install_package(f, "var/lib/dpkg/info/stored.list",
			"/usr/bin/ask\n/etc/init.d/stored\n/usr/bin/stored\n");
	read_packages(f);
	add_run(f, "/usr/bin/ask", "/etc/init.d/stored");
	assert_pack(f, NULL, NULL, NULL);
	add_run(f, "/usr/bin/ask", "/usr/bin/stored");
	assert_pack(f, NULL, "/usr/bin/stored", "stored");
}

#define MANY 30000

/* Writes number i in letters, because digits are folded. */
static void write_many_path(char *buf, size_t size, unsigned i)
{
	char name[] = "aaaa";

	for (size_t k = 0; k < 4; k++, i /= 26)
		name[k] = (char)('a' + i % 26);
	snprintf(buf, size, "/opt/%s/stored", name);
}

static void known_files_find_one_program_among_many(void **state)
{
	const struct lutra_object exec = {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH};
	struct fixture *f = *state;
	struct made_run m = made_run_new(&f->corpus);
	size_t size = MANY * 32, at = 0;
	char *list = calloc(1, size), path[32];

	made_run_task(&m, 1, LUTRA_RECORD_ARM, 0);
	for (unsigned i = 0; i <= MANY; i++) {
		write_many_path(path, sizeof(path), i);
		if (i >= MANY)
			made_run_object(&m, 1, exec, path);
		at += (size_t)snprintf(list + at, size - at, "%s\n", path);
	}
	for (unsigned i = MANY + 1; i < 2 * MANY; i++) {
		write_many_path(path, sizeof(path), i);
		made_run_object(&m, 1, exec, path);
	}
	made_run_syscall(&m, 1, SYS_accept);
	made_run_end(&m, "run", false);
	install_package(f, "var/lib/dpkg/info/stored.list", list);
	free(list);
	read_packages(f);
	write_many_path(path, sizeof(path), MANY);
	assert_pack(f, NULL, path, "stored");
}

/* What is read is bounded. Then no file counts, since which comes first is chance. */
static void known_files_of_too_many_package_files_are_recognised_by_path(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};
	char *list = calloc(65537, 2 * sizeof("/f\n") + 32), *at = list;

	at = stpcpy(at, "/opt/s/stored\n");
	for (unsigned i = 0; i < 65536; i++)
		at = stpcpy(at, "/f\n");
	install_package(f, "var/lib/dpkg/info/stored.list", list);
	free(list);
	assert_int_equal(knowledge_read_packages(&f->set, f->root, &err), -E2BIG);
	assert_non_null(strstr(err.msg, "more than 65536 files"));
	add_run(f, "/opt/s/stored", NULL);
	assert_pack(f, NULL, NULL, NULL);
	add_run(f, "/usr/lib/store/15/bin/stored", NULL);
	assert_pack(f, NULL, "/usr/lib/store/#/bin/stored", NULL);
}

/* A program below /usr, which its package has where a link leads. */
static void known_files_recognise_a_package_without_usr(void **state)
{
	struct fixture *f = *state;

	install_package(f, "var/lib/dpkg/info/stored:amd64.list", "/.\n/bin/stored\n//\n");
	read_packages(f);
	add_run(f, "/usr/bin/sh", "/usr/bin/stored");
	assert_pack(f, NULL, "/bin/stored", "stored");
}

/* The runs of an update need not execute the program again. */
static void known_files_keep_the_packs_of_the_old_policy(void **state)
{
	struct fixture *f = *state;
	char name[] = "store", program[] = "/opt/stored", client[] = "/opt/ask",
	     package[] = "stored", other[] = "other";
	struct policy_known known = {.name = name, .program = program, .package = package};
	const struct policy old = {.known = &known, .n_known = 1};

	add_run(f, "/usr/bin/sh", NULL);
	assert_pack(f, &old, "/opt/stored", "stored");
	known.program = client;
	assert_pack(f, &old, NULL, NULL);
	known.program = program;
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
		T(known_files_need_the_program_of_the_package),
		T(known_files_find_one_program_among_many),
		T(known_files_of_too_many_package_files_are_recognised_by_path),
		T(known_files_recognise_a_package_without_usr),
		T(known_files_keep_the_packs_of_the_old_policy),
		T(known_files_need_a_package_database),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
