/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon knows of the mounts of a container whose cgroup is used again: the container that
 * starts there has mounts of its own.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/policy/policy.h"
#include "tests/support/daemon/lutrad.h"
#include "tests/support/scratch.h"
#include "user/sys/process/cgroup.h"

#define ID "2f1e00c9d4b8a7765544332211ffeeddccbbaa99887766554433221100abcdef"
#define SHOP "example.org/shop:1"
#define CONTAINED "--contained"
#define LOG_MAX (1 << 22)

/* ---- the container ---- */

/* The container's program: makes the mounts that a runtime would make, and stays. */
static int run_contained(const char *root, const char *source)
{
	char place[300];

	snprintf(place, sizeof(place), "%s/shared", root);
	if (mount("none", root, "tmpfs", 0, NULL) < 0 || mkdir(place, 0755) < 0 ||
	    mount(source, place, NULL, MS_BIND, NULL) < 0 || chdir(root) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
		return 1;
	pause();
	return 0;
}

/* Starts a process in the cgroup, which waits for a byte and then runs the program. */
static pid_t runtime_start(const char *cgroup, const char *root, const char *source, int *ret_go)
{
	int go[2];
	char pid_text[16];
	pid_t pid;

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char c;

		if (read(go[0], &c, 1) == 1 && unshare(CLONE_NEWNS) == 0 &&
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
			execl("/proc/self/exe", "contained", CONTAINED, root, source, NULL);
		_exit(1);
	}
	close(go[0]);
	*ret_go = go[1];
	snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	assert_int_equal(cgroup_write(cgroup, "cgroup.procs", pid_text), 0);
	return pid;
}

static void runtime_go_on(int go)
{
	assert_int_equal(write(go, "x", 1), 1);
	close(go);
}

/* ---- what the daemon says ---- */

static const char *wanted; /* for lutrad_becomes() */
static unsigned wanted_times;

static bool says_wanted(struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log"), *text = NULL;
	unsigned n = 0;
	size_t len;

	if (file_read(AT_FDCWD, path, LOG_MAX, &text, &len, NULL) < 0)
		return false;
	for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++)
		n++;
	return n >= wanted_times;
}

static void log_says(struct fixture *f, const char *words, unsigned times)
{
	wanted = words;
	wanted_times = times;
	if (!lutrad_becomes(says_wanted, f))
		fail_msg("the log did not say %u times: %s", times, words);
}

/* Saves a policy that audits exec sessions: for these the daemon looks at the mounts. */
static void save_policy(const struct fixture *f)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	p->mode = LUTRA_MODE_AUDIT;
	p->audit_sessions = true;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
}

static void host_mounts_of_a_cgroup_that_is_used_again_are_read_again(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *cgroup = NULL, *root = scratch_path(f->dir, "root");
	json_auto_t *answer = NULL;
	struct err err = {};
	pid_t pid;
	int go;

	f->extra = ", \"log_level\": \"debug\"";
	save_policy(f);
	lutrad_restart(f);
	assert_int_equal(mkdir(root, 0755), 0);
	assert_true(asprintf(&cgroup, "%s/docker-%s.scope", f->cgroup, ID) > 0);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	pid = runtime_start(cgroup, root, "/etc", &go);
	answer = lutrad_ask(f, "hook",
			    json_pack("{s:s, s:i, s:{s:s, s:s, s:s}}", "event", "start", "pid",
				      (int)pid, "who", "engine", "docker", "id", ID, "image", SHOP),
			    &err);
	if (!answer)
		fail_msg("the hook was refused: %s", err.msg);
	runtime_go_on(go);
	log_says(f, "its mounts show the host", 1);
	kill(pid, SIGKILL);
	lutrad_exit_code(pid);
	log_says(f, ": empty", 1);
	pid = runtime_start(cgroup, root, "/usr", &go);
	runtime_go_on(go);
	log_says(f, "its mounts show the host", 2);
	kill(pid, SIGKILL);
	lutrad_exit_code(pid);
	cgroup_destroy(cgroup);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(host_mounts_of_a_cgroup_that_is_used_again_are_read_again),
	};
	int r;

	if (argc == 4 && strcmp(argv[1], CONTAINED) == 0)
		return run_contained(argv[2], argv[3]);
	r = lutrad_cannot_run();
	return r ? r : cmocka_run_group_tests_name("host_mounts", tests, NULL, NULL);
}
