/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that come with this one. */
#include "user/sys/process/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/file.h"

/* Where they may lie, seen from the directory of this one. */
static const char *const places[] = {".", "../libexec/lutra"};

int helper_path(const char *program, char *buf, size_t size, struct err *err)
{
	char dir[PATH_MAX];
	int r = file_own_directory(dir, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(buf, size, "%s/%s/%s", dir, places[i], program);
		if (access(buf, X_OK) == 0)
			return 0;
	}
	return err_set(
		err, -ENOENT,
		"cannot run %s, neither in %.150s nor in %.150s/../libexec/lutra: install it",
		program, dir, dir);
}
