/* SPDX-License-Identifier: Apache-2.0 */
/* A lutrad with a directory, a policy and an empty cgroup of its own, for tests by its socket. */
#ifndef LUTRA_TESTS_DAEMON_H
#define LUTRA_TESTS_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/file.h"
#include "tests/unit/sample.h"
#include "user/cli/cli.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define LUTRAD "build/bin/lutrad"
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

/* Look every 10 ms until it is so. */
static inline bool becomes(bool (*is_so)(struct fixture *f), struct fixture *f)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 10000000};

	while (!is_so(f)) {
		if (clock_now_ns() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* The answer, or NULL with the error in err. */
static inline json_t *ask(const struct fixture *f, const char *path, json_t *body, struct err *err)
{
	json_t *answer = NULL;

	return cli_ask(f->config, path, body, &answer, err) == 0 ? answer : NULL;
}

static inline json_t *status(const struct fixture *f)
{
	return ask(f, "status/full", NULL, NULL);
}

static inline bool listens(struct fixture *f)
{
	json_t *j = status(f);

	json_decref(j);
	return j != NULL;
}

static inline bool guards_nothing(struct fixture *f)
{
	json_auto_t *j = status(f);

	return j && json_array_size(json_object_get(j, "containers")) == 0;
}

static inline pid_t spawn_daemon(const struct fixture *f)
{
	_cleanup_free_ char *log = sample_path(f->dir, "log");
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(fd, STDERR_FILENO);
		execl(LUTRAD, "lutrad", "--config", f->config, NULL);
		_exit(99);
	}
	return pid;
}

static inline int exit_code(pid_t pid)
{
	int st = 0;

	return waitpid(pid, &st, 0) == pid ? child_exit_code(st) : -1;
}

static inline void write_config(const struct fixture *f)
{
	/* Without HTTP, whose port others may have, unless the test is about it. */
	const char *http = strstr(f->extra, "\"http\"") ? "" : ", \"http\": null";
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text,
			     "{\"socket\": \"%s\", \"state_dir\": \"%s/state\", "
			     "\"pin_dir\": %s, "
			     "\"engines\": [%s], \"bundles\": [%s], "
			     "\"policies_dir\": \"%s\", \"events_jsonl\": \"%s\"%s%s}",
			     f->socket, f->dir, f->pin_dir, f->engines, f->bundles, f->policies_dir,
			     f->jsonl, http, f->extra) > 0);
	sample_write(f->config, text, strlen(text));
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct policy *p = sample_policy();
	char name[64];

	*state = f;
	f->pin_dir = "null";
	f->extra = f->engines = f->bundles = "";
	f->dir = sample_dir();
	f->policies_dir = f->dir;
	f->config = sample_path(f->dir, "config.json");
	f->socket = sample_path(f->dir, "run/lutrad.sock");
	f->policy = sample_path(f->dir, "shop");
	f->jsonl = sample_path(f->dir, "events.jsonl");
	p->mode = LUTRA_MODE_KILL_CONTAINER;
	p->kill_matches = 1;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	policy_free(p);
	write_config(f);
	snprintf(name, sizeof(name), "lutra-daemon-test.%d", (int)getpid());
	assert_int_equal(cgroup_create(name, &f->cgroup, NULL), 0);
	f->daemon = spawn_daemon(f);
	assert_true(becomes(listens, f));
	return 0;
}

static inline void stop_daemon(struct fixture *f)
{
	if (f->daemon > 0) {
		kill(f->daemon, SIGTERM);
		exit_code(f->daemon);
	}
	f->daemon = 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	char command[4096];

	stop_daemon(f);
	snprintf(command, sizeof(command), LUTRAD " --uninstall --config %s >/dev/null", f->config);
	if (f->pinned)
		assert_int_equal(system(command), 0);
	if (f->cgroup)
		cgroup_destroy(f->cgroup);
	if (f->child > 0)
		exit_code(f->child);
	free(f->config);
	free(f->socket);
	free(f->policy);
	free(f->jsonl);
	free(f->cgroup);
	sample_remove(f->dir);
	free(f);
	return 0;
}

static inline json_t *enroll(const struct fixture *f, const char *name, struct err *err)
{
	return ask(f, "enroll",
		   json_pack("{s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy", "shop", "name",
			     name, "next_exec", 1),
		   err);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* 77 with a line if no daemon can be tested here, else 0. */
static inline int cannot_run(void)
{
	_cleanup_free_ char *root = NULL;

	if (geteuid() == 0 && cgroup_root(&root, NULL) == 0 && access(LUTRAD, X_OK) == 0)
		return 0;
	print_message("skipped: needs root, cgroup v2 and " LUTRAD "\n");
	return 77;
}

#endif
