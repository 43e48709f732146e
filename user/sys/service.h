/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon tells the service manager that started it, by the protocol of sd_notify(3): that it
 * is ready, and that it is alive. Without a manager the functions do nothing.
 */
#ifndef LUTRA_USER_SYS_SERVICE_H
#define LUTRA_USER_SYS_SERVICE_H

#include <stdint.h>

/* Begins as {.fd = -1}. */
struct service {
	int fd;		   /* connected to the manager; -1: there is none */
	uint64_t every_ns; /* how often to say that the daemon is alive; 0: never */
	uint64_t told_ns;  /* when it was said last, CLOCK_MONOTONIC */
};

/*
 * Connects to the manager that the environment names, and takes NOTIFY_SOCKET, WATCHDOG_USEC and
 * WATCHDOG_PID out of the environment, so that no child speaks for this process. A manager that
 * cannot be reached counts as none. Call before there are threads.
 */
void service_open(struct service *s);
void service_close(struct service *s);

/* Sends one or more lines, such as "READY=1". What cannot be sent at once is dropped. */
void service_notify(const struct service *s, const char *lines);

/* Says that the daemon is alive, if that is due. now_ns: CLOCK_MONOTONIC. */
void service_alive(struct service *s, uint64_t now_ns);

#endif
