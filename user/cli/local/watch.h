/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of `lutra run` and `lutra record`. */
#ifndef LUTRA_USER_CLI_LOCAL_WATCH_H
#define LUTRA_USER_CLI_LOCAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/cli/local/session.h"

struct watch {
	struct session *session;
	int signal_fd;
	int events_fd; /* cgroup.events: end when it was populated and is empty; -1: do not look */
	pid_t child;   /* end when it is gone; 0: none */
	bool forward;  /* signals go to the child, else they end the loop */
	uint64_t until_ns; /* CLOCK_MONOTONIC; 0: no limit */
	int status;	   /* wait status of the child once it is gone */
	bool child_done;
	unsigned insisted; /* signals to end that came while forwarding */
};

/* Runs until one of the ends. 0 or -errno. */
int watch_run(struct watch *w);

/* Say what was recorded and, loudly, what was lost. path NULL: nothing was recorded. */
void watch_report(const char *path, const struct session_result *result);

#endif
