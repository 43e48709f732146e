/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who made a policy: an ed25519 signature of the bytes of policy.json, which holds the sums of the
 * other files, beside it in policy.sig. Files, each one line:
 *
 *   a secret key   "lutra-secret-ed25519:" and the seed, 64 hexadecimal digits; mode 0600
 *   a public key   "ed25519:" and the key, 64 digits, as it stands in the configuration
 *   policy.sig     the public key, a space, the signature, 128 digits
 */
#ifndef LUTRA_LIB_POLICY_POLICY_KEY_H
#define LUTRA_LIB_POLICY_POLICY_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define POLICY_KEY_BYTES 32
#define POLICY_KEY_PREFIX "ed25519:"
#define POLICY_KEY_TEXT (sizeof(POLICY_KEY_PREFIX) + 2 * POLICY_KEY_BYTES) /* with the NUL */
#define POLICY_SECRET_PREFIX "lutra-secret-ed25519:"
#define POLICY_KEYS_MAX 16

/* The public keys of which one must have signed. n 0: a policy needs no signature. */
struct policy_keys {
	size_t n;
	uint8_t key[POLICY_KEYS_MAX][POLICY_KEY_BYTES];
};

/* A public key from its line, without the newline. -EINVAL. */
int policy_key_parse(const char *text, uint8_t ret[static POLICY_KEY_BYTES]);
void policy_key_text(const uint8_t key[static POLICY_KEY_BYTES], char ret[static POLICY_KEY_TEXT]);

/*
 * Make a key pair: the secret key in path (0600), the public one in path.pub and ret_public.
 * -EEXIST: one of them is there, and is left alone. Else as open(2), write(2).
 */
int policy_key_new(const char *path, char ret_public[static POLICY_KEY_TEXT], struct err *err);

/*
 * Sign the policy in dir with the secret key in key_file, once everything policy_load() and
 * policy_load_model() check is found good. ret_public: the key that it can be verified with.
 * -EPERM: others may read the key. -EINVAL: not a key. -ESTALE: the policy changed meanwhile.
 */
int policy_sign(const char *dir, const char *key_file, char ret_public[static POLICY_KEY_TEXT],
		struct err *err);

/*
 * Who signed the policy in dir, whether that key is trusted or not. -ENOENT: nobody. -EBADMSG:
 * policy.sig is damaged. -EKEYREJECTED: it is not a signature of this policy.json.
 */
int policy_signer(const char *dir, char ret_public[static POLICY_KEY_TEXT], struct err *err);

/*
 * Is json signed, in policy.sig of dirfd, by one of keys? -EKEYREJECTED: unsigned, by another, or
 * wrongly; err says which, and what to do.
 */
int policy_signature_check(int dirfd, const char *json, size_t json_len,
			   const struct policy_keys *keys, struct err *err);

/*
 * The signature in a policy.sig of len bytes: who says to have made it, and whether he did, of
 * json. -EBADMSG, -EKEYREJECTED.
 */
int policy_signature_decode(const char *sig, size_t len, const char *json, size_t json_len,
			    uint8_t ret_key[static POLICY_KEY_BYTES]);

#endif
