/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that no hook and no engine named, found by what their cgroups are called. Who they are
 * is then looked up where engines keep bundles. One that just came may still be its runtime's,
 * whose calls are not its own: it is taken only when it has had processes for some seconds.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/sys/cgroup.h"
#include "user/sys/clock.h"
#include "user/daemon/daemon.h"
#include "user/identity/bundle.h"
#include "user/identity/patterns.h"

#define EVERY_NS (5 * NSEC_PER_SEC)
#define AGE_NS (5 * NSEC_PER_SEC)
#define DEPTH_MAX 24

/* A container's cgroup that is not enrolled. */
struct stray {
	struct stray *next;
	uint64_t cgroup_id;
	uint64_t since_ns;   /* CLOCK_MONOTONIC; that it has processes */
	struct identity who; /* with an id once its bundle was looked for */
	bool there;
	bool said; /* that no policy is for it, or what is wrong */
};

struct scan {
	struct stray *strays;
	uint64_t next_ns;
};

static void stray_free(struct stray *s)
{
	identity_done(&s->who);
	free(s);
}

static struct stray *stray_of(struct scan *scan, uint64_t id)
{
	struct stray *s = scan->strays;

	while (s && s->cgroup_id != id)
		s = s->next;
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->cgroup_id = id;
	s->next = scan->strays;
	scan->strays = s;
	return s;
}

static bool has_processes(const char *cgroup)
{
	_cleanup_close_ int fd = cgroup_events_open(cgroup);
	bool populated = false;

	return fd >= 0 && cgroup_populated(fd, &populated) == 0 && populated;
}

/* All that is on disk about it. */
static int identify(struct daemon *d, const struct pattern *p, struct identity *w)
{
	struct err err = {};
	int r = identity_set(&w->id, p->id);

	w->engine = p->engine;
	if (r == 0)
		r = identity_set(&w->pod_uid, p->pod_uid);
	for (size_t i = 0; r == 0 && i < d->config->n_bundles && !w->image; i++) {
		_cleanup_free_ char *bundle = NULL, *inner = NULL;

		if (asprintf(&bundle, "%s/%s", d->config->bundles[i], p->id) < 0 ||
		    asprintf(&inner, "%s/userdata", bundle) < 0)
			return -ENOMEM;
		if (identity_from_bundle(w, bundle, &err) < 0 ||
		    identity_from_bundle(w, inner, &err) < 0)
			daemon_log(d, LOG_LEVEL_WARNING, "%.12s: %s", p->id, err.msg);
	}
	return r;
}

static void take(struct daemon *d, struct stray *s, const char *cgroup, const struct pattern *p)
{
	struct arrival a = {.who = &s->who, .cgroup = cgroup, .quiet = s->said};
	struct container *c = NULL;
	struct err why;
	int r;

	if (!s->who.id && identify(d, p, &s->who) < 0)
		return;
	r = adopt(d, &a, &c, &why);
	if (r < 0 && !s->said)
		daemon_log(d, LOG_LEVEL_WARNING, "%.12s: cannot be guarded: %s", p->id, why.msg);
	s->said = !c;
}

static void on_container(struct daemon *d, const char *cgroup, const struct pattern *p)
{
	struct container *c = containers_find(d, cgroup);
	uint64_t now = clock_now_ns(), id;
	struct stray *s;

	if (cgroup_id(cgroup, &id, NULL) < 0 || (c && c->cgroup_id == id))
		return;
	s = stray_of(d->scan, id);
	if (!s)
		return;
	s->there = true;
	if (!s->since_ns || !has_processes(cgroup))
		s->since_ns = now;
	else if (now - s->since_ns >= AGE_NS)
		take(d, s, cgroup, p);
}

/* path: a buffer of PATH_MAX bytes, len of which are used. */
static void walk(struct daemon *d, char *path, size_t len, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	struct pattern p;

	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name);

		if (e->d_type != DT_DIR || e->d_name[0] == '.' || len + n + 2 > PATH_MAX)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, e->d_name, n + 1);
		if (pattern_match(path, &p))
			on_container(d, path, &p);
		else if (depth < DEPTH_MAX)
			walk(d, path, len + 1 + n, depth + 1);
		path[len] = '\0';
	}
	if (dir)
		closedir(dir);
}

static void forget_gone(struct scan *scan)
{
	struct stray **at = &scan->strays;

	while (*at) {
		struct stray *s = *at;

		if (s->there) {
			s->there = false;
			at = &s->next;
			continue;
		}
		*at = s->next;
		stray_free(s);
	}
}

void scan_check(struct daemon *d)
{
	_cleanup_free_ char *root = NULL;
	uint64_t now = clock_now_ns();
	char path[PATH_MAX];

	if (!d->scan)
		d->scan = calloc(1, sizeof(*d->scan));
	if (!d->scan || !d->config->n_bundles || now < d->scan->next_ns)
		return;
	d->scan->next_ns = now + EVERY_NS;
	if (cgroup_root(&root, NULL) < 0 || strlen(root) >= sizeof(path))
		return;
	memcpy(path, root, strlen(root) + 1);
	walk(d, path, strlen(root), 0);
	forget_gone(d->scan);
}

void scan_close(struct daemon *d)
{
	while (d->scan && d->scan->strays) {
		struct stray *s = d->scan->strays;

		d->scan->strays = s->next;
		stray_free(s);
	}
	free(d->scan);
	d->scan = NULL;
}
