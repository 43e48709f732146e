/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ancestors. Used on the pipeline's thread. */
#include "user/alerts/ancestors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "user/sys/clock.h"

#define DEPTH 8

/* Reads name and parent of a process. -ESRCH: the process is gone. */
static int read_stat(uint32_t pid, char comm[static 64], uint32_t *ret_ppid)
{
	char path[32], text[512], *open_at, *close_at;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	/* "12 (any ) name) S 10 …" */
	open_at = strchr(text, '(');
	close_at = strrchr(text, ')');
	if (!open_at || !close_at || close_at < open_at || strlen(close_at) < 5)
		return -ESRCH;
	*close_at = '\0';
	snprintf(comm, 64, "%s", open_at + 1);
	*ret_ppid = (uint32_t)strtoul(close_at + 4, NULL, 10);
	return 0;
}

const char *ancestors_describe(struct throttle *limit, const struct lutra_evidence *ev,
			       char buf[static ANCESTORS_TEXT])
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 100};
	size_t len = (size_t)snprintf(buf, ANCESTORS_TEXT, "%.16s[%u]", ev->comm, ev->tgid);
	uint32_t pid = ev->ppid, parent = 0;
	uint64_t folded;
	bool walk = ev->verdict >= LUTRA_VERDICT_ALERT &&
		    throttle_pass(limit, &rate, clock_now_ns(), &folded);
	char comm[64];

	for (int i = 0; i < DEPTH && pid > 0 && len < ANCESTORS_TEXT - 100; i++) {
		bool known = walk && read_stat(pid, comm, &parent) == 0;

		len += (size_t)snprintf(buf + len, ANCESTORS_TEXT - len, " < %s[%u]",
					known ? comm : "", pid);
		if (!known)
			break;
		pid = parent;
	}
	return buf;
}
