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
#include "lib/base/err.h"
#include "lib/policy/policy.h"

/* All pointers are borrowed until session_free(). */
struct session_config {
	const char *cgroup;
	const char *name;	     /* name of the container, for alerts */
	const char *image;	     /* for the trace; NULL: the policy's */
	const char *container_id;    /* for the trace; NULL: unknown */
	const struct policy *policy; /* NULL: record only */
	const char *policy_dir;
	const char *record;	 /* trace to write; NULL: none */
	const char *events_db;	 /* NULL: none */
	const char *events_json; /* NULL: none */
	unsigned mode;
	bool next_exec; /* as struct guard_enrolment */
	bool no_lsm;
};

struct session_result {
	uint64_t records;
	uint64_t records_lost; /* lost in the kernel's ring, or by a failing trace */
	uint64_t alerts;
	uint64_t evidence_lost;
	uint64_t outputs_failed;
};

struct session;

/* Starts a session. Errors as guard_new(), guard_enroll(), trace_writer_new(), pipeline_new(). */
int session_new(struct session **ret, const struct session_config *config, struct err *err);
/* Returns a descriptor that is readable when session_poll() has work. Call it every 100 ms, too. */
int session_fd(const struct session *s);
/* Takes events: alerts go to stderr and the outputs, records to the trace. Returns 0 or -errno. */
int session_poll(struct session *s);
/*
 * Takes the last events, closes the trace and releases the cgroup. Sets *ret in each case; after
 * it, call session_free() only. Errors as trace_writer_close().
 */
int session_finish(struct session *s, struct session_result *ret, struct err *err);
void session_free(struct session *s);
DEFINE_FREEP(struct session, session_free);

#endif
