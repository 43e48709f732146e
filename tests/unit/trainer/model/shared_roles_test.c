/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that a policy knows in a role in which no run made them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/syscall.h>

#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/train.h"

#define IN_SPAWNED SYS_getppid
#define IN_DEEPER SYS_getpgrp
#define IN_BOTH SYS_getuid
#define IN_STEADY SYS_getgid
#define ROLES 4

/* A run of a service that starts a script, which starts a program. */
static void add_run(struct corpus *c)
{
	struct made_run m = made_run_new(c);

	made_run_syscall(&m, 1, SYS_accept);
	made_run_syscall(&m, 1, IN_STEADY);
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 1, IN_SPAWNED);
	made_run_syscall(&m, 1, IN_BOTH);
	made_run_task(&m, 1, LUTRA_RECORD_EXEC, 0);
	made_run_syscall(&m, 1, IN_DEEPER);
	made_run_syscall(&m, 1, IN_BOTH);
	made_run_end(&m, "r", false);
}

/* roles: a letter for each of start-up, steady, spawned and deeper; x: the policy has a token. */
static void assert_has_token_in(const struct policy *p, unsigned nr, const char *roles)
{
	for (unsigned role = 0; role < ROLES; role++)
		assert_int_equal(p->token[role][nr] != LUTRA_UNK, roles[role] == 'x');
}

static void call_of_spawned_has_its_token_in_deeper(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	add_run(*state);
	p = made_policy_train(*state, &made_policy_options);
	assert_has_token_in(p, IN_STEADY, "-x--");
	assert_has_token_in(p, IN_SPAWNED, "--xx");
	assert_has_token_in(p, IN_DEEPER, "--xx");
	assert_int_equal(p->token[LUTRA_ROLE_SPAWNED][IN_SPAWNED],
			 p->token[LUTRA_ROLE_DEEPER][IN_SPAWNED]);
	assert_int_equal(p->token[LUTRA_ROLE_SPAWNED][IN_DEEPER],
			 p->token[LUTRA_ROLE_DEEPER][IN_DEEPER]);
}

/* So the levels tell the roles apart. */
static void call_of_both_roles_has_two_tokens(void **state)
{
	_cleanup_(policy_freep) struct policy *p = NULL;

	add_run(*state);
	p = made_policy_train(*state, &made_policy_options);
	assert_has_token_in(p, IN_BOTH, "--xx");
	assert_int_not_equal(p->token[LUTRA_ROLE_SPAWNED][IN_BOTH],
			     p->token[LUTRA_ROLE_DEEPER][IN_BOTH]);
}

/* What opens a port or starts a thread; other calls of start-up stay there. */
static void call_that_opens_a_port_or_starts_a_thread_is_known_in_steady(void **state)
{
	static const unsigned calls[] = {SYS_bind, SYS_listen, SYS_clone, SYS_clone3};
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct made_run m = made_run_new(*state);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		made_run_syscall(&m, 1, calls[i]);
	made_run_syscall(&m, 1, SYS_setuid);
	made_run_syscall(&m, 1, SYS_accept);
	made_run_syscall(&m, 1, SYS_read);
	made_run_end(&m, "r", false);
	p = made_policy_train(*state, &made_policy_options);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_has_token_in(p, calls[i], "xx--");
	assert_has_token_in(p, SYS_setuid, "x---");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(call_of_spawned_has_its_token_in_deeper,
						made_corpus_setup, made_corpus_teardown),
		cmocka_unit_test_setup_teardown(call_of_both_roles_has_two_tokens,
						made_corpus_setup, made_corpus_teardown),
		cmocka_unit_test_setup_teardown(
			call_that_opens_a_port_or_starts_a_thread_is_known_in_steady,
			made_corpus_setup, made_corpus_teardown),
	};

	return cmocka_run_group_tests_name("shared roles", tests, NULL, NULL);
}
