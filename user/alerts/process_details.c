/* SPDX-License-Identifier: Apache-2.0 */
/* Reads processes. Used on the pipeline's thread. */
#include "user/alerts/process_details.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/package/file_below.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup_process.h"

#define CMDLINE_MAX 1024
#define PASSWD_MAX 65536

/* Reads at most size - 1 bytes of /proc/PID/FILE. Returns how many; -ESRCH: it cannot be read. */
static ssize_t read_proc(pid_t pid, const char *file, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	if (n < 0)
		return -ESRCH;
	buf[n] = '\0';
	return n;
}

/* Arguments are separated by NUL bytes, which become blanks. */
static void put_cmdline(struct alert_fields *f, enum alert_field field, pid_t pid)
{
	char text[CMDLINE_MAX];
	ssize_t n = read_proc(pid, "cmdline", text, sizeof(text));

	while (n > 0 && !text[n - 1])
		n--;
	for (ssize_t i = 0; i < n; i++)
		if (!text[i])
			text[i] = ' ';
	if (n > 0)
		alert_fields_put(f, field, text);
}

static void put_link(struct alert_fields *f, enum alert_field field, pid_t pid, const char *file)
{
	char path[64], target[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	alert_fields_put(f, field, target);
}

/* Reads the effective user id, as the host counts. */
static int read_uid(pid_t pid, unsigned long *ret)
{
	char text[4096];
	const char *line;

	if (read_proc(pid, "status", text, sizeof(text)) < 0)
		return -ESRCH;
	line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %*u %lu", ret) == 1 ? 0 : -ESRCH;
}

/* Translates a user id of the host into that of the container's user namespace. -ENOENT: it has none. */
static int translate_uid(pid_t pid, unsigned long host, unsigned long *ret)
{
	unsigned long inside, outside, n;
	char text[4096], *line = text;

	if (read_proc(pid, "uid_map", text, sizeof(text)) < 0)
		return -ENOENT;
	for (; line && sscanf(line, "%lu %lu %lu", &inside, &outside, &n) == 3;
	     line = strchr(line, '\n'), line += line != NULL) {
		if (host < outside || host - outside >= n)
			continue;
		*ret = inside + (host - outside);
		return 0;
	}
	return -ENOENT;
}

/* Finds the line of a user in the text of /etc/passwd, and sets the name. */
static void put_user_name(struct alert_fields *f, char *passwd, unsigned long uid)
{
	char *save = NULL;

	for (char *line = strtok_r(passwd, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':'), *end;
		const char *id = colon ? strchr(colon + 1, ':') : NULL;
		unsigned long found = id ? strtoul(id + 1, &end, 10) : 0;

		if (!id || end == id + 1 || *end != ':' || found != uid)
			continue;
		*colon = '\0';
		alert_fields_put(f, ALERT_USER_NAME, line);
		return;
	}
}

static void put_user(struct alert_fields *f, pid_t pid, int root)
{
	_cleanup_free_ char *passwd = NULL;
	unsigned long uid, inside;
	char text[24];
	size_t len;

	if (read_uid(pid, &uid) < 0)
		return;
	snprintf(text, sizeof(text), "%lu", uid);
	alert_fields_put(f, ALERT_USER_UID, text);
	if (translate_uid(pid, uid, &inside) == 0 &&
	    file_read_below(root, "etc/passwd", PASSWD_MAX, &passwd, &len) == 0)
		put_user_name(f, passwd, inside);
}

void process_details_put(struct throttle *limit, const struct lutra_evidence *ev,
			 struct alert_fields *f)
{
	static const struct throttle_rate rate = {.per_second = 100, .burst = 100};
	_cleanup_close_ int root = -1, parent_root = -1;
	pid_t pid = (pid_t)ev->tgid, parent = (pid_t)ev->ppid;
	uint64_t folded;

	if (ev->verdict < LUTRA_VERDICT_ALERT ||
	    !throttle_pass(limit, &rate, clock_now_ns(), &folded))
		return;
	/* Another process may have the number by now: one of the container, or it is not read. */
	root = cgroup_process_open_root(ev->cgroup_id, pid);
	if (root >= 0) {
		put_cmdline(f, ALERT_CMDLINE, pid);
		put_link(f, ALERT_EXEPATH, pid, "exe");
		put_link(f, ALERT_CWD, pid, "cwd");
		put_user(f, pid, root);
	}
	parent_root = cgroup_process_open_root(ev->cgroup_id, parent);
	if (parent_root < 0)
		return;
	put_cmdline(f, ALERT_PARENT_CMDLINE, parent);
	put_link(f, ALERT_PARENT_EXEPATH, parent, "exe");
}
