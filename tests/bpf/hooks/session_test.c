/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exec sessions under a policy that audits them, by LSM hooks. They are refused what is the host's,
 * unseen capabilities and attacks on the guard. What else they do is logged or alerted. Skipped where
 * LSM programs do not run.
 */
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"

#include <sys/socket.h>
#include <sys/un.h>

#define PLACE "/tmp/lutra-test-session"

static int try_host(void)
{
	return outcome_of(open("/proc/sys/kernel/domainname", O_WRONLY | O_CLOEXEC));
}

static int try_own(void)
{
	return outcome_of(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
}

static int try_write(void)
{
	int r = outcome_of(open(PLACE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));

	unlink(PLACE);
	return r;
}

/* Nobody listens there: what is let through gets another error. */
static int try_engine(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run/engine.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return ELSE;
	return outcome_of(connect(fd, (struct sockaddr *)&a, sizeof(a)));
}

static int try_capability(void)
{
	return outcome_of(chroot("/"));
}

/* The daemon is this worker's parent. The attack needs no capability, which would be refused first. */
static int try_guard(void)
{
	return outcome_of(kill(getppid(), 0));
}

static int do_nothing(void)
{
	return DONE;
}

/* Runs a program that no policy here knows. */
static int try_program(void)
{
	execl("/proc/self/exe", "worker", "--worker", "nothing", NULL);
	return outcome_of(-1);
}

static const struct worker workers[] = {
	{"host", try_host},	{"own", try_own},	  {"write", try_write},
	{"engine", try_engine}, {"program", try_program}, {"capability", try_capability},
	{"guard", try_guard},	{"nothing", do_nothing},
};

/* Adds a node that only exec sessions reach. */
static unsigned session_node(struct policy *p, unsigned parent, const char *name, bool dir,
			     unsigned flags)
{
	unsigned i = kernel_policy_node(p, parent, name, dir, flags);

	p->nodes[i].key ^= LUTRA_SESSION_KEY;
	p->nodes[i].exec_session = 1;
	return i;
}

/*
 * Enrols a policy that knows nothing and denies what a session may or may not do, and runs the
 * service. What comes next is an exec session.
 */
static void enroll_for_sessions(struct box *b, uint32_t mode)
{
	struct policy *p = kernel_policy_new();
	unsigned proc = session_node(p, 0, "proc", true, LUTRA_NODE_PROTECTED | LUTRA_NODE_HOST);
	struct guard_enrolment e = {.cgroup = b->cgroup,
				    .policy = p,
				    .mode = LUTRA_MODE_AUDIT,
				    .next_exec = true,
				    .sessions = true};
	struct err err = {};

	session_node(p, proc, "#", true, 0);
	session_node(p, session_node(p, 0, "run", true, 0), "engine.sock", false, LUTRA_NODE_HOST);
	p->ops = 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_CONNECT |
		 1u << LUTRA_OP_CAPABLE;
	p->audit_sessions = true;
	memset(p->action, LUTRA_ACTION_DENY, sizeof(p->action));
	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
	assert_exited(box_run(b, "nothing", NULL), DONE);
	b->n_evidence = 0;
	assert_int_equal(guard_set_mode(b->guard, b->slot, mode, &err), 0);
}

static void assert_reported(const struct box *b, unsigned rule, unsigned verdict)
{
	const struct seen_evidence *e = box_find_evidence(b, rule);

	assert_non_null(e);
	assert_int_equal(e->ev.verdict, verdict);
	assert_int_equal(e->ev.exec_session, LUTRA_SESSION_AUDITED);
	assert_int_equal(e->ev.refused, verdict >= LUTRA_VERDICT_DENY);
}

static void assert_refused_in(struct box *b, uint32_t mode)
{
	struct lutra_slot slot;

	enroll_for_sessions(b, mode);
	assert_exited(box_run(b, "host", NULL), REFUSED);
	assert_reported(b, LUTRA_RULE_OPEN_WRITE_PROTECTED, LUTRA_VERDICT_DENY);
	assert_exited(box_run(b, "engine", NULL), REFUSED);
	assert_reported(b, LUTRA_RULE_CONNECT, LUTRA_VERDICT_DENY);
	assert_exited(box_run(b, "capability", NULL), REFUSED);
	assert_reported(b, LUTRA_RULE_CAPABLE, LUTRA_VERDICT_DENY);
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), 0);
	assert_false(slot.flags & (LUTRA_SLOT_KILLING | LUTRA_SLOT_FROZEN));
}

static void session_in_deny_is_refused_what_is_the_hosts(void **state)
{
	assert_refused_in(*state, LUTRA_MODE_DENY);
}

static void session_in_kill_container_is_refused_and_lives(void **state)
{
	assert_refused_in(*state, LUTRA_MODE_KILL_CONTAINER);
}

static void session_in_freeze_is_refused_and_freezes_nothing(void **state)
{
	assert_refused_in(*state, LUTRA_MODE_FREEZE);
}

static void session_is_logged_where_it_writes(void **state)
{
	struct box *b = *state;

	enroll_for_sessions(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "write", NULL), DONE);
	assert_exited(box_run(b, "own", NULL), DONE);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_REFUSED), 0);
	assert_non_null(box_find_evidence(b, LUTRA_RULE_OPEN_WRITE_PROTECTED));
	assert_reported(b, LUTRA_RULE_OPEN_WRITE_PROTECTED, LUTRA_VERDICT_ALLOW);
}

static void session_is_reported_by_its_programs(void **state)
{
	struct box *b = *state;

	enroll_for_sessions(b, LUTRA_MODE_KILL);
	assert_exited(box_run(b, "program", NULL), DONE);
	assert_reported(b, LUTRA_RULE_EXEC, LUTRA_VERDICT_ALERT);
}

/* Its first event says who runs what, and that there is no terminal. */
static void session_is_told_when_it_begins(void **state)
{
	const struct seen_evidence *e;
	struct box *b = *state;

	enroll_for_sessions(b, LUTRA_MODE_DENY);
	assert_null(box_find_evidence(b, LUTRA_RULE_SESSION));
	assert_exited(box_run(b, "nothing", NULL), DONE);
	assert_reported(b, LUTRA_RULE_SESSION, LUTRA_VERDICT_ALLOW);
	e = box_find_evidence(b, LUTRA_RULE_SESSION);
	assert_int_equal(e->ev.object.op, LUTRA_OP_EXEC);
	assert_true(e->ev.object.flags & LUTRA_OBJ_PATH);
	assert_int_equal(e->ev.object.mode, getuid());
	assert_int_equal(e->ev.object.port, 0);
	assert_int_equal(e->ev.object.addr[0], 0);
	assert_true(e->ev.str_len > 0);
}

static void session_that_attacks_the_guard_is_refused(void **state)
{
	struct box *b = *state;

	enroll_for_sessions(b, LUTRA_MODE_DENY);
	assert_exited(box_run(b, "guard", NULL), REFUSED);
	assert_reported(b, LUTRA_RULE_GUARD, LUTRA_VERDICT_DENY);
}

static void session_that_attacks_the_guard_is_killed_in_kill(void **state)
{
	struct box *b = *state;

	enroll_for_sessions(b, LUTRA_MODE_KILL);
	assert_killed(box_run(b, "guard", NULL));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(session_in_deny_is_refused_what_is_the_hosts),
		TEST(session_in_kill_container_is_refused_and_lives),
		TEST(session_in_freeze_is_refused_and_freezes_nothing),
		TEST(session_is_logged_where_it_writes),
		TEST(session_is_reported_by_its_programs),
		TEST(session_is_told_when_it_begins),
		TEST(session_that_attacks_the_guard_is_refused),
		TEST(session_that_attacks_the_guard_is_killed_in_kill),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_no_hooks);
}
