/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scratch.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
