/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the entries of tasks are: in places by the tasks' addresses, or in the tasks' own storage
 * where a place is another's. Crowds that share places, leaders that end before their threads,
 * addresses that come again, releases while tasks live. Wherever its entry is, a task is followed.
 */
#include "tests/bpf/places.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

/* ---- helpers ---- */

static int setup(void **state)
{
	stage_fd = memfd_create("stage", 0); /* workers have it too */
	if (stage_fd < 0 || ftruncate(stage_fd, sizeof(struct stage)) < 0)
		return -1;
	stage = stage_map(stage_fd);
	return stage ? box_setup(state) : -1;
}

#define HOT_PLACES 4096
#define TAKEN 1 /* by nobody, as a place is while an entry moves in */

struct place {
	uint64_t task;
	unsigned char entry[312];
};

static struct place *places_map(const struct box *b)
{
	const struct bpf_map *m = b->guard->skel->maps.task_cache;
	void *p;

	assert_int_equal(bpf_map__value_size(m), sizeof(struct place));
	assert_int_equal(bpf_map__max_entries(m), HOT_PLACES);
	p = mmap(NULL, HOT_PLACES * sizeof(struct place), PROT_READ | PROT_WRITE, MAP_SHARED,
		 bpf_map__fd(m), 0);
	assert_true(p != MAP_FAILED);
	return p;
}

/* How many places are tasks'. */
static unsigned occupied(const struct box *b)
{
	struct place *p = places_map(b);
	unsigned n = 0;

	for (size_t i = 0; i < HOT_PLACES; i++)
		n += __atomic_load_n(&p[i].task, __ATOMIC_SEQ_CST) > TAKEN;
	munmap(p, HOT_PLACES * sizeof(*p));
	return n;
}

/* Take all free places but one in every so many, 0: none is left; or give them back. */
static void take_places(const struct box *b, bool take, size_t every)
{
	struct place *p = places_map(b);

	for (size_t i = 0; i < HOT_PLACES; i++) {
		uint64_t was = take ? 0 : TAKEN;

		if (!take || !every || i % every)
			__atomic_compare_exchange_n(&p[i].task, &was, take ? TAKEN : 0, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	munmap(p, HOT_PLACES * sizeof(*p));
}

static int teardown(void **state)
{
	struct box *b = *state;

	take_places(b, false, 0);
	munmap(stage, sizeof(*stage));
	close(stage_fd);
	return box_teardown(state);
}

static struct child *staged(struct box *b, const char *worker)
{
	char arg[16];

	snprintf(arg, sizeof(arg), "%d", stage_fd);
	return box_fork(b, worker, arg);
}

static void until_ready(unsigned n)
{
	while (atomic_load(&stage->ready) < n)
		sched_yield();
}

static void go(unsigned n)
{
	atomic_store(&stage->go, n);
	syscall(SYS_futex, &stage->go, FUTEX_WAKE, CROWD_MAX, NULL, NULL, 0);
}

/*
 * NOVEL is told each time, a member's own calls are counted with it and hardly told. next_exec: who
 * joins is armed then; else who is there is armed now.
 */
static void enroll(struct box *b, bool next_exec)
{
	struct policy *p = sample_policy();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT, .next_exec = next_exec};
	struct err err = {};
	int r;

	sample_forget(p, NOVEL, true);
	for (size_t i = 0; i < 4; i++)
		sample_forget(p, own_call[i], false);
	r = guard_enroll(b->guard, &e, &b->slot, &err);
	policy_free(p);
	if (r < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

/* A worker with the stage, in the enrolled cgroup. */
static struct child *start(struct box *b, const char *worker)
{
	struct child *c = staged(b, worker);

	assert_int_equal(cgroup_join(b->cgroup, c->pid), 0);
	child_go(c);
	return c;
}

static int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Is the entry of a process in its place, as task storage has it? */
static bool is_placed(const struct box *b, int pidfd)
{
	const struct bpf_map *m = b->guard->skel->maps.tasks;
	char value[512];
	struct lutra_entry e;

	assert_true(bpf_map__value_size(m) <= sizeof(value));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(m), &pidfd, value), 0);
	memcpy(&e, value, sizeof(e));
	return e.cache_index != 0;
}

/* It is enrolled, and in that role. ret: is its entry in a place? */
static bool assert_role(const struct box *b, pid_t pid, unsigned role)
{
	_cleanup_close_ int fd = pidfd_of(pid);
	struct lutra_state s;

	assert_true(guard_has_task(b->guard, fd));
	assert_int_equal(guard_task_state(b->guard, fd, &s), 0);
	if (s.role != role)
		fail_msg("task %d: role %u, not %u", pid, s.role, role);
	return is_placed(b, fd);
}

static void assert_no_task(const struct box *b, pid_t pid)
{
	_cleanup_close_ int fd = pidfd_of(pid);
	struct lutra_state s;

	assert_false(guard_has_task(b->guard, fd));
	assert_int_equal(guard_task_state(b->guard, fd, &s), -ENOENT);
}

/* LUTRA_TEST_CALLS: emulated machines are slow. */
static unsigned scaled(unsigned most)
{
	const char *n = getenv("LUTRA_TEST_CALLS");

	return n ? (unsigned)strtoul(n, NULL, 10) / 100 : most;
}

/* How often NOVEL is told in that role. */
static size_t told(const struct box *b, unsigned role)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_evidence; i++)
		n += b->evidence[i].ev.rule == LUTRA_RULE_NEW_HOOKABLE &&
		     b->evidence[i].ev.role == role;
	return n;
}

/* ---- crowds ---- */

static bool is_tenth(pid_t tid)
{
	for (unsigned i = 0; i < stage->n; i += 10)
		if (stage->pid[i] == tid)
			return true;
	return false;
}

/* All calls are counted; of every tenth NOVEL is told, with a history of that member's own calls.
 */
static void assert_crowd_told(struct box *b)
{
	const unsigned want = (stage->n + 9) / 10 * CROWD_NOVEL;

	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), stage->n * OWN_CALLS + want);
	assert_true(counter(b, LUTRA_COUNTER_SYSCALLS) > stage->n * OWN_CALLS);
	assert_int_equal(counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
	assert_int_equal(counter(b, LUTRA_COUNTER_EVIDENCE_LOST), 0);
	guard_drain(b->guard);
	assert_int_equal(told(b, LUTRA_ROLE_STARTUP) + told(b, LUTRA_ROLE_STEADY), want);
	for (size_t i = 0; i < b->n_evidence; i++) {
		const struct lutra_evidence *ev = &b->evidence[i].ev;

		if (ev->rule != LUTRA_RULE_NEW_HOOKABLE)
			continue;
		assert_true(is_tenth((pid_t)ev->tid));
		for (int k = 0; k < LUTRA_HISTORY - CROWD_NOVEL; k++)
			assert_int_equal(ev->history[k].nr_role & 0xfff, own_call[ev->tid & 3]);
	}
}

/* All alive at once. ret: how many entries are in places. */
static unsigned run_crowd(struct box *b, const char *worker)
{
	struct child *c;
	unsigned placed;

	stage->n = scaled(CROWD_MAX);
	enroll(b, true);
	c = start(b, worker);
	until_ready(stage->n);
	placed = occupied(b);
	go(1);
	until_ready(2 * stage->n);
	assert_crowd_told(b);
	assert_int_equal(occupied(b), placed);
	if (stage->tasks) {
		for (unsigned i = 0; i < stage->n; i++)
			placed -= assert_role(b, stage->pid[i],
					      i & 1 ? LUTRA_ROLE_STEADY : LUTRA_ROLE_STARTUP);
		assert_in_range(placed, 0, 1);
		placed = occupied(b);
	}
	go(2);
	assert_exited(child_wait(c), 0);
	assert_int_equal(occupied(b), 0);
	return placed;
}

static void places_of_a_crowd_are_each_its_own(void **state)
{
	struct box *b = *state;
	unsigned placed;

	placed = run_crowd(b, "crowd");
	assert_true(placed > stage->n / 2);
}

static void places_of_a_crowd_of_threads_are_each_its_own(void **state)
{
	struct box *b = *state;
	unsigned placed;

	placed = run_crowd(b, "threads");
	assert_true(placed > stage->n / 2);
}

static void places_that_are_all_taken_leave_entries_in_storage(void **state)
{
	struct box *b = *state;

	take_places(b, true, 0);
	assert_int_equal(run_crowd(b, "crowd"), 0);
}

static void places_that_are_scarce_are_shared_out(void **state)
{
	struct box *b = *state;
	unsigned placed;

	take_places(b, true, 16);
	placed = run_crowd(b, "crowd");
	assert_true(placed > 0 && placed < stage->n / 2);
}

static void places_that_are_scarce_are_shared_out_to_threads(void **state)
{
	struct box *b = *state;
	unsigned placed;

	take_places(b, true, 16);
	placed = run_crowd(b, "threads");
	assert_true(placed > 0 && placed < stage->n / 2);
}

/* ---- leaders ---- */

static void assert_outlives_leader(struct box *b)
{
	struct child *c;

	enroll(b, true);
	c = start(b, "leader");
	until_ready(1);
	assert_false(assert_role(b, c->pid, LUTRA_ROLE_STEADY));
	go(1);
	assert_exited(child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(told(b, LUTRA_ROLE_STEADY), 4);
	assert_int_equal(told(b, LUTRA_ROLE_SPAWNED), 4);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 8);
	assert_int_equal(occupied(b), 0);
}

static void leader_that_ended_leaves_its_threads_followed(void **state)
{
	assert_outlives_leader(*state);
}

static void leader_that_ended_without_a_place_leaves_its_threads_followed(void **state)
{
	struct box *b = *state;

	take_places(b, true, 0);
	assert_outlives_leader(b);
}

/* Its threads were there before it was enrolled and have no entries of their own. */
static void leader_that_ended_still_enrols_late_threads(void **state)
{
	struct box *b = *state;
	struct child *c = staged(b, "late");

	enroll(b, true);
	child_go(c);
	until_ready(1);
	assert_no_task(b, c->pid);
	assert_int_equal(cgroup_join(b->cgroup, c->pid), 0);
	assert_true(assert_role(b, c->pid, LUTRA_ROLE_STARTUP));
	go(1);
	assert_exited(child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(told(b, LUTRA_ROLE_STARTUP), 4);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 4);
	assert_int_equal(occupied(b), 0);
}

/* ---- addresses that come again ---- */

static int three_novel(void *arg)
{
	(void)arg;
	syscall(NOVEL, 0);
	return novel();
}

/* Not enrolled: one after the other, each with three novel calls. In this memory: a fork is slow.
 */
static void short_lives_outside(unsigned n)
{
	static char stack[65536] __attribute__((__aligned__(16)));

	for (unsigned i = 0; i < n; i++) {
		pid_t pid = clone(three_novel, stack + sizeof(stack),
				  CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

		assert_true(pid >= 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static void assert_outside_is_not_scored(struct box *b)
{
	struct child *c;

	stage->n = scaled(3000);
	enroll(b, true);
	c = start(b, "short-lives");
	short_lives_outside(stage->n);
	assert_exited(child_wait(c), 0);
	short_lives_outside(100);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), stage->n);
	assert_int_equal(counter(b, LUTRA_COUNTER_ALERT), stage->n);
	assert_int_equal(counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
	assert_int_equal(occupied(b), 0);
}

static void address_that_comes_again_is_not_its_last_tasks(void **state)
{
	assert_outside_is_not_scored(*state);
}

static void address_that_comes_again_is_not_its_last_tasks_where_places_are_scarce(void **state)
{
	struct box *b = *state;

	take_places(b, true, 4);
	assert_outside_is_not_scored(b);
}

/* ---- release, and another enrolment ---- */

/* Until a worker of words has made its call number n, and waits for the next. */
static void word(unsigned n)
{
	go(n);
	until_ready(n + 1);
}

static void assert_told_in(struct box *b, unsigned role, size_t n)
{
	guard_drain(b->guard);
	assert_int_equal(told(b, role), n);
	assert_int_equal(counter(b, LUTRA_COUNTER_NOVEL_TOKENS), n);
	assert_int_equal(b->n_evidence, n);
	b->n_evidence = 0;
}

/* places: there are some before, and after. */
static void assert_enrolled_anew(struct box *b, bool before, bool after)
{
	struct child *c;

	take_places(b, !before, 0);
	enroll(b, true);
	c = start(b, "words");
	until_ready(1);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_STEADY), before);
	word(1);
	assert_told_in(b, LUTRA_ROLE_STEADY, 1);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	word(2);
	assert_no_task(b, c->pid);
	assert_int_equal(occupied(b), 0);
	take_places(b, !after, 0);
	enroll(b, false);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_ANY), after);
	word(3);
	assert_told_in(b, LUTRA_ROLE_ANY, 1);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_ANY), after);
}

static void release_and_enrolment_of_a_task_in_its_place(void **state)
{
	assert_enrolled_anew(*state, true, true);
}

static void release_and_enrolment_of_a_task_that_gets_a_place(void **state)
{
	assert_enrolled_anew(*state, false, true);
}

static void release_and_enrolment_of_a_task_that_loses_its_place(void **state)
{
	assert_enrolled_anew(*state, true, false);
}

/* It makes no call in between, so that its entry is still there, and void. */
static void release_and_enrolment_of_a_task_asleep(void **state)
{
	struct box *b = *state;
	struct child *c;

	enroll(b, true);
	c = start(b, "words");
	until_ready(1);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	enroll(b, false);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
	word(1);
	assert_told_in(b, LUTRA_ROLE_ANY, 1);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
}

/* Last: nothing is attached for a while, and one of two tasks ends then, unseen. */
static void release_of_all_frees_all_places(void **state)
{
	struct box *b = *state;
	struct child *c, *unseen;

	enroll(b, true);
	c = start(b, "words");
	unseen = start(b, "words");
	until_ready(2);
	assert_true(assert_role(b, c->pid, LUTRA_ROLE_STEADY));
	assert_int_equal(occupied(b), 2);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	assert_int_equal(guard_release(b->guard, HELD_SLOT), 0);
	assert_int_equal(kill(unseen->pid, SIGKILL), 0);
	assert_killed(child_wait(unseen));
	enroll(b, false);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
	assert_true(occupied(b) <= 1);
	short_lives_outside(scaled(500));
	go(1);
	until_ready(3);
	assert_told_in(b, LUTRA_ROLE_ANY, 1);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(places_of_a_crowd_are_each_its_own),
		TEST(places_of_a_crowd_of_threads_are_each_its_own),
		TEST(places_that_are_all_taken_leave_entries_in_storage),
		TEST(places_that_are_scarce_are_shared_out),
		TEST(places_that_are_scarce_are_shared_out_to_threads),
		TEST(leader_that_ended_leaves_its_threads_followed),
		TEST(leader_that_ended_without_a_place_leaves_its_threads_followed),
		TEST(leader_that_ended_still_enrols_late_threads),
		TEST(address_that_comes_again_is_not_its_last_tasks),
		TEST(address_that_comes_again_is_not_its_last_tasks_where_places_are_scarce),
		TEST(release_and_enrolment_of_a_task_in_its_place),
		TEST(release_and_enrolment_of_a_task_that_gets_a_place),
		TEST(release_and_enrolment_of_a_task_that_loses_its_place),
		TEST(release_and_enrolment_of_a_task_asleep),
		TEST(release_of_all_frees_all_places),
	};

	worker_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, why_not);
}
