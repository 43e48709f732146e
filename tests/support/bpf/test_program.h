/* SPDX-License-Identifier: Apache-2.0 */
/* The main() of a kernel test: its tests, or one of its workers in a child process. */
#ifndef LUTRA_TESTS_SUPPORT_BPF_TEST_PROGRAM_H
#define LUTRA_TESTS_SUPPORT_BPF_TEST_PROGRAM_H

#include "tests/support/bpf/box.h"

/* How an operation of a worker ended; the worker exits with it. */
enum outcome { DONE = 0, REFUSED = 1, ELSE = 2 };

/* Returns the outcome of a system call that returned r: REFUSED where errno is EPERM. */
int outcome_of(long r);

/* Attaches to a child process of its own by ptrace(2). Returns the outcome. */
int try_ptrace(void);

struct worker {
	const char *name;
	int (*run)(void);
};

/* Runs the worker of that name. Returns its result, the exit code; 127: there is none. */
int test_program_run_worker(const struct worker *workers, size_t n, const char *name);

/* Returns why the kernel side cannot be tested here, or NULL. */
const char *test_program_why_not(void);
/* Returns why hooks cannot be tested here, or NULL. */
const char *test_program_why_no_hooks(void);

/*
 * Returns why the programs at system calls, forks and exits do not see each of these, or NULL. The
 * kernel does not run such a program while another task is preempted inside it on the same CPU.
 */
const char *test_program_why_not_counted(void);

/* Ends a test as skipped, for the reason why. */
void test_program_skip(const char *why);
/* Ends a test as skipped where test_program_why_not_counted() has a reason. */
void test_program_need_counts(void);

/* Runs the tests and ends the guard. Returns the exit code; 77 if why is not NULL. */
int test_program_run_tests(const char *why, const struct CMUnitTest *tests, size_t n);

/* What main() returns: of the worker that is asked for, or of the tests, unless why() has a reason. */
#define TEST_PROGRAM(argc, argv, why)                                                              \
	((argc) > 2 && !strcmp((argv)[1], "--worker")                                              \
		 ? test_program_run_worker(workers, sizeof(workers) / sizeof(workers[0]),          \
					   (argv)[2])                                              \
		 : test_program_run_tests(why(), tests, sizeof(tests) / sizeof(tests[0])))

#endif
