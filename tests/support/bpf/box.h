/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the kernel side: a guard that gathers its records and evidence, cgroups that the test
 * makes, and child processes in them. A child is this program again, as --worker NAME. A test that
 * fails leaves by its teardown, which kills and removes all that the test made.
 */
#ifndef LUTRA_TESTS_SUPPORT_BPF_BOX_H
#define LUTRA_TESTS_SUPPORT_BPF_BOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lutra/score.h"
#include "user/guard/guard.h"

#define EVENTS_MAX 8192
#define CHILDREN_MAX 16

struct seen_record {
	struct lutra_record rec;
	uint32_t slot;
	char str[LUTRA_STRING_MAX + 1];
};

struct seen_evidence {
	struct lutra_evidence ev;
	char str[LUTRA_STRING_MAX + 1];
	char starter[LUTRA_STARTER_MAX + 1];
};

struct child {
	pid_t pid;
	int go; /* a byte into it lets the child exec; -1: it was sent */
};

struct box {
	struct guard *guard;
	char cgroup[320];
	struct seen_record *records;
	struct seen_evidence *evidence;
	size_t n_records, n_evidence;
	struct child children[CHILDREN_MAX];
	size_t n_children;
	uint32_t slot;
};

/*
 * ---- the guard, one for all tests of a program: to load it takes an emulated kernel half a minute.
 * Tests of other flags have another, which is loaded beside it if box_keep_guard is set ----
 */

/* Directory of the guard's pins; NULL: it has none. Set before the first setup. */
extern const char *box_pins;
/* Gets all evidence in place of the box, if set. */
extern void (*box_evidence_watch)(const struct lutra_evidence *ev);

/* Gathers records and evidence in the box of the test. */
extern const struct guard_handler box_handler;

/* test_program_run_tests() leaves the guards to the next program of the same process. */
extern bool box_keep_guard;

/* The slot of an empty cgroup that keeps the programs attached between tests. */
#define HELD_SLOT 1

/* Releases what is enrolled and frees the guard. Also runs at the exit of the program. */
void box_guard_end(void);

/* Returns the GUARD_* flags of ordinary tests. LUTRA_TEST_CALLS_OFF: hooks decide alone. */
unsigned box_usual_flags(void);

/* Returns true if this kernel runs LSM programs. Loads the guard. */
bool box_lsm_runs(void);

/* ---- cgroups ---- */

/* Writes the path at which cgroup v2 is mounted. Returns 0 or -ENOENT. */
int box_cgroup_mount(char *ret, size_t size);
int box_cgroup_join(const char *cgroup, pid_t pid);
/* Kills all processes of a cgroup, waits until it is empty, and removes it. */
void box_cgroup_remove(const char *cgroup);

/* ---- life of a box ---- */

/* flags: GUARD_*. Puts a struct box into *state. Returns 0, or -1 if the guard cannot be loaded. */
int box_setup_flags(void **state, unsigned flags);
int box_setup(void **state);
int box_setup_standin(void **state); /* without LSM hooks: stand-ins see the objects */
int box_teardown(void **state);

/* A test in a box, and one of the same function by stand-ins, of the name FUNCTION_standin. */
#define BOX_TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
#define BOX_TEST_STANDIN(f)                                                                        \
	{                                                                                          \
#f "_standin", f, box_setup_standin, box_teardown, NULL                            \
	}

void box_enroll(struct box *b, const struct policy *p, uint32_t mode, bool record);
/* Replaces the policy of the box, and frees p. */
void box_swap_policy(struct box *b, struct policy *p);

/* ---- children ---- */

/*
 * Forks a worker that does not start yet, outside the cgroup. arg may be NULL. LUTRA_TEST_FILTER in
 * the environment: under a seccomp filter that allows everything.
 */
struct child *box_fork(struct box *b, const char *worker, const char *arg);
/* Lets a child start. */
void box_child_go(struct child *c);
/* Starts the child if it was not, and waits for its end. Returns its status as of waitpid(). */
int box_child_wait(struct child *c);
/* Runs a worker in the enrolled cgroup to its end and gathers all events. Returns its status. */
int box_run(struct box *b, const char *worker, const char *arg);

void assert_exited(int status, int code);
void assert_killed(int status);

/* ---- what was gathered ---- */

/* Returns the first record of a type, or the first behind `after`; NULL if there is none. */
const struct seen_record *box_find_record(const struct box *b, uint16_t type,
					  const struct seen_record *after);
size_t box_count_records(const struct box *b, uint16_t type);
/* Returns the object record of an operation whose string is str (any, if NULL), or NULL. */
const struct seen_record *box_find_object(const struct box *b, uint8_t op, const char *str);
const struct seen_evidence *box_find_evidence(const struct box *b, uint8_t rule);
uint64_t box_counter(const struct box *b, unsigned which);

/* Returns r, or fails the test if it is NULL. what: named in the message. */
const struct seen_record *assert_record(const struct seen_record *r, const char *what);

#endif
