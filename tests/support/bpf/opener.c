/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/opener.h"

#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/support/bpf/kernel_policy.h"

_Static_assert(sizeof(struct opener_request) <= 4096, "a pipe takes it at once");

const char *opener_fds;

static void answer_open(const struct opener_request *q, struct opener_reply *ret)
{
	for (uint32_t i = 0; i < q->times; i++) {
		const char *path = q->path[q->path[1][0] ? i & 1 : 0];
		long fd = q->nr == SYS_open ? syscall(SYS_open, path, q->flags, 0)
					    : syscall(SYS_openat, AT_FDCWD, path, q->flags, 0);

		if (fd < 0) {
			ret->error = errno;
			continue;
		}
		ret->opened++;
		close((int)fd);
	}
}

int opener_work(void)
{
	int from = -1, to = -1;
	struct opener_request q;

	if (!opener_fds || sscanf(opener_fds, "%d,%d", &from, &to) != 2)
		return 1;
	while (read(from, &q, sizeof(q)) == sizeof(q)) {
		struct opener_reply r = {};

		if (q.task == OPENER_OPEN)
			answer_open(&q, &r);
		else if (q.task == OPENER_ACCEPT)
			syscall(SYS_accept4, -1, NULL, NULL, 0);
		else
			syscall(NOVEL, 0);
		if (write(to, &r, sizeof(r)) != sizeof(r))
			return 1;
	}
	return 0;
}

void opener_send(const struct opener *opener, const struct opener_request *q)
{
	assert_int_equal(write(opener->to, q, sizeof(*q)), sizeof(*q));
}

struct opener_reply opener_receive(const struct opener *opener)
{
	struct opener_reply r;

	assert_int_equal(read(opener->from, &r, sizeof(r)), sizeof(r));
	return r;
}

struct opener_reply opener_ask(const struct opener *opener, const struct opener_request *q)
{
	opener_send(opener, q);
	return opener_receive(opener);
}

void opener_do(const struct opener *opener, enum opener_task task)
{
	const struct opener_request q = {.task = task};

	opener_ask(opener, &q);
}

struct opener opener_start_by(struct box *b, const char *cgroup, const char *worker)
{
	int in[2], out[2];
	struct opener opener;
	struct child *c;
	char arg[32];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(fcntl(in[0], F_SETFD, 0), 0);
	assert_int_equal(fcntl(out[1], F_SETFD, 0), 0);
	snprintf(arg, sizeof(arg), "%d,%d", in[0], out[1]);
	c = box_fork(b, worker, arg);
	close(in[0]);
	close(out[1]);
	opener = (struct opener){.pid = c->pid, .to = in[1], .from = out[0]};
	assert_int_equal(box_cgroup_join(cgroup, c->pid), 0);
	box_child_go(c);
	opener_ask(&opener, &(struct opener_request){.task = OPENER_OPEN});
	return opener;
}

struct opener opener_start(struct box *b, const char *cgroup)
{
	return opener_start_by(b, cgroup, "opener");
}

void opener_end(struct opener *opener)
{
	close(opener->to);
	close(opener->from);
}

bool opener_is_busy(const struct opener *opener)
{
	struct pollfd p = {.fd = opener->from, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

void opener_pin(const struct opener *opener, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	/* Fails where there is one CPU. */
	sched_setaffinity(opener->pid, sizeof(set), &set);
}

/* ---- files ---- */

void make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	close(fd);
}

void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0)
		fail_msg("%s: %s", path, strerror(errno));
}

void move_file(const char *from, const char *to)
{
	if (rename(from, to) < 0)
		fail_msg("%s to %s: %s", from, to, strerror(errno));
}

/* ---- a test that opens files ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

int opener_setup(void **state)
{
	nftw(OPENER_DIR, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	if (mkdir(OPENER_DIR, 0755) < 0)
		return -1;
	/* The tracepoint of a single system call may be skipped: the test needs none. */
	return box_setup_flags(state, box_usual_flags() | GUARD_BRIEF);
}

int opener_teardown(void **state)
{
	int r = box_teardown(state);

	nftw(OPENER_DIR, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

struct opener opener_enroll(struct box *b, struct policy *p)
{
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	return opener_start(b, b->cgroup);
}

struct opener opener_enroll_file(struct box *b)
{
	make_file(OPENER_FILE);
	return opener_enroll(b, kernel_policy_of_path(OPENER_FILE));
}
