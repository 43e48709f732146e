/* SPDX-License-Identifier: Apache-2.0 */
/* The main loop of lutra run and lutra record. */
#ifndef LUTRA_USER_CLI_LOCAL_WATCH_H
#define LUTRA_USER_CLI_LOCAL_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/cli/local/session.h"

struct watch {
	struct session *session;
	int signal_fd;
	int events_fd;	   /* cgroup.events: the loop ends when the cgroup empties; -1: ignore */
	pid_t child;	   /* the loop ends with this child; 0: none */
	bool forward;	   /* pass signals to the child; else they end the loop */
	uint64_t until_ns; /* CLOCK_MONOTONIC; 0: no limit */
	int status;	   /* wait status of the child; valid if child_done */
	bool child_done;
	unsigned end_signals; /* signals to end that came while forwarding */
};

/* Runs until the child, the cgroup, the time or a signal ends the loop. Returns 0 or -errno. */
int watch_run(struct watch *w);

/* Prints what was recorded and what was lost. path NULL: nothing was recorded. */
void watch_report(const char *path, const struct session_result *result);

#endif
