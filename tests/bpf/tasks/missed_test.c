/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each system call is seen, or counted as one that the kernel has skipped. A task whose fork was skipped
 * is judged by its cgroup at once, and gets its entry later.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kern/lutra.skel.h"
#include "user/guard/guard_impl.h"

#define MADE 2000
#define OURS SYS_getpgid /* nothing but the worker calls it */
#define SECRET "/proc/version"

/* Two processes on one CPU preempt each other. */
static int work_crowded(void)
{
	cpu_set_t one;
	pid_t child;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return 1;
	child = fork();
	for (int i = 0; i < MADE; i++)
		syscall(OURS, 0);
	if (child == 0)
		_exit(0);
	return waitpid(child, NULL, 0) == child ? 0 : 1;
}

/* Stops before and after it forks a child, which tries to read a secret when this process goes on. */
static int work_fork(void)
{
	int go[2], status;
	pid_t child;
	char c;

	if (pipe(go) < 0)
		return ELSE;
	raise(SIGSTOP);
	child = fork();
	if (child == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) != 0)
			_exit(ELSE);
		_exit(outcome_of(open(SECRET, O_RDONLY | O_CLOEXEC)));
	}
	raise(SIGSTOP);
	close(go[1]);
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status)
									: ELSE;
}

static const struct worker workers[] = {{"crowded", work_crowded}, {"fork", work_fork}};

/* ---- a fork that was skipped ---- */

static pid_t find_child(pid_t parent)
{
	_cleanup_close_ int fd = -1;
	char path[64], text[32] = "";

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : 0;
}

static bool has_entry(const struct box *b, int pidfd)
{
	const struct bpf_map *tasks = b->guard->skel->maps.tasks;
	_cleanup_free_ void *e = malloc(bpf_map__value_size(tasks));

	return bpf_map_lookup_elem(bpf_map__fd(tasks), &pidfd, e) == 0;
}

static __u32 program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

/* Returns where the guard keeps the link of the program that sees forks. */
static struct bpf_link **find_fork_link(const struct box *b)
{
	__u32 id = program_id(bpf_program__fd(b->guard->skel->progs.lutra_fork));

	for (size_t i = 0; i < b->guard->n_links; i++) {
		struct bpf_link_info info = {};
		__u32 len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_link__fd(b->guard->links[i]), &info, &len) == 0 &&
		    info.prog_id == id)
			return &b->guard->links[i];
	}
	fail_msg("nothing is attached at forks");
	return NULL;
}

static void wait_for_stop(const struct child *c)
{
	int status;

	assert_int_equal(waitpid(c->pid, &status, WUNTRACED), c->pid);
	assert_true(WIFSTOPPED(status));
}

/*
 * Has a process of a container of mode deny fork a child while nothing is attached at forks, as if the
 * kernel had skipped the program. Returns a pidfd of the child.
 */
static int fork_unseen(struct box *b, struct child **ret)
{
	struct policy *p = kernel_policy_new();
	struct bpf_link **link;
	int pidfd;

	p->ops = 1u << LUTRA_OP_OPEN;
	p->nodes[0].flags = 0;
	kernel_policy_node(p, 0, "proc", true, LUTRA_NODE_PROTECTED);
	p->action[LUTRA_RULE_OPEN_READ_PROTECTED] = LUTRA_ACTION_DENY;
	box_enroll(b, p, LUTRA_MODE_DENY, false);
	policy_free(p);
	*ret = box_fork(b, "fork", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, (*ret)->pid), 0);
	box_child_go(*ret);
	wait_for_stop(*ret);
	link = find_fork_link(b);
	assert_int_equal(bpf_link__destroy(*link), 0);
	kill((*ret)->pid, SIGCONT);
	wait_for_stop(*ret);
	*link = bpf_program__attach(b->guard->skel->progs.lutra_fork);
	assert_non_null(*link);
	pidfd = (int)syscall(SYS_pidfd_open, find_child((*ret)->pid), 0);
	assert_true(pidfd >= 0);
	assert_false(has_entry(b, pidfd));
	return pidfd;
}

static void need_hooks(const struct box *b)
{
	if (!guard_has_lsm(b->guard))
		test_program_skip("this kernel does not run BPF LSM programs");
}

static void missed_fork_is_judged_by_its_cgroup(void **state)
{
	struct box *b = *state;
	bool preempts = b->guard->preempts;
	struct child *c;
	int r;

	need_hooks(b);
	/* As on a kernel that may skip it. */
	b->guard->preempts = true;
	r = guard_note_skipping(b->guard);
	b->guard->preempts = preempts;
	assert_int_equal(r, 0);
	close(fork_unseen(b, &c));
	kill(c->pid, SIGCONT);
	assert_exited(box_child_wait(c), REFUSED);
}

static void missed_fork_gets_its_entry(void **state)
{
	struct box *b = *state;
	struct child *c;
	int pidfd;

	need_hooks(b);
	pidfd = fork_unseen(b, &c);
	b->guard->missed_tasks = UINT64_MAX;
	guard_enter_missed(b->guard);
	assert_int_equal(b->guard->missed_tasks, guard_missed_tasks(b->guard));
	assert_true(has_entry(b, pidfd));
	close(pidfd);
	kill(c->pid, SIGCONT);
	assert_exited(box_child_wait(c), REFUSED);
}

/* ---- system calls ---- */

static void missed_calls_are_counted(void **state)
{
	struct box *b = *state;
	uint64_t before = guard_missed(b->guard), seen = 0;

	box_enroll(b, NULL, LUTRA_MODE_LEARN, true);
	b->n_records = 0;
	assert_exited(box_run(b, "crowded", NULL), 0);
	for (size_t i = 0; i < b->n_records; i++)
		seen += b->records[i].rec.type == LUTRA_RECORD_SYSCALL &&
			b->records[i].rec.nr == OURS;
	assert_true(seen <= 2 * MADE);
	assert_true(seen + guard_missed(b->guard) - before >= 2 * MADE);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		BOX_TEST(missed_calls_are_counted),
		BOX_TEST(missed_fork_gets_its_entry),
		BOX_TEST(missed_fork_is_judged_by_its_cgroup),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
