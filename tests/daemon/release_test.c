/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A new release of a learned image keeps the mode and what was accepted; new peers of it only alert in its
 * first hours.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/policy/accepted/accepted.h"
#include "lutra/types.h"
#include "tests/support/daemon/peer.h"
#include "tests/support/daemon/shop.h"
#include "tests/support/scratch.h"
#include "user/policy/lifecycle.h"

#define HOURS_NS (5 * 3600000000000ull) /* longer than life.release_minutes */
#define KILLED 137

/* Says in life.json that the policy was learned of the release sha256:a. */
static void save_learned(const struct fixture *f)
{
	_cleanup_free_ char *state_dir = scratch_path(f->dir, "state");
	struct lifecycle all = {};
	struct lifecycle_image *i;

	assert_int_equal(lifecycle_add(&all, "example.org/shop:1", &i, NULL), 0);
	free(i->policy);
	i->policy = strdup("shop");
	i->digest = strdup("sha256:a");
	i->trained = true;
	assert_int_equal(lifecycle_save(state_dir, &all), 0);
	lifecycle_done(&all);
}

/* Starts a lutrad whose policy kills for a new peer. */
static void begin_in_force(struct fixture *f)
{
	json_auto_t *answer = NULL;

	peer_save_policy(f, "sha256:a");
	lutrad_stop(f);
	save_learned(f);
	lutrad_restart_at(f, 0);
	answer = lutrad_ask(f, "policies/shop/mode",
			    json_pack("{s:s, s:b}", "mode", "kill", "force", 1), NULL);
	assert_non_null(answer);
}

static void enroll_release(const struct fixture *f, const char *digest)
{
	json_auto_t *answer =
		lutrad_ask(f, "enroll",
			   json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				     "shop", "name", "shop", "digest", digest, "next_exec", 1),
			   NULL);

	assert_non_null(answer);
	assert_true(shop_is_mode(f, "kill"));
}

static size_t count_audited(const struct fixture *f)
{
	json_auto_t *rules = shop_member(f, "audited_rules");

	return json_array_size(rules);
}

static bool is_all_in_force(struct fixture *f)
{
	return count_audited(f) == 0;
}

static void release_keeps_the_mode_and_a_new_peer_alerts_in_its_first_hours(void **state)
{
	struct fixture *f = *state;
	json_auto_t *release = NULL;

	begin_in_force(f);
	enroll_release(f, "sha256:b");
	release = shop_member(f, "release");
	assert_true(json_is_true(release));
	assert_int_equal(count_audited(f), 6);
	assert_int_equal(peer_connect_in_container(f), 0);
	lutrad_set_clock(f, HOURS_NS);
	assert_true(lutrad_becomes(is_all_in_force, f));
	assert_int_equal(peer_connect_in_container(f), KILLED);
}

/* Accepts that the container connects to its peer, as a person does. */
static void accept_peer(const struct fixture *f)
{
	static const struct accepted_scope scope = {.kind = ACCEPTED_OBJECT,
						    .role = ACCEPTED_ANY_ROLE,
						    .nr = LUTRA_NR_NONE,
						    .object = {.op = LUTRA_OP_CONNECT,
							       .family = AF_INET,
							       .addr_class = LUTRA_ADDR_LOOPBACK,
							       .port = PEER_PORT}};
	static const struct accepted_request q = {.finding = "f1", .by = "root"};
	json_auto_t *delta = accepted_new(f->policy);
	json_auto_t *entry = accepted_entry_new(&scope, &q, accepted_now());

	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
}

static void accepted_is_kept_for_a_new_release(void **state)
{
	struct fixture *f = *state;
	json_auto_t *accepted = NULL;

	begin_in_force(f);
	accept_peer(f);
	enroll_release(f, "sha256:b");
	accepted = shop_member(f, "accepted_sha256");
	assert_true(json_is_string(accepted));
	lutrad_set_clock(f, HOURS_NS);
	assert_true(lutrad_becomes(is_all_in_force, f));
	assert_int_equal(peer_connect_in_container(f), 0);
}

static void release_that_the_policy_was_made_for_is_in_force_at_once(void **state)
{
	struct fixture *f = *state;

	begin_in_force(f);
	enroll_release(f, "sha256:a");
	assert_true(is_all_in_force(f));
	assert_int_equal(peer_connect_in_container(f), KILLED);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(release_keeps_the_mode_and_a_new_peer_alerts_in_its_first_hours),
		T(accepted_is_kept_for_a_new_release),
		T(release_that_the_policy_was_made_for_is_in_force_at_once),
	};
	int r;

	if (argc == 2 && strcmp(argv[1], PEER_CONNECT) == 0)
		return peer_connect();
	r = lutrad_cannot_run();
	return r ? r : cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
