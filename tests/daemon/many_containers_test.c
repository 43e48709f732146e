/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad with 1,024 containers, under the limit of descriptors that services have by default. */
#include "tests/support/daemon/lutrad.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/policy/policy.h"
#include "lutra/abi.h"
#include "user/sys/clock.h"

#define MANY 1024u
#define SOFT_LIMIT 1024u
#define TIMES 20		 /* that the policy is replaced at most */
#define APPLY_NS 600000000000ull /* until all have the policy */

_Static_assert(LUTRA_CONTAINERS_MAX >= MANY, "so many must be enrolled");

/* From now on the soft limit of this process, and of each lutrad that it starts. */
static void limit_descriptors(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = SOFT_LIMIT;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void enroll_one(const struct fixture *f, unsigned i)
{
	char cgroup[4096], name[32];
	json_auto_t *answer = NULL;
	struct err err = {};

	snprintf(name, sizeof(name), "shop-%u", i);
	snprintf(cgroup, sizeof(cgroup), "%s/%s", f->cgroup, name);
	assert_int_equal(mkdir(cgroup, 0755), 0);
	answer = lutrad_ask(f, "enroll",
			    json_pack("{s:s, s:s, s:s, s:b}", "cgroup", cgroup, "policy", "shop",
				      "name", name, "next_exec", 1),
			    &err);
	if (!answer)
		fail_msg("%s: %s", name, err.msg);
}

/* Returns how many containers are guarded. Fails if two of them have one slot. */
static unsigned count_guarded(const struct fixture *f)
{
	static bool taken[LUTRA_SLOTS];
	json_auto_t *status = lutrad_status(f);
	const json_t *list = json_object_get(status, "containers"), *c;
	size_t i;

	assert_non_null(status);
	memset(taken, 0, sizeof(taken));
	json_array_foreach (list, i, c) {
		json_int_t slot = json_integer_value(json_object_get(c, "slot"));

		assert_true(slot > 0 && slot < LUTRA_SLOTS);
		assert_false(taken[slot]);
		taken[slot] = true;
		assert_string_equal(json_string_value(json_object_get(c, "mode")),
				    "kill-container");
	}
	return (unsigned)json_array_size(list);
}

/* Returns how many containers have a policy. */
static unsigned count_with_policy(const struct fixture *f, const char *sha256)
{
	json_auto_t *status = lutrad_status(f);
	const json_t *list = json_object_get(status, "containers"), *c;
	unsigned n = 0;
	size_t i;

	assert_non_null(status);
	json_array_foreach (list, i, c) {
		const char *has = json_string_value(json_object_get(c, "policy_sha256"));

		n += has && strcmp(has, sha256) == 0;
	}
	return n;
}

/* Replaces the policy of all containers. */
static void replace_policy(const struct fixture *f, char ret_before[static POLICY_SHA256_TEXT])
{
	struct policy *p = NULL;

	assert_int_equal(policy_load(&p, f->policy, NULL), 0);
	memcpy(ret_before, p->json_sha256, POLICY_SHA256_TEXT);
	p->hours += 1;
	assert_int_equal(policy_save(p, f->policy, NULL), 0);
	policy_free(p);
}

/*
 * Replaces the policy, and waits until all containers have it. Returns how many answers came while some
 * of them had the new policy, and some the old one.
 */
static unsigned count_answers_in_between(const struct fixture *f)
{
	const uint64_t until = clock_now_ns() + APPLY_NS;
	char before[POLICY_SHA256_TEXT];
	unsigned left = MANY, between = 0;

	replace_policy(f, before);
	while (left && clock_now_ns() < until) {
		left = count_with_policy(f, before);
		between += left && left < MANY;
	}
	assert_int_equal(left, 0);
	return between;
}

/*
 * The policy is applied in 128 pieces or more, and lutrad answers in between. Where this test has to wait
 * for a processor it may ask too late, so it replaces the policy again.
 */
static void assert_answers_while_a_policy_is_applied(const struct fixture *f)
{
	unsigned between = 0;

	for (unsigned i = 0; i < TIMES && !between; i++)
		between = count_answers_in_between(f);
	assert_true(between > 0);
}

static void many_containers_are_guarded_and_their_policy_is_applied_in_pieces(void **state)
{
	struct fixture *f = *state;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-many-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	limit_descriptors();
	lutrad_restart(f);
	for (unsigned i = 0; i < MANY; i++)
		enroll_one(f, i);
	assert_int_equal(count_guarded(f), MANY);
	assert_int_equal(kill(f->daemon, SIGKILL), 0);
	lutrad_restart(f);
	assert_int_equal(count_guarded(f), MANY);
	assert_answers_while_a_policy_is_applied(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(many_containers_are_guarded_and_their_policy_is_applied_in_pieces)};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("many containers", tests, NULL, NULL);
}
