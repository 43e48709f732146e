/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose policies a daemon takes, and in which mode: signatures, keys that change, modes that
 * outlive policy and daemon, and those that a policy speaks against.
 */
#include "lib/policy/files/policy_sign.h"
#include "tests/support/daemon/shop.h"
#include <fcntl.h>
#include <string.h>
#include <signal.h>
#include "tests/support/scratch.h"
#include "lib/base/file.h"
#include "lib/base/cleanup.h"
#include "user/http/local_client.h"

/* ---- signatures ---- */

/* A key pair in dir/NAME, and the configuration's member for it. */
static void make_key(const struct fixture *f, const char *name, char extra[static 128])
{
	_cleanup_free_ char *path = scratch_path(f->dir, name);
	char public[POLICY_KEY_TEXT];

	assert_int_equal(policy_key_new(path, public, NULL), 0);
	snprintf(extra, 128, ", \"policy_keys\": [\"%s\"]", public);
}

static void sign_policy(const struct fixture *f, const char *name)
{
	_cleanup_free_ char *key = scratch_path(f->dir, name);
	char public[POLICY_KEY_TEXT];

	assert_int_equal(policy_sign(f->policy, key, public, NULL), 0);
}

static void policies_are_taken_only_signed_where_there_is_a_key(void **state)
{
	struct fixture *f = *state;
	char extra[128], other[128];
	json_auto_t *answer = NULL;
	struct err err = {};

	make_key(f, "key", extra);
	make_key(f, "other", other);
	f->extra = extra;
	lutrad_restart(f);
	shop_change_policy(f, 1, false);
	assert_null(lutrad_enroll(f, "shop", &err));
	assert_non_null(strstr(err.msg, "not signed"));
	sign_policy(f, "key");
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
	shop_change_policy(f, 2, false);
	assert_true(lutrad_becomes(shop_is_refused, f));
	assert_true(shop_has_text(f, "policy_error", "not signed"));
	sign_policy(f, "other");
	assert_true(lutrad_becomes(shop_is_refused, f));
	assert_false(shop_is_applied(f));
	sign_policy(f, "key");
	assert_true(lutrad_becomes(shop_is_applied, f));
}

static bool config_is_damaged(struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log"), *log = NULL;
	size_t len;

	return file_read(AT_FDCWD, path, 1 << 24, &log, &len, NULL) == 0 &&
	       strstr(log, "the configuration stays as it was");
}

static void policies_keys_that_change_are_taken_on_sighup(void **state)
{
	struct fixture *f = *state;
	char extra[128], other[128];

	make_key(f, "key", extra);
	make_key(f, "other", other);
	shop_enroll_audited(f);
	f->extra = extra;
	lutrad_write_config(f);
	kill(f->daemon, SIGHUP);
	assert_true(lutrad_becomes(shop_is_refused, f));
	assert_true(shop_has_text(f, "policy_error", "not signed"));
	sign_policy(f, "key");
	assert_true(lutrad_becomes(shop_is_applied, f));
	f->extra = other;
	lutrad_write_config(f);
	kill(f->daemon, SIGHUP);
	assert_true(lutrad_becomes(shop_is_refused, f));
	/* A configuration that is damaged leaves the keys as they are. */
	scratch_write(f->config, "{", 1);
	kill(f->daemon, SIGHUP);
	assert_true(lutrad_becomes(config_is_damaged, f));
	lutrad_write_config(f);
	assert_true(shop_is_refused(f));
	sign_policy(f, "other");
	assert_true(lutrad_becomes(shop_is_applied, f));
}

/* ---- modes ---- */

/* The answer, or NULL with the error in err. */
static json_t *set_mode(const struct fixture *f, const char *mode, bool force, struct err *err)
{
	return lutrad_ask(f, "policies/shop/mode",
			  json_pack("{s:s, s:b}", "mode", mode, "force", (int)force), err);
}

static void policies_mode_switches_the_container_and_outlives_policy_and_daemon(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL, *again = NULL;

	shop_enroll_audited(f);
	answer = set_mode(f, "kill", false, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer, "switched")), 1);
	assert_true(shop_is_mode(f, "kill"));
	shop_change_policy(f, 2, false);
	assert_true(lutrad_becomes(shop_is_applied, f));
	assert_true(shop_is_mode(f, "kill"));
	lutrad_restart(f);
	again = lutrad_enroll(f, "shop", NULL);
	assert_non_null(again);
	assert_true(shop_is_mode(f, "kill"));
}

static bool event_is_stored(struct fixture *f, const char *object)
{
	json_auto_t *answer = lutrad_ask(f, "events", NULL, NULL);
	const char *text = NULL;
	json_t *event;
	size_t i;

	json_array_foreach (json_object_get(answer, "events"), i, event) {
		json_t *fields = json_object_get(event, "output_fields");

		text = json_string_value(json_object_get(fields, "lutra.object"));
		if (text && strcmp(text, object) == 0)
			return true;
	}
	return false;
}

static bool mode_event_is_stored(struct fixture *f)
{
	return event_is_stored(f, "audit to kill: set by root for the policy");
}

static bool policy_event_is_stored(struct fixture *f)
{
	return event_is_stored(f,
			       "audit to kill: set by root for the policy, which no container has");
}

static void policies_mode_that_changes_is_an_event_with_its_cause(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;

	shop_enroll_audited(f);
	answer = set_mode(f, "kill", false, NULL);
	assert_non_null(answer);
	assert_true(lutrad_becomes(mode_event_is_stored, f));
}

static void policies_mode_that_changes_without_a_container_is_an_event(void **state)
{
	struct fixture *f = *state;
	json_auto_t *audit = NULL, *answer = NULL;

	audit = set_mode(f, "audit", false, NULL);
	assert_non_null(audit);
	answer = set_mode(f, "kill", false, NULL);
	assert_int_equal(json_integer_value(json_object_get(answer, "switched")), 0);
	assert_true(lutrad_becomes(policy_event_is_stored, f));
}

static void policies_mode_does_not_end_a_signature(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL, *enrolled = NULL;
	char extra[128];

	make_key(f, "key", extra);
	f->extra = extra;
	lutrad_restart(f);
	sign_policy(f, "key");
	answer = set_mode(f, "audit", false, NULL);
	assert_non_null(answer);
	enrolled = lutrad_enroll(f, "shop", NULL);
	assert_non_null(enrolled);
	assert_true(shop_is_mode(f, "audit"));
}

static void policies_made_from_too_little_refuse_to_enforce_unless_forced(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	struct err err = {};

	shop_enroll_audited(f);
	shop_change_policy(f, 2, true);
	assert_true(lutrad_becomes(shop_is_applied, f));
	assert_null(set_mode(f, "kill", false, &err));
	assert_non_null(strstr(err.msg, "record four more runs"));
	assert_true(shop_is_audit(f));
	answer = set_mode(f, "kill", true, NULL);
	assert_non_null(answer);
	assert_true(shop_is_mode(f, "kill"));
}

static json_t *enroll_in(const struct fixture *f, const char *mode, bool force, struct err *err)
{
	return lutrad_ask(f, "enroll",
			  json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				    "shop", "name", "shop", "mode", mode, "force", (int)force),
			  err);
}

static json_t *switch_to(const struct fixture *f, const char *mode, bool force, struct err *err)
{
	return lutrad_ask(f, "containers/shop/mode",
			  json_pack("{s:s, s:b}", "mode", mode, "force", (int)force), err);
}

static void policies_made_from_too_little_enrol_in_no_mode_that_enforces(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL, *audit = NULL, *forced = NULL, *again = NULL;
	struct err err = {};

	shop_change_policy(f, 1, true);
	assert_null(enroll_in(f, "kill", false, &err));
	assert_non_null(strstr(err.msg, "too little to refuse anything"));
	assert_true(lutrad_guards_nothing(f));
	audit = enroll_in(f, "audit", false, NULL);
	assert_non_null(audit);
	assert_null(switch_to(f, "kill", false, &err));
	assert_non_null(strstr(err.msg, "too little to refuse anything"));
	assert_true(shop_is_audit(f));
	answer = switch_to(f, "kill", true, NULL);
	assert_non_null(answer);
	assert_true(shop_is_mode(f, "kill"));
	again = lutrad_ask(f, "release", json_pack("{s:s}", "name", "shop"), NULL);
	assert_non_null(again);
	forced = enroll_in(f, "kill", true, NULL);
	assert_non_null(forced);
	assert_true(shop_is_mode(f, "kill"));
}

/* The operator's word was of another policy. */
static void policies_made_from_too_little_fall_back_to_audit(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;

	shop_enroll_audited(f);
	answer = set_mode(f, "kill", false, NULL);
	assert_non_null(answer);
	shop_change_policy(f, 2, true);
	assert_true(lutrad_becomes(shop_is_audit, f));
	assert_true(lutrad_becomes(shop_is_applied, f));
}

static void policies_mode_of_what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../shop", "none", ".hidden"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[LOCAL_CLIENT_PATH];
		struct err err = {};

		local_client_path(path, "policies", bad[i], "mode");
		assert_null(lutrad_ask(f, path, json_pack("{s:s}", "mode", "audit"), &err));
		assert_int_not_equal(err.msg[0], '\0');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policies_are_taken_only_signed_where_there_is_a_key),
		T(policies_keys_that_change_are_taken_on_sighup),
		T(policies_mode_switches_the_container_and_outlives_policy_and_daemon),
		T(policies_mode_that_changes_is_an_event_with_its_cause),
		T(policies_mode_that_changes_without_a_container_is_an_event),
		T(policies_mode_does_not_end_a_signature),
		T(policies_made_from_too_little_refuse_to_enforce_unless_forced),
		T(policies_made_from_too_little_enrol_in_no_mode_that_enforces),
		T(policies_made_from_too_little_fall_back_to_audit),
		T(policies_mode_of_what_is_no_name_is_refused),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("policy_modes", tests, NULL, NULL);
}
