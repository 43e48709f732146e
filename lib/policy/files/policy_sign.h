/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a policy's directory. */
#ifndef LUTRA_LIB_POLICY_FILES_POLICY_SIGN_H
#define LUTRA_LIB_POLICY_FILES_POLICY_SIGN_H

#include "lib/policy/files/policy_key.h"

/*
 * Signs the policy in dir with the secret key in key_file, after all checks of policy_load() and
 * policy_load_model(). Sets ret_public to the key that the signature can be verified with.
 * Returns 0. -EPERM: others may read the key. -EINVAL: key_file is not a key. -ESTALE: the policy
 * changed meanwhile. Else as policy_load(), policy_load_model() and file_replace().
 */
int policy_sign(const char *dir, const char *key_file, char ret_public[static POLICY_KEY_TEXT],
		struct err *err);

/*
 * Reads which key signed the policy in dir, trusted or not.
 * Returns 0. -ENOENT: the policy has no signature. -EBADMSG: policy.sig is damaged, or there is no
 * policy. -EKEYREJECTED: policy.sig is not a signature of this policy.json.
 */
int policy_signer(const char *dir, char ret_public[static POLICY_KEY_TEXT], struct err *err);

#endif
