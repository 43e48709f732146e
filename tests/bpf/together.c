/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several kernel test programs in one, which share the loaded guard: in an emulated machine, to load it
 * takes much longer than the tests. TESTS lists them; the Makefile renames their main() to NAME_main().
 *
 * usage: together [NAME…]        all without names
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/bpf/box.h"

/* A worker is this program again; the environment tells it whose worker it is. */
#define OWNER "LUTRA_TEST_OWNER"

#ifndef TESTS /* a tool reads this file by itself */
#define TESTS TEST(verdict_test)
#endif

#define TEST(name) int name##_main(int argc, char **argv);
TESTS
#undef TEST

static const struct program {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
#define TEST(name) {#name, name##_main},
	TESTS
#undef TEST
};
#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static time_t start;

static const struct program *find_program(const char *name)
{
	for (size_t i = 0; name && i < PROGRAMS; i++)
		if (strcmp(programs[i].name, name) == 0)
			return &programs[i];
	return NULL;
}

/* Returns 0, or 1 if a test failed or could not run. */
static int run_program(const struct program *p, char *argv0)
{
	char *argv[] = {argv0, NULL};

	setenv(OWNER, p->name, 1);
	printf("# %ld s: %s\n", (long)(time(NULL) - start), p->name);
	fflush(stdout);
	return p->main(1, argv) != 0;
}

int main(int argc, char **argv)
{
	const struct program *p;
	int r = 0;

	if (argc > 2 && strcmp(argv[1], "--worker") == 0) {
		p = find_program(getenv(OWNER));
		return p ? p->main(argc, argv) : 127;
	}
	start = time(NULL);
	box_keep_guard = true;
	for (size_t i = 0; argc == 1 && i < PROGRAMS; i++)
		r |= run_program(&programs[i], argv[0]);
	for (int i = 1; i < argc; i++) {
		p = find_program(argv[i]);
		if (!p) {
			fprintf(stderr, "%s: no test program of this name\n", argv[i]);
			return 2;
		}
		r |= run_program(p, argv[0]);
	}
	box_keep_guard = false;
	box_guard_end();
	return r;
}
