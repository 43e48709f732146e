/* SPDX-License-Identifier: Apache-2.0 */
/* Signs the policy in a directory, and reads who signed it. */
#include "lib/policy/files/policy_sign.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/policy/files/policy_format.h"

/*
 * Reads policy.json of a directory, which the caller frees. Returns a descriptor of the directory,
 * which the caller closes, or -errno.
 */
static int open_policy_json(const char *dir, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err why;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	r = file_read(fd, POLICY_JSON_FILE, POLICY_JSON_MAX, ret, ret_len, &why);
	if (r < 0)
		return err_set(err, r == -ENOENT ? -EBADMSG : r, "%s: %s", dir, why.msg);
	return TAKE_FD(fd);
}

int policy_signer(const char *dir, char ret_public[static POLICY_KEY_TEXT], struct err *err)
{
	_cleanup_free_ char *json = NULL;
	uint8_t key[POLICY_KEY_BYTES];
	size_t len = 0;
	_cleanup_close_ int fd = open_policy_json(dir, &json, &len, err);
	int r = fd < 0 ? fd : policy_signature_read(fd, json, len, key, err);

	if (r < 0)
		return r;
	policy_key_text(key, ret_public);
	return 0;
}

/* Reads the very bytes of policy.json that policy_load() found good: nothing else is signed. */
static int read_checked_json(const char *dir, char **ret, size_t *ret_len, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ char *json = NULL;
	_cleanup_close_ int fd = -1;
	char sha256[POLICY_SHA256_TEXT];
	size_t len = 0;
	int r = policy_load(&p, dir, err);

	if (r == 0)
		r = policy_load_model(p, dir, err);
	/* -ENODATA: a policy that cannot be updated is a policy all the same. */
	if (r < 0 && r != -ENODATA)
		return r;
	fd = open_policy_json(dir, &json, &len, err);
	if (fd < 0)
		return fd;
	policy_sum(json, len, sha256);
	if (strcmp(sha256, p->json_sha256) != 0)
		return err_set(err, -ESTALE, "%s: changed while it was read: try again", dir);
	*ret = TAKE_PTR(json);
	*ret_len = len;
	return 0;
}

int policy_sign(const char *dir, const char *key_file, char ret_public[static POLICY_KEY_TEXT],
		struct err *err)
{
	char line[POLICY_SIGNATURE_TEXT], public[POLICY_KEY_TEXT];
	_cleanup_free_ char *json = NULL, *path = NULL;
	size_t len = 0;
	int r = read_checked_json(dir, &json, &len, err);

	if (r == 0)
		r = policy_key_sign(key_file, json, len, line, public, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/" POLICY_SIGNATURE_FILE, dir) < 0)
		return err_oom(err);
	r = file_replace(path, 0644, line, strlen(line));
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	memcpy(ret_public, public, sizeof(public));
	return 0;
}
