/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp agent. A runtime connects, sends the container's state with the filter's descriptor,
 * and goes; each call that the filter notifies then waits for an answer here: EPERM while the
 * container is under a verdict, else it goes on. Whoever connects is root.
 *
 * Fails: a descriptor that is closed, by the daemon's end too, has the kernel answer the calls that
 * wait and all later ones with ENOSYS: nothing waits for a daemon that is not there.
 */
#include "user/daemon/seccomp_agent.h"

#include <errno.h>
#include <libgen.h>
#include <seccomp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lib/abi/names.h"
#include "lutra/verdict.h"
#include "user/sys/cgroup.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"
#include "user/seccomp/notify.h"

#define PEERS_MAX 16
#define FILTERS_MAX 4096
#define PATIENCE_NS (5 * NSEC_PER_SEC)
#define DEPTH_MAX 32 /* cgroups above one another */

/* A runtime that hands over. */
struct peer {
	struct source source;
	struct peer *next;
	uint64_t since_ns;
	int fds[NOTIFY_FDS_MAX];
	unsigned n_fds;
	size_t len;
	char in[NOTIFY_STATE_MAX];
};

/* A filter that was handed over. */
struct handed {
	struct source source;
	struct handed *next;
	char *id;
	uint64_t cgroups[DEPTH_MAX]; /* ids, from the container's own up */
	unsigned n_cgroups;
};

struct agent {
	struct source listen;
	char *path;
	struct peer *peers;
	struct handed *filters;
	unsigned n_peers, n_filters;
	uint64_t asked, refused;
	bool made;
};

static void peer_free(struct agent *a, struct peer *p)
{
	struct peer **at = &a->peers;

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	a->n_peers--;
	for (unsigned i = 0; i < p->n_fds; i++)
		close(p->fds[i]);
	close(p->source.fd);
	free(p);
}

static void handed_free(struct agent *a, struct handed *h)
{
	struct handed **at = &a->filters;

	while (*at != h)
		at = &(*at)->next;
	*at = h->next;
	a->n_filters--;
	close(h->source.fd);
	free(h->id);
	free(h);
}

/* ---- notifications ---- */

/* The enrolled container that a filter is of, or NULL. */
static struct container *container_of_filter(struct daemon *d, const struct handed *h)
{
	for (unsigned i = 0; i < h->n_cgroups; i++)
		for (struct container *c = d->containers; c; c = c->next)
			if (c->cgroup_id == h->cgroups[i])
				return c;
	return NULL;
}

/* Frozen or condemned; or the second after what would refuse the lineage such calls. */
static bool under_verdict(struct daemon *d, const struct container *c)
{
	struct lutra_slot slot = {};

	if (c->frozen || c->reacted)
		return true;
	if (guard_slot(d->guard, c->slot, &slot) == 0 &&
	    slot.flags & (LUTRA_SLOT_FROZEN | LUTRA_SLOT_KILLING))
		return true;
	return c->verdict_ns && clock_now_ns() - c->verdict_ns < LUTRA_MATCH_WINDOW_NS;
}

struct question {
	struct daemon *d;
	struct handed *filter;
};

static bool refuse(void *ctx, pid_t pid, int nr)
{
	const struct question *q = ctx;
	struct container *c = container_of_filter(q->d, q->filter);
	char name[32];

	q->d->agent->asked++;
	if (!c || !under_verdict(q->d, c))
		return false;
	q->d->agent->refused++;
	daemon_log(q->d, LOG_LEVEL_WARNING, "%s: under a verdict: %s of %d refused", c->name,
		   nr_name(NULL, (unsigned)nr, name, sizeof(name)), (int)pid);
	return true;
}

static void on_notification(struct daemon *d, struct source *s, uint32_t events)
{
	struct handed *h = (struct handed *)s;
	struct question q = {d, h};
	int r = 0;

	if (events & EPOLLIN) {
		/* What led here is known before it is judged. */
		guard_drain(d->guard);
		r = notify_answer(s->fd, refuse, &q);
	}
	if (r < 0 && r != -ENOENT && r != -EINTR)
		daemon_log(d, LOG_LEVEL_ERROR, "seccomp agent: %s: %s", h->id, strerror(-r));
	if (!(events & EPOLLIN) && events & (EPOLLHUP | EPOLLERR)) {
		daemon_log(d, LOG_LEVEL_INFO, "seccomp agent: %s: nobody is under it any more",
			   h->id);
		handed_free(d->agent, h);
	}
}

/* ---- handing over ---- */

/* The cgroup of a process and those above it. */
static void find_cgroups(pid_t pid, struct handed *h, struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (cgroup_of_pid(pid, &path, err) < 0)
		return;
	while (h->n_cgroups < DEPTH_MAX && strlen(path) > 1) {
		if (cgroup_id(path, &h->cgroups[h->n_cgroups], NULL) < 0)
			break;
		h->n_cgroups++;
		path[strlen(dirname(path))] = '\0';
	}
}

static int take_filter(struct daemon *d, struct peer *p, struct notify_state *state,
		       struct err *err)
{
	struct agent *a = d->agent;
	struct handed *h;
	int r;

	if (a->n_filters == FILTERS_MAX)
		return err_set(err, -ENOSPC, "more than %d filters", FILTERS_MAX);
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_oom(err);
	find_cgroups(state->pid, h, err);
	h->source.fd = p->fds[state->fd];
	h->source.ready = on_notification;
	r = h->n_cgroups ? daemon_watch(d, &h->source, EPOLLIN) : -ESRCH;
	if (r < 0) {
		free(h);
		return r == -ESRCH ? r : err_set(err, r, "epoll: %s", strerror(-r));
	}
	p->fds[state->fd] = p->fds[--p->n_fds];
	h->id = TAKE_PTR(state->id);
	h->next = a->filters;
	a->filters = h;
	a->n_filters++;
	daemon_log(d, LOG_LEVEL_INFO, "seccomp agent: answers for %s", h->id);
	return 0;
}

/* Descriptors of a message become the peer's. -EBADMSG: more than there can be. */
static int take_fds(struct peer *p, struct msghdr *msg)
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

/* -EAGAIN: more is to come. */
static int receive(struct peer *p, bool *ret_end)
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
	ssize_t n = recvmsg(p->source.fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	*ret_end = n == 0;
	p->len += (size_t)n;
	return take_fds(p, &msg);
}

static void on_peer(struct daemon *d, struct source *s, uint32_t events)
{
	struct peer *p = (struct peer *)s;
	struct notify_state state = {};
	struct err err = {"cut off"};
	bool end = false;
	int r = receive(p, &end);

	(void)events;
	if (r == -EAGAIN)
		return;
	if (r == 0)
		r = notify_state_from_json(p->in, p->len, p->n_fds, &state, &err);
	else
		err_set(&err, r, "%s", strerror(-r));
	if (r == -EAGAIN && !end)
		return;
	if (r == 0)
		r = take_filter(d, p, &state, &err);
	if (r < 0)
		daemon_log(d, LOG_LEVEL_ERROR, "seccomp agent: refused: %s", err.msg);
	notify_state_done(&state);
	peer_free(d->agent, p);
}

static void on_connection(struct daemon *d, struct source *s, uint32_t events)
{
	_cleanup_close_ int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct agent *a = d->agent;
	struct peer *p;

	(void)events;
	if (fd < 0 || !control_is_allowed(d, fd) || a->n_peers == PEERS_MAX)
		return;
	p = calloc(1, sizeof(*p));
	if (!p)
		return;
	p->source.fd = fd;
	p->source.ready = on_peer;
	p->since_ns = clock_now_ns();
	if (daemon_watch(d, &p->source, EPOLLIN) < 0) {
		free(p);
		return;
	}
	TAKE_FD(fd);
	p->next = a->peers;
	a->peers = p;
	a->n_peers++;
}

/* ---- life ---- */

int agent_open(struct daemon *d, struct err *err)
{
	_cleanup_free_ char *copy = strdup(d->config->socket);
	struct agent *a = calloc(1, sizeof(*a));

	d->agent = a;
	if (!a || !copy || asprintf(&a->path, "%s/" AGENT_SOCKET, dirname(copy)) < 0)
		return err_oom(err);
	a->listen.fd = -1;
	a->listen.ready = on_connection;
	return control_listen(d, &a->listen, a->path, &a->made, err);
}

void agent_close(struct daemon *d)
{
	struct agent *a = d->agent;

	if (!a)
		return;
	while (a->peers)
		peer_free(a, a->peers);
	while (a->filters)
		handed_free(a, a->filters);
	if (a->made)
		unlink(a->path);
	if (a->listen.fd >= 0)
		close(a->listen.fd);
	free(a->path);
	free(a);
	d->agent = NULL;
}

void agent_check(struct daemon *d)
{
	struct peer *p = d->agent->peers, *next;

	for (; p; p = next) {
		next = p->next;
		if (clock_now_ns() - p->since_ns > PATIENCE_NS)
			peer_free(d->agent, p);
	}
}

json_t *agent_json(const struct daemon *d)
{
	return json_pack("{s:i, s:I, s:I}", "filters", (int)d->agent->n_filters, "asked",
			 (json_int_t)d->agent->asked, "refused", (json_int_t)d->agent->refused);
}
