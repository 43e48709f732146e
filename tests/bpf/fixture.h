/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the kernel side: a guard that gathers what it is told, cgroups of the test's own,
 * workers in them (this program again, as --worker NAME), and small policies built by hand.
 * A test that fails leaves by teardown, which kills and removes all that it made.
 */
#ifndef LUTRA_TESTS_BPF_FIXTURE_H
#define LUTRA_TESTS_BPF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lutra/score.h"
#include "user/guard/guard.h"

#define EVENTS_MAX 8192
#define CHILDREN_MAX 16
#define LEVEL_NEVER (1 << 28)

struct seen_record {
	struct lutra_record rec;
	uint32_t slot;
	char str[LUTRA_STRING_MAX + 1];
};

struct seen_evidence {
	struct lutra_evidence ev;
	char str[LUTRA_STRING_MAX + 1];
};

struct child {
	pid_t pid;
	int go; /* a byte into it lets the child exec */
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

/* One guard serves all tests of a program: to load it takes an emulated kernel seconds. */
static struct guard *shared_guard;
static unsigned shared_flags;
static const char *shared_pins; /* directory of its pins, if it is to have any */
static struct box *current_box;
/* Sees all evidence in place of the box, if set. */
static void (*evidence_watch)(const struct lutra_evidence *ev);

static inline void box_on_record(void *ctx, uint32_t slot, const struct lutra_record *rec,
				 const char *str, size_t len)
{
	struct box *b = current_box;
	struct seen_record *r;

	(void)ctx;
	if (!b || b->n_records == EVENTS_MAX)
		return;
	r = &b->records[b->n_records++];
	r->rec = *rec;
	r->slot = slot;
	memcpy(r->str, str, len);
	r->str[len] = '\0';
}

static inline void box_on_evidence(void *ctx, const struct lutra_evidence *ev, const char *str,
				   size_t len)
{
	struct box *b = current_box;
	struct seen_evidence *e;

	(void)ctx;
	if (evidence_watch) {
		evidence_watch(ev);
		return;
	}
	if (!b || b->n_evidence == EVENTS_MAX)
		return;
	e = &b->evidence[b->n_evidence++];
	memcpy(&e->ev, ev, sizeof(*ev));
	memcpy(e->str, str, len);
	e->str[len] = '\0';
}

/* ---- cgroups ---- */

static inline int cgroup_mount(char *ret, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	int r = -ENOENT;

	while (f && r < 0 && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2"))
			continue;
		snprintf(ret, size, "%s", m->mnt_dir);
		r = 0;
	}
	if (f)
		endmntent(f);
	return r;
}

static inline int write_file(const char *dir, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

static inline int cgroup_join(const char *cgroup, pid_t pid)
{
	char s[16];

	snprintf(s, sizeof(s), "%d", pid);
	return write_file(cgroup, "cgroup.procs", s);
}

/* Remove a cgroup of ours: kill who is left, wait until the kernel says that it is empty. */
static inline void cgroup_remove(const char *cgroup)
{
	struct pollfd p = {.events = POLLPRI};
	char path[512], buf[64];

	write_file(cgroup, "cgroup.kill", "1");
	snprintf(path, sizeof(path), "%s/cgroup.events", cgroup);
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; p.fd >= 0 && i < 50; i++) {
		ssize_t n = pread(p.fd, buf, sizeof(buf) - 1, 0);

		buf[n < 0 ? 0 : n] = '\0';
		if (strstr(buf, "populated 0"))
			break;
		poll(&p, 1, 100);
	}
	if (p.fd >= 0)
		close(p.fd);
	rmdir(cgroup);
}

/* ---- life of a box ---- */

/*
 * An empty cgroup that stays enrolled keeps the programs attached between tests: the kernel takes
 * long to take each of them away.
 */
static char held_cgroup[320];
#define HELD_SLOT 1

static inline void guard_end(void)
{
	for (uint32_t slot = 1; shared_guard && shared_pins && slot < LUTRA_SLOTS; slot++)
		guard_release(shared_guard, slot);
	guard_free(shared_guard);
	shared_guard = NULL;
	if (held_cgroup[0])
		rmdir(held_cgroup);
	held_cgroup[0] = '\0';
}

static inline int guard_hold(struct err *err)
{
	struct guard_enrolment e = {.cgroup = held_cgroup, .mode = LUTRA_MODE_LEARN};
	char mount[200];
	uint32_t slot;

	if (cgroup_mount(mount, sizeof(mount)) < 0)
		return 0;
	snprintf(held_cgroup, sizeof(held_cgroup), "%s/lutra-test-%d-held", mount, getpid());
	if (mkdir(held_cgroup, 0755) < 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: %s", held_cgroup, strerror(errno));
	return guard_enroll(shared_guard, &e, &slot, err);
}

static pid_t guard_owner;

/* Also where a program ends before its tests; not for a child's exit. */
static inline void guard_at_exit(void)
{
	if (getpid() == guard_owner)
		guard_end();
}

static inline int guard_begin(unsigned flags)
{
	const struct guard_handler h = {box_on_record, box_on_evidence, NULL};
	struct err err = {};

	if (!guard_owner && atexit(guard_at_exit) == 0)
		guard_owner = getpid();
	if (shared_guard && shared_flags == flags)
		return 0;
	guard_end();
	shared_flags = flags;
	if (guard_new_pinned(&shared_guard, &h, flags, shared_pins, &err) == 0 &&
	    guard_hold(&err) == 0)
		return 0;
	fprintf(stderr, "guard_new: %s\n", err.msg);
	return -1;
}

/* Of tests that do not care; LUTRA_TEST_CALLS_OFF: hooks are to decide alone. */
static inline unsigned usual_flags(void)
{
	return getenv("LUTRA_TEST_CALLS_OFF") ? GUARD_NO_SYSCALLS : 0;
}

static inline bool lsm_runs(void)
{
	return guard_begin(usual_flags()) == 0 && guard_has_lsm(shared_guard);
}

/* flags: GUARD_* */
static inline int box_setup_flags(void **state, unsigned flags)
{
	static unsigned serial;
	struct box *b = calloc(1, sizeof(*b));
	char mount[200];

	assert_non_null(b);
	*state = b;
	b->records = calloc(EVENTS_MAX, sizeof(*b->records));
	b->evidence = calloc(EVENTS_MAX, sizeof(*b->evidence));
	assert_int_equal(cgroup_mount(mount, sizeof(mount)), 0);
	snprintf(b->cgroup, sizeof(b->cgroup), "%s/lutra-test-%d-%u", mount, getpid(), serial++);
	assert_int_equal(mkdir(b->cgroup, 0755), 0);
	if (guard_begin(flags) < 0) {
		rmdir(b->cgroup);
		return -1;
	}
	b->guard = shared_guard;
	current_box = b;
	return 0;
}

static inline int box_setup(void **state)
{
	return box_setup_flags(state, usual_flags());
}

static inline int box_teardown(void **state)
{
	struct box *b = *state;

	current_box = NULL;
	for (uint32_t slot = HELD_SLOT + 1; shared_guard && slot < LUTRA_SLOTS; slot++)
		guard_release(shared_guard, slot);
	cgroup_remove(b->cgroup);
	if (shared_guard)
		guard_drain(shared_guard);
	for (size_t i = 0; i < b->n_children; i++) {
		if (b->children[i].go >= 0)
			close(b->children[i].go);
		if (b->children[i].pid > 0) {
			kill(b->children[i].pid, SIGKILL);
			waitpid(b->children[i].pid, NULL, 0);
		}
	}
	free(b->records);
	free(b->evidence);
	free(b);
	return 0;
}

/* ---- workers ---- */

/* In the child: wait for the word, then become the worker. */
static inline void child_exec(int go, const char *const *argv)
{
	char c;

	while (read(go, &c, 1) < 0 && errno == EINTR)
		;
	execv("/proc/self/exe", (char *const *)(uintptr_t)argv);
	_exit(126);
}

/* A worker, not started yet, outside the cgroup. arg may be NULL. */
static inline struct child *box_fork(struct box *b, const char *worker, const char *arg)
{
	const char *const argv[] = {"worker", "--worker", worker, arg, NULL};
	struct child *c = &b->children[b->n_children];
	int fd[2];

	assert_true(b->n_children < CHILDREN_MAX);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		close(fd[1]);
		child_exec(fd[0], argv);
	}
	close(fd[0]);
	c->go = fd[1];
	b->n_children++;
	return c;
}

/* A byte, not the end of file: children forked later hold this pipe open too. */
static inline void child_go(struct child *c)
{
	assert_int_equal(write(c->go, "", 1), 1);
	close(c->go);
	c->go = -1;
}

/* Start it if it was not, wait, return the status as of waitpid(). */
static inline int child_wait(struct child *c)
{
	int status = 0;

	if (c->go >= 0)
		child_go(c);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	return status;
}

static inline void box_enroll(struct box *b, const struct policy *p, uint32_t mode, bool record)
{
	const struct guard_enrolment e = {.cgroup = b->cgroup,
					  .policy = p,
					  .mode = mode,
					  .record = record,
					  .next_exec = true};
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

/* Run a worker in the enrolled cgroup to its end, gather all events. */
static inline int box_run(struct box *b, const char *worker, const char *arg)
{
	struct child *c = box_fork(b, worker, arg);
	int status;

	assert_int_equal(cgroup_join(b->cgroup, c->pid), 0);
	status = child_wait(c);
	guard_drain(b->guard);
	return status;
}

static inline void assert_exited(int status, int code)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("worker %s %d, wanted exit %d", WIFEXITED(status) ? "exited" : "died by",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), code);
}

static inline void assert_killed(int status)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("worker was not killed: status %#x", status);
}

/* ---- looking at what came ---- */

static inline const struct seen_record *find_record(const struct box *b, uint16_t type,
						    const struct seen_record *after)
{
	const struct seen_record *r = after ? after + 1 : b->records;

	for (; r < b->records + b->n_records; r++)
		if (r->rec.type == type)
			return r;
	return NULL;
}

static inline size_t count_records(const struct box *b, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == type;
	return n;
}

/* The object record of an operation whose string is str (any, if NULL). */
static inline const struct seen_record *find_object(const struct box *b, uint8_t op,
						    const char *str)
{
	for (const struct seen_record *r = find_record(b, LUTRA_RECORD_OBJECT, NULL); r;
	     r = find_record(b, LUTRA_RECORD_OBJECT, r))
		if ((uint8_t)r->rec.arg == op && (!str || !strcmp(r->str, str)))
			return r;
	return NULL;
}

static inline const struct seen_evidence *find_evidence(const struct box *b, uint8_t group)
{
	for (size_t i = 0; i < b->n_evidence; i++)
		if (b->evidence[i].ev.rule == group)
			return &b->evidence[i];
	return NULL;
}

static inline uint64_t counter(const struct box *b, unsigned which)
{
	struct lutra_counters c;

	assert_int_equal(guard_counters(b->guard, b->slot, &c), 0);
	return c.n[which];
}

/* ---- policies ---- */

#define SAMPLE_TOKEN 2
#define SAMPLE_WEIGHT 100

/*
 * Every call is known in every role, by one token; unknown ones weigh 100, each once. Levels never
 * alarm, objects are not looked at, all groups alert. Free with policy_free().
 */
static inline struct policy *sample_policy(void)
{
	struct policy *p = NULL;

	assert_int_equal(policy_new(&p), 0);
	p->v = 3;
	memset(p->token, SAMPLE_TOKEN, sizeof(p->token));
	p->t0 = calloc(p->v * p->v, sizeof(*p->t0));
	p->t1 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t1));
	p->t2 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t2));
	for (uint32_t a = 0; a < p->v; a++)
		p->t0[a * p->v + LUTRA_UNK] = SAMPLE_WEIGHT << 8;
	p->steady[SYS_accept4 / 64] |= 1ull << (SYS_accept4 & 63);
	p->hash_key[0] = 1;
	p->hash_key[1] = 2;
	p->kill_matches = 1;
	p->threshold_a = p->threshold_b = LEVEL_NEVER;
	p->nodes = calloc(LUTRA_NODES, sizeof(*p->nodes));
	p->objects = calloc(POLICY_OBJECTS_MAX, sizeof(*p->objects));
	p->n_nodes = 1;
	p->nodes[0].flags = LUTRA_NODE_PROTECTED;
	memset(p->action, LUTRA_ACTION_ALERT, sizeof(p->action));
	return p;
}

/* Training never saw this call; th: a hook can refuse it. */
static inline void sample_forget(struct policy *p, unsigned nr, bool th)
{
	for (int role = 0; role < LUTRA_ROLES; role++)
		p->token[role][nr] = LUTRA_UNK;
	if (th)
		p->hookable[nr / 64] |= 1ull << (nr & 63);
}

static inline uint16_t sample_node(struct policy *p, unsigned parent, const char *name, bool dir,
				   unsigned flags)
{
	struct policy_node *n = &p->nodes[p->n_nodes];
	char in[LUTRA_NAME] = {}, fold[LUTRA_NAME] __attribute__((__aligned__(8))) = {};

	snprintf(in, sizeof(in), "%s", name);
	n->parent = (uint16_t)parent;
	n->dir = dir;
	n->flags = (uint8_t)flags;
	n->key = lutra_component_key(fold, lutra_fold_component(in, (__u32)strlen(in), fold),
				     (const __u64 *)p->hash_key, dir);
	memcpy(n->name, fold, sizeof(fold));
	return (uint16_t)p->n_nodes++;
}

/* A record that has to be there. cmocka ends the test, which clang-tidy does not know. */
static inline const struct seen_record *need(const struct seen_record *r, const char *what)
{
	if (r)
		return r;
	fail_msg("no record: %s", what);
	abort();
}

/* ---- a test program ---- */

struct worker {
	const char *name;
	int (*run)(void);
};

/* The worker of that name; its result is the exit code. */
static inline int worker_run(const struct worker *workers, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(workers[i].name, name))
			return workers[i].run();
	return 127;
}

/* Why the kernel side cannot be tested here, or NULL. */
static inline const char *why_not(void)
{
	char mount[200];

	if (geteuid() != 0)
		return "not root";
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "the kernel has no BTF";
	if (cgroup_mount(mount, sizeof(mount)) < 0)
		return "no cgroup v2 is mounted";
	return NULL;
}

/* Why hooks cannot be tested here, or NULL. */
static inline const char *why_no_hooks(void)
{
	const char *why = why_not();

	return why || lsm_runs() ? why : "this kernel does not run BPF LSM programs";
}

/* Exit code of the tests, 77: there is a reason why not. */
static inline int tests_run(const char *why, const struct CMUnitTest *tests, size_t n)
{
	int r;

	if (why) {
		fprintf(stderr, "%s\n", why);
		return 77;
	}
	r = _cmocka_run_group_tests("tests", tests, n, NULL, NULL);
	guard_end();
	return r;
}

/* What main() returns: the worker that is asked for, or tests, unless the function says why not. */
#define TEST_PROGRAM(argc, argv, why)                                                              \
	((argc) > 2 && !strcmp((argv)[1], "--worker")                                              \
		 ? worker_run(workers, sizeof(workers) / sizeof(workers[0]), (argv)[2])            \
		 : tests_run(why(), tests, sizeof(tests) / sizeof(tests[0])))

#endif
