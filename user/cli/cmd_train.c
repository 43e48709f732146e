/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train: hands over to the trainer, a program of its own. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/cli.h"

/* Where it may lie, seen from the directory of lutra itself. */
static const char *const places[] = {"lutra-train", "../libexec/lutra/lutra-train"};

int cmd_train(int argc, char **argv)
{
	char self[PATH_MAX], path[PATH_MAX + 64], name[] = "lutra train";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	(void)argc;
	if (n < 0)
		return cli_failf("/proc/self/exe: %s: mount /proc", strerror(errno));
	self[n] = '\0';
	dir = dirname(self);
	argv[0] = name;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, places[i]);
		execv(path, argv);
	}
	return cli_failf("cannot run lutra-train, neither in %s nor in %s/../libexec/lutra: %s; "
			 "install it",
			 dir, dir, strerror(errno));
}
