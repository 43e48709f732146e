/* SPDX-License-Identifier: Apache-2.0 */
/* What was expected in the place of an event: by the policy that judged it, and by no other one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/policy/accepted/accepted.h"
#include "tests/support/sample.h"
#include "user/alerts/expected.h"

#define CAME "/etc/passwd"

/* An alert of an open that no run had, judged by the policy p in dir. */
static struct alert *open_alert(const char *dir, const struct policy *p, unsigned verdict)
{
	const struct lutra_evidence ev = {
		.syscalls = 2,
		.rule = LUTRA_RULE_OPEN_READ_PROTECTED,
		.verdict = (uint8_t)verdict,
		.role = LUTRA_ROLE_STARTUP,
		.object = {.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = LUTRA_OBJ_PATH},
		.history = {[LUTRA_HISTORY - 2] = {.nr_role = 0},
			    [LUTRA_HISTORY - 1] = {.nr_role = 257, .weight = 9}}};
	const struct alert_container c = {.name = "shop",
					  .policy_dir = dir,
					  .policy_sha256 = p->json_sha256,
					  .accepted_sha256 = p->accepted_sha256};
	struct alert *a = alert_new(&ev, CAME, strlen(CAME), &c);

	assert_non_null(a);
	return a;
}

static struct policy *load_in_force(const char *dir)
{
	struct policy *p = NULL;
	struct err left_out;

	assert_int_equal(accepted_load(&p, dir, NULL, &left_out, NULL), 0);
	return p;
}

/* Returns true if the text lists an object. */
static bool is_expected(const char *text, const char *object)
{
	json_auto_t *j = json_loads(text, 0, NULL);
	json_t *one;
	size_t i;

	assert_non_null(j);
	json_array_foreach (json_object_get(j, "objects"), i, one)
		if (strcmp(json_string_value(one), object) == 0)
			return true;
	return false;
}

static void expected_names_objects_and_calls(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();
	_cleanup_(policy_freep) struct policy *p = load_in_force(f->policy);
	_cleanup_free_ struct alert *a = open_alert(f->policy, p, LUTRA_VERDICT_ALERT);
	_cleanup_free_ char *text = expected_describe(cache, a);
	json_auto_t *j = NULL;
	json_t *call;

	assert_non_null(text);
	assert_true(is_expected(text, "open startup r file /etc/hosts"));
	j = json_loads(text, 0, NULL);
	call = json_array_get(json_object_get(j, "calls"), 0);
	assert_string_equal(json_string_value(json_object_get(call, "after")), "read");
	assert_string_equal(json_string_value(json_object_get(call, "came")), "openat");
	assert_int_equal(json_integer_value(json_object_get(call, "weight")), 9);
}

/* Returns the first call that was usual at the n-th unusual place of a text. */
static const char *expected_at(const json_t *j, size_t n, const char *after)
{
	const json_t *place = json_array_get(json_object_get(j, "calls"), n);

	assert_string_equal(json_string_value(json_object_get(place, "after")), after);
	return json_string_value(json_array_get(json_object_get(place, "expected"), 0));
}

static void expected_names_objects_in_the_sequence(void **state)
{
	static const char page[] = "read /srv/pages/a.html";
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();
	_cleanup_(policy_freep) struct policy *p = NULL;
	_cleanup_free_ struct alert *a = NULL;
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	unsigned key = LUTRA_KEY_FIRST;

	/* A page follows a read, and a read a page. */
	f->p->successors[4 * POLICY_SUCCESSORS] = 6;
	f->p->successors[6 * POLICY_SUCCESSORS] = 4;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	p = load_in_force(f->policy);
	assert_string_equal(policy_key_by_number(p, key)->name, page);
	a = open_alert(f->policy, p, LUTRA_VERDICT_ALERT);
	a->evidence.syscalls = 3;
	a->evidence.history[LUTRA_HISTORY - 4] = (struct lutra_history){.nr_role = 0 | 1 << 12};
	a->evidence.history[LUTRA_HISTORY - 3] =
		(struct lutra_history){.nr_role = 257 | 1 << 12, .weight = 9};
	a->evidence.history[LUTRA_HISTORY - 2] =
		(struct lutra_history){.nr_role = (__u16)(LUTRA_HISTORY_OBJECT | key | 1 << 12)};
	a->evidence.history[LUTRA_HISTORY - 1] =
		(struct lutra_history){.nr_role = 257 | 1 << 12, .weight = 9};
	text = expected_describe(cache, a);
	assert_non_null(text);
	j = json_loads(text, 0, NULL);
	assert_string_equal(expected_at(j, 0, "read"), page);
	assert_string_equal(expected_at(j, 1, page), "read");
}

static void expected_of_a_later_policy_is_not_that_of_the_event(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();
	_cleanup_(policy_freep) struct policy *p = load_in_force(f->policy);
	_cleanup_free_ struct alert *a = open_alert(f->policy, p, LUTRA_VERDICT_ALERT);
	_cleanup_free_ char *before = expected_describe(cache, a), *after = NULL, *other = NULL;
	_cleanup_(expected_cache_freep) struct expected_cache *empty = expected_cache_new();

	assert_non_null(before);
	f->p->n_objects = 0;
	f->p->threshold++;
	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	/* The policy that judged is remembered; where it is not, nothing is claimed. */
	after = expected_describe(cache, a);
	assert_non_null(after);
	assert_string_equal(before, after);
	other = expected_describe(empty, a);
	assert_null(other);
}

static void expected_of_what_was_accepted_later_is_as_before(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();
	_cleanup_(policy_freep) struct policy *p = load_in_force(f->policy), *q = NULL;
	_cleanup_free_ struct alert *a = open_alert(f->policy, p, LUTRA_VERDICT_ALERT), *b = NULL;
	_cleanup_free_ char *before = expected_describe(cache, a), *after = NULL, *again = NULL;
	const struct accepted_facts facts = {.rule = LUTRA_RULE_OPEN_READ_PROTECTED,
					     .role = LUTRA_ROLE_STARTUP,
					     .object = "open r file " CAME,
					     .path = CAME};
	const struct accepted_request request = {.finding = "f1", .by = "root"};
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	json_auto_t *delta = accepted_new(f->policy), *entry = NULL;

	assert_true(accepted_readings(p, &facts, list, NULL) > 0);
	entry = accepted_entry_new(&list[0].scope, &request, 1700000000);
	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	q = load_in_force(f->policy);
	b = open_alert(f->policy, q, LUTRA_VERDICT_ALERT);
	after = expected_describe(cache, b);
	again = expected_describe(cache, a);
	assert_non_null(before);
	assert_non_null(after);
	assert_non_null(again);
	assert_false(is_expected(before, "open startup r file " CAME));
	assert_true(is_expected(after, "open startup r file " CAME));
	assert_string_equal(again, before);
}

static void expected_is_not_asked_of_what_is_only_recorded(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();
	_cleanup_(policy_freep) struct policy *p = load_in_force(f->policy);
	_cleanup_free_ struct alert *a = open_alert(f->policy, p, LUTRA_VERDICT_ALLOW);
	_cleanup_free_ char *text = expected_describe(cache, a);

	assert_null(text);
}

static void expected_of_more_policies_than_the_cache_holds_is_right(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_(expected_cache_freep) struct expected_cache *cache = expected_cache_new();

	for (int i = 0; i < EXPECTED_POLICIES + 3; i++) {
		_cleanup_(policy_freep) struct policy *p = NULL;
		_cleanup_free_ struct alert *a = NULL;
		_cleanup_free_ char *text = NULL;

		f->p->threshold++;
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
		p = load_in_force(f->policy);
		a = open_alert(f->policy, p, LUTRA_VERDICT_ALERT);
		text = expected_describe(cache, a);
		assert_non_null(text);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, sample_saved_setup, sample_saved_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(expected_names_objects_and_calls),
		CASE(expected_names_objects_in_the_sequence),
		CASE(expected_of_a_later_policy_is_not_that_of_the_event),
		CASE(expected_of_what_was_accepted_later_is_as_before),
		CASE(expected_is_not_asked_of_what_is_only_recorded),
		CASE(expected_of_more_policies_than_the_cache_holds_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
