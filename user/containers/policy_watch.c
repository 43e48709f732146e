/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches policies_dir, where a policy is replaced by rename(2), and the policy directory of every
 * container, where files may be written in place. Until the last file is whole, the checksums of
 * the policy do not fit, and nothing is taken. Policies are also loaded on SIGHUP and at the start.
 *
 * With many policies or containers that takes seconds. So the main loop does it in pieces, each of
 * one policy that is loaded or of a few containers to which it is applied: whoever asks meanwhile is
 * answered between two pieces.
 */
#include "user/containers/containers_impl.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

#include "lib/policy/accepted/accepted.h"
#include "user/policy/policy_stamp.h"
#include "user/sys/clock.h"

#define QUIET_NS 200000000ull	/* time without a change before policies are loaded, */
#define LATEST_NS 2000000000ull /* but not later than this after the first change */
#define PIECE 8 /* containers to which a policy is applied before the loop goes on */
#define CHANGES                                                                                    \
	(IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |        \
	 IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* A policy that was read and is being applied. */
struct loaded_policy {
	char *dir; /* NULL: none is */
	struct policy *policy;
	uint64_t stamp; /* policy_stamp() */
	int result;	/* of loading it: 0, or -errno and err */
	struct err err, left_out;
};

struct policy_watch {
	struct containers *all;
	struct containers_observer observer;
	struct loop_watch changes; /* inotify */
	struct loop_watch settled; /* a timer that runs out after the last change */
	struct loop_watch piece; /* a timer that runs out at once: there is more to load or apply */
	struct loaded_policy loaded;
	void (*on_loaded)(void *ctx); /* NULL: nobody waits */
	void *on_loaded_ctx;
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

static void loaded_policy_done(struct loaded_policy *l)
{
	policy_free(l->policy);
	free(l->dir);
	*l = (struct loaded_policy){};
}

static uint64_t stamp_now(const struct container *c)
{
	return policy_stamp(c->all->parts.config, c->policy_dir, clock_realtime_ns());
}

/* Loads the policy of a container, for all containers that it guards. Returns 0 or -ENOMEM. */
static int read_policy(const struct container *c, struct loaded_policy *ret)
{
	*ret = (struct loaded_policy){.dir = strdup(c->policy_dir), .stamp = stamp_now(c)};
	if (!ret->dir)
		return -ENOMEM;
	ret->result = accepted_load(&ret->policy, ret->dir, &c->all->parts.config->policy_keys,
				    &ret->left_out, &ret->err);
	return 0;
}

/* Applies what was loaded to a container, if it guards that. */
static void apply_to(struct container *c, const struct loaded_policy *l)
{
	if (strcmp(c->policy_dir, l->dir) != 0)
		return;
	/* Nor may a piece of what was loaded before follow it. */
	c->policy_due = false;
	if (l->result < 0)
		note_refused(c, l->err.msg);
	else
		apply_loaded(c, l->policy, &l->left_out);
	c->policy_stamp = c->policy_error ? 0 : l->stamp;
}

void containers_reload_policy(struct containers *all, const char *dir)
{
	_cleanup_(loaded_policy_done) struct loaded_policy l = {};
	struct container *first = all->first;

	while (first && strcmp(first->policy_dir, dir) != 0)
		first = first->next;
	if (!first || read_policy(first, &l) < 0)
		return;
	for (struct container *c = first; c; c = c->next)
		apply_to(c, &l);
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

/* ---- loading in pieces ---- */

/* Has on_piece() called once the loop has handled what is ready. */
static void request_piece(struct policy_watch *w)
{
	const struct itimerspec at_once = {.it_value.tv_nsec = 1};

	timerfd_settime(w->piece.fd, 0, &at_once, NULL);
}

/*
 * Returns the container whose policy is due and was read longest ago: however often policies change,
 * each has its turn. NULL: none is due.
 */
static struct container *find_due(const struct policy_watch *w)
{
	struct container *ret = NULL;

	for (struct container *c = w->all->first; c; c = c->next)
		if (c->policy_due && (!ret || c->policy_read_ns < ret->policy_read_ns))
			ret = c;
	return ret;
}

/*
 * Notes that the policy in dir has its turn. stamp: containers that have it in force as it is now are due
 * no more; 0: all stay due. Returns true if some container is due.
 */
static bool take_turn(struct policy_watch *w, const char *dir, uint64_t stamp)
{
	uint64_t now = clock_now_ns();
	bool due = false;

	for (struct container *c = w->all->first; c; c = c->next) {
		if (strcmp(c->policy_dir, dir) != 0)
			continue;
		c->policy_read_ns = now;
		c->policy_due = c->policy_due && (!stamp || c->policy_stamp != stamp);
		due = due || c->policy_due;
	}
	return due;
}

/* Loads the next policy that is due, if it has changed. Returns false if none is due. */
static bool load_next(struct policy_watch *w)
{
	const struct container *next = find_due(w);

	if (!next)
		return false;
	/* Its directory may be another by now. */
	watch_dir(w, next->policy_dir);
	if (take_turn(w, next->policy_dir, stamp_now(next)))
		return read_policy(next, &w->loaded) == 0;
	return true;
}

/* Applies the loaded policy to a few of the containers that it guards. */
static void apply_piece(struct policy_watch *w)
{
	unsigned n = 0;

	for (struct container *c = w->all->first; c; c = c->next) {
		if (!c->policy_due || strcmp(c->policy_dir, w->loaded.dir) != 0)
			continue;
		if (n++ == PIECE)
			return;
		apply_to(c, &w->loaded);
	}
	loaded_policy_done(&w->loaded);
}

/* Returns false once nothing is due. */
static bool run_piece(struct policy_watch *w)
{
	if (w->loaded.dir)
		apply_piece(w);
	else if (!load_next(w))
		return false;
	return true;
}

static void finish_load(struct policy_watch *w)
{
	if (w->all->first)
		containers_changed(w->all, NULL);
	if (w->on_loaded)
		w->on_loaded(w->on_loaded_ctx);
}

static void on_piece(void *ctx)
{
	struct policy_watch *w = ctx;
	uint64_t n;

	if (read(w->piece.fd, &n, sizeof(n)) != sizeof(n))
		return;
	if (run_piece(w))
		request_piece(w);
	else
		finish_load(w);
}

/* What was loaded may have changed since. anew: also load what has not changed. */
static void mark_due(struct policy_watch *w, bool anew)
{
	loaded_policy_done(&w->loaded);
	for (struct container *c = w->all->first; c; c = c->next) {
		c->policy_due = *c->policy_dir;
		if (anew)
			c->policy_stamp = 0;
	}
}

static void load_changed(struct policy_watch *w)
{
	mark_due(w, false);
	request_piece(w);
}

void policy_watch_reload(struct policy_watch *w)
{
	mark_due(w, true);
	request_piece(w);
}

void policy_watch_on_loaded(struct policy_watch *w, void (*on_loaded)(void *ctx), void *ctx)
{
	w->on_loaded = on_loaded;
	w->on_loaded_ctx = ctx;
}

/* ---- noticing changes ---- */

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
	load_changed(w);
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
		c->policy_stamp = 0;
		ret = true;
	}
	return ret;
}

void policy_watch_check(struct policy_watch *w)
{
	if (has_ended(w))
		load_changed(w);
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
	w->piece.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (w->piece.fd < 0)
		return -errno;
	r = loop_watch(w->all->parts.loop, &w->changes, EPOLLIN, NULL);
	if (r == 0)
		r = loop_watch(w->all->parts.loop, &w->settled, EPOLLIN, NULL);
	return r < 0 ? r : loop_watch(w->all->parts.loop, &w->piece, EPOLLIN, NULL);
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
	w->piece = (struct loop_watch){.fd = -1, .on_ready = on_piece, .ctx = w};
	r = open_watches(w);
	if (r < 0) {
		policy_watch_close(w);
		return r;
	}
	w->observer = (struct containers_observer){.on_changed = on_container_changed, .ctx = w};
	containers_observe(all, &w->observer);
	w->policies_wd = watch_dir(w, all->parts.config->policies_dir);
	/* Nobody can ask yet. */
	mark_due(w, true);
	while (run_piece(w))
		;
	finish_load(w);
	*ret = w;
	return 0;
}

void policy_watch_close(struct policy_watch *w)
{
	if (!w)
		return;
	closep(&w->changes.fd);
	closep(&w->settled.fd);
	closep(&w->piece.fd);
	loaded_policy_done(&w->loaded);
	free(w);
}
