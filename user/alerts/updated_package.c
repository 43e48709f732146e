/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up the packages of updated files for alerts. Used on the pipeline's thread. */
#include "user/alerts/updated_package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/package.h"
#include "user/sys/clock.h"

#define PATH_BYTES 1024

/* Opens the root of a process. Returns a descriptor or -errno. */
static int open_root(uint32_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/root", pid);
	fd = pid ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	return fd < 0 ? -ESRCH : fd;
}

const char *updated_package_describe(struct throttle *limit, const struct lutra_evidence *ev,
				     const char *path, size_t path_len,
				     char buf[static UPDATED_PACKAGE_TEXT])
{
	static const struct throttle_rate rate = {.per_second = 2, .burst = 10};
	_cleanup_close_ int root = -1;
	char name[PATH_BYTES];
	struct package p = {};
	uint64_t folded;

	if (ev->rule != LUTRA_RULE_UPDATED || path_len == 0 || path_len >= sizeof(name) ||
	    path[0] != '/' || memchr(path, '\0', path_len) ||
	    !throttle_pass(limit, &rate, clock_now_ns(), &folded))
		return NULL;
	memcpy(name, path, path_len);
	name[path_len] = '\0';
	root = open_root(ev->tgid);
	if (root < 0)
		root = open_root(ev->ppid);
	if (root < 0 || package_find(root, name, &p) < 0)
		return NULL;
	snprintf(buf, UPDATED_PACKAGE_TEXT, "%s%s%s", p.name, p.version[0] ? " " : "", p.version);
	return buf;
}
