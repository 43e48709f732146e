/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs to syslog(3) and to the journal. The journal's native protocol, a datagram of fields
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), reports what did not arrive; syslog(3) does not.
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

static unsigned write_syslog(void *impl, const struct sink_item *items)
{
	for (const struct sink_item *i = items; i; i = sink_item_next(i)) {
		syslog(i->alert->level, "%s", i->alert->sentence);
		sink_count(impl, 1, 0);
	}
	return 0;
}

static void close_syslog(void *impl)
{
	(void)impl;
	closelog();
}

static const struct sink_ops syslog_ops = {.handle = write_syslog, .free = close_syslog};

int sink_syslog_open(struct sink_kind *ret, struct sink *s)
{
	openlog("lutrad", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	*ret = (struct sink_kind){&syslog_ops, s};
	return 0;
}

/* ---- the journal ---- */

struct journal_sink {
	struct sink *sink;
	struct sockaddr_un addr;
	int fd;
};

/* Writes a field of any bytes: name, line end, length, value, line end. */
static void write_field(FILE *f, const char *name, const char *value)
{
	uint64_t len = htole64(value ? strlen(value) : 0);

	if (!value)
		return;
	fprintf(f, "%s\n", name);
	fwrite(&len, sizeof(len), 1, f);
	fputs(value, f);
	fputc('\n', f);
}

static int send_datagram(struct journal_sink *j, const struct alert_json *a)
{
	_cleanup_free_ char *data = NULL;
	char level[4];
	size_t len = 0;
	FILE *f = open_memstream(&data, &len);

	if (!f)
		return -ENOMEM;
	snprintf(level, sizeof(level), "%d", a->level & 7);
	write_field(f, "MESSAGE", a->sentence);
	write_field(f, "PRIORITY", level);
	write_field(f, "SYSLOG_IDENTIFIER", "lutrad");
	write_field(f, "LUTRA_RULE", a->rule);
	write_field(f, "LUTRA_CONTAINER", a->container);
	write_field(f, "LUTRA_ALERT", a->text);
	if (fclose(f) != 0)
		return -ENOMEM;
	if (sendto(j->fd, data, len, MSG_NOSIGNAL, (const struct sockaddr *)&j->addr,
		   sizeof(j->addr)) < 0)
		return -errno;
	return 0;
}

static unsigned write_journal(void *impl, const struct sink_item *items)
{
	struct journal_sink *j = impl;

	for (const struct sink_item *i = items; i; i = sink_item_next(i)) {
		int r = send_datagram(j, i->alert);

		sink_count(j->sink, r == 0, r < 0);
		if (r < 0)
			sink_set_failing(j->sink, strerror(-r));
		else
			sink_set_working(j->sink);
	}
	return 0;
}

static void free_journal(void *impl)
{
	struct journal_sink *j = impl;

	if (j->fd >= 0)
		close(j->fd);
	free(j);
}

static const struct sink_ops journal_ops = {.handle = write_journal, .free = free_journal};

int sink_journal_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		      struct err *err)
{
	const struct timeval timeout = {.tv_sec = 2}; /* while the journal's queue is full */
	struct journal_sink *j;

	if (strlen(c->path) >= sizeof(j->addr.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "output %s: %s: the path is too long for a socket", c->name,
			       c->path);
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
	setsockopt(j->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	*ret = (struct sink_kind){&journal_ops, j};
	return 0;
}
