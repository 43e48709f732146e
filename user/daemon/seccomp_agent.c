/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp agent. A runtime connects, sends the container's state with the filter's descriptor,
 * and closes the connection. Each syscall that the filter notifies then waits for an answer here:
 * EPERM while a verdict is active for the container, else it goes on. The runtime must be root.
 *
 * Runs on the main loop. When a filter's descriptor is closed, also because lutrad ends, the kernel
 * answers its syscalls with ENOSYS: nothing waits for a daemon that is not there.
 */
#include "user/daemon/seccomp_agent.h"

#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/abi/syscalls.h"
#include "lib/base/list.h"
#include "lutra/verdict.h"
#include "user/seccomp/notify.h"
#include "user/sys/clock.h"
#include "user/sys/log.h"
#include "user/sys/process/cgroup.h"

#define RUNTIMES_MAX 16
#define FILTERS_MAX 4096
#define TIMEOUT_NS 5000000000ull
#define DEPTH_MAX 32 /* cgroups above one another */

/* A runtime that hands over a filter. */
struct runtime {
	struct seccomp_agent *agent;
	struct runtime *next;
	struct loop_watch watch;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	int fds[NOTIFY_FDS_MAX];
	unsigned n_fds;
	size_t len;
	char in[NOTIFY_STATE_MAX];
};

/* A filter that was handed over. */
struct agent_filter {
	struct seccomp_agent *agent;
	struct agent_filter *next;
	struct loop_watch watch;
	char *id;		     /* of the container */
	uint64_t cgroups[DEPTH_MAX]; /* ids, from the container's own upwards */
	unsigned n_cgroups;
};

struct seccomp_agent {
	struct seccomp_agent_parts parts;
	struct runtime *runtimes;
	struct agent_filter *filters;
	unsigned n_runtimes, n_filters;
	uint64_t asked, refused;
};

static void runtime_free(struct runtime *p)
{
	LIST_REMOVE(p->agent->runtimes, p);
	p->agent->n_runtimes--;
	for (unsigned i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	loop_unwatch(p->agent->parts.loop, &p->watch);
	free(p);
}

static void agent_filter_free(struct agent_filter *f)
{
	LIST_REMOVE(f->agent->filters, f);
	f->agent->n_filters--;
	loop_unwatch(f->agent->parts.loop, &f->watch);
	free(f->id);
	free(f);
}

/* ---- notifications ---- */

/* Finds the enrolled container of a filter; NULL: none. */
static struct container *container_of_filter(const struct agent_filter *f)
{
	for (unsigned i = 0; i < f->n_cgroups; i++)
		for (struct container *c = containers_first(f->agent->parts.containers); c;
		     c = c->next)
			if (c->cgroup_id == f->cgroups[i])
				return c;
	return NULL;
}

/* Frozen, being killed, or within a second of a verdict in force. */
static bool has_active_verdict(const struct guard *g, const struct container *c)
{
	struct lutra_slot slot = {};

	if (c->frozen || c->acted)
		return true;
	if (guard_slot(g, c->slot, &slot) == 0 &&
	    slot.flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING))
		return true;
	return c->verdict_ns && clock_now_ns() - c->verdict_ns < LUTRA_MATCH_WINDOW_NS;
}

static bool refuse_syscall(void *ctx, pid_t pid, int nr)
{
	const struct agent_filter *f = ctx;
	struct seccomp_agent *a = f->agent;
	const struct container *c = container_of_filter(f);
	char name[32];

	a->asked++;
	if (!c || !has_active_verdict(a->parts.guard, c))
		return false;
	a->refused++;
	log_warning("%s: under a verdict: %s of %d refused", c->name,
		    syscall_name(NULL, (unsigned)nr, name, sizeof(name)), (int)pid);
	return true;
}

static void on_notification(void *ctx)
{
	struct agent_filter *f = ctx;
	struct pollfd ready = {.fd = f->watch.fd, .events = POLLIN};
	int r = 0;

	poll(&ready, 1, 0);
	if (ready.revents & POLLIN) {
		/* The verdicts that came before the syscall count. */
		guard_drain(f->agent->parts.guard);
		r = notify_answer(f->watch.fd, refuse_syscall, f);
	}
	if (r < 0 && r != -ENOENT && r != -EINTR)
		log_error("seccomp agent: %s: %s", f->id, strerror(-r));
	if (!(ready.revents & POLLIN) && ready.revents & (POLLHUP | POLLERR)) {
		log_info("seccomp agent: %s: no process is under its filter any more", f->id);
		agent_filter_free(f);
	}
}

/* ---- handing over ---- */

/* Finds the cgroup of a process and those above it. */
static void find_cgroups(pid_t pid, struct agent_filter *f, struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (cgroup_of_pid(pid, &path, err) < 0)
		return;
	while (f->n_cgroups < DEPTH_MAX && strlen(path) > 1) {
		if (cgroup_id(path, &f->cgroups[f->n_cgroups], NULL) < 0)
			break;
		f->n_cgroups++;
		path[strlen(dirname(path))] = '\0';
	}
}

static int take_filter(struct runtime *p, struct notify_state *state, struct err *err)
{
	struct seccomp_agent *a = p->agent;
	_cleanup_free_ struct agent_filter *f = calloc(1, sizeof(*f));
	int r;

	if (a->n_filters == FILTERS_MAX)
		return err_set(err, -ENOSPC, "more than %d filters", FILTERS_MAX);
	if (!f)
		return err_oom(err);
	if (!notify_is_listener(p->fds[state->fd]))
		return err_set(err, -EBADMSG, "the descriptor is no listener of a seccomp filter");
	find_cgroups(state->pid, f, err);
	if (!f->n_cgroups)
		return -ESRCH;
	f->agent = a;
	f->watch =
		(struct loop_watch){.fd = p->fds[state->fd], .on_ready = on_notification, .ctx = f};
	r = loop_watch(a->parts.loop, &f->watch, EPOLLIN, err);
	if (r < 0)
		return r;
	p->fds[state->fd] = p->fds[--p->n_fds];
	f->id = TAKE_PTR(state->id);
	log_info("seccomp agent: answers for %s", f->id);
	LIST_PUSH(a->filters, f);
	TAKE_PTR(f);
	a->n_filters++;
	return 0;
}

/* Keeps the descriptors of a message. -EBADMSG: more than there can be. */
static int take_fds(struct runtime *p, struct msghdr *msg)
{
	int r = msg->msg_flags & MSG_CTRUNC ? -EBADMSG : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (p->n_fds < NOTIFY_FDS_MAX)
				p->fds[p->n_fds++] = fd;
			else
				r = close(fd) < 0 ? -errno : -EBADMSG;
		}
	}
	return r;
}

/* *ret_end: the runtime has sent all. -EAGAIN: nothing to read now. */
static int receive_state(struct runtime *p, bool *ret_end)
{
	union {
		char buf[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {p->in + p->len, sizeof(p->in) - p->len};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(p->watch.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*ret_end = n == 0;
	p->len += (size_t)n;
	return take_fds(p, &msg);
}

static void on_runtime_ready(void *ctx)
{
	struct runtime *p = ctx;
	struct notify_state state = {};
	struct err err = {"cut off"};
	bool end = false;
	int r = receive_state(p, &end);

	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = notify_state_from_json(p->in, p->len, p->n_fds, &state, &err);
	else
		err_set(&err, r, "%s", strerror(-r));
	if (r == -EAGAIN && !end)
		return;
	if (r == 0)
		r = take_filter(p, &state, &err);
	if (r < 0)
		log_error("seccomp agent: refused: %s", err.msg);
	notify_state_done(&state);
	runtime_free(p);
}

static void on_runtime_connection(void *ctx)
{
	struct seccomp_agent *a = ctx;
	_cleanup_close_ int fd = local_socket_accept(a->parts.socket, a->parts.guard);
	_cleanup_free_ struct runtime *p = calloc(1, sizeof(*p));

	if (fd < 0 || a->n_runtimes == RUNTIMES_MAX || !p)
		return;
	p->agent = a;
	p->watch = (struct loop_watch){.fd = fd, .on_ready = on_runtime_ready, .ctx = p};
	p->since_ns = clock_now_ns();
	if (loop_watch(a->parts.loop, &p->watch, EPOLLIN, NULL) < 0)
		return;
	TAKE_FD(fd);
	LIST_PUSH(a->runtimes, p);
	TAKE_PTR(p);
	a->n_runtimes++;
}

/* ---- life ---- */

int seccomp_agent_new(struct seccomp_agent **ret, const struct seccomp_agent_parts *parts,
		      struct err *err)
{
	_cleanup_free_ struct seccomp_agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_oom(err);
	a->parts = *parts;
	r = local_socket_watch(parts->socket, parts->loop, on_runtime_connection, a, err);
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

void seccomp_agent_free(struct seccomp_agent *a)
{
	if (!a)
		return;
	while (a->runtimes)
		runtime_free(a->runtimes);
	while (a->filters)
		agent_filter_free(a->filters);
	free(a);
}

void seccomp_agent_check(struct seccomp_agent *a)
{
	LIST_EACH_SAFE (p, a->runtimes)
		if (clock_now_ns() - p->since_ns > TIMEOUT_NS)
			runtime_free(p);
}

json_t *seccomp_agent_to_json(void *agent)
{
	const struct seccomp_agent *a = agent;

	return json_pack("{s:i, s:I, s:I}", "filters", (int)a->n_filters, "asked",
			 (json_int_t)a->asked, "refused", (json_int_t)a->refused);
}
