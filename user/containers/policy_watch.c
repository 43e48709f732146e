/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies on disk. What changes is verified, and put in force for the containers that it guards;
 * what cannot be loaded leaves in force what was, and is said. Watched are policies_dir, where a
 * policy is replaced by rename(2), and every directory that guards a container, where its files may
 * be written in place: then, until the last one is whole, their sums do not fit and nothing is
 * taken. Also looked at on SIGHUP and when the daemon starts.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "lib/abi/names.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"
#include "user/learn/learn.h"
#include "user/policy/modes.h"

#define QUIET_NS 200000000ull	     /* who writes several files is given time to end, */
#define LATEST_NS (2 * NSEC_PER_SEC) /* but not for ever */
#define CHANGES                                                                                    \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* ---- putting in force ---- */

/* Keep what is wrong for the status, and say it once. */
static void complain(struct daemon *d, struct container *c, const char *what, const char *why)
{
	char said[sizeof(((struct err *)0)->msg) + 64];

	snprintf(said, sizeof(said), "%s: %s", what, why);
	if (c->policy_error && strcmp(c->policy_error, said) == 0)
		return;
	daemon_log(d, LOG_LEVEL_ERROR, "%s: %s", c->name, said);
	free(c->policy_error);
	c->policy_error = strdup(said);
}

static void refuse(struct daemon *d, struct container *c, const char *why)
{
	complain(d, c, "policy refused, the one before stays in force", why);
}

static void accept_policy(struct daemon *d, struct container *c)
{
	if (c->policy_error)
		daemon_log(d, LOG_LEVEL_INFO, "%s: its policy is good again", c->name);
	free(TAKE_PTR(c->policy_error));
}

/* A container whose mode is not its own has that of its policy. */
static int follow_mode(struct daemon *d, struct container *c, const struct policy *p,
		       struct err *err)
{
	unsigned mode;
	int r = c->own_mode ? 0 : modes_get(d->config, c->policy_dir, p, &mode, err);

	if (r < 0 || c->own_mode || mode == c->mode)
		return r;
	return containers_switch(d, c, mode, err);
}

static void put_in_force(struct daemon *d, struct container *c, const struct policy *p)
{
	bool changed = strcmp(c->policy_sha256, p->json_sha256) != 0;
	struct err err;

	if (changed && guard_set_policy(d->guard, c->slot, p, &err) < 0) {
		refuse(d, c, err.msg);
		return;
	}
	container_knows_policy(c, p);
	if (changed) {
		container_has_policy(c, p);
		daemon_log(d, LOG_LEVEL_INFO, "%s: policy %s changed, %.12s is in force", c->name,
			   c->policy_dir, c->policy_sha256);
	}
	if (follow_mode(d, c, p, &err) < 0)
		complain(d, c, "its mode stays as it is", err.msg);
	else
		accept_policy(d, c);
}

/* Is c the first of the containers that its policy guards? */
static bool is_first(const struct daemon *d, const struct container *c)
{
	const struct container *o = d->containers;

	while (strcmp(o->policy_dir, c->policy_dir) != 0)
		o = o->next;
	return o == c;
}

static void reload(struct daemon *d, struct container *first)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err err;
	int r = policy_load_signed(&p, first->policy_dir, &d->config->policy_keys, &err);

	for (struct container *c = first; c; c = c->next) {
		if (strcmp(c->policy_dir, first->policy_dir) != 0)
			continue;
		if (r < 0)
			refuse(d, c, err.msg);
		else
			put_in_force(d, c, p);
	}
}

void policies_reload(struct daemon *d)
{
	for (struct container *c = d->containers; c; c = c->next) {
		if (!*c->policy_dir || !is_first(d, c))
			continue;
		policies_watch(d, c->policy_dir);
		reload(d, c);
	}
	if (d->containers)
		enrolled_save(d);
}

/* ---- the operator's mode ---- */

int policies_set_mode(struct daemon *d, const struct mode_request *q, unsigned *ret_n,
		      struct err *ret_over, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *dir = NULL;
	unsigned n = 0;
	int r;

	if (asprintf(&dir, "%s/%s", d->config->policies_dir, q->policy) < 0)
		return err_oom(err);
	if (!modes_policy_name(d->config, dir))
		return err_set(err, -EINVAL, "%.200s: not the name of a policy", q->policy);
	r = guard_check_mode(d->guard, q->mode, true, err);
	if (r == 0)
		r = policy_load_signed(&p, dir, &d->config->policy_keys, err);
	if (r == 0)
		r = learn_gate(d, dir, q->mode, q->force, ret_over, err);
	if (r == 0)
		r = modes_set(d->config, q->policy, p, q->mode, q->force, err);
	for (struct container *c = d->containers; c && r == 0; c = c->next) {
		if (strcmp(c->policy_dir, dir) != 0)
			continue;
		c->own_mode = false;
		r = containers_switch(d, c, q->mode, err);
		n++;
	}
	if (n)
		enrolled_save(d);
	if (r == 0)
		learn_switched(d, q->policy);
	if (r == 0)
		*ret_n = n;
	return r;
}

/* ---- watching ---- */

static void settle(struct daemon *d)
{
	const struct itimerspec soon = {.it_value.tv_nsec = QUIET_NS};
	uint64_t now = clock_now_ns();

	if (!d->changed_ns)
		d->changed_ns = now;
	if (now - d->changed_ns < LATEST_NS)
		timerfd_settime(d->settled.fd, 0, &soon, NULL);
}

static void on_change(struct daemon *d, struct source *s, uint32_t events)
{
	char buf[16384] __attribute__((__aligned__(8)));
	ssize_t n;

	(void)events;
	while ((n = read(s->fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *e;

		for (char *at = buf; at < buf + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)at;
			if (e->wd == d->policies_wd && e->mask & (IN_IGNORED | IN_MOVE_SELF))
				d->policies_wd = -1;
			/* A file that is made has nothing in it yet. */
			if (!(e->mask & IN_CREATE) || e->mask & IN_ISDIR)
				settle(d);
		}
	}
}

static void on_settled(struct daemon *d, struct source *s, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) != sizeof(n))
		return;
	d->changed_ns = 0;
	policies_reload(d);
}

int policies_watch(struct daemon *d, const char *dir)
{
	/* Of what cannot be watched, SIGHUP tells. */
	return inotify_add_watch(d->changes.fd, dir, CHANGES);
}

void policies_look(struct daemon *d)
{
	if (d->policies_wd >= 0)
		return;
	d->policies_wd = policies_watch(d, d->config->policies_dir);
	if (d->policies_wd >= 0)
		settle(d);
}

int policies_open(struct daemon *d)
{
	int r;

	d->changes.ready = on_change;
	d->changes.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	d->settled.ready = on_settled;
	d->settled.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->changes.fd < 0 || d->settled.fd < 0)
		return -errno;
	r = daemon_watch(d, &d->changes, EPOLLIN);
	if (r == 0)
		r = daemon_watch(d, &d->settled, EPOLLIN);
	if (r < 0)
		return r;
	d->policies_wd = policies_watch(d, d->config->policies_dir);
	policies_reload(d);
	return 0;
}

void policies_close(struct daemon *d)
{
	if (d->changes.fd >= 0)
		close(d->changes.fd);
	if (d->settled.fd >= 0)
		close(d->settled.fd);
}
