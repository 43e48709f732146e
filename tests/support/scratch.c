/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch.h"

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"

char *scratch_dir(void)
{
	char *dir = strdup("/tmp/lutra-test.XXXXXX");

	assert(dir && mkdtemp(dir));
	return dir;
}

static int remove_scratch(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_remove(char *dir)
{
	nftw(dir, remove_scratch, 8, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

char *scratch_path(const char *dir, const char *name)
{
	char *s;

	assert(asprintf(&s, "%s/%s", dir, name) >= 0);
	return s;
}

void scratch_write(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "we");
	size_t n;

	assert(f);
	n = fwrite(data, 1, size, f);
	assert(n == size);
	assert(fclose(f) == 0);
}

char *scratch_read(const char *dir, const char *name, size_t *ret_len)
{
	_cleanup_free_ char *path = scratch_path(dir, name);
	char *bytes = NULL;

	assert(file_read(AT_FDCWD, path, 8 << 20, &bytes, ret_len, NULL) == 0);
	return bytes;
}
