/* SPDX-License-Identifier: Apache-2.0 */
/* Ancestors, from /proc. */
#include "user/alerts/ancestors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/sys/clock.h"

#define DEPTH 8
#define PER_SECOND 100

struct lineage {
	uint64_t second;
	unsigned left; /* walks in this second */
};

int lineage_new(struct lineage **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void lineage_free(struct lineage *l)
{
	free(l);
}

static bool may_walk(struct lineage *l)
{
	uint64_t second = clock_now_ns() / NSEC_PER_SEC;

	if (second != l->second) {
		l->second = second;
		l->left = PER_SECOND;
	}
	if (l->left == 0)
		return false;
	l->left--;
	return true;
}

/* Name and parent of a process. -ESRCH: it is gone. */
static int stat_of(uint32_t pid, char comm[static 64], uint32_t *ret_ppid)
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

const char *lineage_of(struct lineage *l, const struct lutra_evidence *ev,
		       char buf[static LINEAGE_TEXT])
{
	size_t len = (size_t)snprintf(buf, LINEAGE_TEXT, "%.16s[%u]", ev->comm, ev->tgid);
	uint32_t pid = ev->ppid, parent = 0;
	bool walk = ev->verdict >= LUTRA_VERDICT_ALERT && may_walk(l);
	char comm[64];

	for (int i = 0; i < DEPTH && pid > 0 && len < LINEAGE_TEXT - 100; i++) {
		bool known = walk && stat_of(pid, comm, &parent) == 0;

		len += (size_t)snprintf(buf + len, LINEAGE_TEXT - len, " < %s[%u]",
					known ? comm : "", pid);
		if (!known)
			break;
		pid = parent;
	}
	return buf;
}
