/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/box.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mntent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

#define GUARDS_MAX 4 /* sets of flags that are loaded at once */

struct loaded_guard {
	struct guard *guard;
	unsigned flags;
	char held_cgroup
		[320]; /* empty, and enrolled: the kernel takes long to detach the programs */
};

static struct loaded_guard loaded[GUARDS_MAX];
static struct guard *shared_guard; /* the one of this test */
static struct box *current_box;

const char *box_pins;
bool box_keep_guard;
void (*box_evidence_watch)(const struct lutra_evidence *ev);

static void gather_record(void *ctx, uint32_t slot, const struct lutra_record *rec, const char *str,
			  size_t len)
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

static void gather_evidence(void *ctx, const struct lutra_evidence *ev, const char *str, size_t len)
{
	struct box *b = current_box;
	struct seen_evidence *e;

	(void)ctx;
	if (box_evidence_watch) {
		box_evidence_watch(ev);
		return;
	}
	if (!b || b->n_evidence == EVENTS_MAX)
		return;
	e = &b->evidence[b->n_evidence++];
	memcpy(&e->ev, ev, sizeof(*ev));
	memcpy(e->str, str, len);
	e->str[len] = '\0';
	memcpy(e->starter, str + len, ev->starter_len);
	e->starter[ev->starter_len] = '\0';
}

const struct guard_handler box_handler = {gather_record, gather_evidence, NULL};

/* ---- cgroups ---- */

int box_cgroup_mount(char *ret, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "r");
	struct mntent *m;
	int r = -ENOENT;

	while (f && r < 0 && (m = getmntent(f))) {
		if (strcmp(m->mnt_type, "cgroup2") != 0)
			continue;
		snprintf(ret, size, "%s", m->mnt_dir);
		r = 0;
	}
	if (f)
		endmntent(f);
	return r;
}

static int write_control(const char *dir, const char *name, const char *value)
{
	_cleanup_close_ int fd = -1;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

int box_cgroup_join(const char *cgroup, pid_t pid)
{
	char s[16];
	int r;

	snprintf(s, sizeof(s), "%d", pid);
	r = write_control(cgroup, "cgroup.procs", s);
	/* A task without a seccomp filter may have joined: then sys_enter is attached. */
	if (shared_guard)
		guard_drain(shared_guard);
	return r;
}

void box_cgroup_remove(const char *cgroup)
{
	struct pollfd p = {.events = POLLPRI};
	char path[512], buf[64];

	write_control(cgroup, "cgroup.kill", "1");
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

static pid_t guard_owner;

static void end_loaded_guard(struct loaded_guard *l)
{
	for (uint32_t slot = 1; l->guard && box_pins && slot < LUTRA_SLOTS; slot++)
		guard_release(l->guard, slot);
	guard_free(l->guard);
	if (l->held_cgroup[0])
		rmdir(l->held_cgroup);
	*l = (struct loaded_guard){};
}

void box_guard_end(void)
{
	for (int i = 0; i < GUARDS_MAX; i++)
		end_loaded_guard(&loaded[i]);
	shared_guard = NULL;
}

static int hold_programs(struct loaded_guard *l, struct err *err)
{
	struct guard_enrolment e = {.cgroup = l->held_cgroup, .mode = LUTRA_MODE_LEARN};
	char mount[200];
	uint32_t slot;

	if (box_cgroup_mount(mount, sizeof(mount)) < 0)
		return 0;
	snprintf(l->held_cgroup, sizeof(l->held_cgroup), "%s/lutra-test-%d-held-%d", mount,
		 getpid(), (int)(l - loaded));
	if (mkdir(l->held_cgroup, 0755) < 0 && errno != EEXIST)
		return err_set(err, -errno, "%s: %s", l->held_cgroup, strerror(errno));
	return guard_enroll(l->guard, &e, &slot, err);
}

/* Ends the guard where a program ends before its tests. The exit of a child ends nothing. */
static void end_guard_at_exit(void)
{
	if (getpid() == guard_owner)
		box_guard_end();
}

/* Returns the guard of these flags, or a place for it. */
static struct loaded_guard *find_guard(unsigned flags)
{
	struct loaded_guard *place = NULL;

	for (int i = 0; i < GUARDS_MAX; i++) {
		if (loaded[i].guard && loaded[i].flags == flags)
			return &loaded[i];
		if (!loaded[i].guard && !place)
			place = &loaded[i];
	}
	/* A program alone is not to see what another guard attaches. */
	if (!place || (!box_keep_guard && place != loaded)) {
		box_guard_end();
		place = loaded;
	}
	return place;
}

static int load_guard(unsigned flags)
{
	struct loaded_guard *l;
	struct err err = {};

	if (!guard_owner && atexit(end_guard_at_exit) == 0)
		guard_owner = getpid();
	l = find_guard(flags);
	shared_guard = l->guard;
	if (l->guard)
		return 0;
	l->flags = flags;
	if (guard_new(&l->guard, &box_handler, flags, box_pins, &err) == 0 &&
	    hold_programs(l, &err) == 0) {
		shared_guard = l->guard;
		return 0;
	}
	fprintf(stderr, "guard_new: %s\n", err.msg);
	return -1;
}

unsigned box_usual_flags(void)
{
	return getenv("LUTRA_TEST_CALLS_OFF") ? GUARD_NO_SYSCALLS : 0;
}

bool box_lsm_runs(void)
{
	return load_guard(box_usual_flags()) == 0 && guard_has_lsm(shared_guard);
}

int box_setup_flags(void **state, unsigned flags)
{
	static unsigned serial;
	struct box *b = calloc(1, sizeof(*b));
	char mount[200];

	assert_non_null(b);
	*state = b;
	b->records = calloc(EVENTS_MAX, sizeof(*b->records));
	b->evidence = calloc(EVENTS_MAX, sizeof(*b->evidence));
	assert_int_equal(box_cgroup_mount(mount, sizeof(mount)), 0);
	snprintf(b->cgroup, sizeof(b->cgroup), "%s/lutra-test-%d-%u", mount, getpid(), serial++);
	assert_int_equal(mkdir(b->cgroup, 0755), 0);
	if (load_guard(flags) < 0) {
		rmdir(b->cgroup);
		return -1;
	}
	b->guard = shared_guard;
	current_box = b;
	return 0;
}

int box_setup(void **state)
{
	return box_setup_flags(state, box_usual_flags());
}

int box_setup_standin(void **state)
{
	return box_setup_flags(state, GUARD_NO_LSM);
}

int box_teardown(void **state)
{
	struct box *b = *state;

	current_box = NULL;
	for (uint32_t slot = HELD_SLOT + 1; shared_guard && slot < LUTRA_SLOTS; slot++)
		guard_release(shared_guard, slot);
	box_cgroup_remove(b->cgroup);
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

/* ---- children ---- */

/* Puts this process under a filter that allows everything. */
static void install_filter(void)
{
	struct sock_filter allow = {.code = BPF_RET | BPF_K, .k = SECCOMP_RET_ALLOW};
	struct sock_fprog prog = {.len = 1, .filter = &allow};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(125);
}

/* In the child: waits for the byte of box_child_go(), then executes the worker. */
static void exec_worker(int go, const char *worker, const char *arg)
{
	char c;

	if (getenv("LUTRA_TEST_FILTER"))
		install_filter();
	while (read(go, &c, 1) < 0 && errno == EINTR)
		;
	execl("/proc/self/exe", "worker", "--worker", worker, arg, NULL);
	_exit(126);
}

struct child *box_fork(struct box *b, const char *worker, const char *arg)
{
	struct child *c = &b->children[b->n_children];
	int fd[2];

	assert_true(b->n_children < CHILDREN_MAX);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		close(fd[1]);
		exec_worker(fd[0], worker, arg);
	}
	close(fd[0]);
	c->go = fd[1];
	b->n_children++;
	return c;
}

void box_child_go(struct child *c)
{
	/* A byte, because closing tells nothing: children forked later hold this pipe open too. */
	assert_int_equal(write(c->go, "", 1), 1);
	close(c->go);
	c->go = -1;
}

int box_child_wait(struct child *c)
{
	int status = 0;

	if (c->go >= 0)
		box_child_go(c);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	return status;
}

void box_enroll(struct box *b, const struct policy *p, uint32_t mode, bool record)
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

void box_swap_policy(struct box *b, struct policy *p)
{
	struct err err = {};

	if (guard_set_policy(b->guard, b->slot, p, &err) < 0)
		fail_msg("guard_set_policy: %s", err.msg);
	policy_free(p);
}

int box_run(struct box *b, const char *worker, const char *arg)
{
	struct child *c = box_fork(b, worker, arg);
	int status;

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	guard_drain(b->guard);
	status = box_child_wait(c);
	guard_drain(b->guard);
	return status;
}

void assert_exited(int status, int code)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		fail_msg("worker %s %d, wanted exit %d", WIFEXITED(status) ? "exited" : "died by",
			 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), code);
}

void assert_killed(int status)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("worker was not killed: status %#x", status);
}

/* ---- what was gathered ---- */

const struct seen_record *box_find_record(const struct box *b, uint16_t type,
					  const struct seen_record *after)
{
	const struct seen_record *r = after ? after + 1 : b->records;

	for (; r < b->records + b->n_records; r++)
		if (r->rec.type == type)
			return r;
	return NULL;
}

size_t box_count_records(const struct box *b, uint16_t type)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_records; i++)
		n += b->records[i].rec.type == type;
	return n;
}

const struct seen_record *box_find_object(const struct box *b, uint8_t op, const char *str)
{
	for (const struct seen_record *r = box_find_record(b, LUTRA_RECORD_OBJECT, NULL); r;
	     r = box_find_record(b, LUTRA_RECORD_OBJECT, r))
		if ((uint8_t)r->rec.arg == op && (!str || !strcmp(r->str, str)))
			return r;
	return NULL;
}

const struct seen_evidence *box_find_evidence(const struct box *b, uint8_t rule)
{
	for (size_t i = 0; i < b->n_evidence; i++)
		if (b->evidence[i].ev.rule == rule)
			return &b->evidence[i];
	return NULL;
}

uint64_t box_counter(const struct box *b, unsigned which)
{
	struct lutra_counters c;

	assert_int_equal(guard_counters(b->guard, b->slot, &c), 0);
	return c.n[which];
}

const struct seen_record *assert_record(const struct seen_record *r, const char *what)
{
	if (r)
		return r;
	fail_msg("no record: %s", what);
	abort(); /* clang-tidy does not know that cmocka ended the test */
}
