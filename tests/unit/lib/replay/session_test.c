/* SPDX-License-Identifier: Apache-2.0 */
/* Replays of exec sessions: what is known to them, what the policy does, and what the service learns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>

#include "lib/replay/replay.h"
#include "lutra/score.h"
#include "tests/support/sample.h"

#define SERVICE 1 /* tasks */
#define OPERATOR 2

struct fixture {
	struct policy *p;
	struct replay *r;
	struct replay_step s;
};

/* Adds a node that only exec sessions reach. */
static unsigned add_session_node(struct policy *p, unsigned parent, const char *name, int dir,
				 unsigned flags)
{
	unsigned i = sample_node(p, parent, name, dir, flags);

	p->nodes[i].key ^= LUTRA_SESSION_KEY;
	p->nodes[i].exec_session = 1;
	return i;
}

/* Starts the service and an operator's session, in a mode. */
static void start_replay(struct fixture *f, unsigned mode)
{
	struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = SERVICE};
	struct err err = {};

	replay_free(TAKE_PTR(f->r));
	if (policy_check(f->p, &err) < 0 || replay_new(&f->r, f->p, mode, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(replay_next(f->r, &arm, NULL, 0, &f->s), 0);
	arm.tid = OPERATOR;
	arm.aux = 1;
	assert_int_equal(replay_next(f->r, &arm, NULL, 0, &f->s), 0);
}

/* A policy that audits, whose training had an exec session that read /srv/check. */
static int session_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct policy *p = sample_policy();
	unsigned check, sys;

	check = add_session_node(p, 2, "check", 0, 0);
	sys = add_session_node(p, 0, "sys", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_HOST);
	add_session_node(p, sys, "own", 0, 0);
	p->objects[p->n_objects++] =
		sample_open_token(check) | lutra_object_token_put(LUTRA_FIELD_SESSION, 1);
	qsort(p->objects, p->n_objects, sizeof(*p->objects), sample_compare);
	p->ops |= 1u << LUTRA_OP_CAPABLE;
	p->audit_sessions = true;
	f->p = p;
	*state = f;
	start_replay(f, LUTRA_MODE_DENY);
	return 0;
}

static int session_teardown(void **state)
{
	struct fixture *f = *state;

	replay_free(f->r);
	policy_free(f->p);
	free(f);
	return 0;
}

/* Returns the verdict. */
static unsigned feed_object(struct fixture *f, uint32_t tid, const struct lutra_object *o,
			    const char *path)
{
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .ts_ns = 1};

	lutra_object_pack(o, &rec);
	assert_int_equal(replay_next(f->r, &rec, path, path ? strlen(path) : 0, &f->s), 1);
	return f->s.verdict;
}

static unsigned read_file(struct fixture *f, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};

	return feed_object(f, tid, &o, path);
}

static unsigned write_file(struct fixture *f, uint32_t tid, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE, .mode = 0100644};

	return feed_object(f, tid, &o, path);
}

static unsigned run_program_of_layer(struct fixture *f, uint32_t tid, const char *path,
				     unsigned layer)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_EXEC,
		.flags = (uint8_t)(LUTRA_OBJ_PATH | layer << LUTRA_OBJ_LAYER_SHIFT),
		.mode = 0100755};

	return feed_object(f, tid, &o, path);
}

static unsigned run_program(struct fixture *f, uint32_t tid, const char *path)
{
	return run_program_of_layer(f, tid, path, LUTRA_LAYER_IMAGE);
}

static unsigned use_capability(struct fixture *f, uint32_t tid)
{
	const struct lutra_object o = {.op = LUTRA_OP_CAPABLE, .mode = 21};

	return feed_object(f, tid, &o, NULL);
}

static void session_in_audit_is_reported_by_its_programs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_ALERT);
	assert_int_equal(f->s.role, LUTRA_ROLE_SESSION);
	assert_int_equal(run_program(f, SERVICE, "/usr/bin/vi"), LUTRA_VERDICT_DENY);
}

/* Whoever works in the container is reported once, not by each tool. */
static void session_in_audit_is_reported_by_its_first_tool(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_ALERT);
	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/id"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(f->s.n_matches, 1);
	assert_int_equal(f->s.match[0].verdict, LUTRA_VERDICT_ALLOW);
	assert_false(f->s.match[0].repeated);
	assert_int_equal(run_program(f, SERVICE, "/usr/bin/id"), LUTRA_VERDICT_DENY);
	replay_reset(f->r);
	start_replay(f, LUTRA_MODE_AUDIT);
	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/id"), LUTRA_VERDICT_ALERT);
	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(run_program(f, SERVICE, "/usr/bin/id"), LUTRA_VERDICT_ALERT);
}

/* A program that may be the service's, or a change of the host's, is no tool. */
static void session_in_audit_is_reported_by_each_program_of_no_image(void **state)
{
	static const unsigned layers[] = {LUTRA_LAYER_WRITTEN, LUTRA_LAYER_VOLUME,
					  LUTRA_LAYER_TMPFS, LUTRA_LAYER_UNKNOWN,
					  LUTRA_LAYER_DETACHED};
	struct fixture *f = *state;

	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_ALERT);
	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
		assert_int_equal(run_program_of_layer(f, OPERATOR, "/usr/bin/id", layers[i]),
				 LUTRA_VERDICT_ALERT);
	assert_int_equal(use_capability(f, OPERATOR), LUTRA_VERDICT_DENY);
}

static void session_in_audit_is_logged(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_file(f, OPERATOR, "/etc/shadow"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(f->s.n_matches, 1);
	assert_int_equal(write_file(f, OPERATOR, "/etc/shadow"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(f->s.n_matches, 1);
	assert_int_equal(write_file(f, SERVICE, "/etc/shadow"), LUTRA_VERDICT_DENY);
}

static void session_in_audit_is_refused_what_is_the_hosts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write_file(f, OPERATOR, "/sys/kernel/x"), LUTRA_VERDICT_DENY);
	assert_int_equal(read_file(f, OPERATOR, "/sys/kernel/x"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(write_file(f, OPERATOR, "/sys/own"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(use_capability(f, OPERATOR), LUTRA_VERDICT_DENY);
	start_replay(f, LUTRA_MODE_AUDIT);
	assert_int_equal(write_file(f, OPERATOR, "/sys/kernel/x"), LUTRA_VERDICT_ALERT);
}

/* Neither the container nor the session: an operator may mistype. */
static void session_in_audit_is_never_killed(void **state)
{
	struct fixture *f = *state;

	f->p->kill_matches = 1;
	start_replay(f, LUTRA_MODE_KILL_CONTAINER);
	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_ALERT);
	assert_int_equal(use_capability(f, OPERATOR), LUTRA_VERDICT_DENY);
	assert_int_equal(use_capability(f, SERVICE), LUTRA_VERDICT_KILL);
}

static void session_in_guard_is_judged_as_the_service(void **state)
{
	struct fixture *f = *state;

	f->p->audit_sessions = false;
	start_replay(f, LUTRA_MODE_DENY);
	assert_int_equal(read_file(f, OPERATOR, "/etc/shadow"), LUTRA_VERDICT_DENY);
	assert_int_equal(run_program(f, OPERATOR, "/usr/bin/vi"), LUTRA_VERDICT_DENY);
	assert_int_equal(read_file(f, OPERATOR, "/etc/hosts"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(f->s.n_matches, 0);
}

/* What sessions did in training is known to them. For the service it is as if it were not there. */
static void session_of_training_teaches_the_service_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_file(f, OPERATOR, "/srv/check"), LUTRA_VERDICT_ALLOW);
	assert_int_equal(f->s.n_matches, 0);
	assert_int_equal(read_file(f, SERVICE, "/srv/check"), LUTRA_VERDICT_DENY);
	assert_int_equal(f->s.judgement.kind, LUTRA_KIND_ELSEWHERE);
	assert_int_equal(read_file(f, SERVICE, "/sys/own"), LUTRA_VERDICT_DENY);
	assert_int_equal(f->s.judgement.kind, LUTRA_KIND_PROTECTED);
}

/* A pair counts once a container: what the session does first is new to the service still. */
static void session_in_audit_claims_no_pairs(void **state)
{
	struct lutra_record rec = {.type = LUTRA_RECORD_SYSCALL, .ts_ns = 1};
	struct fixture *f = *state;

	memset(f->p->t0, 0, (size_t)f->p->v * f->p->v * sizeof(*f->p->t0));
	f->p->t0[LUTRA_PAD * f->p->v + 2] = 0x1000;
	f->p->p1 = 0;
	f->p->p2 = (uint8_t)(f->p->t1[0] & 0xff);
	start_replay(f, LUTRA_MODE_DENY);
	rec.tid = OPERATOR;
	rec.nr = SYS_read;
	assert_int_equal(replay_next(f->r, &rec, NULL, 0, &f->s), 1);
	assert_int_equal(f->s.token, 2);
	assert_int_equal(f->s.weight[0], 0);
	rec.tid = SERVICE;
	assert_int_equal(replay_next(f->r, &rec, NULL, 0, &f->s), 1);
	assert_int_equal(f->s.weight[0], 0x10);
}

#define T(f) cmocka_unit_test_setup_teardown(f, session_setup, session_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(session_in_audit_is_reported_by_its_programs),
		T(session_in_audit_is_reported_by_its_first_tool),
		T(session_in_audit_is_reported_by_each_program_of_no_image),
		T(session_in_audit_is_logged),
		T(session_in_audit_is_refused_what_is_the_hosts),
		T(session_in_audit_is_never_killed),
		T(session_in_guard_is_judged_as_the_service),
		T(session_of_training_teaches_the_service_nothing),
		T(session_in_audit_claims_no_pairs),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
