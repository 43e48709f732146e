/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and creates the file of the bearer token. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "user/http/http.h"

#define RANDOM_BYTES 32

static int create_token(const char *path, struct err *err)
{
	unsigned char bytes[RANDOM_BYTES];
	char text[2 * RANDOM_BYTES + 2];
	int r;

	if (sodium_init() < 0)
		return err_set(err, -EIO, "libsodium failed to start");
	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
	strcat(text, "\n"); /* NOLINT(clang-analyzer-security.insecureAPI.strcpy): it has room */
	r = file_create(AT_FDCWD, path, 0600, text, strlen(text));
	sodium_memzero(bytes, sizeof(bytes));
	sodium_memzero(text, sizeof(text));
	return r == 0 || r == -EEXIST ? 0 : err_set(err, r, "%s: %s", path, strerror(-r));
}

static int check_owner(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (st.st_mode & 077 || (st.st_uid != geteuid() && st.st_uid != 0))
		return err_set(err, -EACCES,
			       "%s: others may read the token: chmod 600 it and chown it to root",
			       path);
	return 0;
}

int http_token_read(const char *path, bool create, char **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (create && access(path, F_OK) < 0) {
		r = create_token(path, err);
		if (r < 0)
			return r;
	}
	r = check_owner(path, err);
	if (r == 0)
		r = file_read(AT_FDCWD, path, HTTP_TOKEN_MAX + 2, &text, &len, err);
	if (r < 0 || !text)
		return r;
	len = strcspn(text, "\n");
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			len = 0;
	if (len < HTTP_TOKEN_MIN || len > HTTP_TOKEN_MAX)
		return err_set(err, -EBADMSG,
			       "%s: must be one line of %d to %d characters without blanks", path,
			       HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
	*ret = TAKE_PTR(text);
	return 0;
}
