/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task cache holds the entry of a task at an index by the address of the task. Where another
 * task has the index, the entry is in task storage. The tests have crowds that share indices,
 * leaders that end before their threads, addresses that are used again, and releases while tasks
 * live. A task is followed wherever its entry is.
 */
#include "tests/support/bpf/caches/task_cache_workers.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kern/lutra.skel.h"
#include "tests/support/bpf/kernel_policy.h"
#include "user/guard/guard_impl.h"

static int shared_fd = -1;

/* ---- helpers ---- */

static int setup_shared(void **state)
{
	shared_fd = memfd_create("lutra-test", 0); /* workers have it too */
	if (shared_fd < 0 || ftruncate(shared_fd, sizeof(struct shared_memory)) < 0)
		return -1;
	shared = shared_map(shared_fd);
	return shared ? box_setup(state) : -1;
}

#define TASK_CACHE_ENTRIES 4096
#define TAKEN 1 /* by no task: as an element is while an entry moves in */

struct cache_entry {
	uint64_t task;
	unsigned char entry[312];
};

static struct cache_entry *map_task_cache(const struct box *b)
{
	const struct bpf_map *m = b->guard->skel->maps.task_cache;
	void *p;

	assert_int_equal(bpf_map__value_size(m), sizeof(struct cache_entry));
	assert_int_equal(bpf_map__max_entries(m), TASK_CACHE_ENTRIES);
	p = mmap(NULL, TASK_CACHE_ENTRIES * sizeof(struct cache_entry), PROT_READ | PROT_WRITE,
		 MAP_SHARED, bpf_map__fd(m), 0);
	assert_true(p != MAP_FAILED);
	return p;
}

/* Returns how many elements of the cache hold the entry of a task. */
static unsigned count_cached(const struct box *b)
{
	struct cache_entry *p = map_task_cache(b);
	unsigned n = 0;

	for (size_t i = 0; i < TASK_CACHE_ENTRIES; i++)
		n += __atomic_load_n(&p[i].task, __ATOMIC_SEQ_CST) > TAKEN;
	munmap(p, TASK_CACHE_ENTRIES * sizeof(*p));
	return n;
}

/* Takes all free elements but one in every so many (0: all of them), or gives them back. */
static void take_entries(const struct box *b, bool take, size_t every)
{
	struct cache_entry *p = map_task_cache(b);

	for (size_t i = 0; i < TASK_CACHE_ENTRIES; i++) {
		uint64_t was = take ? 0 : TAKEN;

		if (!take || !every || i % every)
			__atomic_compare_exchange_n(&p[i].task, &was, take ? TAKEN : 0, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	}
	munmap(p, TASK_CACHE_ENTRIES * sizeof(*p));
}

static int teardown_shared(void **state)
{
	struct box *b = *state;

	take_entries(b, false, 0);
	munmap(shared, sizeof(*shared));
	close(shared_fd);
	return box_teardown(state);
}

static struct child *fork_worker(struct box *b, const char *worker)
{
	char arg[16];

	snprintf(arg, sizeof(arg), "%d", shared_fd);
	return box_fork(b, worker, arg);
}

static void until_ready(unsigned n)
{
	while (atomic_load(&shared->ready) < n)
		sched_yield();
}

static void go_to_step(unsigned n)
{
	atomic_store(&shared->go, n);
	syscall(SYS_futex, &shared->go, FUTEX_WAKE, CROWD_MAX, NULL, NULL, 0);
}

/*
 * Enrols by a policy of which NOVEL makes evidence each time. The own calls of a member are counted
 * as novel too, and rarely make evidence. next_exec: arm at the next exec, not at once.
 */
static void enroll_novel(struct box *b, bool next_exec)
{
	struct policy *p = kernel_policy_new();
	const struct guard_enrolment e = {
		.cgroup = b->cgroup, .policy = p, .mode = LUTRA_MODE_AUDIT, .next_exec = next_exec};
	struct err err = {};
	int r;

	kernel_policy_forget(p, NOVEL, true);
	for (size_t i = 0; i < 4; i++)
		kernel_policy_forget(p, own_call[i], false);
	r = guard_enroll(b->guard, &e, &b->slot, &err);
	policy_free(p);
	if (r < 0)
		fail_msg("guard_enroll: %s", err.msg);
}

/* Starts a worker with the shared memory, in the enrolled cgroup. */
static struct child *start_worker(struct box *b, const char *worker)
{
	struct child *c = fork_worker(b, worker);

	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	return c;
}

static int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

/* Returns true if the entry of a process is in the cache, by what task storage says. */
static bool is_cached(const struct box *b, int pidfd)
{
	const struct bpf_map *m = b->guard->skel->maps.tasks;
	char value[512];
	struct lutra_entry e;

	assert_true(bpf_map__value_size(m) <= sizeof(value));
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(m), &pidfd, value), 0);
	memcpy(&e, value, sizeof(e));
	return e.cache_index != 0;
}

/* The process is enrolled and has that role. Returns true if its entry is in the cache. */
static bool assert_role(const struct box *b, pid_t pid, unsigned role)
{
	_cleanup_close_ int fd = pidfd_of(pid);
	struct lutra_state s;

	assert_true(guard_has_task(b->guard, fd));
	assert_int_equal(guard_task_state(b->guard, fd, &s), 0);
	if (s.role != role)
		fail_msg("task %d: role %u, not %u", pid, s.role, role);
	return is_cached(b, fd);
}

static void assert_no_task(const struct box *b, pid_t pid)
{
	_cleanup_close_ int fd = pidfd_of(pid);
	struct lutra_state s;

	assert_false(guard_has_task(b->guard, fd));
	assert_int_equal(guard_task_state(b->guard, fd, &s), -ENOENT);
}

/* Returns a lower number where LUTRA_TEST_CALLS asks for it: emulated machines are slow. */
static unsigned scale_down(unsigned most)
{
	const char *n = getenv("LUTRA_TEST_CALLS");

	return n ? (unsigned)strtoul(n, NULL, 10) / 100 : most;
}

/* Returns how many pieces of evidence name NOVEL in that role. */
static size_t count_reported(const struct box *b, unsigned role)
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
	for (unsigned i = 0; i < shared->n; i += 10)
		if (shared->pid[i] == tid)
			return true;
	return false;
}

/*
 * All calls are counted. Every tenth member makes evidence of NOVEL, with a history of its own
 * calls.
 */
static void assert_crowd_reported(struct box *b)
{
	const unsigned want = (shared->n + 9) / 10 * CROWD_NOVEL;

	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), shared->n * OWN_CALLS + want);
	assert_true(box_counter(b, LUTRA_COUNTER_SYSCALLS) > shared->n * OWN_CALLS);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_EVIDENCE_LOST), 0);
	guard_drain(b->guard);
	assert_int_equal(
		count_reported(b, LUTRA_ROLE_STARTUP) + count_reported(b, LUTRA_ROLE_STEADY), want);
	for (size_t i = 0; i < b->n_evidence; i++) {
		const struct lutra_evidence *ev = &b->evidence[i].ev;

		if (ev->rule != LUTRA_RULE_NEW_HOOKABLE)
			continue;
		assert_true(is_tenth((pid_t)ev->tid));
		for (int k = 0; k < LUTRA_HISTORY - CROWD_NOVEL; k++)
			assert_int_equal(ev->history[k].nr_role & LUTRA_HISTORY_NR,
					 own_call[ev->tid & 3]);
	}
}

/* Runs a crowd whose members live at once. Returns how many entries were in the cache. */
static unsigned run_crowd(struct box *b, const char *worker)
{
	struct child *c;
	unsigned cached;

	shared->n = scale_down(CROWD_MAX);
	enroll_novel(b, true);
	c = start_worker(b, worker);
	until_ready(shared->n);
	cached = count_cached(b);
	go_to_step(1);
	until_ready(2 * shared->n);
	assert_crowd_reported(b);
	assert_int_equal(count_cached(b), cached);
	if (shared->tasks) {
		for (unsigned i = 0; i < shared->n; i++)
			cached -= assert_role(b, shared->pid[i],
					      i & 1 ? LUTRA_ROLE_STEADY : LUTRA_ROLE_STARTUP);
		assert_in_range(cached, 0, 1);
		cached = count_cached(b);
	}
	go_to_step(2);
	assert_exited(box_child_wait(c), 0);
	assert_int_equal(count_cached(b), 0);
	return cached;
}

static void task_cache_entries_are_not_shared_in_a_crowd(void **state)
{
	struct box *b = *state;
	unsigned cached;

	cached = run_crowd(b, "crowd");
	assert_true(cached > shared->n / 2);
}

static void task_cache_entries_are_not_shared_in_a_crowd_of_threads(void **state)
{
	struct box *b = *state;
	unsigned cached;

	cached = run_crowd(b, "threads");
	assert_true(cached > shared->n / 2);
}

static void task_cache_leaves_entries_in_storage_when_full(void **state)
{
	struct box *b = *state;

	take_entries(b, true, 0);
	assert_int_equal(run_crowd(b, "crowd"), 0);
}

static void task_cache_follows_a_crowd_when_nearly_full(void **state)
{
	struct box *b = *state;
	unsigned cached;

	take_entries(b, true, 16);
	cached = run_crowd(b, "crowd");
	assert_true(cached > 0 && cached < shared->n / 2);
}

static void task_cache_follows_a_crowd_of_threads_when_nearly_full(void **state)
{
	struct box *b = *state;
	unsigned cached;

	take_entries(b, true, 16);
	cached = run_crowd(b, "threads");
	assert_true(cached > 0 && cached < shared->n / 2);
}

/* ---- leaders ---- */

static void assert_outlives_leader(struct box *b)
{
	struct child *c;

	enroll_novel(b, true);
	c = start_worker(b, "leader");
	until_ready(1);
	assert_false(assert_role(b, c->pid, LUTRA_ROLE_STEADY));
	go_to_step(1);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	/* The program that executes itself in place stays steady. */
	assert_int_equal(count_reported(b, LUTRA_ROLE_STEADY), 6);
	assert_int_equal(count_reported(b, LUTRA_ROLE_SPAWNED), 2);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 8);
	assert_int_equal(count_cached(b), 0);
}

static void task_cache_follows_threads_after_their_leader_ended(void **state)
{
	assert_outlives_leader(*state);
}

static void task_cache_follows_threads_after_an_uncached_leader_ended(void **state)
{
	struct box *b = *state;

	take_entries(b, true, 0);
	assert_outlives_leader(b);
}

/* The threads are older than the enrolment and have no entries of their own. */
static void task_cache_enrols_late_threads_after_their_leader_ended(void **state)
{
	struct box *b = *state;
	struct child *c = fork_worker(b, "late");

	enroll_novel(b, true);
	box_child_go(c);
	until_ready(1);
	assert_no_task(b, c->pid);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	assert_true(assert_role(b, c->pid, LUTRA_ROLE_STARTUP));
	go_to_step(1);
	assert_exited(box_child_wait(c), 0);
	guard_drain(b->guard);
	assert_int_equal(count_reported(b, LUTRA_ROLE_STARTUP), 4);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 4);
	assert_int_equal(count_cached(b), 0);
}

/* ---- addresses that come again ---- */

static int make_three_novel_calls(void *arg)
{
	(void)arg;
	syscall(NOVEL, 0);
	return make_novel_calls();
}

/*
 * Runs n children that are not enrolled, one after the other, each with three novel calls. They
 * share the memory of the test, because a fork is slow.
 */
static void run_short_lives_outside(unsigned n)
{
	static char stack[65536] __attribute__((__aligned__(16)));

	for (unsigned i = 0; i < n; i++) {
		pid_t pid = clone(make_three_novel_calls, stack + sizeof(stack),
				  CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

		assert_true(pid >= 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static void assert_outside_is_not_scored(struct box *b)
{
	struct child *c;

	shared->n = scale_down(3000);
	enroll_novel(b, true);
	c = start_worker(b, "short-lives");
	run_short_lives_outside(shared->n);
	assert_exited(box_child_wait(c), 0);
	run_short_lives_outside(100);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), shared->n);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_ALERT), shared->n);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_STORAGE_FAILED), 0);
	assert_int_equal(count_cached(b), 0);
}

static void task_cache_scores_no_task_outside_at_a_reused_address(void **state)
{
	assert_outside_is_not_scored(*state);
}

static void task_cache_scores_no_task_outside_when_nearly_full(void **state)
{
	struct box *b = *state;

	take_entries(b, true, 4);
	assert_outside_is_not_scored(b);
}

/* ---- release, and another enrolment ---- */

/* Waits until the worker "words" has made its call number n. */
static void take_step(unsigned n)
{
	go_to_step(n);
	until_ready(n + 1);
}

static void assert_reported_in(struct box *b, unsigned role, size_t n)
{
	guard_drain(b->guard);
	assert_int_equal(count_reported(b, role), n);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), n);
	assert_int_equal(b->n_evidence, n);
	b->n_evidence = 0;
}

/* before, after: the cache has free elements at the first and at the second enrolment. */
static void assert_enrolled_anew(struct box *b, bool before, bool after)
{
	struct child *c;

	take_entries(b, !before, 0);
	enroll_novel(b, true);
	c = start_worker(b, "words");
	until_ready(1);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_STEADY), before);
	take_step(1);
	assert_reported_in(b, LUTRA_ROLE_STEADY, 1);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	take_step(2);
	assert_no_task(b, c->pid);
	assert_int_equal(count_cached(b), 0);
	take_entries(b, !after, 0);
	enroll_novel(b, false);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_ANY), after);
	take_step(3);
	assert_reported_in(b, LUTRA_ROLE_ANY, 1);
	assert_int_equal(assert_role(b, c->pid, LUTRA_ROLE_ANY), after);
}

static void task_cache_enrols_anew_a_cached_task(void **state)
{
	assert_enrolled_anew(*state, true, true);
}

static void task_cache_enrols_anew_a_task_that_becomes_cached(void **state)
{
	assert_enrolled_anew(*state, false, true);
}

static void task_cache_enrols_anew_a_task_that_becomes_uncached(void **state)
{
	assert_enrolled_anew(*state, true, false);
}

/* The task makes no call in between, so its entry is still there, and void. */
static void task_cache_enrols_anew_a_task_asleep(void **state)
{
	struct box *b = *state;
	struct child *c;

	enroll_novel(b, true);
	c = start_worker(b, "words");
	until_ready(1);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	enroll_novel(b, false);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
	take_step(1);
	assert_reported_in(b, LUTRA_ROLE_ANY, 1);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
}

/* The last test: nothing is attached for a while, and one of two tasks ends unseen. */
static void task_cache_is_empty_after_release_of_all(void **state)
{
	struct box *b = *state;
	struct child *c, *unseen;

	enroll_novel(b, true);
	c = start_worker(b, "words");
	unseen = start_worker(b, "words");
	until_ready(2);
	assert_true(assert_role(b, c->pid, LUTRA_ROLE_STEADY));
	assert_int_equal(count_cached(b), 2);
	assert_int_equal(guard_release(b->guard, b->slot), 0);
	assert_int_equal(guard_release(b->guard, HELD_SLOT), 0);
	assert_int_equal(kill(unseen->pid, SIGKILL), 0);
	assert_killed(box_child_wait(unseen));
	enroll_novel(b, false);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
	assert_true(count_cached(b) <= 1);
	run_short_lives_outside(scale_down(500));
	go_to_step(1);
	until_ready(3);
	assert_reported_in(b, LUTRA_ROLE_ANY, 1);
	assert_role(b, c->pid, LUTRA_ROLE_ANY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_shared, teardown_shared)

static const char *why_not_here(void)
{
	const char *why = test_program_why_not();

	return why ? why : test_program_why_not_counted();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(task_cache_entries_are_not_shared_in_a_crowd),
		TEST(task_cache_entries_are_not_shared_in_a_crowd_of_threads),
		TEST(task_cache_leaves_entries_in_storage_when_full),
		TEST(task_cache_follows_a_crowd_when_nearly_full),
		TEST(task_cache_follows_a_crowd_of_threads_when_nearly_full),
		TEST(task_cache_follows_threads_after_their_leader_ended),
		TEST(task_cache_follows_threads_after_an_uncached_leader_ended),
		TEST(task_cache_enrols_late_threads_after_their_leader_ended),
		TEST(task_cache_scores_no_task_outside_at_a_reused_address),
		TEST(task_cache_scores_no_task_outside_when_nearly_full),
		TEST(task_cache_enrols_anew_a_cached_task),
		TEST(task_cache_enrols_anew_a_task_that_becomes_cached),
		TEST(task_cache_enrols_anew_a_task_that_becomes_uncached),
		TEST(task_cache_enrols_anew_a_task_asleep),
		TEST(task_cache_is_empty_after_release_of_all),
	};

	shared_arg = argc > 3 ? argv[3] : NULL;
	return TEST_PROGRAM(argc, argv, why_not_here);
}
