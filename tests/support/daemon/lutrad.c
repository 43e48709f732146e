/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/daemon/lutrad.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/policy/policy.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/cli/cli.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

bool lutrad_becomes(bool (*is_so)(struct fixture *f), struct fixture *f)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 10000000}; /* 10 ms */

	while (!is_so(f)) {
		if (clock_now_ns() > until)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

json_t *lutrad_ask(const struct fixture *f, const char *path, json_t *body, struct err *err)
{
	json_t *answer = NULL;

	return cli_ask(f->config, path, body ? body : LOCAL_GET, &answer, err) == 0 ? answer : NULL;
}

json_t *lutrad_status(const struct fixture *f)
{
	return lutrad_ask(f, "status/full", NULL, NULL);
}

bool lutrad_listens(struct fixture *f)
{
	json_t *j = lutrad_status(f);

	json_decref(j);
	return j != NULL;
}

bool lutrad_guards_nothing(struct fixture *f)
{
	json_auto_t *j = lutrad_status(f);

	return j && json_array_size(json_object_get(j, "containers")) == 0;
}

pid_t lutrad_spawn(const struct fixture *f)
{
	_cleanup_free_ char *log = scratch_path(f->dir, "log");
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		dup2(fd, STDERR_FILENO);
		execl(LUTRAD, "lutrad", "--config", f->config, NULL);
		_exit(99);
	}
	return pid;
}

int lutrad_exit_code(pid_t pid)
{
	int st = 0;

	return waitpid(pid, &st, 0) == pid ? child_exit_code(st) : -1;
}

void lutrad_write_config(const struct fixture *f)
{
	/* Without HTTP, whose port others may have, unless the test is about it. */
	const char *http = strstr(f->extra, "\"http\"") ? "" : ", \"http\": null";
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text,
			     "{\"socket\": \"%s\", \"state_dir\": \"%s/state\", "
			     "\"pin_dir\": %s, "
			     "\"engines\": [%s], \"bundles\": [%s], \"door\": \"off\", "
			     "\"policies_dir\": \"%s\", \"events_jsonl\": \"%s\"%s%s}",
			     f->socket, f->dir, f->pin_dir, f->engines, f->bundles, f->policies_dir,
			     f->jsonl, http, f->extra) > 0);
	scratch_write(f->config, text, strlen(text));
}

int lutrad_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct policy *p = sample_policy();
	char name[64];

	*state = f;
	f->pin_dir = "null";
	f->extra = f->engines = f->bundles = "";
	f->dir = scratch_dir();
	f->policies_dir = f->dir;
	f->config = scratch_path(f->dir, "config.json");
	f->socket = scratch_path(f->dir, "run/lutrad.sock");
	f->policy = scratch_path(f->dir, "shop");
	f->jsonl = scratch_path(f->dir, "events.jsonl");
	p->mode = LUTRA_MODE_KILL_CONTAINER;
	p->kill_matches = 1;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	policy_free(p);
	lutrad_write_config(f);
	snprintf(name, sizeof(name), "lutra-daemon-test.%d", (int)getpid());
	assert_int_equal(cgroup_create(name, &f->cgroup, NULL), 0);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
	return 0;
}

void lutrad_stop(struct fixture *f)
{
	if (f->daemon > 0) {
		kill(f->daemon, SIGTERM);
		lutrad_exit_code(f->daemon);
	}
	f->daemon = 0;
}

int lutrad_teardown(void **state)
{
	struct fixture *f = *state;

	char command[4096];

	lutrad_stop(f);
	snprintf(command, sizeof(command), LUTRAD " --uninstall --config %s >/dev/null", f->config);
	if (f->pinned)
		assert_int_equal(system(command), 0);
	if (f->cgroup)
		cgroup_destroy(f->cgroup);
	if (f->child > 0)
		lutrad_exit_code(f->child);
	free(f->config);
	free(f->socket);
	free(f->policy);
	free(f->jsonl);
	free(f->cgroup);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

void lutrad_restart(struct fixture *f)
{
	lutrad_stop(f);
	lutrad_write_config(f);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
}

void lutrad_set_clock(const struct fixture *f, uint64_t ahead_ns)
{
	_cleanup_free_ char *clock = scratch_path(f->dir, "clock");
	/* The daemon has the file mapped: it must not be made anew. */
	_cleanup_close_ int fd = open(clock, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(pwrite(fd, &ahead_ns, sizeof(ahead_ns), 0), sizeof(ahead_ns));
}

void lutrad_restart_at(struct fixture *f, uint64_t ahead_ns)
{
	_cleanup_free_ char *clock = scratch_path(f->dir, "clock");

	lutrad_stop(f);
	lutrad_set_clock(f, ahead_ns);
	setenv("FAKE_CLOCK", clock, 1);
	setenv("LD_PRELOAD", LUTRAD_FAKE_CLOCK, 1);
	lutrad_restart(f);
	unsetenv("LD_PRELOAD");
}

json_t *lutrad_enroll(const struct fixture *f, const char *name, struct err *err)
{
	return lutrad_ask(f, "enroll",
			  json_pack("{s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy", "shop",
				    "name", name, "next_exec", 1),
			  err);
}

int lutrad_cannot_run(void)
{
	_cleanup_free_ char *root = NULL;

	if (geteuid() == 0 && cgroup_root(&root, NULL) == 0 && access(LUTRAD, X_OK) == 0)
		return 0;
	print_message("skipped: needs root, cgroup v2 and " LUTRAD "\n");
	return 77;
}
