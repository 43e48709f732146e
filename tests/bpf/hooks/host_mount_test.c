/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests exec sessions in a container that mounts directories of the host, with LSM hooks. The
 * policy audits sessions. A session may not change the host's /etc, nor read secrets in it. It may
 * do anything with a volume. Skipped where LSM programs do not run.
 *
 * A file system of the test stands for the host's root. As a runtime does, each worker mounts parts
 * of it, and then executes itself.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "lib/abi/rules.h"
#include "user/containers/host_mounts.h"

#define BASE "/tmp/lutra-test-host-mount"
#define HOST BASE "/host" /* the host's root */
#define ETC BASE "/c/etc"
#define DATA BASE "/c/data"

static const char *worker_arg; /* of worker enter: name of the worker that it becomes */

static bool write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && close(fd) == 0;
}

static bool make_mounts(void)
{
	static const char *const dirs[] = {HOST,      HOST "/etc", HOST "/srv", HOST "/srv/data",
					   BASE "/c", ETC,	   DATA};

	mkdir(BASE, 0755);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", BASE, "tmpfs", 0, NULL) < 0)
		return false;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (mkdir(dirs[i], 0755) < 0)
			return false;
	return write_file(HOST "/etc/shadow") && write_file(HOST "/etc/hostname") &&
	       mount(HOST "/etc", ETC, NULL, MS_BIND, NULL) == 0 &&
	       mount(HOST "/srv/data", DATA, NULL, MS_BIND, NULL) == 0;
}

/* ---- workers ---- */

/* Makes the mounts and executes itself as another worker. The exec arms the guard. */
static int enter_mounts(void)
{
	if (!make_mounts())
		return ELSE;
	execl("/proc/self/exe", "worker", "--worker", worker_arg, NULL);
	return ELSE;
}

static int do_nothing(void)
{
	return DONE;
}

static int read_secret(void)
{
	return outcome_of(open(ETC "/shadow", O_RDONLY | O_CLOEXEC));
}

static int write_secret(void)
{
	return outcome_of(open(ETC "/shadow", O_WRONLY | O_CLOEXEC));
}

static int read_plain(void)
{
	return outcome_of(open(ETC "/hostname", O_RDONLY | O_CLOEXEC));
}

static int write_plain(void)
{
	return outcome_of(open(ETC "/hostname", O_WRONLY | O_CLOEXEC));
}

static int remove_plain(void)
{
	return outcome_of(unlink(ETC "/hostname"));
}

static int use_volume(void)
{
	if (!write_file(DATA "/shadow") || open(DATA "/shadow", O_RDONLY | O_CLOEXEC) < 0 ||
	    rename(DATA "/shadow", DATA "/b") < 0 || mkdir(DATA "/etc", 0755) < 0 ||
	    !write_file(DATA "/etc/passwd") || unlink(DATA "/b") < 0)
		return outcome_of(-1);
	return DONE;
}

static const struct worker workers[] = {
	{"enter", enter_mounts},	{"nothing", do_nothing},    {"read-secret", read_secret},
	{"write-secret", write_secret}, {"read-plain", read_plain}, {"write-plain", write_plain},
	{"remove-plain", remove_plain}, {"use-volume", use_volume},
};

/* ---- tests ---- */

/* Writes the host's mountinfo: its root is the directory "host" of the file system at BASE. */
static void describe_host(const struct mounts *own, char *text, size_t size)
{
	for (size_t i = 0; i < own->n; i++)
		if (strcmp(own->mount[i].point, BASE) == 0)
			snprintf(text, size, "1 0 %u:%u /host / rw - tmpfs x rw\n",
				 own->mount[i].major, own->mount[i].minor);
}

/*
 * Finds the places where the workers' mounts show the host. Inspects the mounts of a process that
 * makes the same mounts.
 */
static void find_places(struct host_places *ret)
{
	struct mounts host = {}, own = {};
	char dir[32], text[128] = "", ready;
	int fd[2], proc;
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (make_mounts() && write(fd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	close(fd[1]);
	assert_int_equal(read(fd[0], &ready, 1), 1);
	close(fd[0]);
	snprintf(dir, sizeof(dir), "/proc/%d", (int)pid);
	proc = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mounts_read(proc, &own), 0);
	close(proc);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	describe_host(&own, text, sizeof(text));
	assert_int_equal(mounts_parse(text, strlen(text), &host), 0);
	assert_int_equal(host_mounts_find(&host, &own, ret), 0);
	mounts_done(&host);
	mounts_done(&own);
}

/* Enrols with a policy of the default actions, and runs the service. The next worker is a session. */
static void enroll_for_sessions(struct box *b)
{
	struct host_places places;
	struct policy *p = kernel_policy_new(), view;
	struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = &view, .mode = LUTRA_MODE_AUDIT, .sessions = true};
	struct err err = {};
	size_t left_out;

	p->ops = 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_UNLINK |
		 1u << LUTRA_OP_RENAME_FROM | 1u << LUTRA_OP_RENAME_TO | 1u << LUTRA_OP_MKDIR;
	p->audit_sessions = true;
	for (unsigned rule = 0; rule < LUTRA_RULE_COUNT; rule++)
		p->action[rule] = rule_get(rule)->action;
	find_places(&places);
	view = *p;
	assert_int_equal(host_places_to_nodes(&places, p, &view.nodes, &view.n_nodes, &left_out),
			 0);
	assert_int_equal(left_out, 0);
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	free(view.nodes);
	host_places_done(&places);
	policy_free(p);
	assert_exited(box_run(b, "enter", "nothing"), DONE);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
}

static void session_may_not_read_secrets_of_host(void **state)
{
	enroll_for_sessions(*state);
	assert_exited(box_run(*state, "enter", "read-secret"), REFUSED);
	assert_exited(box_run(*state, "enter", "write-secret"), REFUSED);
}

static void session_may_not_change_host(void **state)
{
	enroll_for_sessions(*state);
	assert_exited(box_run(*state, "enter", "write-plain"), REFUSED);
	assert_exited(box_run(*state, "enter", "remove-plain"), REFUSED);
	assert_exited(box_run(*state, "enter", "read-plain"), DONE);
}

static void session_may_use_volume(void **state)
{
	struct box *b = *state;

	enroll_for_sessions(b);
	assert_exited(box_run(b, "enter", "use-volume"), DONE);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REFUSED), 0);
}

static int remove_base(void **state)
{
	rmdir(BASE);
	return box_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, remove_base)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(session_may_not_read_secrets_of_host),
		TEST(session_may_not_change_host),
		TEST(session_may_use_volume),
	};

	worker_arg = argc > 3 ? argv[3] : "nothing";
	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
