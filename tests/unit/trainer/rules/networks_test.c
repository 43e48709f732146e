/* SPDX-License-Identifier: Apache-2.0 */
/* How far a policy tells peers of private addresses apart, by the runs that it learned from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "tests/support/trainer/made_policy.h"
#include "tests/support/trainer/made_run.h"
#include "trainer/rules/networks.h"

#define RUNS 6

static struct lutra_object peer_of(const char *address)
{
	struct lutra_object o = {.op = LUTRA_OP_CONNECT, .family = LUTRA_AF_INET, .port = 5432};

	assert_int_equal(inet_pton(AF_INET, address, o.addr), 1);
	o.addr_class = lutra_addr4_class(o.addr);
	return o;
}

/* Trains a policy of runs; each is the peers of one run, and NULL ends them. */
static struct policy *train_runs(struct corpus *c, const char *const runs[RUNS][3], uint32_t ops)
{
	struct policy *p;
	char name[8];

	assert_int_equal(corpus_init(c), 0);
	for (size_t i = 0; i < RUNS && runs[i][0]; i++) {
		struct made_run m = made_run_new(c);

		made_run_syscall(&m, 1, SYS_accept);
		for (size_t k = 0; k < 3 && runs[i][k]; k++)
			made_run_object(&m, 1, peer_of(runs[i][k]), NULL);
		snprintf(name, sizeof(name), "r%zu", i);
		made_run_end(&m, name, false);
		c->runs[i].ops = 1u << LUTRA_OP_CONNECT | ops;
	}
	p = made_policy_train(c, &made_policy_options);
	assert_non_null(p);
	return p;
}

static const struct {
	const char *what;
	uint32_t level;
	const char *runs[RUNS][3];
} cases[] = {
	{"the same host in five runs",
	 LUTRA_NETWORK_HOST,
	 {{"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}}},
	{"the same host in three runs",
	 LUTRA_NETWORK_24,
	 {{"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}}},
	{"two runs", LUTRA_NETWORK_CLASS, {{"10.1.2.3"}, {"10.1.2.3"}}},
	{"another host in each run",
	 LUTRA_NETWORK_24,
	 {{"10.1.2.3"}, {"10.1.2.4"}, {"10.1.2.5"}, {"10.1.2.6"}, {"10.1.2.7"}}},
	{"a host in one run only",
	 LUTRA_NETWORK_24,
	 {{"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.3", "10.1.2.4"}}},
	{"another network in each run",
	 LUTRA_NETWORK_16,
	 {{"10.1.2.3"}, {"10.1.3.3"}, {"10.1.4.3"}, {"10.1.5.3"}, {"10.1.6.3"}}},
	{"nothing in common",
	 LUTRA_NETWORK_CLASS,
	 {{"172.18.0.3"}, {"172.19.0.3"}, {"172.20.0.3"}, {"172.21.0.3"}, {"172.22.0.3"}}},
	{"two hosts, each in two runs",
	 LUTRA_NETWORK_HOST,
	 {{"10.1.2.3"}, {"10.1.2.3"}, {"10.1.2.4"}, {"10.1.2.4"}, {"10.1.2.3", "10.1.2.4"}}},
};

static uint32_t level_of(const struct policy *p)
{
	return p->port_exact >> LUTRA_NETWORK_SHIFT & 3;
}

static void networks_are_told_apart_as_far_as_runs_repeat_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(corpus_done) struct corpus c = {0};
		_cleanup_(policy_freep) struct policy *p =
			train_runs(&c, cases[i].runs, 1u << LUTRA_OP_ADDR_CLASSES);

		if (level_of(p) != cases[i].level)
			fail_msg("%s: level %u", cases[i].what, level_of(p));
	}
}

static void networks_of_other_classes_do_not_count(void **state)
{
	static const char *const runs[RUNS][3] = {
		{"10.1.2.3", "100.64.0.1"}, {"10.1.2.3", "100.65.0.1"}, {"10.1.2.3", "100.66.0.1"},
		{"10.1.2.3", "100.67.0.1"}, {"10.1.2.3", "8.8.8.8"},
	};
	_cleanup_(corpus_done) struct corpus c = {0};
	_cleanup_(policy_freep) struct policy *p =
		train_runs(&c, runs, 1u << LUTRA_OP_ADDR_CLASSES);

	(void)state;
	assert_int_equal(level_of(p), LUTRA_NETWORK_HOST);
	assert_int_equal(p->port_exact >> (LUTRA_NETWORK_SHIFT + 2) & 3, LUTRA_NETWORK_CLASS);
}

/* The policy refuses a neighbour of the peer, and knows the peer. */
static void networks_decide_what_the_policy_knows(void **state)
{
	_cleanup_(corpus_done) struct corpus c = {0};
	_cleanup_(policy_freep) struct policy *p =
		train_runs(&c, cases[0].runs, 1u << LUTRA_OP_ADDR_CLASSES);
	struct lutra_policy *image = calloc(1, sizeof(*image));
	struct lutra_object peer = peer_of("10.1.2.3"), other = peer_of("10.1.2.4");
	struct lutra_judgement j = {0};

	(void)state;
	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	lutra_judge_pathless(image, &peer, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.kind, LUTRA_KIND_KNOWN);
	lutra_judge_pathless(image, &other, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.rule, LUTRA_RULE_CONNECT);
	free(image);
}

/* Of recordings that do not tell classes apart the policy has the old ones, and no networks count. */
static void networks_of_old_recordings_are_not_told_apart(void **state)
{
	_cleanup_(corpus_done) struct corpus c = {0};
	_cleanup_(policy_freep) struct policy *p = train_runs(&c, cases[0].runs, 0);
	struct lutra_policy *image = calloc(1, sizeof(*image));
	struct lutra_object other = peer_of("169.254.169.254");
	struct lutra_judgement j = {0};

	(void)state;
	assert_non_null(image);
	assert_int_equal(policy_to_kernel(p, 1, image, NULL), 0);
	lutra_judge_pathless(image, &other, LUTRA_ROLE_STEADY, &j);
	assert_int_equal(j.kind, LUTRA_KIND_KNOWN);
	free(image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_told_apart_as_far_as_runs_repeat_them),
		cmocka_unit_test(networks_of_other_classes_do_not_count),
		cmocka_unit_test(networks_decide_what_the_policy_knows),
		cmocka_unit_test(networks_of_old_recordings_are_not_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
