/* SPDX-License-Identifier: Apache-2.0 */
/* An exchange gives two files each the other's name, and both are judged: by hooks and by the fallback. */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <stdio.h>
#include <stdlib.h>

#define DIR "/tmp/lutra-test-exchange"
#define CONFIG DIR "/config"
#define OWN DIR "/own"
#define EXCHANGE 2 /* RENAME_EXCHANGE */

/* The hook sees the configuration as the file that moves, and the own name as where it moves to. */
static int try_exchange(void)
{
	return outcome_of(syscall(SYS_renameat2, AT_FDCWD, CONFIG, AT_FDCWD, OWN, EXCHANGE));
}

static int do_nothing(void)
{
	return DONE;
}

static const struct worker workers[] = {
	{"exchange", try_exchange},
	{"nothing", do_nothing},
};

/* A policy that lets the own name be renamed to, and knows the configuration for reading. */
static void enroll_service(struct box *b, uint32_t mode)
{
	struct policy *p = kernel_policy_new();
	uint16_t dir;

	p->ops = 1u << LUTRA_OP_RENAME_TO;
	p->nodes[0].flags = 0;
	kernel_policy_know(p, CONFIG, 0, S_IFREG, ANY_ROLE);
	dir = p->nodes[p->n_nodes - 1].parent;
	p->objects[p->n_objects++] =
		lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_RENAME_TO) |
		lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
		lutra_object_token_put(LUTRA_FIELD_DETAIL,
				       kernel_policy_node(p, dir, "own", false, 0));
	qsort(p->objects, p->n_objects, sizeof(*p->objects), policy_compare_objects);
	p->action[LUTRA_RULE_OPEN_WRITE_NEW_USE] = LUTRA_ACTION_DENY;
	box_enroll(b, p, mode, false);
	policy_free(p);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static bool is_exchanged(void)
{
	char first = 0;
	int fd = open(CONFIG, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0 && read(fd, &first, 1) == 1);
	close(fd);
	return first == 'o';
}

static void make_files(void)
{
	mkdir(DIR, 0755);
	write_text(CONFIG, "config");
	write_text(OWN, "own");
}

static int teardown_files(void **state)
{
	unlink(CONFIG);
	unlink(OWN);
	rmdir(DIR);
	return box_teardown(state);
}

static void exchange_is_judged_at_both_names(void **state)
{
	struct box *b = *state;
	const struct seen_evidence *e;

	make_files();
	enroll_service(b, LUTRA_MODE_AUDIT);
	assert_exited(box_run(b, "exchange", NULL), DONE);
	assert_true(is_exchanged());
	e = box_find_evidence(b, LUTRA_RULE_OPEN_WRITE_NEW_USE);
	assert_non_null(e);
	assert_int_equal(e->ev.object.op, LUTRA_OP_RENAME_TO);
	assert_string_equal(e->str, CONFIG);
}

static void exchange_with_a_file_that_is_only_read_is_refused(void **state)
{
	struct box *b = *state;

	if (!box_lsm_runs())
		test_program_skip("this kernel does not run BPF LSM programs");
	make_files();
	enroll_service(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "exchange", NULL), REFUSED);
	assert_false(is_exchanged());
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, teardown_files)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(exchange_is_judged_at_both_names),
		TEST(exchange_with_a_file_that_is_only_read_is_refused),
		BOX_TEST_STANDIN(exchange_is_judged_at_both_names),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
