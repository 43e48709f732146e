/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts that need no LSM: audit, kill, kill-container, the levels, evidence and counters. */
#include "user/guard/guard_impl.h"
#include "tests/support/bpf/kernel_policy.h"
#include "tests/support/bpf/test_program.h"
#include "user/sys/clock.h"

#include <arpa/inet.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>

#include "kern/lutra.skel.h"

#define NOVEL SYS_getpgid /* harmless, and nothing but the workers calls it */

/* ---- workers ---- */

/* Two calls in turn, of two tokens: level M leaves out a call that equals the last two. */
static int work_known(void)
{
	for (int i = 0; i < 20; i++) {
		syscall(SYS_getpid);
		syscall(SYS_getppid);
	}
	return 0;
}

static int work_novel(void)
{
	work_known();
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

static int work_again(void)
{
	for (int i = 0; i < 4; i++)
		syscall(NOVEL, 0);
	return 0;
}

/* Steady from the first accept4 (which fails), then a child with a program: role spawned. */
static int work_spawn(void)
{
	pid_t pid;
	int status;

	syscall(SYS_accept4, -1, NULL, NULL, 0);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "worker", "--worker", "novel", NULL);
		_exit(1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

static int work_connect(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&a, sizeof(a));
}

/* A novel call, and a novel object within the same second. */
static int work_both(void)
{
	syscall(NOVEL, 0);
	work_connect();
	return 0;
}

static int work_child(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		work_novel();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 9 : 0;
}

/* A novel call, its level's decay, and two more of which the second is a pair of its own. */
static int work_twice(void)
{
	syscall(SYS_getppid);
	syscall(NOVEL, 0);
	work_known();
	syscall(NOVEL, 0);
	syscall(NOVEL, 0);
	return 0;
}

static int work_novel_forever(void)
{
	while (syscall(NOVEL, 0) >= 0)
		;
	return 1;
}

static int work_forever(void)
{
	while (syscall(SYS_getppid) >= 0)
		;
	return 1;
}

static const struct worker workers[] = {
	{"known", work_known},	   {"novel", work_novel},
	{"spawn", work_spawn},	   {"connect", work_connect},
	{"both", work_both},	   {"child", work_child},
	{"forever", work_forever}, {"novel-forever", work_novel_forever},
	{"twice", work_twice},	   {"again", work_again},
};

/* A policy that never saw NOVEL, of which a group has an action. */
static struct policy *novel_policy(unsigned group, unsigned action)
{
	struct policy *p = kernel_policy_new();

	kernel_policy_forget(p, NOVEL, group == LUTRA_RULE_NEW_HOOKABLE);
	p->action[group] = (uint8_t)action;
	return p;
}

static int enroll_and_run(struct box *b, struct policy *p, uint32_t mode, const char *name)
{
	box_enroll(b, p, mode, false);
	policy_free(p);
	return box_run(b, name, NULL);
}

/* ---- calls ---- */

static void verdict_known_calls_raise_nothing(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_KILL, "known"),
		      0);
	assert_int_equal(b->n_evidence, 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 0);
	assert_true(box_counter(b, LUTRA_COUNTER_SYSCALLS) > 40);
}

static void verdict_audit_tells_and_lets_live(void **state)
{
	struct box *b = *state;
	const struct lutra_evidence *ev;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 2);
	/* The first is new to the container after a known call, the second after a novel one. */
	assert_int_equal(b->n_evidence, 2);
	ev = &b->evidence[0].ev;
	assert_int_equal(ev->rule, LUTRA_RULE_NEW_HOOKABLE);
	assert_int_equal(ev->verdict, LUTRA_VERDICT_ALERT);
	assert_int_equal(ev->nr, NOVEL);
	assert_int_equal(ev->mode, LUTRA_MODE_AUDIT);
	assert_int_equal(ev->refused, 0);
	assert_int_equal(ev->weight[0], KERNEL_POLICY_WEIGHT);
	assert_int_equal(ev->since_ns, 0);
	assert_int_equal(ev->since_syscalls, 0);
	assert_string_equal(ev->comm, "exe");
	assert_int_equal(ev->ppid, getpid());
	assert_int_equal(ev->level, KERNEL_POLICY_WEIGHT << 9);
	assert_int_equal(b->evidence[1].ev.since_syscalls, 1);
	assert_true(b->evidence[1].ev.since_ns > 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_ALERT), 2);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 0);
}

static void verdict_audit_tells_each_call_a_hook_can_refuse(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_AUDIT, "again"),
		      0);
	assert_int_equal(b->n_evidence, 4);
}

static void verdict_audit_tells_other_novel_calls_once_a_pair(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "again"),
		      0);
	assert_int_equal(b->n_evidence, 2);
}

static void verdict_evidence_holds_last_calls(void **state)
{
	struct box *b = *state;
	const struct lutra_history *past;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	assert_int_equal(b->n_evidence, 2);
	past = b->evidence[0].ev.history;
	for (int i = 0; i < LUTRA_HISTORY - 1; i++) {
		assert_int_equal(past[i].nr_role, i & 1 ? SYS_getpid : SYS_getppid);
		assert_int_equal(past[i].weight, 0);
	}
	assert_int_equal(past[LUTRA_HISTORY - 1].nr_role, NOVEL | LUTRA_HISTORY_NOVEL);
	assert_int_equal(past[LUTRA_HISTORY - 1].weight, KERNEL_POLICY_WEIGHT);
}

static void verdict_log_action_is_allowed(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_LOG),
				     LUTRA_MODE_KILL, "novel"),
		      0);
	assert_int_equal(b->evidence[0].ev.verdict, LUTRA_VERDICT_ALLOW);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_ALLOW), 2);
}

static void verdict_learn_is_silent(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_LEARN, "novel"),
		      0);
	assert_int_equal(b->n_evidence, 0);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SYSCALLS), 0);
}

static void verdict_kill_ends_the_task_at_the_novel_call(void **state)
{
	struct box *b = *state;

	assert_killed(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_KILL, "novel"));
	assert_int_equal(b->n_evidence, 1);
	assert_int_equal(b->evidence[0].ev.verdict, LUTRA_VERDICT_KILL);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 1);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SIGNAL_FAILED), 0);
}

/* A policy whose level passes the threshold at NOVEL. */
static struct policy *level_policy(uint8_t kill_matches)
{
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_LOG);

	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	p->kill_matches = kill_matches;
	return p;
}

static void verdict_kill_of_two_spares_what_only_a_level_finds(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, level_policy(2), LUTRA_MODE_KILL, "novel"), 0);
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_LEVEL)->ev.verdict, LUTRA_VERDICT_ALERT);
}

static void verdict_kill_of_one_kills_at_a_level(void **state)
{
	struct box *b = *state;

	assert_killed(enroll_and_run(b, level_policy(1), LUTRA_MODE_KILL, "novel"));
	assert_int_equal(box_find_evidence(b, LUTRA_RULE_LEVEL)->ev.verdict, LUTRA_VERDICT_KILL);
}

static void verdict_action_kill_needs_no_second_class(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_KILL);

	p->kill_matches = 2;
	assert_killed(enroll_and_run(b, p, LUTRA_MODE_KILL, "novel"));
	assert_int_equal(box_counter(b, LUTRA_COUNTER_KILL), 1);
}

static void verdict_action_kill_in_audit_only_tells(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_KILL),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	assert_int_equal(b->evidence[0].ev.verdict, LUTRA_VERDICT_ALERT);
}

/* No reload, no new binding: the next call of a task that runs already. */
static void verdict_mode_switch_meets_a_running_task(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY);
	struct child *c;
	struct err err;
	int status = 0;

	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	c = box_fork(b, "novel-forever", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, c->pid), 0);
	box_child_go(c);
	while (box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS) < 100)
		sched_yield();
	assert_int_equal(waitpid(c->pid, NULL, WNOHANG), 0);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_KILL, &err), 0);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	c->pid = 0;
	assert_killed(status);
}

static void verdict_kill_of_two_kills_at_the_first_refusal(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY);

	p->kill_matches = 2;
	p->ops = 1u << LUTRA_OP_CONNECT;
	p->action[LUTRA_RULE_CONNECT] = LUTRA_ACTION_DENY;
	assert_killed(enroll_and_run(b, p, LUTRA_MODE_KILL, "both"));
	assert_int_equal(b->n_evidence, 1);
	assert_int_equal(b->evidence[0].ev.rule, LUTRA_RULE_NEW_HOOKABLE);
	assert_int_equal(b->evidence[0].ev.verdict, LUTRA_VERDICT_KILL);
}

static void verdict_kill_spares_the_parent(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_KILL, "child"),
		      9);
}

static void verdict_kill_container_condemns_all(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY);
	struct lutra_slot slot;
	struct child *other;

	box_enroll(b, p, LUTRA_MODE_KILL_CONTAINER, false);
	policy_free(p);
	other = box_fork(b, "forever", NULL);
	assert_int_equal(box_cgroup_join(b->cgroup, other->pid), 0);
	box_child_go(other);
	assert_killed(box_run(b, "child", NULL));
	assert_int_equal(waitpid(other->pid, NULL, 0), other->pid);
	other->pid = 0;
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), 0);
	assert_true(slot.flags & LUTRA_SLOT_KILLING);
}

/* ---- exec sessions ---- */

/* Runs the service, then the worker in an exec session. Frees the policy. */
static int run_in_session(struct box *b, struct policy *p, uint32_t mode, const char *name)
{
	const struct guard_enrolment e = {.cgroup = b->cgroup,
					  .policy = p,
					  .mode = mode,
					  .next_exec = true,
					  .sessions = true};
	struct err err = {};

	if (guard_enroll(b->guard, &e, &b->slot, &err) < 0)
		fail_msg("guard_enroll: %s", err.msg);
	policy_free(p);
	assert_exited(box_run(b, "known", NULL), 0);
	return box_run(b, name, NULL);
}

/* Returns the evidence behind that of the session itself, which is the first; n is how many. */
static const struct seen_evidence *session_evidence(const struct box *b, unsigned n)
{
	assert_int_equal(b->n_evidence, n + 1);
	assert_int_equal(b->evidence[0].ev.rule, LUTRA_RULE_SESSION);
	return &b->evidence[1];
}

static void verdict_session_in_audit_is_logged_and_lives(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_KILL);
	const struct seen_evidence *first;
	struct lutra_slot slot;

	p->audit_sessions = true;
	assert_exited(run_in_session(b, p, LUTRA_MODE_KILL_CONTAINER, "again"), 0);
	first = session_evidence(b, 4);
	assert_int_equal(first->ev.verdict, LUTRA_VERDICT_ALLOW);
	assert_int_equal(first->ev.exec_session, LUTRA_SESSION_AUDITED);
	assert_int_equal(first->ev.role, LUTRA_ROLE_SESSION);
	assert_int_equal(first->ev.mode, LUTRA_MODE_DENY);
	assert_int_equal(guard_slot(b->guard, b->slot, &slot), 0);
	assert_false(slot.flags & LUTRA_SLOT_KILLING);
}

static void verdict_session_in_guard_is_killed(void **state)
{
	struct box *b = *state;

	assert_killed(run_in_session(b, novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_DENY),
				     LUTRA_MODE_KILL, "again"));
	assert_int_equal(session_evidence(b, 1)->ev.exec_session, LUTRA_SESSION_GUARDED);
	assert_int_equal(b->evidence[1].ev.mode, LUTRA_MODE_KILL);
}

/* Its pairs have no weight, and the service's count as if it had not been. */
static void verdict_session_in_audit_claims_no_pairs(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_LOG);

	p->audit_sessions = true;
	assert_exited(run_in_session(b, p, LUTRA_MODE_AUDIT, "novel"), 0);
	assert_int_equal(session_evidence(b, 2)->ev.weight[0], 0);
	assert_int_equal(b->evidence[2].ev.level, 0);
}

/* ---- roles and levels ---- */

static void verdict_exec_from_steady_is_spawned(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "spawn"),
		      0);
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(b->evidence[0].ev.role, LUTRA_ROLE_SPAWNED);
}

static size_t count_rule(const struct box *b, unsigned rule)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n_evidence; i++)
		n += b->evidence[i].ev.rule == rule;
	return n;
}

static void verdict_level_alarms_on_rising_edge_only(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_LOG);
	const struct lutra_evidence *ev;

	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	assert_exited(enroll_and_run(b, p, LUTRA_MODE_AUDIT, "novel"), 0);
	assert_int_equal(count_rule(b, LUTRA_RULE_LEVEL), 1);
	ev = &box_find_evidence(b, LUTRA_RULE_LEVEL)->ev;
	assert_int_equal(ev->level, KERNEL_POLICY_WEIGHT << 9);
	assert_int_equal(ev->threshold, KERNEL_POLICY_WEIGHT << 8);
}

/* The level of a policy of many runs moves by 1/128 of the distance. */
static void verdict_level_moves_as_the_policy_says(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT);

	p->level_shift = LUTRA_M_SHIFT;
	assert_exited(enroll_and_run(b, p, LUTRA_MODE_AUDIT, "novel"), 0);
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(b->evidence[0].ev.level,
			 (KERNEL_POLICY_WEIGHT << LUTRA_M_FRACTION) >> LUTRA_M_SHIFT);
}

/* An old policy: new syscalls still match, and no level does. */
static void verdict_policy_without_the_level_has_no_level(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_HOOKABLE, LUTRA_ACTION_ALERT);

	p->threshold = LUTRA_THRESHOLD_OFF;
	assert_exited(enroll_and_run(b, p, LUTRA_MODE_AUDIT, "novel"), 0);
	assert_int_equal(count_rule(b, LUTRA_RULE_NEW_HOOKABLE), 2);
	assert_int_equal(count_rule(b, LUTRA_RULE_LEVEL), 0);
	assert_int_equal(b->evidence[0].ev.threshold, LUTRA_THRESHOLD_OFF);
}

static void verdict_level_decays_and_may_alarm_again(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_LOG);

	p->threshold = KERNEL_POLICY_WEIGHT << 8;
	assert_exited(enroll_and_run(b, p, LUTRA_MODE_AUDIT, "twice"), 0);
	assert_int_equal(count_rule(b, LUTRA_RULE_LEVEL), 2);
}

static void verdict_pair_counts_once_a_container(void **state)
{
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	assert_int_equal(b->n_evidence, 2);
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_TOKENS), 4);
}

static void verdict_pair_counts_as_often_as_the_policy_says(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT);

	p->level_counts = LUTRA_M_COUNTS;
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	for (size_t i = 1; i <= LUTRA_M_COUNTS; i++) {
		assert_exited(box_run(b, "novel", NULL), 0);
		assert_int_equal(b->n_evidence, 2 * i);
	}
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 2 * LUTRA_M_COUNTS);
}

static void verdict_pair_counts_again_after_a_day(void **state)
{
	const uint64_t hour_ns = 3600000000000ull;
	struct box *b = *state;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(guard_renew_seen(b->guard, clock_now_ns() + 23 * hour_ns), 0);
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 2);
	assert_int_equal(guard_renew_seen(b->guard, clock_now_ns() + 25 * hour_ns), 0);
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 4);
	assert_int_equal(guard_renew_seen(b->guard, clock_now_ns() + 48 * hour_ns), 0);
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 4);
}

static void verdict_new_policy_starts_afresh(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT);
	uint32_t version;

	assert_exited(enroll_and_run(b, novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT),
				     LUTRA_MODE_AUDIT, "novel"),
		      0);
	version = b->evidence[0].ev.policy_version;
	assert_int_equal(guard_set_policy(b->guard, b->slot, p, NULL), 0);
	policy_free(p);
	assert_exited(box_run(b, "novel", NULL), 0);
	assert_int_equal(b->n_evidence, 4);
	assert_int_equal(b->evidence[2].ev.policy_version, version + 1);
}

/* Makes updates of a map fail, or work again, without the guard's knowledge. */
static void break_map(const struct bpf_map *map, bool broken)
{
	static int good = -1;
	_cleanup_close_ int bad = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (broken)
		good = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
	assert_true(dup3(broken ? bad : good, bpf_map__fd(map), O_CLOEXEC) >= 0);
	if (!broken)
		close(TAKE_FD(good));
}

static void verdict_policy_that_cannot_be_loaded_leaves_the_container_without(void **state)
{
	struct box *b = *state;
	struct policy *p = novel_policy(LUTRA_RULE_NEW_SYSCALL, LUTRA_ACTION_ALERT);

	box_enroll(b, NULL, LUTRA_MODE_AUDIT, false);
	break_map(b->guard->skel->maps.policies, true);
	assert_true(guard_set_policy(b->guard, b->slot, p, NULL) < 0);
	break_map(b->guard->skel->maps.policies, false);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_KILL, NULL), -EINVAL);
	assert_int_equal(guard_set_policy(b->guard, b->slot, p, NULL), 0);
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_KILL, NULL), 0);
	policy_free(p);
}

static void verdict_calls_without_policy_are_counted(void **state)
{
	struct box *b = *state;

	box_enroll(b, NULL, LUTRA_MODE_AUDIT, false);
	assert_exited(box_run(b, "known", NULL), 0);
	assert_true(box_counter(b, LUTRA_COUNTER_UNSCORED) > 40);
	assert_int_equal(box_counter(b, LUTRA_COUNTER_SYSCALLS), 0);
}

static void verdict_object_never_seen_is_reported(void **state)
{
	struct box *b = *state;
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_CONNECT;
	assert_exited(enroll_and_run(b, p, LUTRA_MODE_AUDIT, "connect"), 0);
	assert_int_equal(b->n_evidence, 1);
	assert_int_equal(b->evidence[0].ev.rule, LUTRA_RULE_CONNECT);
	assert_int_equal(b->evidence[0].ev.kind, LUTRA_KIND_ELSEWHERE);
	assert_int_equal(b->evidence[0].ev.object.port, 9);
	assert_int_equal(b->evidence[0].ev.fallback, !guard_has_lsm(b->guard));
	assert_int_equal(box_counter(b, LUTRA_COUNTER_NOVEL_OBJECTS), 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(verdict_known_calls_raise_nothing),
		TEST(verdict_audit_tells_and_lets_live),
		TEST(verdict_audit_tells_each_call_a_hook_can_refuse),
		TEST(verdict_audit_tells_other_novel_calls_once_a_pair),
		TEST(verdict_evidence_holds_last_calls),
		TEST(verdict_log_action_is_allowed),
		TEST(verdict_learn_is_silent),
		TEST(verdict_kill_ends_the_task_at_the_novel_call),
		TEST(verdict_kill_of_two_spares_what_only_a_level_finds),
		TEST(verdict_kill_of_one_kills_at_a_level),
		TEST(verdict_kill_of_two_kills_at_the_first_refusal),
		TEST(verdict_action_kill_needs_no_second_class),
		TEST(verdict_action_kill_in_audit_only_tells),
		TEST(verdict_mode_switch_meets_a_running_task),
		TEST(verdict_kill_spares_the_parent),
		TEST(verdict_kill_container_condemns_all),
		TEST(verdict_session_in_audit_is_logged_and_lives),
		TEST(verdict_session_in_guard_is_killed),
		TEST(verdict_session_in_audit_claims_no_pairs),
		TEST(verdict_exec_from_steady_is_spawned),
		TEST(verdict_level_alarms_on_rising_edge_only),
		TEST(verdict_level_moves_as_the_policy_says),
		TEST(verdict_policy_without_the_level_has_no_level),
		TEST(verdict_pair_counts_as_often_as_the_policy_says),
		TEST(verdict_level_decays_and_may_alarm_again),
		TEST(verdict_pair_counts_once_a_container),
		TEST(verdict_pair_counts_again_after_a_day),
		TEST(verdict_new_policy_starts_afresh),
		TEST(verdict_policy_that_cannot_be_loaded_leaves_the_container_without),
		TEST(verdict_calls_without_policy_are_counted),
		TEST(verdict_object_never_seen_is_reported),
	};

	return TEST_PROGRAM(argc, argv, test_program_why_not);
}
