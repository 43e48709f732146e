/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/hook_case.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "tests/support/bpf/kernel_policy.h"

/* Enters a mount namespace of its own and mounts a file system on DIR. Returns 0 or -1. */
static int enter_own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	mkdir(DIR, 0755);
	return mount("lutra", DIR, "tmpfs", 0, NULL);
}

static const struct hook_case *all_cases;

static bool is_about(const struct hook_case *x, const struct seen_evidence *e)
{
	return e->ev.rule == x->rule && e->ev.object.op == x->op &&
	       (!x->detail || e->ev.object.mode == x->detail);
}

static bool has_evidence(const struct box *b, const struct hook_case *x, unsigned verdict)
{
	for (size_t i = 0; i < b->n_evidence; i++)
		if (is_about(x, &b->evidence[i]) && b->evidence[i].ev.verdict == verdict)
			return true;
	return false;
}

static int run_case(struct box *b, const struct hook_case *x)
{
	char number[16];
	int status;

	snprintf(number, sizeof(number), "%d", (int)(x - all_cases));
	status = box_run(b, "each", number);
	if (!WIFEXITED(status))
		fail_msg("%s: worker died by %d", x->hook, WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Removes what a worker leaves in DIR; and if make is set, makes what the next one needs. */
static void make_files(bool make)
{
	int file;

	unlink(DIR "/file");
	unlink(DIR "/other");
	rmdir(DIR "/other");
	rmdir(DIR "/dir");
	rmdir(DIR);
	if (!make)
		return;
	mkdir(DIR, 0755);
	mkdir(DIR "/dir", 0755);
	file = open(DIR "/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	/* The mapping of an empty file cannot be written. */
	(void)!write(file, "x", 1);
	close(file);
}

/* Makes every hook but one known, in every role. */
static void know_other_hooks(struct policy *p, unsigned but)
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

/* Makes mappings of every file known that is older than the container. */
static void know_mappings(struct policy *p)
{
	struct lutra_policy *none = calloc(1, sizeof(*none));
	const struct lutra_object o = {.op = LUTRA_OP_MAPX, .flags = LUTRA_OBJ_PATH};
	unsigned dir = 0;

	assert_non_null(none);
	p->nodes[0].flags = LUTRA_NODE_WILDCARD;
	for (int depth = 0; depth < 8; depth++) {
		const struct lutra_class c = {
			.node = kernel_policy_node(p, dir, "*", false, LUTRA_NODE_WILDCARD)};

		p->objects[p->n_objects++] = lutra_object_token(none, &o, &c, 0, 0);
		dir = kernel_policy_node(p, dir, "*", true, LUTRA_NODE_WILDCARD);
	}
	free(none);
}

/* Returns a policy that does not know the object of the case. Paths miss below a plain root. */
static struct policy *case_policy(const struct hook_case *x)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << x->op;
	p->nodes[0].flags = 0;
	if (x->novel)
		kernel_policy_forget(p, x->novel, false);
	p->action[x->rule] = LUTRA_ACTION_DENY;
	if (x->op == LUTRA_OP_HOOK)
		know_other_hooks(p, x->detail);
	else if (x->op == LUTRA_OP_SOCKET) /* the hook, which has its own token, is known */
		know_other_hooks(p, 0);
	else if (x->op == LUTRA_OP_MAPX)
		know_mappings(p);
	return p;
}

/* The initial state of a test. */
struct case_state {
	const struct hook_case *x;
	char name[96];
};

static const struct hook_case *current_case;

static void case_is_refused(void **state)
{
	const struct hook_case *x = current_case;
	struct policy *p = case_policy(x);
	struct box *b = *state;
	struct err err;

	make_files(true);
	box_enroll(b, p, LUTRA_MODE_AUDIT, false);
	policy_free(p);
	if (run_case(b, x) == REFUSED)
		fail_msg("%s: refused in mode audit", x->hook);
	if (!has_evidence(b, x, LUTRA_VERDICT_ALERT))
		fail_msg("%s: no alert", x->hook);
	make_files(true);
	b->n_evidence = 0;
	assert_int_equal(guard_set_mode(b->guard, b->slot, LUTRA_MODE_DENY, &err), 0);
	if (run_case(b, x) != REFUSED && !(x->flags & QUIET))
		fail_msg("%s: not refused", x->hook);
	if (!has_evidence(b, x, LUTRA_VERDICT_DENY))
		fail_msg("%s: no evidence of a refusal", x->hook);
	assert_true(box_counter(b, LUTRA_COUNTER_REFUSED) > 0);
}

static int case_setup(void **state)
{
	const struct case_state *t = *state;

	current_case = t->x;
	return box_setup(state);
}

static int case_teardown(void **state)
{
	make_files(false);
	return box_teardown(state);
}

int hook_case_main(int argc, char **argv, const struct hook_case *cases, size_t n)
{
	_cleanup_free_ struct case_state *state = calloc(n, sizeof(*state));
	_cleanup_free_ struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	const char *why;

	all_cases = cases;
	if (argc > 3 && !strcmp(argv[1], "--worker")) {
		const struct hook_case *x = &cases[strtoul(argv[3], NULL, 10) % n];

		return x->flags & NEW_MOUNTS && enter_own_mounts() < 0 ? ELSE : x->run();
	}
	why = !state || !tests ? "out of memory" : test_program_why_no_hooks();
	if (why)
		return test_program_run_tests(why, NULL, 0);
	for (size_t i = 0; i < n; i++) {
		const struct hook_case *x = &cases[i];

		state[i].x = x;
		snprintf(state[i].name, sizeof(state[i].name), "each_%s_refuses_%s%s%s%s", x->hook,
			 op_name(x->op), x->op == LUTRA_OP_HOOK ? "_" : "",
			 x->op == LUTRA_OP_HOOK ? hook_name(x->detail) : "",
			 x->novel ? "_in_a_novel_call" : "");
		tests[i] = (struct CMUnitTest){state[i].name, case_is_refused, case_setup,
					       case_teardown, &state[i]};
	}
	return test_program_run_tests(NULL, tests, n);
}
