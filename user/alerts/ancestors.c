/* SPDX-License-Identifier: Apache-2.0 */
/* Reads ancestors. Used on the pipeline's thread. */
#include "user/alerts/ancestors.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "user/sys/clock.h"

#define DEPTH 8

int ancestors_read_stat(pid_t pid, char ret_name[static 64], pid_t *ret_ppid)
{
	char path[32], text[512], *open_at, *close_at;
	_cleanup_close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
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
	snprintf(ret_name, 64, "%s", open_at + 1);
	*ret_ppid = (pid_t)strtol(close_at + 4, NULL, 10);
	return 0;
}

/* "<" only stands between two processes: who reads the text back takes it for that. */
static void hide_separators(char *name)
{
	while ((name = strchr(name, '<')))
		*name = '_';
}

const char *ancestors_describe(struct throttle *limit, const struct lutra_evidence *ev,
			       char buf[static ANCESTORS_TEXT])
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 100};
	char comm[64];
	size_t len;
	pid_t pid = (pid_t)ev->ppid, parent = 0;
	uint64_t folded;
	bool walk = ev->verdict >= LUTRA_VERDICT_ALERT &&
		    throttle_pass(limit, &rate, clock_now_ns(), &folded);

	snprintf(comm, sizeof(comm), "%.16s", ev->comm);
	hide_separators(comm);
	len = (size_t)snprintf(buf, ANCESTORS_TEXT, "%s[%u]", comm, ev->tgid);
	for (int i = 0; i < DEPTH && pid > 0 && len < ANCESTORS_TEXT - 100; i++) {
		bool known = walk && ancestors_read_stat(pid, comm, &parent) == 0;

		hide_separators(comm);
		len += (size_t)snprintf(buf + len, ANCESTORS_TEXT - len, " < %s[%d]",
					known ? comm : "", (int)pid);
		if (!known)
			break;
		pid = parent;
	}
	return buf;
}
