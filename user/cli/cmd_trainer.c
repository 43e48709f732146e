/* SPDX-License-Identifier: Apache-2.0 */
/* lutra train and lutra eval: hand over to the trainer's programs. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/cli/cli.h"

/* Where they may lie, seen from the directory of lutra itself. */
static const char *const places[] = {".", "../libexec/lutra"};

static int hand_over(const char *program, char **argv)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const char *dir;

	if (n < 0)
		return cli_failf("/proc/self/exe: %s: mount /proc", strerror(errno));
	self[n] = '\0';
	dir = dirname(self);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/%s", dir, places[i], program);
		execv(path, argv);
	}
	return cli_failf("cannot run %s, neither in %s nor in %s/../libexec/lutra: %s; install it",
			 program, dir, dir, strerror(errno));
}

int cmd_train(int argc, char **argv)
{
	(void)argc;
	return hand_over("lutra-train", argv);
}

int cmd_eval(int argc, char **argv)
{
	(void)argc;
	return hand_over("lutra-eval", argv);
}
