/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the cgroup and the policy of a discovered container. What is said of a container is believed
 * only as far as the cgroup of its process agrees: the number of a process may be that of another
 * one by the time lutrad looks.
 */
#include "user/discovery/discovery.h"

#include <errno.h>
#include <string.h>

#include "user/identity/patterns.h"
#include "user/policy/image_index.h"
#include "user/sys/process/cgroup.h"

#define SHORT_ID 12

struct discovery {
	const struct config *config;
	struct containers *containers;
	struct image_index *policies;
	struct unguarded *unguarded;
	discovery_stopped *stopped; /* NULL: there is no door */
	void *stopped_ctx;
};

/*
 * Finds the container's own cgroup: the path of its process's up to where an engine's naming ends.
 * A path without any engine's naming is taken as it is if a hook waits, else refused.
 */
static int find_own_cgroup(const struct discovered *found, char **ret, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct pattern p;
	int r = 0;

	if (found->cgroup)
		path = strdup(found->cgroup);
	else
		r = cgroup_of_pid(found->pid, &path, err);
	if (r < 0 || !path)
		return r < 0 ? r : err_oom(err);
	if (pattern_match(path, &p)) {
		if (strcmp(p.id, found->identity->id) != 0)
			return err_set(err, -EXDEV, "process %d belongs to container %.12s",
				       (int)found->pid, p.id);
		path[p.len] = '\0';
	} else if (!found->starting) {
		return err_set(err, -EXDEV, "process %d is in %.300s, which is no container's",
			       (int)found->pid, path);
	}
	*ret = TAKE_PTR(path);
	return 0;
}

/* Finds the container enrolled with that cgroup. One whose cgroup was made again is released. */
static struct container *find_enrolled(const struct containers *all, const char *cgroup)
{
	struct container *c = containers_find(all, cgroup);
	uint64_t id;

	if (!c || (cgroup_id(cgroup, &id, NULL) == 0 && id == c->cgroup_id))
		return c;
	log_info("%s: its cgroup was removed and made again", c->name);
	container_release(c, false);
	return NULL;
}

/* A name that no other has: the engine's, that in the pod, or the id; if taken, with the id. */
static void choose_name(const struct containers *all, const struct identity *w, char *buf,
			size_t size)
{
	const char *name = w->name ? w->name : w->pod_container;

	while (name && *name == '/')
		name++;
	if (name && *name && !strchr(name, '/') && strlen(name) < size - SHORT_ID - 1)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "%.*s", SHORT_ID, w->id);
	if (containers_find(all, buf))
		snprintf(buf + strlen(buf), size - strlen(buf), "-%.*s", SHORT_ID, w->id);
}

/* Returns 1 if there is no policy for it and it is not learned; err says why. */
static int enrol_found(struct discovery *d, const struct discovered *found, const char *cgroup,
		       struct container **ret, struct err *err)
{
	char name[128];
	struct enrol_request q = {.cgroup = cgroup,
				  .name = name,
				  .identity = found->identity,
				  .starting = found->starting,
				  .at_door = found->at_door ? found->pid : 0};
	struct image_index_match m;
	int r = image_index_find(d->policies, found->identity, &m, err);
	bool has_policy = r == 0;
	struct err why;

	if (r < 0 && r != -ENOENT)
		return r;
	q.policy = has_policy ? m.policy : NULL;
	choose_name(d->containers, found->identity, name, sizeof(name));
	r = enrol_container(d->containers, &q, ret, err);
	if (r == -ENOENT && !has_policy)
		return 1;
	if (r == -EOPNOTSUPP) {
		log_warning("%s: in mode audit: %s", name, err->msg);
		why = *err;
		q.mode = "audit";
		r = enrol_container(d->containers, &q, ret, err);
		if (r == 0)
			container_note_change(*ret, "audit in place of the mode of its policy: %s",
					      why.msg);
	}
	if (r == 0 && has_policy && m.other_digest)
		log_warning("%s: its policy was made for another image of the name %s", name,
			    (*ret)->identity.image);
	return r;
}

/* Lists a container that nothing guards, and alerts if it was not listed and alerts are wanted. */
static void note_unguarded(struct discovery *d, const struct identity *identity, const char *cgroup,
			   const char *why)
{
	char name[128];
	const struct unguarded_container u = {
		.identity = identity, .name = name, .cgroup = cgroup, .why = why};

	if (!unguarded_add(&d->unguarded, identity, cgroup, why) || !d->config->alert_unguarded)
		return;
	choose_name(d->containers, identity, name, sizeof(name));
	containers_note_unguarded(d->containers, &u);
}

void discovery_ask_door(struct discovery *d, discovery_stopped *stopped, void *ctx)
{
	d->stopped = stopped;
	d->stopped_ctx = ctx;
}

/* What the door has stopped has not begun, whoever tells of it first. */
static void add_door(const struct discovery *d, struct discovered *found, const char *cgroup)
{
	uint64_t id;
	pid_t pid;

	if (found->starting || !d->stopped || cgroup_id(cgroup, &id, NULL) < 0)
		return;
	pid = d->stopped(d->stopped_ctx, id);
	if (!pid)
		return;
	found->pid = pid;
	found->starting = found->at_door = true;
}

int discovery_enrol(struct discovery *d, const struct discovered *said, struct container **ret,
		    struct err *err)
{
	_cleanup_free_ char *cgroup = NULL;
	struct discovered all = *said, *found = &all;
	struct container *c = NULL;
	int r = find_own_cgroup(found, &cgroup, err);

	if (r < 0)
		return r;
	c = find_enrolled(d->containers, cgroup);
	if (c) {
		if (container_add_identity(c, found->identity) < 0)
			return err_oom(err);
		unguarded_remove(&d->unguarded, found->identity->id);
		*ret = c;
		return 0;
	}
	add_door(d, found, cgroup);
	r = enrol_found(d, found, cgroup, &c, err);
	if (r == 0)
		unguarded_remove(&d->unguarded, found->identity->id);
	else
		note_unguarded(d, found->identity, cgroup, err->msg);
	if (r < 0)
		return r;
	if (r > 0 && !found->quiet)
		log_info("%.12s: not guarded: %s", found->identity->id, err->msg);
	*ret = c;
	return 0;
}

void discovery_end(struct discovery *d, const char *id)
{
	struct container *c = containers_find_id(d->containers, id);

	if (c && access(c->cgroup, F_OK) < 0)
		container_release(c, false);
	unguarded_remove(&d->unguarded, id);
}

json_t *discovery_unguarded_to_json(struct discovery *d, unsigned max)
{
	unguarded_drop_ended(&d->unguarded, d->containers);
	return unguarded_to_json(d->unguarded, max);
}

unsigned discovery_count_unguarded(struct discovery *d)
{
	unguarded_drop_ended(&d->unguarded, d->containers);
	return unguarded_count(d->unguarded);
}

int discovery_new(struct discovery **ret, const struct config *config,
		  struct containers *containers)
{
	_cleanup_(discovery_freep) struct discovery *d = calloc(1, sizeof(*d));

	if (!d || image_index_new(&d->policies, config->policies_dir) < 0)
		return -ENOMEM;
	d->config = config;
	d->containers = containers;
	/* The first container that starts would wait for it. A search says what is wrong. */
	image_index_refresh(d->policies, NULL);
	*ret = TAKE_PTR(d);
	return 0;
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	image_index_free(d->policies);
	unguarded_free_all(d->unguarded);
	free(d);
}
