/* SPDX-License-Identifier: Apache-2.0 */
/* Looks up the packages of updated files for alerts. Used on the pipeline's thread. */
#include "user/alerts/updated_package.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/package/package.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup_process.h"

#define PATH_BYTES 1024

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
	root = cgroup_process_open_root(ev->cgroup_id, (pid_t)ev->tgid);
	if (root < 0)
		root = cgroup_process_open_root(ev->cgroup_id, (pid_t)ev->ppid);
	if (root < 0 || package_find(root, name, &p) < 0)
		return NULL;
	snprintf(buf, UPDATED_PACKAGE_TEXT, "%s%s%s", p.name, p.version[0] ? " " : "", p.version);
	return buf;
}
