/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and signatures of policies. */
#include "lib/policy/files/policy_key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"

#define SECRET_LEN (sizeof(POLICY_SECRET_PREFIX) - 1)
#define PREFIX_LEN (sizeof(POLICY_KEY_PREFIX) - 1)
#define SIGNATURE_LEN (POLICY_SIGNATURE_TEXT - 2) /* without the newline and the NUL */
#define FILE_MAX 1024

_Static_assert(crypto_sign_PUBLICKEYBYTES == POLICY_KEY_BYTES, "size of a key");
_Static_assert(crypto_sign_SEEDBYTES == POLICY_KEY_BYTES, "size of a seed");
_Static_assert(POLICY_SIGNATURE_TEXT == POLICY_KEY_TEXT + 2 * crypto_sign_BYTES + 2,
	       "size of a line");

/* Exactly 2 * n digits, in lower case, so that a key has one way to be written. -EINVAL. */
static int parse_hex(const char *hex, uint8_t *ret, size_t n)
{
	if (strspn(hex, "0123456789abcdef") < 2 * n ||
	    sodium_hex2bin(ret, n, hex, 2 * n, NULL, NULL, NULL) != 0)
		return -EINVAL;
	return 0;
}

int policy_key_parse(const char *text, uint8_t ret[static POLICY_KEY_BYTES])
{
	if (strncmp(text, POLICY_KEY_PREFIX, PREFIX_LEN) != 0 ||
	    strlen(text) != POLICY_KEY_TEXT - 1)
		return -EINVAL;
	return parse_hex(text + PREFIX_LEN, ret, POLICY_KEY_BYTES);
}

void policy_key_text(const uint8_t key[static POLICY_KEY_BYTES], char ret[static POLICY_KEY_TEXT])
{
	memcpy(ret, POLICY_KEY_PREFIX, PREFIX_LEN);
	sodium_bin2hex(ret + PREFIX_LEN, POLICY_KEY_TEXT - PREFIX_LEN, key, POLICY_KEY_BYTES);
}

bool policy_keys_have(const struct policy_keys *keys, const char *public)
{
	uint8_t key[POLICY_KEY_BYTES];

	if (policy_key_parse(public, key) < 0)
		return false;
	for (size_t i = 0; i < keys->n; i++)
		if (memcmp(keys->key[i], key, sizeof(key)) == 0)
			return true;
	return false;
}

/* ---- secret keys ---- */

struct secret {
	uint8_t key[crypto_sign_SECRETKEYBYTES];
	uint8_t public[POLICY_KEY_BYTES];
	char line[128]; /* of its file */
};

static void secret_wipe(struct secret *s)
{
	sodium_memzero(s, sizeof(*s));
}

static int create_key_file(const char *path, unsigned mode, const char *line, struct err *err)
{
	int r = file_create(AT_FDCWD, path, mode, line, strlen(line));

	if (r == -EEXIST)
		return err_set(err, r, "%s: exists: a key is never overwritten, name another file",
			       path);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int policy_key_new(const char *path, char ret_public[static POLICY_KEY_TEXT], struct err *err)
{
	_cleanup_(secret_wipe) struct secret s = {};
	_cleanup_free_ char *pub = NULL;
	uint8_t *seed = s.key; /* a secret key begins with its seed */
	char text[POLICY_KEY_TEXT], line[POLICY_KEY_TEXT + 1];
	int r;

	if (sodium_init() < 0 || crypto_sign_keypair(s.public, s.key) != 0)
		return err_set(err, -EIO, "cannot make a key: no randomness");
	if (asprintf(&pub, "%s.pub", path) < 0)
		return err_oom(err);
	memcpy(s.line, POLICY_SECRET_PREFIX, SECRET_LEN);
	sodium_bin2hex(s.line + SECRET_LEN, sizeof(s.line) - SECRET_LEN, seed, POLICY_KEY_BYTES);
	s.line[strlen(s.line)] = '\n'; /* the rest of it is zero */
	policy_key_text(s.public, text);
	snprintf(line, sizeof(line), "%s\n", text);
	r = create_key_file(pub, 0644, line, err);
	if (r < 0)
		return r;
	r = create_key_file(path, 0600, s.line, err);
	if (r < 0) {
		unlink(pub);
		return r;
	}
	memcpy(ret_public, text, sizeof(text));
	return 0;
}

/* A key that others can read is no secret. */
static int check_private(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_mode & 077)
		return err_set(err, -EPERM,
			       "%s: others may use this key (mode %04o): chmod 600 it, and make "
			       "another if they may have read it",
			       path, st.st_mode & 07777);
	return 0;
}

static int secret_load(const char *path, struct secret *ret, struct err *err)
{
	_cleanup_close_ int fd = file_open_read(AT_FDCWD, path, err);
	uint8_t seed[POLICY_KEY_BYTES];
	ssize_t n;
	int r;

	if (fd < 0)
		return fd;
	r = check_private(fd, path, err);
	if (r < 0)
		return r;
	n = read(fd, ret->line, sizeof(ret->line) - 1);
	if (n < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	ret->line[strcspn(ret->line, "\r\n")] = '\0';
	if (strncmp(ret->line, POLICY_SECRET_PREFIX, SECRET_LEN) != 0 ||
	    strlen(ret->line) != SECRET_LEN + 2 * sizeof(seed) ||
	    parse_hex(ret->line + SECRET_LEN, seed, sizeof(seed)) < 0)
		return err_set(err, -EINVAL,
			       "%s: not a secret key: `lutra policy keygen FILE` makes one", path);
	crypto_sign_seed_keypair(ret->public, ret->key, seed);
	sodium_memzero(seed, sizeof(seed));
	return 0;
}

int policy_key_sign(const char *path, const char *json, size_t json_len,
		    char ret_line[static POLICY_SIGNATURE_TEXT],
		    char ret_public[static POLICY_KEY_TEXT], struct err *err)
{
	_cleanup_(secret_wipe) struct secret s = {};
	char hex[2 * crypto_sign_BYTES + 1];
	uint8_t sig[crypto_sign_BYTES];
	int r = secret_load(path, &s, err);

	if (r < 0)
		return r;
	crypto_sign_detached(sig, NULL, (const uint8_t *)json, json_len, s.key);
	policy_key_text(s.public, ret_public);
	sodium_bin2hex(hex, sizeof(hex), sig, sizeof(sig));
	snprintf(ret_line, POLICY_SIGNATURE_TEXT, "%s %s\n", ret_public, hex);
	return 0;
}

/* ---- signatures ---- */

int policy_signature_decode(const char *sig, size_t len, const char *json, size_t json_len,
			    uint8_t ret_key[static POLICY_KEY_BYTES])
{
	uint8_t key[POLICY_KEY_BYTES], bytes[crypto_sign_BYTES];
	char line[SIGNATURE_LEN + 1], *space;

	if (len == SIGNATURE_LEN + 1 && sig[len - 1] == '\n')
		len--;
	if (len != SIGNATURE_LEN)
		return -EBADMSG;
	memcpy(line, sig, len);
	line[len] = '\0';
	space = line + POLICY_KEY_TEXT - 1;
	if (*space != ' ')
		return -EBADMSG;
	*space = '\0';
	if (policy_key_parse(line, key) < 0 || parse_hex(space + 1, bytes, sizeof(bytes)) < 0)
		return -EBADMSG;
	if (crypto_sign_verify_detached(bytes, (const uint8_t *)json, json_len, key) != 0)
		return -EKEYREJECTED;
	memcpy(ret_key, key, sizeof(key));
	return 0;
}

/*
 * Finds the line of accepted.sig that signs json. There are more lines than one for a moment: while
 * accepted.json is replaced, its signature file holds the new signature and the old one.
 */
static int decode_lines(const char *sig, size_t len, const char *json, size_t json_len,
			uint8_t ret_key[static POLICY_KEY_BYTES])
{
	const size_t line = SIGNATURE_LEN + 1; /* with the newline */
	int r = -EKEYREJECTED;

	if (len <= line || len % line)
		return policy_signature_decode(sig, len, json, json_len, ret_key);
	for (; r == -EKEYREJECTED && len; sig += line, len -= line)
		r = policy_signature_decode(sig, line, json, json_len, ret_key);
	return r;
}

/* Does policy_signature_read() with the signature and the file that it signs by their names. */
static int read_signature(int dirfd, const char *name, const char *json, size_t json_len,
			  uint8_t ret_key[static POLICY_KEY_BYTES], struct err *err)
{
	_cleanup_free_ char *sig = NULL;
	struct err why;
	size_t len;
	int r;

	r = file_read(dirfd, name, FILE_MAX, &sig, &len, &why);
	if (r == -ENOENT)
		return err_set(err, r, "not signed");
	if (r == 0)
		r = strcmp(name, POLICY_ACCEPTED_SIGNATURE) == 0
			    ? decode_lines(sig, len, json, json_len, ret_key)
			    : policy_signature_decode(sig, len, json, json_len, ret_key);
	if (r == -EKEYREJECTED)
		return err_set(err, r, "%s is not of this %.*s.json: one of them was changed", name,
			       (int)strcspn(name, "."), name);
	return r < 0 ? err_set(err, -EBADMSG, "%s is damaged", name) : 0;
}

int policy_signature_read(int dirfd, const char *json, size_t json_len,
			  uint8_t ret_key[static POLICY_KEY_BYTES], struct err *err)
{
	return read_signature(dirfd, POLICY_SIGNATURE_FILE, json, json_len, ret_key, err);
}

/* A file of a signature, and what to do if it is not good. */
struct signature_file {
	const char *name, *todo;
};

static int check_signature(int dirfd, const struct signature_file *f, const char *json,
			   size_t json_len, const struct policy_keys *keys, struct err *err)
{
	char text[POLICY_KEY_TEXT];
	uint8_t key[POLICY_KEY_BYTES];
	struct err why;
	int r = read_signature(dirfd, f->name, json, json_len, key, &why);

	if (r < 0)
		return err_set(err, -EKEYREJECTED, "%s, and policy_keys asks for a signature: %s",
			       why.msg, f->todo);
	policy_key_text(key, text);
	if (policy_keys_have(keys, text))
		return 0;
	return err_set(err, -EKEYREJECTED, "signed by %s, which is none of policy_keys: %s", text,
		       f->todo);
}

int policy_signature_check(int dirfd, const char *json, size_t json_len,
			   const struct policy_keys *keys, struct err *err)
{
	static const struct signature_file f = {
		POLICY_SIGNATURE_FILE,
		"look at it with `lutra policy show`, then `lutra policy sign` it"};

	return check_signature(dirfd, &f, json, json_len, keys, err);
}

int policy_signature_check_accepted(int dirfd, const char *json, size_t json_len,
				    const struct policy_keys *keys, struct err *err)
{
	static const struct signature_file f = {
		POLICY_ACCEPTED_SIGNATURE,
		"look at it with `lutra policy accepted`, then sign it with `lutra policy sign`"};

	return check_signature(dirfd, &f, json, json_len, keys, err);
}
