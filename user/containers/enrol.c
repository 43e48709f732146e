/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enrols a container: finds its name, identity, policy and mode, has the kernel guard its cgroup,
 * and adds the container to the registry. Runs on the main loop. On failure nothing has changed,
 * and err says why.
 */
#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "user/identity/cgroup_lookup.h"
#include "user/identity/patterns.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

#define NAME_MAX_BYTES 128

/* Returns true if the path is exactly the cgroup of one container. *ret: what the path tells. */
static bool is_own_cgroup(const char *cgroup, struct pattern *ret)
{
	return pattern_match(cgroup, ret) && ret->len == strlen(cgroup);
}

/*
 * Fills in the identity *w. q->image and q->digest win over q->identity, which wins over the
 * cgroup's path (id, engine, pod uid) and the policy's image. Returns 0, -ENOMEM or -E2BIG.
 */
static int fill_identity(const struct enrol_request *q, const char *id, const char *image,
			 struct identity *w, struct err *err)
{
	struct pattern p;
	int r = q->identity ? identity_fill(w, q->identity) : 0;

	if (r == 0 && is_own_cgroup(q->cgroup, &p)) {
		if (w->engine == ENGINE_UNKNOWN)
			w->engine = p.engine;
		if (!w->pod_uid)
			r = identity_set(&w->pod_uid, p.pod_uid);
	}
	if (r < 0)
		return err_oom(err);
	r = w->id ? 0 : identity_set(&w->id, id);
	if (r == 0 && q->image)
		r = identity_set(&w->image, q->image);
	else if (r == 0 && !w->image)
		r = identity_set(&w->image, image);
	if (r == 0 && q->digest)
		r = identity_set(&w->digest, q->digest);
	if (r == -E2BIG)
		return err_set(err, r, "an id, image reference or digest has at most %d bytes",
			       IDENTITY_TEXT_MAX);
	return r < 0 ? err_oom(err) : 0;
}

/*
 * Sets the mode of the policy. What the operator had set is not known while modes.json is damaged:
 * the container is guarded all the same.
 */
static int choose_policy_mode(struct container *c, const struct policy *p, struct err *err)
{
	int r = modes_get(c->all->parts.config, c->policy_dir, p, &c->mode, err);

	if (r != -EBADMSG)
		return r;
	log_error("%s: %s: guarded in its policy's own mode, %s", c->name, err->msg,
		  mode_name(p->mode));
	c->mode = p->mode;
	return 0;
}

/*
 * Loads the policy that the request names and stores it in *ret, which the caller frees. Sets
 * policy_dir and mode of c: the mode of the request, or the policy's.
 */
static int choose_policy(struct container *c, const struct enrol_request *q, struct policy **ret,
			 struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	const struct config *config = c->all->parts.config;
	int r;

	if (strchr(q->policy, '/'))
		r = asprintf(&c->policy_dir, "%s", q->policy);
	else
		r = asprintf(&c->policy_dir, "%s/%s", config->policies_dir, q->policy);
	if (r < 0) {
		c->policy_dir = NULL;
		return err_oom(err);
	}
	r = container_load_policy(c, &p, err);
	if (r < 0)
		return r;
	c->own_mode = q->mode != NULL;
	if (!q->mode)
		r = choose_policy_mode(c, p, err);
	else if (mode_parse(q->mode, &c->mode) < 0)
		r = err_set(err, -EINVAL, "%.50s: unknown mode", q->mode);
	else if (c->mode == LUTRA_MODE_LEARN && !q->force)
		r = err_set(err, -EPERM,
			    "in mode learn the policy %.200s judges nothing: give no --policy, or "
			    "--mode audit, or --force",
			    q->policy);
	else
		r = container_check_mode(c, p, c->mode, q->force, err);
	if (r < 0)
		return r;
	container_note_policy(c, p);
	*ret = TAKE_PTR(p);
	return 0;
}

/*
 * Has the life cycle decide whether the container's runs are recorded. If its image is another
 * release than the policy was trained for, c begins as one of a release.
 */
static int choose_recording(struct container *c, struct err *err)
{
	const char *policy = modes_policy_name(c->all->parts.config, c->policy_dir);
	struct lifecycle_choice choice = {};
	int r;

	/* A policy outside policies_dir has no life cycle. */
	if (*c->policy_dir && !policy)
		return 0;
	r = lifecycle_choose(c->all->parts.lifecycle, &c->identity, policy, &choice);
	if (r < 0)
		return err_set(err, r,
			       "%.200s: it has no policy and is not learned: name a policy, or run "
			       "`lutra learn --image` for it",
			       c->identity.image ? c->identity.image : "an image without a name");
	c->recorded = choice.record;
	if (choice.changed)
		container_begin_release(c, choice.seen_ns);
	return 0;
}

/*
 * Checks the request and fills in c, except what the kernel tells. *ret: the policy, which the
 * caller frees; not set if the request names none.
 */
static int describe_container(struct container *c, const struct enrol_request *q,
			      struct policy **ret, struct err *err)
{
	char id[NAME_MAX_BYTES];
	struct pattern p;
	int r = 0;

	cgroup_lookup_container_id(q->cgroup, id, sizeof(id));
	c->name = strdup(q->name ? q->name : id);
	c->cgroup = strdup(q->cgroup);
	if (q->policy)
		r = choose_policy(c, q, ret, err);
	else if (q->mode)
		return err_set(err, -EINVAL, "a mode needs a policy: give --policy");
	else
		c->policy_dir = strdup("");
	if (r < 0)
		return r;
	if (!c->name || !c->cgroup || !c->policy_dir)
		return err_oom(err);
	r = fill_identity(q, id, *ret ? (*ret)->image : NULL, &c->identity, err);
	if (r == 0)
		r = choose_recording(c, err);
	if (r < 0)
		return r;
	if (!*c->name || strlen(c->name) > NAME_MAX_BYTES || strchr(c->name, '/'))
		return err_set(err, -EINVAL, "a name has 1 to %d bytes and no slash: give --name",
			       NAME_MAX_BYTES);
	if (containers_find(c->all, c->name))
		return err_set(err, -EEXIST, "%s: another container has this name: give --name",
			       c->name);
	c->sessions = q->identity || is_own_cgroup(q->cgroup, &p);
	return 0;
}

int enrol_container(struct containers *all, const struct enrol_request *q, struct container **ret,
		    struct err *err)
{
	_cleanup_(container_freep) struct container *c = container_new(all);
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct guard_enrolment e;
	struct host_view view;
	bool running;
	int r;

	if (!c)
		return err_oom(err);
	r = describe_container(c, q, &p, err);
	if (r < 0)
		return r;
	r = cgroup_id(c->cgroup, &c->cgroup_id, err);
	if (r < 0)
		return r;
	/* A container with next_exec or starting has not begun: no event of it has been missed. */
	running = !q->next_exec && !q->starting && cgroup_has_tasks(c->cgroup);
	c->host_known = running && c->sessions && p && host_mounts_inspect(c);
	e = (struct guard_enrolment){.cgroup = c->cgroup,
				     .policy = container_view(c, p, &view),
				     .mode = c->mode,
				     .record = c->recorded,
				     .next_exec = q->next_exec,
				     .starting = q->starting,
				     .at_door = q->at_door,
				     .sessions = c->sessions};
	r = guard_enroll(all->parts.guard, &e, &c->slot, err);
	host_view_done(&view);
	if (r < 0)
		return r;
	c->since_ns = clock_realtime_ns();
	containers_add(c, running ? CONTAINERS_RUNNING : 0);
	log_info("%s: enrolled, mode %s, policy %s", c->name, mode_name(c->mode),
		 *c->policy_dir ? c->policy_dir : "none yet");
	container_note_release(c);
	container_note_level(c);
	container_note_hooks(c);
	*ret = TAKE_PTR(c);
	return 0;
}
