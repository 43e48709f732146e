/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that come with this one. */
#include "user/sys/process/program.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where they may lie, seen from the directory of this one. */
static const char *const places[] = {".", "../libexec/lutra"};

int helper_path(const char *program, char *buf, size_t size, struct err *err)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (n < 0)
		return err_set(err, -errno, "/proc/self/exe: %s: mount /proc", strerror(errno));
	self[n] = '\0';
	dir = dirname(self);
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
