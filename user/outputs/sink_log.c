/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Outputs to syslog(3) and to the journal. The journal's native protocol, a datagram of fields
 * (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/), reports what did not arrive; syslog(3) does not.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/time.h>
#include <sys/un.h>

#include "user/outputs/sink.h"

/* ---- syslog ---- */

static int write_syslog(void *impl, const struct alert_json *a)
{
	(void)impl;
	syslog(a->level, "%s", a->sentence);
	return 0;
}

static void close_syslog(void *impl)
{
	(void)impl;
	closelog();
}

void sink_syslog_open(struct sink_kind *ret)
{
	openlog("lutrad", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	*ret = (struct sink_kind){.write = write_syslog, .free = close_syslog};
}

/* ---- the journal ---- */

struct journal_sink {
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

static int write_journal(void *impl, const struct alert_json *a)
{
	const struct journal_sink *j = impl;
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

static void free_journal(void *impl)
{
	struct journal_sink *j = impl;

	close(j->fd);
	free(j);
}

int sink_journal_open(struct sink_kind *ret, const struct output_config *c, struct err *err)
{
	const struct timeval timeout = {.tv_sec = 2}; /* while the journal's queue is full */
	_cleanup_free_ struct journal_sink *j = calloc(1, sizeof(*j));

	if (!j)
		return err_oom(err);
	if (strlen(c->path) >= sizeof(j->addr.sun_path))
		return err_set(err, -ENAMETOOLONG,
			       "output %s: %s: the path is too long for a socket", c->name,
			       c->path);
	j->addr.sun_family = AF_UNIX;
	strncpy(j->addr.sun_path, c->path, sizeof(j->addr.sun_path) - 1);
	j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (j->fd < 0)
		return err_set(err, -errno, "output %s: socket: %s", c->name, strerror(errno));
	setsockopt(j->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	*ret = (struct sink_kind){
		.impl = TAKE_PTR(j), .write = write_journal, .free = free_journal};
	return 0;
}
