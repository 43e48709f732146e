/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modes that an operator gave policies of policies_dir. They lie in state_dir, not in the
 * policies: to switch one is no edit of what was signed, it survives that the policy is replaced,
 * and who may write policies cannot switch them off. lutrad writes the file, or `lutra policy
 * set-mode` while it does not run. {NAME: {"mode", "forced"}}.
 */
#ifndef LUTRA_USER_POLICY_MODES_H
#define LUTRA_USER_POLICY_MODES_H

#include <stdbool.h>

#include "lib/policy/policy.h"
#include "user/config/config.h"

/* NAME, a part of dir, if dir is policies_dir/NAME; else NULL. */
const char *modes_policy_name(const struct config *c, const char *dir);

/*
 * Does the policy speak against this mode? why: it was made from too little to refuse anything.
 */
bool modes_has_objection(const struct policy *p, unsigned mode, struct err *why);

/* The same, refused: -EPERM, unless it is forced. name: what is to get the mode. */
int modes_check(const char *name, const struct policy *p, unsigned mode, bool forced,
		struct err *err);

/*
 * Keep a mode for the policy NAME; p may be NULL where the mode does not act. forced: also if the
 * policy speaks against it. -EPERM: it does. -EINVAL: no name. -EBADMSG: the file is damaged; else
 * as file_replace().
 */
int modes_set(const struct config *c, const char *name, const struct policy *p, unsigned mode,
	      bool forced, struct err *err);

/*
 * The mode that containers of this policy, loaded from dir, are in unless they have one of their
 * own: the operator's, or what the policy says. One that was not forced gives way to audit when the
 * policy, which may have been replaced since, speaks against it. -EBADMSG: the file is damaged.
 */
int modes_get(const struct config *c, const char *dir, const struct policy *p, unsigned *ret,
	      struct err *err);

#endif
