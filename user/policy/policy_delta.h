/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes to what a person added to a policy (lib/policy/accepted), by lutrad and by the commands.
 * Where policy_keys are set, a change must be signed.
 */
#ifndef LUTRA_USER_POLICY_POLICY_DELTA_H
#define LUTRA_USER_POLICY_POLICY_DELTA_H

#include "lib/policy/accepted/accepted.h"
#include "user/config/config.h"

/*
 * Locks deltas and drafts of the configuration against other processes that change them: from before
 * the reading until after the writing. wait: block until the other process is done. The caller closes
 * *ret, which unlocks; it is -1 where there is no state_dir to lock and none can be made.
 * Returns 0. -EBUSY: another process holds the lock, unless wait. Else as open(2).
 */
int policy_delta_lock(const struct config *config, bool wait, int *ret, struct err *err);

/*
 * Reads the delta of the policy in dir, to change it; where there is none, makes one. The caller frees
 * *ret. Errors as accepted_read(): a delta without a trusted signature is refused.
 */
int policy_delta_open(const struct config *config, const char *dir, json_t **ret, struct err *err);

/*
 * Writes a delta that has grown, after a test that the policy has room for all of it. key_file: the
 * secret key; NULL: none. Returns 0. -EPERM: policy_keys are set, and there is no key. -EKEYREJECTED:
 * the key is of none of them. -ENOSPC: a
 * part would be left out; err names it. Else as policy_load_signed() and accepted_write().
 */
int policy_delta_save(const struct config *config, const char *dir, json_t *delta,
		      const char *key_file, struct err *err);
/* Does policy_delta_save() with a delta that has shrunk: other parts that are left out do not matter. */
int policy_delta_save_less(const struct config *config, const char *dir, json_t *delta,
			   const char *key_file, struct err *err);

#endif
