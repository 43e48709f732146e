/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the service manager. */
#include "user/sys/service.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cleanup.h"

/* Returns a socket that is connected to the manager, or -errno. '@': an abstract name. */
static int connect_manager(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;
	size_t len = strlen(path);

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* Returns half the time after which the manager takes this process for dead; 0: it does not watch. */
static uint64_t watchdog_half_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || (pid && strtoul(pid, NULL, 10) != (unsigned long)getpid()))
		return 0;
	return strtoull(usec, NULL, 10) * 1000 / 2;
}

void service_open(struct service *s)
{
	const char *path = getenv("NOTIFY_SOCKET");

	*s = (struct service){.fd = path ? connect_manager(path) : -1};
	if (s->fd < 0)
		s->fd = -1;
	else
		s->every_ns = watchdog_half_ns();
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void service_close(struct service *s)
{
	closep(&s->fd);
	s->fd = -1;
}

void service_notify(const struct service *s, const char *lines)
{
	if (s->fd >= 0)
		(void)!send(s->fd, lines, strlen(lines), MSG_NOSIGNAL);
}

void service_alive(struct service *s, uint64_t now_ns)
{
	if (!s->every_ns || now_ns - s->told_ns < s->every_ns)
		return;
	s->told_ns = now_ns;
	service_notify(s, "WATCHDOG=1");
}
