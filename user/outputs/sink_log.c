/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts to syslog(3), and to the journal by its native protocol: a datagram of fields
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), which tells what did not arrive, as syslog(3) does
 * not.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/time.h>
#include <sys/un.h>

#include "user/outputs/sink.h"

/* ---- syslog ---- */

static unsigned syslog_handle(void *impl, const struct message *list)
{
	for (; list; list = list->next) {
		syslog(list->level, "%s", list->sentence);
		sink_count(impl, 1, 0);
	}
	return 0;
}

static void syslog_free(void *impl)
{
	(void)impl;
	closelog();
}

static const struct sink_ops syslog_ops = {.handle = syslog_handle, .free = syslog_free};

int sink_syslog_open(struct sink_kind *ret, struct sink *s, struct err *err)
{
	(void)err;
	openlog("lutrad", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	*ret = (struct sink_kind){&syslog_ops, s};
	return 0;
}

/* ---- the journal ---- */

struct journal {
	struct sink *sink;
	struct sockaddr_un addr;
	int fd;
};

/* A field whose value may be anything: its name, a line's end, its length, itself, a line's end. */
static void put_field(FILE *f, const char *name, const char *value)
{
	uint64_t len = htole64(value ? strlen(value) : 0);

	if (!value)
		return;
	fprintf(f, "%s\n", name);
	fwrite(&len, sizeof(len), 1, f);
	fputs(value, f);
	fputc('\n', f);
}

static int send_one(struct journal *j, const struct message *m)
{
	_cleanup_free_ char *data = NULL;
	char level[4];
	size_t len = 0;
	FILE *f = open_memstream(&data, &len);

	if (!f)
		return -ENOMEM;
	snprintf(level, sizeof(level), "%d", m->level & 7);
	put_field(f, "MESSAGE", m->sentence);
	put_field(f, "PRIORITY", level);
	put_field(f, "SYSLOG_IDENTIFIER", "lutrad");
	put_field(f, "LUTRA_RULE", m->rule);
	put_field(f, "LUTRA_CONTAINER", m->container);
	put_field(f, "LUTRA_ALERT", m->json);
	if (fclose(f) != 0)
		return -ENOMEM;
	if (sendto(j->fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&j->addr,
		   sizeof(j->addr)) < 0)
		return -errno;
	return 0;
}

static unsigned journal_handle(void *impl, const struct message *list)
{
	struct journal *j = impl;

	for (; list; list = list->next) {
		int r = send_one(j, list);

		sink_count(j->sink, r == 0, r < 0);
		if (r < 0)
			sink_failing(j->sink, strerror(-r));
		else
			sink_works(j->sink);
	}
	return 0;
}

static void journal_free(void *impl)
{
	struct journal *j = impl;

	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

static const struct sink_ops journal_ops = {.handle = journal_handle, .free = journal_free};

int sink_journal_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		      struct err *err)
{
	const struct timeval patience = {.tv_sec = 2}; /* where its queue is full */
	struct journal *j;

	if (strlen(c->path) >= sizeof(j->addr.sun_path))
		return err_set(err, -ENAMETOOLONG, "output %s: %s: longer than a socket's path",
			       c->name, c->path);
	j = calloc(1, sizeof(*j));
	if (!j)
		return err_oom(err);
	j->sink = s;
	j->addr.sun_family = AF_UNIX;
	strncpy(j->addr.sun_path, c->path, sizeof(j->addr.sun_path) - 1);
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (j->fd < 0) {
		free(j);
		return err_set(err, -errno, "output %s: socket: %s", c->name, strerror(errno));
	}
	setsockopt(j->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	*ret = (struct sink_kind){&journal_ops, j};
	return 0;
}
