/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards or records one cgroup in this process, for lutra run and lutra record. Nothing stays in
 * the kernel when the process ends.
 */
#ifndef LUTRA_USER_CLI_LOCAL_SESSION_H
#define LUTRA_USER_CLI_LOCAL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/policy/policy.h"
#include "user/sys/process/child.h"

/* All pointers are borrowed until session_free(). */
struct session_config {
	const char *cgroup;	     /* NULL: a new one, PREFIX.PID, which is removed at the end */
	const char *prefix;	     /* of the name of a new cgroup */
	const char *name;	     /* name of the container, for alerts */
	const char *image;	     /* for the trace; NULL: the policy's */
	const char *container_id;    /* for the trace; NULL: unknown */
	const struct policy *policy; /* NULL: record only */
	const char *policy_dir;
	const char *record;	 /* trace to write; NULL: none */
	const char *events_db;	 /* NULL: none */
	const char *events_json; /* NULL: none */
	uint64_t seconds;	 /* the session ends after this time; 0: no limit */
	unsigned mode;
	bool needs_hooks; /* refuse the mode if hooks run and the policy lacks them: modes_check_hooks() */
	bool no_lsm;
	/*
	 * The session passes signals to its command and ends with it. False: the session ends at a
	 * signal to end, and when the cgroup empties.
	 */
	bool foreground;
};

struct session;

/* Starts a session. Errors as modes_check_hooks(), guard_new(), guard_enroll(), trace_writer_new(), pipeline_new(). */
int session_new(struct session **ret, const struct session_config *config, struct err *err);
/* Starts a command in the cgroup, with the step if not NULL. Errors as child_start_with(). */
int session_start(struct session *s, char *const argv[], const struct child_step *step,
		  struct err *err);
/*
 * Takes events until the session ends: alerts go to stderr and the outputs, records to the trace.
 * Then kills what runs in a new cgroup, closes the trace, releases the cgroup, and reports what was
 * recorded and lost. Call session_free() after it. Returns the exit code, which in the foreground
 * is the command's.
 */
int session_run(struct session *s);
/*
 * Returns true if the command's system calls are seen at its seccomp filter: give it one, so that the
 * other tasks of the host pay nothing.
 */
bool session_wants_filter(const struct session *s);
void session_free(struct session *s);
DEFINE_FREEP(struct session, session_free);

#endif
