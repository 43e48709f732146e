/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/policy/policy.h"
#include "lutra/score.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/cli/policy/policy_cmd.h"
#include "user/config/config.h"

/* Prints a policy with its own standard output, which goes to text. */
static void show_policy_to(const struct policy_args *args, char *text, size_t size)
{
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);
	size_t n;

	assert_non_null(file);
	fflush(stdout);
	assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
	assert_int_equal(policy_cmd_show(args), 0);
	fflush(stdout);
	assert_true(dup2(out, STDOUT_FILENO) >= 0);
	close(out);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	fclose(file);
}

static void policy_show_names_directories_that_vary(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char *dir = scratch_dir(), *path = scratch_path(dir, "shop"), text[8192];
	struct config config = {.policies_dir = dir};
	struct policy_args args = {.names = &path, .n_names = 1, .config = &config};

	(void)state;
	assert_int_equal(policy_save(p, path, NULL), 0);
	show_policy_to(&args, text, sizeof(text));
	assert_null(strstr(text, "varies"));
	assert_string_equal(p->nodes[1].name, "etc");
	p->nodes[1].flags |= LUTRA_NODE_VARIES;
	p->objects[p->n_objects++] = lutra_object_token_of_new_name(sample_open_token(2));
	assert_int_equal(policy_save(p, path, NULL), 0);
	show_policy_to(&args, text, sizeof(text));
	assert_non_null(strstr(text, "  only alerts  open r file any new name in /srv\n"
				     "  varies       /etc: new names only alert here, but for "
				     "programs\n"));
	scratch_remove(dir);
	free(path);
}

static void policy_show_says_that_a_policy_has_no_base(void **state)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	char *dir = scratch_dir(), *path = scratch_path(dir, "shop"), text[8192];
	struct config config = {.policies_dir = dir};
	struct policy_args args = {.names = &path, .n_names = 1, .config = &config};

	(void)state;
	policy_known_free(p);
	assert_int_equal(policy_save(p, path, NULL), 0);
	show_policy_to(&args, text, sizeof(text));
	assert_non_null(strstr(text, "  base         none: "));
	p->known = calloc(1, sizeof(*p->known));
	p->known->name = strdup("base");
	p->known->version = 3;
	p->n_known = 1;
	assert_int_equal(policy_save(p, path, NULL), 0);
	show_policy_to(&args, text, sizeof(text));
	assert_non_null(strstr(text, "  base         base version 3: 0 objects"));
	assert_null(strstr(text, "none: "));
	scratch_remove(dir);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_show_names_directories_that_vary),
		cmocka_unit_test(policy_show_says_that_a_policy_has_no_base),
	};

	return cmocka_run_group_tests_name("policy_show", tests, NULL, NULL);
}
