/* SPDX-License-Identifier: Apache-2.0 */
/* An alert that repeats a refusal ends the clean time of a learned image, which its gate needs. */
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "tests/support/daemon/peer.h"
#include "tests/support/daemon/shop.h"
#include "tests/support/scratch.h"
#include "user/policy/lifecycle.h"

#define CLEAN_HOURS 1000 /* of a test no minute passes */
#define HOUR_NS 3600000000000ull
#define REPEATS_NS 10000000000ull /* lutrad looks at what came again when so much has passed */

/* Says in life.json that the policy of the container was learned, and was clean for so long. */
static void save_clean_time(const struct fixture *f)
{
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state");
	struct lifecycle all = {};
	struct lifecycle_image *i;

	assert_int_equal(lifecycle_load(state_dir, &all, NULL), 0);
	i = lifecycle_of_policy(&all, "shop");
	if (!i) {
		assert_int_equal(lifecycle_add(&all, "example.org/shop:1", &i, NULL), 0);
		free(i->policy);
		i->policy = strdup("shop");
		i->trained = true;
	}
	i->clean_ns = CLEAN_HOURS * HOUR_NS;
	assert_int_equal(lifecycle_save(state_dir, &all), 0);
	lifecycle_done(&all);
}

static double clean_hours(const struct fixture *f)
{
	json_auto_t *j = lutrad_ask(f, "learn", NULL, NULL);
	const json_t *image = json_array_get(json_object_get(j, "images"), 0);
	const json_t *hours = json_object_get(image, "clean_hours");

	assert_true(json_is_real(hours));
	return json_real_value(hours);
}

static bool is_clean_time_over(struct fixture *f)
{
	return clean_hours(f) < CLEAN_HOURS;
}

/* The container counts, so lutrad has looked at it. */
static bool has_clean_time_grown(struct fixture *f)
{
	return clean_hours(f) > CLEAN_HOURS;
}

static void repeats_of_a_refusal_end_the_clean_time(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	char pin_dir[128];

	snprintf(pin_dir, sizeof(pin_dir), "\"/sys/fs/bpf/lutra-repeats-test-%d\"", (int)getpid());
	f->pin_dir = pin_dir;
	f->pinned = true;
	peer_save_policy(f, NULL);
	lutrad_stop(f);
	save_clean_time(f);
	lutrad_restart_at(f, 0);
	answer = lutrad_ask(f, "enroll",
			    json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				      "shop", "name", "shop", "mode", "audit", "next_exec", 1),
			    NULL);
	assert_non_null(answer);
	/* The first alert is evidence. */
	assert_int_equal(peer_connect_in_container(f), 0);
	assert_true(lutrad_becomes(is_clean_time_over, f));
	/* The next lutrad begins with a long clean time. To it, the first alert is no repetition. */
	lutrad_stop(f);
	save_clean_time(f);
	lutrad_restart_at(f, 0);
	assert_true(lutrad_becomes(has_clean_time_grown, f));
	/* The second is counted in the kernel alone. */
	assert_int_equal(peer_connect_in_container(f), 0);
	lutrad_set_clock(f, REPEATS_NS);
	assert_true(lutrad_becomes(is_clean_time_over, f));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(repeats_of_a_refusal_end_the_clean_time),
	};
	int r;

	if (argc == 2 && strcmp(argv[1], PEER_CONNECT) == 0)
		return peer_connect();
	r = lutrad_cannot_run();
	return r ? r : cmocka_run_group_tests_name("repeats", tests, NULL, NULL);
}
