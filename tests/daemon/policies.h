/* SPDX-License-Identifier: Apache-2.0 */
/* A policy under a daemon and a container: looked at by its status, changed on disk. */
#ifndef LUTRA_TESTS_POLICIES_H
#define LUTRA_TESTS_POLICIES_H

#include "tests/daemon/daemon.h"

#include "lib/policy/files/policy_format.h"

/* ---- looking ---- */

/* A member of the only container's status; the caller's reference. */
static inline json_t *member(const struct fixture *f, const char *key)
{
	json_auto_t *j = status(f);
	json_t *c = json_array_get(json_object_get(j, "containers"), 0);

	return json_incref(json_object_get(c, key));
}

static inline bool has_text(const struct fixture *f, const char *key, const char *part)
{
	json_auto_t *v = member(f, key);

	return json_is_string(v) && strstr(json_string_value(v), part);
}

static inline bool is_refused(struct fixture *f)
{
	return has_text(f, "policy_error", "refused");
}

static inline bool is_good(struct fixture *f)
{
	json_auto_t *v = member(f, "policy_error");

	return json_is_null(v);
}

static inline json_int_t calls(const struct fixture *f)
{
	json_auto_t *counters = member(f, "counters");

	return json_integer_value(json_object_get(counters, "calls"));
}

/* What policy.json is, as the status names it. */
static inline void sum_of(const struct fixture *f, char ret[static POLICY_SHA256_TEXT])
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	memcpy(ret, p->json_sha256, POLICY_SHA256_TEXT);
}

static inline bool is_in_force(struct fixture *f)
{
	char sha256[POLICY_SHA256_TEXT];

	sum_of(f, sha256);
	return has_text(f, "policy_sha256", sha256) && is_good(f);
}

static inline bool is_mode(const struct fixture *f, const char *mode)
{
	json_auto_t *v = member(f, "mode");

	return json_is_string(v) && strcmp(json_string_value(v), mode) == 0;
}

static inline bool is_audit(struct fixture *f)
{
	return is_mode(f, "audit");
}

/* ---- changing ---- */

/* Another policy in its place, told from others by a threshold. */
static inline void change(const struct fixture *f, int32_t threshold_a, bool audit_only)
{
	_cleanup_(policy_freep) struct policy *p = sample_policy();

	p->mode = LUTRA_MODE_AUDIT;
	p->threshold_a = threshold_a;
	p->calibration.audit_only = audit_only;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
}

static inline void enroll_audited(struct fixture *f)
{
	json_auto_t *answer = NULL;

	change(f, 1, false);
	answer = enroll(f, "shop", NULL);
	assert_non_null(answer);
	assert_true(is_in_force(f));
}

static inline void restart(struct fixture *f)
{
	stop_daemon(f);
	write_config(f);
	f->daemon = spawn_daemon(f);
	assert_true(becomes(listens, f));
}

#endif
