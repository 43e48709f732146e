/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches policies_dir, where a policy is replaced by rename(2), and the policy directory of every
 * container, where files may be written in place. Until the last file is whole, the checksums of
 * the policy do not fit, and nothing is taken. Policies are also loaded on SIGHUP and at the start.
 */
#include "user/containers/containers_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "lib/policy/accepted/accepted.h"
#include "user/sys/clock.h"

#define QUIET_NS 200000000ull	/* time without a change before policies are loaded, */
#define LATEST_NS 2000000000ull /* but not later than this after the first change */
#define CHANGES                                                                                    \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct policy_watch {
	struct containers *all;
	struct containers_observer observer;
	struct loop_watch changes; /* inotify */
	struct loop_watch settled; /* a timer that runs out after the last change */
	uint64_t changed_ns; /* CLOCK_MONOTONIC, of the first change not loaded yet; 0: none */
	int policies_wd;     /* inotify's number of policies_dir; -1: not watched yet */
};

/* ---- applying ---- */

/* Keeps what is wrong for the status, and logs it once. */
static void note_error(struct container *c, const char *what, const char *why)
{
	char text[sizeof(((struct err *)0)->msg) + 64];

	snprintf(text, sizeof(text), "%s: %s", what, why);
	if (c->policy_error && strcmp(c->policy_error, text) == 0)
		return;
	log_error("%s: %s", c->name, text);
	free(c->policy_error);
	c->policy_error = strdup(text);
}

static void note_refused(struct container *c, const char *why)
{
	note_error(c, "policy refused, the one before stays in force", why);
}

static void clear_error(struct container *c)
{
	if (c->policy_error)
		log_info("%s: its policy is good again", c->name);
	free(TAKE_PTR(c->policy_error));
}

/* left_out: what of the things that a person added is not in force; "": nothing. */
static void apply_loaded(struct container *c, const struct policy *p, const struct err *left_out)
{
	struct err err;

	/* Of a delta and its signature, one may be written already. */
	if (*left_out->msg && !*p->accepted_sha256 && *c->accepted_sha256)
		note_refused(c, left_out->msg);
	else if (container_apply_policy(c, c->policy_dir, p, false, &err) < 0)
		note_refused(c, err.msg);
	else if (!c->own_mode && container_follow_mode(c, p, &err) < 0)
		note_error(c, "its mode stays as it is", err.msg);
	else if (*left_out->msg)
		note_error(c, "not all that was accepted is in force", left_out->msg);
	else
		clear_error(c);
}

/* Returns true if c is the first of the containers that its policy guards. */
static bool is_first_of_policy(const struct container *c)
{
	const struct container *first = c->all->first;

	while (strcmp(first->policy_dir, c->policy_dir) != 0)
		first = first->next;
	return first == c;
}

/* Loads a policy once for all containers that it guards. */
static void reload_policy(struct container *first)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err err, left_out;
	int r = accepted_load(&p, first->policy_dir, &first->all->parts.config->policy_keys,
			      &left_out, &err);

	for (struct container *c = first; c; c = c->next) {
		if (strcmp(c->policy_dir, first->policy_dir) != 0)
			continue;
		if (r < 0)
			note_refused(c, err.msg);
		else
			apply_loaded(c, p, &left_out);
	}
}

void containers_reload_policy(struct containers *all, const char *dir)
{
	struct container *c = all->first;

	while (c && strcmp(c->policy_dir, dir) != 0)
		c = c->next;
	if (!c)
		return;
	reload_policy(c);
	containers_changed(all, NULL);
}

/* ---- watching ---- */

/* Changes of what cannot be watched are seen on SIGHUP. */
static int watch_dir(struct policy_watch *w, const char *dir)
{
	return inotify_add_watch(w->changes.fd, dir, CHANGES);
}

static void on_container_changed(void *ctx, const struct container *c)
{
	if (c && *c->policy_dir)
		watch_dir(ctx, c->policy_dir);
}

void policy_watch_reload(struct policy_watch *w)
{
	for (struct container *c = w->all->first; c; c = c->next) {
		if (!*c->policy_dir || !is_first_of_policy(c))
			continue;
		/* Its directory may be another by now. */
		watch_dir(w, c->policy_dir);
		reload_policy(c);
	}
	if (w->all->first)
		containers_changed(w->all, NULL);
}

static void start_timer(struct policy_watch *w)
{
	const struct itimerspec soon = {.it_value.tv_nsec = QUIET_NS};
	uint64_t now = clock_now_ns();

	if (!w->changed_ns)
		w->changed_ns = now;
	if (now - w->changed_ns < LATEST_NS)
		timerfd_settime(w->settled.fd, 0, &soon, NULL);
}

static void on_change(void *ctx)
{
	char buf[16384] __attribute__((__aligned__(8)));
	struct policy_watch *w = ctx;
	ssize_t n;

	while ((n = read(w->changes.fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *e;

		for (char *at = buf; at < buf + n; at += sizeof(*e) + e->len) {
			e = (const struct inotify_event *)at;
			if (e->wd == w->policies_wd && e->mask & (IN_IGNORED | IN_MOVE_SELF))
				w->policies_wd = -1;
			/* A file that was just made has nothing in it yet. */
			if (!(e->mask & IN_CREATE) || e->mask & IN_ISDIR)
				start_timer(w);
		}
	}
}

static void on_settled(void *ctx)
{
	struct policy_watch *w = ctx;
	uint64_t n;

	if (read(w->settled.fd, &n, sizeof(n)) != sizeof(n))
		return;
	w->changed_ns = 0;
	policy_watch_reload(w);
}

/* Returns true if something that a person accepted for a time has ended: once for each end. */
static bool has_ended(const struct policy_watch *w)
{
	int64_t now = accepted_now();
	bool ret = false;

	for (struct container *c = w->all->first; c; c = c->next) {
		if (!c->accepted_until || c->accepted_until > now)
			continue;
		c->accepted_until = 0;
		ret = true;
	}
	return ret;
}

void policy_watch_check(struct policy_watch *w)
{
	if (has_ended(w))
		policy_watch_reload(w);
	if (w->policies_wd >= 0)
		return;
	w->policies_wd = watch_dir(w, w->all->parts.config->policies_dir);
	if (w->policies_wd >= 0)
		start_timer(w);
}

/* ---- life ---- */

static int open_watches(struct policy_watch *w)
{
	int r;

	w->changes.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	w->settled.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->changes.fd < 0 || w->settled.fd < 0)
		return -errno;
	r = loop_watch(w->all->parts.loop, &w->changes, EPOLLIN, NULL);
	return r < 0 ? r : loop_watch(w->all->parts.loop, &w->settled, EPOLLIN, NULL);
}

int policy_watch_open(struct policy_watch **ret, struct containers *all)
{
	struct policy_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->all = all;
	w->changes = (struct loop_watch){.fd = -1, .on_ready = on_change, .ctx = w};
	w->settled = (struct loop_watch){.fd = -1, .on_ready = on_settled, .ctx = w};
	r = open_watches(w);
	if (r < 0) {
		policy_watch_close(w);
		return r;
	}
	w->observer = (struct containers_observer){.on_changed = on_container_changed, .ctx = w};
	containers_observe(all, &w->observer);
	w->policies_wd = watch_dir(w, all->parts.config->policies_dir);
	policy_watch_reload(w);
	*ret = w;
	return 0;
}

void policy_watch_close(struct policy_watch *w)
{
	if (!w)
		return;
	closep(&w->changes.fd);
	closep(&w->settled.fd);
	free(w);
}
