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

#include "lutra/abi.h"

#define MANY 1024u
#define SOFT_LIMIT 1024u

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

static void many_containers_are_guarded_and_still_are_after_a_kill(void **state)
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(many_containers_are_guarded_and_still_are_after_a_kill)};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("many containers", tests, NULL, NULL);
}
