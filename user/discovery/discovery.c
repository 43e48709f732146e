/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers that a hook or an engine names: which cgroup they are in, which policy is theirs.
 * What is said of a container is believed only as far as the cgroup of its process agrees, for a
 * process number may be another's by the time it is looked at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/sys/cgroup.h"
#include "user/policy/image_index.h"
#include "user/daemon/daemon.h"
#include "user/identity/patterns.h"

#define SHORT_ID 12

/*
 * The container's own cgroup: that of its process up to where an engine's naming ends. What no
 * engine named is taken as it is where a hook says so, whose process waits; else it is nobody's.
 */
static int find_cgroup(const struct arrival *a, char **ret, struct err *why)
{
	_cleanup_free_ char *path = NULL;
	struct pattern p;
	int r = 0;

	if (a->cgroup)
		path = strdup(a->cgroup);
	else
		r = cgroup_of_pid(a->pid, &path, why);
	if (r < 0 || !path)
		return r < 0 ? r : err_oom(why);
	if (pattern_match(path, &p)) {
		if (strcmp(p.id, a->who->id) != 0)
			return err_set(why, -EXDEV, "process %d is of container %.12s", (int)a->pid,
				       p.id);
		path[p.len] = '\0';
	} else if (!a->starting) {
		return err_set(why, -EXDEV, "process %d is in %.300s, which is no container's",
			       (int)a->pid, path);
	}
	*ret = TAKE_PTR(path);
	return 0;
}

struct container *adopt_find(struct daemon *d, const char *id)
{
	struct container *c = d->containers;

	while (c && (!c->who.id || strcmp(c->who.id, id) != 0))
		c = c->next;
	return c;
}

/* The container that is enrolled with that cgroup; one whose cgroup was another is released. */
static struct container *known(struct daemon *d, const char *cgroup)
{
	struct container *c = containers_find(d, cgroup);
	uint64_t id;

	if (!c || (cgroup_id(cgroup, &id, NULL) == 0 && id == c->cgroup_id))
		return c;
	daemon_log(d, LOG_LEVEL_INFO, "%s: its cgroup was made anew", c->name);
	containers_release(d, c, false);
	return NULL;
}

/* A name that no other has: the engine's, the one in the pod, the id; then with the id. */
static void choose_name(struct daemon *d, const struct identity *w, char *buf, size_t size)
{
	const char *name = w->name ? w->name : w->pod_container;

	while (name && *name == '/')
		name++;
	if (name && *name && !strchr(name, '/') && strlen(name) < size - SHORT_ID - 1)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%.*s", SHORT_ID, w->id);
	if (containers_find(d, buf))
		snprintf(buf + strlen(buf), size - strlen(buf), "-%.*s", SHORT_ID, w->id);
}

/* 1: no policy is for it, why says so. */
static int enroll(struct daemon *d, const struct arrival *a, const char *cgroup,
		  struct container **ret, struct err *why)
{
	char name[128];
	struct enrol_request q = {
		.cgroup = cgroup, .name = name, .who = a->who, .starting = a->starting};
	struct image_index_match m;
	bool changed;
	int r = image_index_find(d->image_index, a->who, &m, why);

	if (r < 0 && r != -ENOENT)
		return r;
	changed = r == 0 && m.other_digest;
	q.policy = r == 0 ? m.policy : NULL;
	choose_name(d, a->who, name, sizeof(name));
	r = containers_enroll(d, &q, ret, why);
	if (r == -ENOENT && !q.policy)
		return 1;
	if (r == -EOPNOTSUPP) {
		daemon_log(d, LOG_LEVEL_WARNING, "%s: in mode audit: %s", name, why->msg);
		q.mode = "audit";
		r = containers_enroll(d, &q, ret, why);
	}
	if (r == 0 && changed)
		daemon_log(d, LOG_LEVEL_WARNING,
			   "%s: its policy was made for another image of the name %s", name,
			   (*ret)->who.image);
	return r;
}

int adopt(struct daemon *d, const struct arrival *a, struct container **ret, struct err *why)
{
	_cleanup_free_ char *cgroup = NULL;
	struct container *c = NULL;
	int r = find_cgroup(a, &cgroup, why);

	if (r < 0)
		return r;
	c = known(d, cgroup);
	if (c) {
		if (identity_fill(&c->who, a->who) < 0)
			return err_oom(why);
		enrolled_save(d);
		*ret = c;
		return 0;
	}
	r = enroll(d, a, cgroup, &c, why);
	if (r < 0)
		return r;
	if (r > 0 && !a->quiet)
		daemon_log(d, LOG_LEVEL_INFO, "%.12s: not guarded: %s", a->who->id, why->msg);
	*ret = c;
	return 0;
}

void adopt_end(struct daemon *d, const char *id)
{
	struct container *c = adopt_find(d, id);

	if (c && access(c->cgroup, F_OK) < 0)
		containers_release(d, c, false);
}
