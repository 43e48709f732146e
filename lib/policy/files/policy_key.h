/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures of policies. A policy is signed by an ed25519 signature of the bytes of
 * policy.json, which holds the sums of the other files. Files, each of one line:
 *
 *   a secret key   "lutra-secret-ed25519:" and the seed, 64 hexadecimal digits; mode 0600
 *   a public key   "ed25519:" and the key, 64 digits, as it stands in the configuration
 *   policy.sig     the public key, a space, the signature, 128 digits
 */
#ifndef LUTRA_LIB_POLICY_FILES_POLICY_KEY_H
#define LUTRA_LIB_POLICY_FILES_POLICY_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define POLICY_KEY_BYTES 32
#define POLICY_KEY_PREFIX "ed25519:"
#define POLICY_KEY_TEXT (sizeof(POLICY_KEY_PREFIX) + 2 * POLICY_KEY_BYTES) /* with the NUL */
#define POLICY_SIGNATURE_TEXT (POLICY_KEY_TEXT + 130) /* a line of policy.sig, with the NUL */
#define POLICY_SECRET_PREFIX "lutra-secret-ed25519:"
#define POLICY_KEYS_MAX 16

/* The public keys of which one must have signed a policy. n is 0: it needs no signature. */
struct policy_keys {
	size_t n;
	uint8_t key[POLICY_KEYS_MAX][POLICY_KEY_BYTES];
};

/* Reads a public key from its line, without the newline. Returns 0, or -EINVAL: it is none. */
int policy_key_parse(const char *text, uint8_t ret[static POLICY_KEY_BYTES]);
/* Writes a public key as its line, without the newline. */
void policy_key_text(const uint8_t key[static POLICY_KEY_BYTES], char ret[static POLICY_KEY_TEXT]);

/* Returns true if a public key, as its line, is one of keys. */
bool policy_keys_have(const struct policy_keys *keys, const char *public);

/*
 * Makes a key pair: the secret key in path (0600), the public one in path.pub and ret_public.
 * Returns 0. -EEXIST: one of the files exists; both stay as they are. -EIO: no randomness. Else as
 * open(2) and write(2).
 */
int policy_key_new(const char *path, char ret_public[static POLICY_KEY_TEXT], struct err *err);

/*
 * Signs json with the secret key in the file path. Sets ret_line to the line of policy.sig and
 * ret_public to the key that it can be verified with.
 * Returns 0. -EPERM: others may read the file. -EINVAL: it is not a secret key. Else as open(2).
 */
int policy_key_sign(const char *path, const char *json, size_t json_len,
		    char ret_line[static POLICY_SIGNATURE_TEXT],
		    char ret_public[static POLICY_KEY_TEXT], struct err *err);

/*
 * Reads which key signed json, trusted or not, from policy.sig of the directory dirfd.
 * Returns 0. -ENOENT: there is no signature. -EBADMSG: policy.sig is damaged. -EKEYREJECTED: it is
 * not a signature of json.
 */
int policy_signature_read(int dirfd, const char *json, size_t json_len,
			  uint8_t ret_key[static POLICY_KEY_BYTES], struct err *err);

/*
 * Checks that policy.sig of the directory dirfd is a signature of json by one of keys.
 * Returns 0. -EKEYREJECTED: there is no signature, it is wrong, or another key made it; err says
 * which, and what to do.
 */
int policy_signature_check(int dirfd, const char *json, size_t json_len,
			   const struct policy_keys *keys, struct err *err);

/* Does policy_signature_check() with accepted.json and accepted.sig. */
int policy_signature_check_accepted(int dirfd, const char *json, size_t json_len,
				    const struct policy_keys *keys, struct err *err);

/*
 * Decodes a policy.sig of len bytes and verifies it; sets ret_key to the key that it names.
 * Returns 0. -EBADMSG: it is damaged. -EKEYREJECTED: it is not a signature of json by that key.
 */
int policy_signature_decode(const char *sig, size_t len, const char *json, size_t json_len,
			    uint8_t ret_key[static POLICY_KEY_BYTES]);

#endif
