/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cgroup guarded or recorded by this process, without a daemon: for `lutra run` and `lutra
 * record`. Nothing of it outlives the process.
 */
#ifndef LUTRA_USER_CLI_LOCAL_SESSION_H
#define LUTRA_USER_CLI_LOCAL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lib/policy/policy.h"

/* Everything is borrowed until session_free(). */
struct session_config {
	const char *cgroup;
	const char *name;	     /* of the container, for alerts */
	const char *image;	     /* for the trace; NULL: the policy's, or unknown */
	const char *container_id;    /* for the trace; NULL: unknown */
	const struct policy *policy; /* NULL: nothing is judged */
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
	uint64_t records_lost; /* by the kernel's ring, or by a trace that could not be written */
	uint64_t alerts;
	uint64_t evidence_lost;
	uint64_t outputs_failed;
};

struct session;

/* Errors as guard_new(), guard_enroll(), trace_writer_new(), store_new(), output_json_new(). */
int session_new(struct session **ret, const struct session_config *config, struct err *err);
/* Becomes readable when there may be something to handle; look every 100 ms in any case. */
int session_fd(const struct session *s);
/* Handle what has come: alerts to stderr and the outputs, records to the trace. 0 or -errno. */
int session_poll(struct session *s);
/*
 * Handle the rest, end the trace in order, release the cgroup. Errors as trace_writer_close();
 * *ret is set in any case. The session can only be freed then.
 */
int session_finish(struct session *s, struct session_result *ret, struct err *err);
void session_free(struct session *s);
DEFINE_FREEP(struct session, session_free);

#endif
