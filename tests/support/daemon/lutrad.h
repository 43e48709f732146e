/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lutrad with a directory, a policy and an empty cgroup of its own. The tests ask it over its
 * socket.
 */
#ifndef LUTRA_TESTS_SUPPORT_DAEMON_LUTRAD_H
#define LUTRA_TESTS_SUPPORT_DAEMON_LUTRAD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define LUTRAD "build/bin/lutrad"
#define LUTRAD_FAKE_CLOCK "build/tests/daemon/fake_clock.so"
#define PATIENCE_NS 60000000000ull /* emulated machines are slow */

struct fixture {
	char *dir;
	char *config;
	char *socket;
	char *policy;
	char *jsonl;
	char *cgroup;
	const char *policies_dir; /* for the next daemon */
	const char *pin_dir;	  /* the same; JSON */
	const char *engines;	  /* the same; members of a JSON list */
	const char *bundles;	  /* the same */
	const char *extra; /* the same: more members of the configuration, each behind a comma */
	bool pinned;	   /* there is something to uninstall at the end */
	pid_t daemon;
	pid_t child;
};

int lutrad_setup(void **state);
int lutrad_teardown(void **state);

/* A test with a lutrad. */
#define T(f) cmocka_unit_test_setup_teardown(f, lutrad_setup, lutrad_teardown)

/* Returns 0, or 77 with a line that says why no daemon can be tested here. */
int lutrad_cannot_run(void);

/* ---- life ---- */

void lutrad_write_config(const struct fixture *f);
/* Starts a lutrad by the configuration. Returns its process; lutrad_listens() tells when it is up. */
pid_t lutrad_spawn(const struct fixture *f);
/* Ends the lutrad of the fixture, if there is one. */
void lutrad_stop(struct fixture *f);
/* Starts another lutrad in its place, with the configuration that the fixture has now. */
void lutrad_restart(struct fixture *f);
/* Works as lutrad_restart(), with a clock that goes ahead. */
void lutrad_restart_at(struct fixture *f, uint64_t ahead_ns);
/* Puts the clock of a lutrad of lutrad_restart_at() forward. */
void lutrad_set_clock(const struct fixture *f, uint64_t ahead_ns);
/* Waits for the end of a process. Returns its exit code as child_exit_code() gives it, or -1. */
int lutrad_exit_code(pid_t pid);

/* ---- questions ---- */

/* Checks every 10 ms. Returns true once is_so() does, false after PATIENCE_NS. */
bool lutrad_becomes(bool (*is_so)(struct fixture *f), struct fixture *f);
/* Sends a request; takes body. Returns the answer, or NULL with the reason in err. */
json_t *lutrad_ask(const struct fixture *f, const char *path, json_t *body, struct err *err);
json_t *lutrad_status(const struct fixture *f);
bool lutrad_listens(struct fixture *f);
bool lutrad_guards_nothing(struct fixture *f);

/* Enrols the cgroup of the fixture, at its next exec, by the policy "shop". Returns the answer. */
json_t *lutrad_enroll(const struct fixture *f, const char *name, struct err *err);

#endif
