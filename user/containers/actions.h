/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator, a policy or its life cycle does to a container that is enrolled. */
#ifndef LUTRA_USER_CONTAINERS_ACTIONS_H
#define LUTRA_USER_CONTAINERS_ACTIONS_H

#include "user/containers/containers.h"

/*
 * Switches its mode at once and thaws what a verdict froze. own: the mode is its own from here on;
 * else it follows its policy's. Errors as guard_set_mode().
 */
int container_switch_mode(struct container *c, unsigned mode, bool own, struct err *err);
/*
 * Gives it a mode of its own. force: also one above audit that its policy or its life cycle speaks
 * against. Errors as container_switch_mode(), policy_load_signed(), container_check_mode().
 */
int container_set_mode(struct container *c, unsigned mode, bool force, struct err *err);
/* Has it follow the mode of its policy p, as the operator set it. Errors as modes_get() and above. */
int container_follow_mode(struct container *c, const struct policy *p, struct err *err);
/* Returns 0, or -EPERM if the policy or its life cycle speaks against the mode. */
int container_check_mode(const struct container *c, const struct policy *p, unsigned mode,
			 bool force, struct err *err);

/*
 * Puts a policy in force. dir: where it was loaded from; its policy_dir, or another that becomes
 * so. anew: also a policy that is in force already; levels and histories of its tasks then begin
 * again. Errors as guard_set_policy(); -ENOMEM.
 */
int container_apply_policy(struct container *c, const char *dir, const struct policy *p, bool anew,
			   struct err *err);
/* Notes rules, thresholds, checksum and time of a policy that is about to be in force. */
void container_note_policy(struct container *c, const struct policy *p);

/*
 * After a false alarm: its tasks go on, under guard, with levels and histories that begin again.
 * Errors as policy_load_signed(), guard_set_policy(), guard_set_mode(); -EINVAL: it has no policy.
 */
int container_thaw(struct container *c, struct err *err);
/* Freezes or kills it on behalf of the operator, in any mode. -errno as cgroup_write(). */
int container_freeze(struct container *c, struct err *err);
int container_kill(struct container *c, struct err *err);
/* Thaws its cgroup if lutrad froze it. A failure is logged. */
void container_end_freeze(struct container *c);

struct policy_mode_request {
	const char *policy; /* a name in policies_dir */
	unsigned mode;
	bool force; /* also if the policy or its life cycle speaks against it */
};

/*
 * Sets the mode of a policy for all containers that it guards and will guard. *ret_n: how many
 * follow now. *ret_over: what force has overridden of the life cycle's conditions, "" for nothing.
 * Errors as policy_load_signed(), modes_set(), guard_set_mode(); -EPERM: the life cycle.
 */
int containers_set_policy_mode(struct containers *all, const struct policy_mode_request *q,
			       unsigned *ret_n, struct err *ret_over, struct err *err);

#endif
