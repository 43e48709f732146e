/* SPDX-License-Identifier: Apache-2.0 */
/* Mode, policy, freeze and kill of enrolled containers. */
#include "user/containers/containers_impl.h"
#include "user/containers/host_mounts.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/policy/accepted/accepted.h"
#include "user/policy/modes.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"

/* ---- mode ---- */

/* Asks the life cycle of the policy, which may have none. */
static int check_lifecycle(const struct containers *all, const struct lifecycle_mode_request *ask,
			   struct err *ret_over, struct err *err)
{
	int r = lifecycle_allows_mode(all->parts.lifecycle, &all->parts.config->life, ask, ret_over,
				      err);

	if (r == 0 && *ret_over->msg)
		log_warning("%s: mode %s is forced; this overrides: %s", ask->policy,
			    mode_name(ask->mode), ret_over->msg);
	return r;
}

int container_check_mode(const struct container *c, const struct policy *p, unsigned mode,
			 bool force, struct err *err)
{
	struct lifecycle_mode_request ask = {modes_policy_name(c->all->parts.config, c->policy_dir),
					     mode, force};
	int r = modes_check(c->name, p, mode, force, err);
	struct err over;

	if (r == 0 && guard_has_lsm(c->all->parts.guard))
		r = modes_check_hooks(c->name, p, mode, force, err);

	return r < 0 || !ask.policy ? r : check_lifecycle(c->all, &ask, &over, err);
}

/* What fell back to audit gets another try with a mode that the operator sets. */
static int retry_fallback(struct container *c, struct err *err)
{
	return container_end_fallback(c) ? container_apply_again(c, err) : 0;
}

int container_switch_mode(struct container *c, const struct mode_change *change, struct err *err)
{
	int r = guard_set_mode(c->all->parts.guard, c->slot, change->mode, err);
	unsigned before = c->mode;

	if (r < 0)
		return r;
	c->mode = change->mode;
	c->own_mode = change->own;
	container_end_freeze(c);
	log_info("%s: mode %s", c->name, mode_name(c->mode));
	if (c->mode != before)
		container_note_change(c, "%s to %s: %s", mode_name(before), mode_name(c->mode),
				      change->cause);
	containers_changed(c->all, c);
	/* What the levels do in a container where they are in audit depends on the mode. */
	if (c->mode != before && container_audited_rules(c) & CONTAINER_LEVEL_RULES)
		return container_apply_again(c, err);
	return 0;
}

int container_set_mode(struct container *c, const struct asked_mode *ask, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char cause[256];
	int r = 0;

	if (ask->mode > LUTRA_MODE_AUDIT && *c->policy_dir)
		r = policy_load_signed(&p, c->policy_dir, &c->all->parts.config->policy_keys, err);
	if (r == 0 && p)
		r = container_check_mode(c, p, ask->mode, ask->force, err);
	if (r == 0)
		r = retry_fallback(c, err);
	if (r < 0)
		return r;
	snprintf(cause, sizeof(cause), "set by %s for this container", ask->by);
	return container_switch_mode(c, &(struct mode_change){ask->mode, true, cause}, err);
}

int container_follow_mode(struct container *c, const struct policy *p, struct err *err)
{
	unsigned mode;
	int r = modes_get(c->all->parts.config, c->policy_dir, p, &mode, err);

	if (r == 0 && mode != c->mode)
		return container_switch_mode(
			c, &(struct mode_change){mode, false, "the mode of its policy"}, err);
	if (r == 0)
		c->own_mode = false;
	return r;
}

/* Switches the containers of a policy to its mode. *ret_n: how many. Errors as container_switch_mode(). */
static int switch_all(struct containers *all, const char *dir, const struct mode_change *change,
		      unsigned *ret_n, struct err *err)
{
	int r = 0;

	*ret_n = 0;
	for (struct container *c = all->first; c && r == 0; c = c->next) {
		if (strcmp(c->policy_dir, dir) != 0)
			continue;
		r = retry_fallback(c, err);
		if (r == 0)
			r = container_switch_mode(c, change, err);
		(*ret_n)++;
	}
	return r;
}

int containers_set_policy_mode(struct containers *all, const char *policy,
			       const struct asked_mode *ask, unsigned *ret_n, struct err *ret_over,
			       struct err *err)
{
	const struct lifecycle_mode_request q = {policy, ask->mode, ask->force};
	const struct config *config = all->parts.config;
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *dir = NULL;
	struct policy_mode_change change = {.mode = ask->mode, .by = ask->by};
	char cause[256];
	unsigned n = 0;
	int r;

	if (asprintf(&dir, "%s/%s", config->policies_dir, policy) < 0)
		return err_oom(err);
	if (!modes_policy_name(config, dir))
		return err_set(err, -EINVAL, "%.200s: not the name of a policy", policy);
	snprintf(cause, sizeof(cause), "set by %s for the policy", ask->by);
	r = guard_check_mode(all->parts.guard, ask->mode, true, err);
	if (r == 0)
		r = policy_load_signed(&p, dir, &config->policy_keys, err);
	if (r == 0)
		r = check_lifecycle(all, &q, ret_over, err);
	if (r == 0 && guard_has_lsm(all->parts.guard))
		r = modes_check_hooks(policy, p, ask->mode, ask->force, err);
	if (r == 0)
		r = modes_get(config, dir, p, &change.before, err);
	if (r == 0)
		r = modes_set(config, policy, p, ask->mode, ask->force, err);
	if (r == 0)
		r = switch_all(all, dir, &(struct mode_change){ask->mode, false, cause}, &n, err);
	if (r < 0)
		return r;
	change.dir = dir;
	change.policy = p;
	if (n == 0 && change.before != change.mode)
		containers_note_policy_mode(all, &change);
	CONTAINERS_TELL(all, on_policy_mode, policy);
	*ret_n = n;
	return 0;
}

/* ---- policy ---- */

int container_load_policy(const struct container *c, struct policy **ret, struct err *err)
{
	const struct policy_keys *keys = &c->all->parts.config->policy_keys;
	struct err left_out;
	int r = accepted_load(ret, c->policy_dir, keys, &left_out, err);

	if (r == 0 && *left_out.msg)
		log_error("%s: not all that was accepted is in force: %s", c->name, left_out.msg);
	return r;
}

static bool is_in_force(const struct container *c, const struct policy *p)
{
	return strcmp(c->policy_sha256, p->json_sha256) == 0 &&
	       strcmp(c->accepted_sha256, p->accepted_sha256) == 0;
}

void container_note_policy(struct container *c, const struct policy *p)
{
	c->threshold = p->threshold;
	c->novelty_threshold = p->novelty_threshold;
	c->lacks_hooks = policy_lacks_hooks(p);
	c->refusing_rules = 0;
	for (unsigned rule = 0; rule < LUTRA_RULE_COUNT; rule++)
		if (p->action[rule] >= LUTRA_ACTION_DENY)
			c->refusing_rules |= 1u << rule;
	c->accepted_until = p->accepted_until;
	if (is_in_force(c, p))
		return;
	memcpy(c->before_sha256, c->policy_sha256, sizeof(c->before_sha256));
	memcpy(c->before_accepted, c->accepted_sha256, sizeof(c->before_accepted));
	c->policy_version = 0;
	c->level_noted = false;
	c->hooks_noted = false;
	memcpy(c->policy_sha256, p->json_sha256, sizeof(c->policy_sha256));
	memcpy(c->accepted_sha256, p->accepted_sha256, sizeof(c->accepted_sha256));
	c->policy_since_ns = clock_realtime_ns();
}

int container_apply_policy(struct container *c, const char *dir, const struct policy *p, bool anew,
			   struct err *err)
{
	bool moved = strcmp(c->policy_dir, dir) != 0;
	bool changed = moved || !is_in_force(c, p);
	char *copy = moved ? strdup(dir) : NULL;
	struct host_view view;
	int r = 0;

	if (moved && !copy)
		return err_oom(err);
	if (changed || anew) {
		if (identity_has_digest(&c->identity, p->digest))
			c->is_release = false;
		host_mounts_renew(c, p);
		r = guard_set_policy(c->all->parts.guard, c->slot, container_view(c, p, &view),
				     err);
		host_view_done(&view);
	}
	if (r < 0) {
		free(copy);
		return r;
	}
	if (moved) {
		free(c->policy_dir);
		c->policy_dir = copy;
	}
	container_note_policy(c, p);
	if (changed)
		log_info("%s: policy %s is in force, %.12s%s%.12s", c->name, dir, c->policy_sha256,
			 *c->accepted_sha256 ? " with what was accepted, " : "",
			 c->accepted_sha256);
	container_note_level(c);
	container_note_hooks(c);
	if (changed || anew)
		containers_changed(c->all, c);
	return 0;
}

/* ---- freeze and kill ---- */

void container_end_freeze(struct container *c)
{
	int r = c->frozen ? cgroup_write(c->cgroup, "cgroup.freeze", "0") : 0;

	if (r < 0)
		log_error("%s: cannot thaw its cgroup: %s", c->name, strerror(-r));
	c->frozen = c->acted = false;
}

int container_thaw(struct container *c, struct err *err)
{
	int r;

	if (!*c->policy_dir)
		return err_set(err, -EINVAL, "%s: it has no policy yet", c->name);
	r = container_apply_again(c, err);
	if (r < 0)
		return r;
	return container_switch_mode(
		c, &(struct mode_change){c->mode, c->own_mode, "thawed by the operator"}, err);
}

static int write_by_hand(struct container *c, const char *file, const char *what, struct err *err)
{
	int r = cgroup_write(c->cgroup, file, "1");

	if (r < 0)
		return err_set(err, r, "%s: cannot write %s: %s", c->name, file, strerror(-r));
	log_warning("%s: %s by the operator", c->name, what);
	return 0;
}

int container_freeze(struct container *c, struct err *err)
{
	int r = write_by_hand(c, "cgroup.freeze", "frozen", err);

	if (r < 0)
		return r;
	c->frozen = true;
	containers_changed(c->all, c);
	return 0;
}

int container_kill(struct container *c, struct err *err)
{
	return write_by_hand(c, "cgroup.kill", "killed", err);
}
