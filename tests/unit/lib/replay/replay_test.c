/* SPDX-License-Identifier: Apache-2.0 */
/* Replays: what becomes of a recorded run's events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <string.h>
#include <sys/syscall.h>

#include "tests/support/sample.h"
#include "lib/abi/syscall_traits.h"
#include "lib/replay/replay.h"

#define MS 1000000ull

struct fixture {
	struct policy *p;
	struct replay *r;
	struct replay_step s;
};

/* In the sample's tables the weights are random: without them only tokens and objects match. */
static int replay_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->p = sample_policy();
	f->p->ops |= 1u << LUTRA_OP_HOOK;
	f->p->level_counts = 1;
	for (size_t i = 0; i < (size_t)f->p->v * f->p->v; i++)
		f->p->t0[i] =
			(uint16_t)(f->p->t0[i] & 0xff) | (i % f->p->v == LUTRA_UNK ? 0x100 : 0);
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		f->p->t1[i] &= 0xff;
		f->p->t2[i] &= 0xff;
	}
	*state = f;
	return replay_new(&f->r, f->p, LUTRA_MODE_DENY, NULL);
}

static int replay_teardown(void **state)
{
	struct fixture *f = *state;

	replay_free(f->r);
	policy_free(f->p);
	free(f);
	return 0;
}

static int feed_record(struct fixture *f, unsigned type, uint32_t tid, uint16_t nr, uint64_t ts_ns,
		       uint64_t arg)
{
	struct lutra_record rec = {
		.type = (uint16_t)type, .tid = tid, .nr = nr, .ts_ns = ts_ns, .arg = arg};

	return replay_next(f->r, &rec, NULL, 0, &f->s);
}

static int feed_syscall(struct fixture *f, uint32_t tid, uint16_t nr)
{
	return feed_record(f, LUTRA_RECORD_SYSCALL, tid, nr, MS, 0);
}

static int open_file(struct fixture *f, uint32_t tid, uint64_t ts_ns, const char *path)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = 0100644};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .ts_ns = ts_ns};

	lutra_object_pack(&o, &rec);
	return replay_next(f->r, &rec, path, strlen(path), &f->s);
}

/* A hook without an object, called in call nr. */
static int feed_hook(struct fixture *f, uint32_t tid, unsigned id, uint16_t nr)
{
	const struct lutra_object o = {.op = LUTRA_OP_HOOK, .mode = (uint16_t)id};
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT, .tid = tid, .ts_ns = MS, .nr = nr};

	lutra_object_pack(&o, &rec);
	return replay_next(f->r, &rec, NULL, 0, &f->s);
}

static void replay_call_has_the_role_of_its_task(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_syscall(f, 1, SYS_read), 1);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(f->s.token, 2);
	assert_int_equal(feed_syscall(f, 1, SYS_accept4), 1);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(feed_syscall(f, 1, SYS_read), 1);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
	assert_int_equal(f->s.token, 4);
	assert_int_equal(feed_record(f, LUTRA_RECORD_EXEC, 1, 0, 0, 0), 0);
	assert_int_equal(feed_syscall(f, 1, SYS_read), 1);
	assert_int_equal(f->s.role, LUTRA_ROLE_SPAWNED);
}

/* The key and the owner of a System V object are recorded, and not judged. */
static void replay_ipc_is_no_event(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_syscall(f, 1, SYS_accept4), 1);
	assert_int_equal(feed_record(f, LUTRA_RECORD_IPC, 1, SYS_shmat, MS, 1), 0);
	assert_int_equal(feed_syscall(f, 1, SYS_read), 1);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
}

static int feed_file(struct fixture *f, uint32_t tid, unsigned op, unsigned flags, const char *path)
{
	const struct lutra_object o = {
		.op = (uint8_t)op,
		.mode = 0100755,
		.flags = (uint8_t)(flags | LUTRA_OBJ_PATH |
				   LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT)};
	struct lutra_record rec = {
		.type = LUTRA_RECORD_OBJECT, .tid = tid, .nr = SYS_openat, .ts_ns = MS};

	lutra_object_pack(&o, &rec);
	return replay_next(f->r, &rec, path, strlen(path), &f->s);
}

/* Recordings that are older than LUTRA_OBJ_UPDATED: written_test.c has the details. */
static void replay_finds_what_a_session_wrote(void **state)
{
	const struct lutra_record arm = {.type = LUTRA_RECORD_ARM, .tid = 2, .aux = 1, .ts_ns = MS};
	struct fixture *f = *state;

	assert_int_equal(replay_next(f->r, &arm, NULL, 0, &f->s), 0);
	feed_record(f, LUTRA_RECORD_FORK, 2, 0, 0, 3ull | 3ull << 32);
	feed_record(f, LUTRA_RECORD_SYSCALL, 3, SYS_openat, MS, O_WRONLY | O_CREAT | O_EXCL);
	assert_int_equal(feed_file(f, 3, LUTRA_OP_OPEN, LUTRA_OBJ_WRITE, "/lib/a.so"), 1);
	assert_int_equal(feed_file(f, 1, LUTRA_OP_MAPX, 0, "/lib/a.so"), 1);
	assert_true(f->s.object.flags & LUTRA_OBJ_UPDATED);
	assert_int_equal(feed_file(f, 1, LUTRA_OP_OPEN, LUTRA_OBJ_WRITE, "/lib/a.so"), 1);
	assert_int_equal(feed_file(f, 1, LUTRA_OP_MAPX, 0, "/lib/a.so"), 1);
	assert_false(f->s.object.flags & LUTRA_OBJ_UPDATED);
}

static void replay_fork_hands_the_state_on(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_accept);
	assert_int_equal(feed_record(f, LUTRA_RECORD_FORK, 1, 0, 0, 2ull | 2ull << 32), 0);
	feed_syscall(f, 2, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
}

static void replay_exec_by_a_thread_keeps_its_state(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_read);
	assert_int_equal(feed_record(f, LUTRA_RECORD_FORK, 1, 1, 0, 2ull | 1ull << 32), 0);
	feed_syscall(f, 2, SYS_accept);
	assert_int_equal(feed_record(f, LUTRA_RECORD_EXIT, 1, 0, 0, 0), 0);
	assert_int_equal(feed_record(f, LUTRA_RECORD_EXEC, 1, 0, 0, 2), 0);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_SPAWNED);
	feed_syscall(f, 2, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
}

static void replay_threads_follow_the_one_that_accepts(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_read);
	assert_int_equal(feed_record(f, LUTRA_RECORD_FORK, 1, 1, 0, 2ull | 1ull << 32), 0);
	assert_int_equal(feed_record(f, LUTRA_RECORD_FORK, 1, 0, 0, 3ull | 3ull << 32), 0);
	feed_syscall(f, 2, SYS_accept);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
	feed_syscall(f, 3, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
}

static void replay_program_that_executes_itself_stays_steady(void **state)
{
	const struct lutra_record again = {
		.type = LUTRA_RECORD_EXEC, .aux = LUTRA_EXEC_AGAIN, .tid = 1};
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_accept);
	assert_int_equal(replay_next(f->r, &again, NULL, 0, &f->s), 0);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
}

static void replay_novel_call_speaks_for_its_hooks(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_socket);
	assert_int_equal(f->s.token, LUTRA_UNK);
	assert_int_equal(feed_hook(f, 1, LUTRA_HOOK_SOCKET_CREATE, SYS_socket), 1);
	assert_int_equal(f->s.n_matches, 0);
	/* Not for those of a worker, of the child, or of the next call. */
	feed_hook(f, 1, LUTRA_HOOK_URING_CMD, LUTRA_NR_NONE);
	assert_int_equal(f->s.n_matches, 1);
	feed_record(f, LUTRA_RECORD_FORK, 1, 0, 0, 2ull | 2ull << 32);
	feed_hook(f, 2, LUTRA_HOOK_SOCKET_CREATE, SYS_socket);
	assert_int_equal(f->s.n_matches, 1);
	feed_syscall(f, 1, SYS_read);
	feed_hook(f, 1, LUTRA_HOOK_SOCKET_CREATE, SYS_read);
	assert_int_equal(f->s.n_matches, 1);
}

static void replay_hook_of_a_call_that_only_t_is_about_speaks(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_kill);
	assert_int_equal(f->s.token, LUTRA_UNK);
	feed_hook(f, 1, LUTRA_HOOK_TASK_KILL, SYS_kill);
	assert_int_equal(f->s.n_matches, 1);
}

static void replay_arm_and_exit_start_afresh(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_accept);
	assert_int_equal(feed_record(f, LUTRA_RECORD_ARM, 1, 0, 0, 0), 0);
	feed_syscall(f, 1, SYS_accept);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
	assert_int_equal(feed_record(f, LUTRA_RECORD_EXIT, 1, 0, 0, 0), 0);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_STARTUP);
}

/* Who ran already may be in any role, until the next accept. */
static void replay_arm_of_who_ran_already_is_any_role(void **state)
{
	struct fixture *f = *state;

	f->p->token[LUTRA_ROLE_DEEPER][SYS_getppid] = 2;
	replay_free(f->r);
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_DENY, NULL), 0);
	feed_syscall(f, 1, SYS_getppid);
	assert_int_equal(f->s.token, LUTRA_UNK);
	assert_int_equal(feed_record(f, LUTRA_RECORD_ARM, 1, 1, 0, 0), 0);
	feed_syscall(f, 1, SYS_getppid);
	assert_int_equal(f->s.role, LUTRA_ROLE_ANY);
	assert_int_equal(f->s.token, 2);
	feed_syscall(f, 1, SYS_socket);
	assert_int_equal(f->s.token, LUTRA_UNK);
	feed_syscall(f, 1, SYS_accept4);
	feed_syscall(f, 1, SYS_getppid);
	assert_int_equal(f->s.role, LUTRA_ROLE_STEADY);
	assert_int_equal(f->s.token, LUTRA_UNK);
}

/* A recording that begins in the middle of a container's life says in which roles its tasks are. */
static void replay_arm_of_a_carried_task_has_its_role(void **state)
{
	struct fixture *f = *state;
	const uint64_t arg = lutra_role_pack(LUTRA_ROLE_SPAWNED, LUTRA_ROLE_DEEPER);

	assert_int_equal(feed_record(f, LUTRA_RECORD_ARM, 1, 1, 0, arg), 0);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_SPAWNED);
	syscall_mask("x86_64", SYSCALL_WAITS, f->p->steady);
	f->p->steady_on_wait = true;
	replay_free(f->r);
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_DENY, NULL), 0);
	feed_record(f, LUTRA_RECORD_ARM, 1, 1, 0, arg);
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_DEEPER);
	feed_record(f, LUTRA_RECORD_ARM, 1, 1, 0, 0xffff); /* no such role */
	feed_syscall(f, 1, SYS_read);
	assert_int_equal(f->s.role, LUTRA_ROLE_ANY);
}

static void replay_restart_syscall_is_no_event(void **state)
{
	assert_int_equal(feed_syscall(*state, 1, LUTRA_NR_RESTART), 0);
}

static void replay_unseen_call_is_t_or_th(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(feed_syscall(f, 1, SYS_socket), 1);
	assert_int_equal(f->s.n_matches, 1);
	assert_int_equal(f->s.match[0].rule, LUTRA_RULE_NEW_HOOKABLE);
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_DENY);
	assert_int_equal(feed_syscall(f, 2, SYS_getppid), 1);
	assert_int_equal(f->s.n_matches, 0); /* the pair counted: said once a container here */
	replay_reset(f->r);
	assert_int_equal(feed_syscall(f, 2, SYS_getppid), 1);
	assert_int_equal(f->s.match[0].rule, LUTRA_RULE_NEW_SYSCALL);
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_ALLOW);
}

static void replay_foreign_entry_is_never_a_native_call(void **state)
{
	struct fixture *f = *state;

	feed_syscall(f, 1, SYS_read | LUTRA_NR_IA32);
	assert_int_equal(f->s.token, LUTRA_UNK);
	feed_syscall(f, 1, SYS_read | LUTRA_NR_X32);
	assert_int_equal(f->s.token, LUTRA_UNK);
}

static void replay_object_is_judged_by_its_path(void **state)
{
	static const struct {
		const char *path;
		int kind, group, verdict;
	} cases[] = {
		{"/etc/hosts", LUTRA_KIND_KNOWN, LUTRA_RULE_NONE, LUTRA_VERDICT_ALLOW},
		{"/srv/pages/any5.html", LUTRA_KIND_KNOWN, LUTRA_RULE_NONE, LUTRA_VERDICT_ALLOW},
		{"/etc/shadow", LUTRA_KIND_PROTECTED, LUTRA_RULE_OPEN_READ_PROTECTED,
		 LUTRA_VERDICT_DENY},
		{"/srv/secret", LUTRA_KIND_ELSEWHERE, LUTRA_RULE_OPEN_READ_ELSEWHERE,
		 LUTRA_VERDICT_DENY},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(open_file(f, 1, 0, cases[i].path), 1);
		assert_true(f->s.is_object);
		assert_int_equal(f->s.judgement.kind, cases[i].kind);
		assert_int_equal(f->s.judgement.rule, cases[i].group);
		assert_int_equal(f->s.verdict, cases[i].verdict);
	}
}

/* In the sample two matches kill: a level never does, what deny would refuse always does. */
static void replay_kill_takes_one_match_that_deny_would_refuse(void **state)
{
	struct fixture *f = *state;

	replay_free(TAKE_PTR(f->r));
	assert_int_equal(f->p->kill_matches, 2);
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_KILL, NULL), 0);
	open_file(f, 1, 1 * MS, "/etc/shadow");
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_KILL);
	feed_record(f, LUTRA_RECORD_SYSCALL, 2, SYS_socket, 1100 * MS, 0);
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_KILL);
	feed_record(f, LUTRA_RECORD_SYSCALL, 3, SYS_getppid, 1100 * MS, 0);
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_ALLOW);
}

static void replay_level_passes_its_threshold_once(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	replay_free(TAKE_PTR(f->r));
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++)
		f->p->t2[i] |= 0xff00;
	f->p->threshold = 4096;
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_DENY, NULL), 0);
	for (int i = 0; i < 50; i++) {
		feed_syscall(f, 1, i & 1 ? SYS_read : SYS_openat);
		for (unsigned k = 0; k < f->s.n_matches; k++)
			if (f->s.match[k].rule == LUTRA_RULE_LEVEL) {
				assert_true(f->s.match[k].level > f->p->threshold);
				n++;
			}
	}
	assert_int_equal(n, 1);
}

/* An object whose key has a token is stepped after its judgement, also if the object is known. */
static void replay_object_moves_the_level(void **state)
{
	struct fixture *f = *state;
	const uint16_t v = (uint16_t)f->p->v;
	int32_t before;

	replay_free(TAKE_PTR(f->r));
	f->p->t0[5 * v + 6] |= 200 << 8; /* accept4, then reading below /srv/pages */
	f->p->threshold = 200 * 4096 / 128 - 1;
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_AUDIT, NULL), 0);
	feed_syscall(f, 1, SYS_accept4);
	feed_syscall(f, 1, SYS_accept4);
	assert_int_equal(f->s.token, 5);
	before = f->s.level;
	assert_int_equal(open_file(f, 1, MS, "/proc/stat"), 1);
	assert_int_equal(f->s.token, LUTRA_PAD); /* left out: the pair is of accept4 still */
	assert_int_equal(open_file(f, 1, MS, "/srv/pages/x.html"), 1);
	assert_int_equal(f->s.judgement.kind, LUTRA_KIND_KNOWN);
	assert_int_equal(f->s.token, 6);
	assert_int_equal(f->s.weight[0], 200);
	assert_int_equal(f->s.level, before + ((200 * 4096 - before) >> 7));
	assert_int_equal(f->s.n_matches, 1);
	assert_int_equal(f->s.match[0].rule, LUTRA_RULE_LEVEL);
	assert_int_equal(f->s.verdict, LUTRA_VERDICT_ALERT);
}

/* What the fixture's policy refuses, in mode audit: an alert, reported once. */
static void replay_alert_about_an_object_is_repeated_after_the_first(void **state)
{
	struct fixture *f = *state;
	const struct reported_case {
		const char *path;
		uint32_t tid;
		bool repeated;
	} cases[] = {
		{"/etc/shadow", 1, false}, {"/etc/shadow", 1, true},  {"/etc/shadow2", 1, false},
		{"/etc/shadow", 1, true},  {"/etc/shadow", 2, false}, {"/etc/shadow", 2, true},
	};

	replay_free(f->r);
	assert_int_equal(replay_new(&f->r, f->p, LUTRA_MODE_AUDIT, NULL), 0);
	assert_int_equal(feed_syscall(f, 2, SYS_accept4), 1); /* another role */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(open_file(f, cases[i].tid, MS + i, cases[i].path), 1);
		assert_int_equal(f->s.n_matches, 1);
		assert_int_equal(f->s.verdict, LUTRA_VERDICT_ALERT);
		assert_int_equal(f->s.match[0].repeated, cases[i].repeated);
	}
	replay_reset(f->r);
	assert_int_equal(open_file(f, 1, MS, "/etc/shadow"), 1);
	assert_false(f->s.match[0].repeated);
}

static void replay_refusal_is_never_repeated(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(open_file(f, 1, MS + i, "/etc/shadow"), 1);
		assert_int_equal(f->s.verdict, LUTRA_VERDICT_DENY);
		assert_false(f->s.match[0].repeated);
	}
}

static void replay_new_without_a_fitting_policy_fails(void **state)
{
	struct fixture *f = *state;
	struct replay *r = NULL;
	struct err err;

	f->p->n_nodes = LUTRA_NODES + 1;
	assert_int_equal(replay_new(&r, f->p, LUTRA_MODE_DENY, &err), -ENOSPC);
	assert_null(r);
}

#define T(f) cmocka_unit_test_setup_teardown(f, replay_setup, replay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(replay_call_has_the_role_of_its_task),
		T(replay_ipc_is_no_event),
		T(replay_finds_what_a_session_wrote),
		T(replay_fork_hands_the_state_on),
		T(replay_exec_by_a_thread_keeps_its_state),
		T(replay_threads_follow_the_one_that_accepts),
		T(replay_program_that_executes_itself_stays_steady),
		T(replay_novel_call_speaks_for_its_hooks),
		T(replay_hook_of_a_call_that_only_t_is_about_speaks),
		T(replay_arm_and_exit_start_afresh),
		T(replay_arm_of_who_ran_already_is_any_role),
		T(replay_arm_of_a_carried_task_has_its_role),
		T(replay_restart_syscall_is_no_event),
		T(replay_unseen_call_is_t_or_th),
		T(replay_foreign_entry_is_never_a_native_call),
		T(replay_object_is_judged_by_its_path),
		T(replay_kill_takes_one_match_that_deny_would_refuse),
		T(replay_level_passes_its_threshold_once),
		T(replay_object_moves_the_level),
		T(replay_alert_about_an_object_is_repeated_after_the_first),
		T(replay_refusal_is_never_repeated),
		T(replay_new_without_a_fitting_policy_fails),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
