/* SPDX-License-Identifier: Apache-2.0 */
/* Drafts wait for a signature; deltas are saved by the rules of the configuration. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/sample.h"
#include "tests/support/scratch.h"
#include "user/policy/drafts.h"
#include "user/policy/policy_delta.h"

#define MADE 1700000000

static json_t *make_entry(unsigned nr)
{
	const struct accepted_scope s = {
		.kind = ACCEPTED_SYSCALL, .role = LUTRA_ROLE_STEADY, .nr = nr};
	const struct accepted_request q = {.finding = "f1", .by = "root"};

	return accepted_entry_new(&s, &q, MADE);
}

static const char *id_of(const json_t *entry)
{
	return json_string_value(json_object_get(entry, "id"));
}

static void drafts_survive_their_file(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir};
	json_auto_t *drafts = NULL, *back = NULL, *own = NULL, *entry = make_entry(1);

	assert_int_equal(drafts_load(&config, &drafts, NULL), 0);
	assert_int_equal(json_array_size(drafts), 0);
	assert_int_equal(drafts_add(drafts, f->policy, entry, NULL), 0);
	assert_int_equal(drafts_save(&config, drafts, NULL), 0);
	assert_int_equal(drafts_load(&config, &back, NULL), 0);
	assert_true(json_equal(drafts, back));
	assert_non_null(drafts_find(back, id_of(entry)));
	own = drafts_of_policy(back, f->policy);
	assert_int_equal(json_array_size(own), 1);
	assert_true(drafts_remove(back, id_of(entry)));
	assert_false(drafts_remove(back, id_of(entry)));
}

static void drafts_of_the_same_scope_are_one(void **state)
{
	struct sample_saved *f = *state;
	json_auto_t *drafts = json_array();

	for (unsigned i = 0; i < 4; i++) {
		json_auto_t *entry = make_entry(i & 1);

		assert_int_equal(drafts_add(drafts, f->policy, entry, NULL), 0);
	}
	assert_int_equal(json_array_size(drafts), 2);
}

static void drafts_are_bounded(void **state)
{
	struct sample_saved *f = *state;
	json_auto_t *drafts = json_array(), *more = make_entry(DRAFTS_MAX);

	for (unsigned i = 0; i < DRAFTS_MAX; i++) {
		json_auto_t *entry = make_entry(i);

		assert_int_equal(drafts_add(drafts, f->policy, entry, NULL), 0);
	}
	assert_int_equal(drafts_add(drafts, f->policy, more, NULL), -ENOSPC);
}

static void drafts_that_are_damaged_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"format\": 1}",
		"{\"format\": 2, \"drafts\": []}",
		"{\"format\": 1, \"drafts\": [{}]}",
		"{\"format\": 1, \"drafts\": [{\"policy\": \"/p\", \"entry\": {}}]}"};
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir};
	_cleanup_free_ char *path = scratch_path(f->dir, "drafts.json");

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *drafts = NULL;

		scratch_write(path, bad[i], strlen(bad[i]));
		assert_int_equal(drafts_load(&config, &drafts, NULL), -EBADMSG);
	}
}

static void policy_delta_needs_a_key_where_keys_are_set(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir, .policy_keys = {.n = 1}};
	json_auto_t *delta = accepted_new(f->policy);

	assert_int_equal(policy_delta_save(&config, f->policy, delta, NULL, NULL), -EPERM);
	assert_int_equal(policy_delta_save_less(&config, f->policy, delta, NULL, NULL), -EPERM);
	config.policy_keys.n = 0;
	assert_int_equal(policy_delta_save(&config, f->policy, delta, NULL, NULL), 0);
}

static void policy_delta_is_signed_by_a_trusted_key_only(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir, .policy_keys = {.n = 1}};
	json_auto_t *delta = accepted_new(f->policy);
	_cleanup_free_ char *trusted = scratch_path(f->dir, "trusted"),
			    *other = scratch_path(f->dir, "other");
	char public[POLICY_KEY_TEXT];

	assert_int_equal(policy_key_new(other, public, NULL), 0);
	assert_int_equal(policy_key_new(trusted, public, NULL), 0);
	assert_int_equal(policy_key_parse(public, config.policy_keys.key[0]), 0);
	assert_int_equal(policy_delta_save_less(&config, f->policy, delta, other, NULL),
			 -EKEYREJECTED);
	assert_int_equal(policy_delta_save_less(&config, f->policy, delta, trusted, NULL), 0);
}

static void policy_delta_that_does_not_fit_is_not_saved(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir};
	const struct accepted_scope s = {.kind = ACCEPTED_OBJECT,
					 .role = LUTRA_ROLE_STEADY,
					 .nr = LUTRA_NR_NONE,
					 .any_port = true,
					 .object = {.op = LUTRA_OP_CONNECT,
						    .family = 2,
						    .addr_class = LUTRA_ADDR_PRIVATE,
						    .port = 80}};
	const struct accepted_request q = {.finding = "f1", .by = "root"};
	json_auto_t *delta = accepted_new(f->policy), *entry = accepted_entry_new(&s, &q, MADE);
	json_auto_t *back = NULL;
	struct err err = {""};

	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(policy_delta_save(&config, f->policy, delta, NULL, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "left out"));
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), -ENOENT);
}

/* Adds directories that vary, one in each change, as a command does. Returns if all went well. */
static bool change_many(const struct config *config, const char *policy, int who)
{
	for (int i = 0; i < 20; i++) {
		_cleanup_close_ int lock = -1;
		json_auto_t *delta = NULL;
		char dir[32];

		snprintf(dir, sizeof(dir), "/srv/%c%c", 'a' + who, 'a' + i);
		if (policy_delta_lock(config, true, &lock, NULL) < 0 ||
		    policy_delta_open(config, policy, &delta, NULL) < 0 ||
		    accepted_set_varies(delta, dir, true, NULL) < 0 ||
		    policy_delta_save(config, policy, delta, NULL, NULL) < 0)
			return false;
	}
	return true;
}

static void policy_deltas_of_two_commands_at_once_are_kept(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir};
	json_auto_t *delta = NULL;
	pid_t child[2];

	for (int who = 0; who < 2; who++) {
		child[who] = fork();
		assert_true(child[who] >= 0);
		if (child[who] == 0)
			_exit(!change_many(&config, f->policy, who));
	}
	for (int who = 0; who < 2; who++) {
		int status;

		assert_int_equal(waitpid(child[who], &status, 0), child[who]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(accepted_read(f->policy, NULL, &delta, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(delta, "varies")), 40);
}

static void policy_delta_that_another_command_changes_is_busy(void **state)
{
	struct sample_saved *f = *state;
	struct config config = {.state_dir = f->dir};
	int lock, second;

	assert_int_equal(policy_delta_lock(&config, true, &lock, NULL), 0);
	assert_true(lock >= 0);
	assert_int_equal(policy_delta_lock(&config, false, &second, NULL), -EBUSY);
	assert_int_equal(second, -1);
	close(lock);
	assert_int_equal(policy_delta_lock(&config, false, &lock, NULL), 0);
	close(lock);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, sample_saved_setup, sample_saved_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(drafts_survive_their_file),
		CASE(drafts_of_the_same_scope_are_one),
		CASE(drafts_are_bounded),
		CASE(drafts_that_are_damaged_are_refused),
		CASE(policy_delta_needs_a_key_where_keys_are_set),
		CASE(policy_delta_is_signed_by_a_trusted_key_only),
		CASE(policy_delta_that_does_not_fit_is_not_saved),
		CASE(policy_deltas_of_two_commands_at_once_are_kept),
		CASE(policy_delta_that_another_command_changes_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
