/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modes that the operator set for policies of policies_dir, in state_dir/modes.json:
 * {NAME: {"mode", "forced"}}. The file is not part of a policy: a change of mode leaves a signature
 * valid, a new version of the policy keeps its mode, and a writer of policies cannot turn them off.
 * lutrad writes the file; `lutra policy set-mode` does while lutrad does not run.
 */
#ifndef LUTRA_USER_POLICY_MODES_H
#define LUTRA_USER_POLICY_MODES_H

#include "lib/policy/policy.h"
#include "user/config/config.h"

#define MODES_FILE "modes.json"

/* Returns NAME, which points into dir, if dir is policies_dir/NAME, else NULL. */
const char *modes_policy_name(const struct config *c, const char *dir);

/* Returns true if the policy was trained on too little for this mode. *why says so. */
bool modes_has_objection(const struct policy *p, unsigned mode, struct err *why);

/*
 * Returns -EPERM if the policy lacks what hooks see and the mode is above audit, unless forced. For hosts
 * with BPF LSM. What is in force already stays so. name: the policy or container, for err.
 */
int modes_check_hooks(const char *name, const struct policy *p, unsigned mode, bool forced,
		      struct err *err);

/*
 * Returns -EPERM if modes_has_objection() and not forced. name: the policy or container, for err.
 */
int modes_check(const char *name, const struct policy *p, unsigned mode, bool forced,
		struct err *err);

/*
 * Saves a mode for the policy NAME. p may be NULL for learn and audit. -EPERM: as modes_check().
 * -EINVAL: NAME is not UTF-8. -EBADMSG: modes.json is damaged. Else as file_replace().
 */
int modes_set(const struct config *c, const char *name, const struct policy *p, unsigned mode,
	      bool forced, struct err *err);

/*
 * Gets the mode for containers of the policy in dir: the operator's, or else the policy's own. The
 * operator's mode becomes audit if it was not forced and modes_has_objection(): the policy may have
 * been replaced. -EBADMSG: modes.json is damaged.
 */
int modes_get(const struct config *c, const char *dir, const struct policy *p, unsigned *ret,
	      struct err *err);

#endif
