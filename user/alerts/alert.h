/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert: the kernel's evidence, joined with what userspace knows of the container. It has four
 * forms: struct lutra_evidence (alert.h joins it), struct alert (owned, queued), struct
 * alert_fields (a row of the store) and JSON text (struct alert_json).
 */
#ifndef LUTRA_USER_ALERTS_ALERT_H
#define LUTRA_USER_ALERTS_ALERT_H

#include "lib/base/cleanup.h"
#include "lutra/abi.h"
#include "user/identity/identity.h"
#include "user/sys/worker.h"

/* What the owner of a container knows of it. Borrowed by alert_new(). NULL: unknown. */
struct alert_container {
	const char *name;
	const char *cgroup;
	const char *policy_dir;
	const char *policy_sha256;   /* of the policy that judged, or "" */
	const char *accepted_sha256; /* of what was added to it, or "" */
	const struct identity *identity;
};

/* One allocation: all texts lie behind the evidence. Strings may hold any bytes. */
struct alert {
	struct worker_item item; /* of the pipeline's queue */
	uint64_t time_ns;	 /* CLOCK_REALTIME, of the event */
	uint64_t log_folded;	 /* alerts that the log left out before this one */
	bool logged;		 /* the pipeline writes it to the log; alert_new() sets false */
	bool first_of_kind;	 /* no throttle holds it back; alert_new() sets false */
	const char *name;	 /* of the container; this and the next NULL: unknown */
	const char *cgroup;
	const char *policy_dir;
	const char *policy_sha256;   /* of the policy that judged */
	const char *accepted_sha256; /* of what was added to it; "": nothing */
	struct identity identity;
	struct lutra_evidence
		evidence; /* with its string and starter, as in struct lutra_evidence */
};

/* Returns the path of the starter of an execution: evidence.starter_len bytes without NUL. */
static inline const char *alert_starter(const struct lutra_evidence *ev)
{
	return ev->str + ev->str_len;
}

/*
 * Joins evidence, its string (str_len bytes without NUL, and the starter behind them) and the
 * container into an alert that the caller frees with free(). NULL: out of memory.
 */
struct alert *alert_new(const struct lutra_evidence *ev, const char *str, size_t str_len,
			const struct alert_container *c);

#endif
