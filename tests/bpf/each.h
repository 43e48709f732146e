/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks one by one: an operation that passes a hook is shown to be let through in mode audit, with
 * evidence of what the hook saw, and to be refused in mode deny by the same policy, which knows
 * nothing of that kind. Skipped where LSM programs do not run.
 */
#ifndef LUTRA_TESTS_BPF_EACH_H
#define LUTRA_TESTS_BPF_EACH_H

#include "tests/bpf/fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "lib/abi/names.h"

#define DIR "/tmp/lutra-each-hook"

enum outcome { DONE = 0, REFUSED = 1, ELSE = 2 };

static inline int outcome(long r)
{
	if (r >= 0)
		return DONE;
	return errno == EPERM ? REFUSED : ELSE;
}

/* In a mount namespace of its own, with a file system on DIR. */
static inline int own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	mkdir(DIR, 0755);
	return mount("lutra", DIR, "tmpfs", 0, NULL);
}

#define NEW_MOUNTS 0x1 /* in a mount namespace of its own, with a file system on DIR */
#define QUIET 0x2      /* the caller is told something else than EPERM, or nothing */

struct each {
	const char *hook; /* whose program is tried */
	int (*run)(void);
	unsigned op;	 /* enum lutra_op */
	unsigned detail; /* enum lutra_hook, or the capability */
	unsigned group;	 /* enum lutra_rule */
	unsigned flags;
	unsigned novel; /* a call that the policy never saw, and that none of its rules is about */
};

static const struct each *each_all;

static inline bool is_about(const struct each *x, const struct seen_evidence *e)
{
	return e->ev.rule == x->group && e->ev.object.op == x->op &&
	       (!x->detail || e->ev.object.mode == x->detail);
}

static inline bool told(const struct box *b, const struct each *x, unsigned verdict)
{
	for (size_t i = 0; i < b->n_evidence; i++)
		if (is_about(x, &b->evidence[i]) && b->evidence[i].ev.verdict == verdict)
			return true;
	return false;
}

static inline int run(struct box *b, const struct each *x)
{
	char number[16];
	int status;

	snprintf(number, sizeof(number), "%d", (int)(x - each_all));
	status = box_run(b, "each", number);
	if (!WIFEXITED(status))
		fail_msg("%s: worker died by %d", x->hook, WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* What the worker needs, made before it is enrolled; and what it leaves, removed. */
static inline void files(bool make)
{
	unlink(DIR "/file");
	unlink(DIR "/other");
	rmdir(DIR "/other");
	rmdir(DIR "/dir");
	rmdir(DIR);
	if (!make)
		return;
	mkdir(DIR, 0755);
	mkdir(DIR "/dir", 0755);
	close(open(DIR "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

/* Every hook but that one is known, in every role. */
static inline void know_hooks(struct policy *p, unsigned but)
{
	struct lutra_policy *none = calloc(1, sizeof(*none));
	const struct lutra_class class = {0};
	struct lutra_object o = {.op = LUTRA_OP_HOOK};

	assert_non_null(none);
	for (o.mode = 1; o.mode < LUTRA_HOOK_COUNT; o.mode++)
		for (uint8_t role = 0; o.mode != but && role < LUTRA_ROLES; role++)
			p->objects[p->n_objects++] = lutra_object_token(none, &o, &class, 0, role);
	free(none);
}

/* Every file may be mapped that was there before the container. */
static inline void know_maps(struct policy *p)
{
	struct lutra_policy *none = calloc(1, sizeof(*none));
	const struct lutra_object o = {.op = LUTRA_OP_MAPX, .flags = LUTRA_OBJ_PATH};
	unsigned dir = 0;

	assert_non_null(none);
	p->nodes[0].flags = LUTRA_NODE_WILDCARD;
	for (int depth = 0; depth < 8; depth++) {
		const struct lutra_class c = {
			.node = sample_node(p, dir, "*", false, LUTRA_NODE_WILDCARD)};

		p->objects[p->n_objects++] = lutra_object_token(none, &o, &c, 0, 0);
		dir = sample_node(p, dir, "*", true, LUTRA_NODE_WILDCARD);
	}
	free(none);
}

/* Hooks only: what the policy makes of calls is tested elsewhere. Paths miss below a plain root. */
static inline struct policy *blank_policy(const struct each *x)
{
	struct policy *p = sample_policy();

	p->ops = 1u << x->op;
	p->nodes[0].flags = 0;
	if (x->novel)
		sample_forget(p, x->novel, false);
	p->action[x->group] = LUTRA_ACTION_DENY;
	if (x->op == LUTRA_OP_HOOK)
		know_hooks(p, x->detail);
	else if (x->op == LUTRA_OP_MAPX)
		know_maps(p);
	return p;
}

/* A test's initial state. */
struct each_test {
	const struct each *x;
	char name[96];
};

static const struct each *each_current;

static inline void each_is_refused(void **state)
{
	const struct each *x = each_current;
	struct policy *p = blank_policy(x);
	struct box *b = *state;
	struct err err;

	files(true);
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	if (run(b, x) == REFUSED)
		fail_msg("%s: refused in mode audit", x->hook);
	if (!told(b, x, LUTRA_VERDICT_ALERT))
		fail_msg("%s: no alert", x->hook);
	files(true);
	b->n_evidence = 0;
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	if (run(b, x) != REFUSED && !(x->flags & QUIET))
		fail_msg("%s: not refused", x->hook);
	if (!told(b, x, LUTRA_VERDICT_DENY))
		fail_msg("%s: no evidence of a refusal", x->hook);
	assert_true(counter(b, LUTRA_COUNTER_REFUSED) > 0);
}

static inline int each_setup(void **state)
{
	const struct each_test *t = *state;

	each_current = t->x;
	return box_setup(state);
}

static inline int each_teardown(void **state)
{
	files(false);
	return box_teardown(state);
}

/* The main() of a program that tries all of these. */
static inline int each_main(int argc, char **argv, const struct each *all, size_t n)
{
	_cleanup_free_ struct each_test *state = calloc(n, sizeof(*state));
	_cleanup_free_ struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	const char *why;

	each_all = all;
	if (argc > 3 && !strcmp(argv[1], "--worker")) {
		const struct each *x = &all[strtoul(argv[3], NULL, 10) % n];

		return x->flags & NEW_MOUNTS && own_mounts() < 0 ? ELSE : x->run();
	}
	why = !state || !tests ? "out of memory" : why_no_hooks();
	if (why)
		return tests_run(why, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		const struct each *x = &all[i];

		state[i].x = x;
		snprintf(state[i].name, sizeof(state[i].name), "each_%s_refuses_%s%s%s%s", x->hook,
			 op_name(x->op), x->op == LUTRA_OP_HOOK ? "_" : "",
			 x->op == LUTRA_OP_HOOK ? hook_name(x->detail) : "",
			 x->novel ? "_in_a_novel_call" : "");
		tests[i] = (struct CMUnitTest){state[i].name, each_is_refused, each_setup,
					       each_teardown, &state[i]};
	}
	return tests_run(NULL, tests, n);
}

#endif
