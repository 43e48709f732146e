/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person adds to a policy, under a daemon and a container: it is in force at once, ends when it
 * should, and what is damaged changes nothing.
 */
#include "tests/support/daemon/shop.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lutra/types.h"
#include "tests/support/scratch.h"
#include "user/store/store_incidents.h"
#include "user/sys/clock.h"

#define HOUR_S 3600

/* Puts an action into the delta of the policy. */
static void set_action(const struct fixture *f, const char *rule, const char *action)
{
	json_auto_t *delta = NULL;

	if (accepted_read(f->policy, NULL, &delta, NULL) < 0)
		delta = accepted_new(f->policy);
	assert_int_equal(accepted_set_action(delta, rule, action, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
}

/* Writes the sum of what is accepted on disk, as the status names it. */
static bool is_accepted_applied(struct fixture *f)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	json_auto_t *v = shop_member(f, "accepted_sha256");
	struct err left_out;

	assert_int_equal(accepted_load(&p, f->policy, NULL, &left_out, NULL), 0);
	if (!*p->accepted_sha256)
		return json_is_null(v);
	return json_is_string(v) && strcmp(json_string_value(v), p->accepted_sha256) == 0;
}

static bool is_nothing_accepted(struct fixture *f)
{
	json_auto_t *v = shop_member(f, "accepted_sha256");

	return json_is_null(v);
}

static bool has_accepted_error(struct fixture *f)
{
	return shop_has_text(f, "policy_error", POLICY_ACCEPTED_FILE);
}

static void accepted_changed_is_put_in_force(void **state)
{
	struct fixture *f = *state;

	shop_enroll_audited(f);
	assert_true(is_nothing_accepted(f));
	set_action(f, "path-K", "log");
	assert_true(lutrad_becomes(is_accepted_applied, f));
	assert_false(is_nothing_accepted(f));
	set_action(f, "path-K", "deny");
	assert_true(lutrad_becomes(is_accepted_applied, f));
	set_action(f, "path-K", NULL);
	assert_true(lutrad_becomes(is_nothing_accepted, f));
}

static void accepted_is_kept_when_the_policy_is_replaced(void **state)
{
	struct fixture *f = *state;

	shop_enroll_audited(f);
	set_action(f, "path-K", "log");
	assert_true(lutrad_becomes(is_accepted_applied, f));
	shop_change_policy(f, 2, false);
	assert_true(lutrad_becomes(shop_is_applied, f));
	assert_true(is_accepted_applied(f));
	assert_false(is_nothing_accepted(f));
}

static void accepted_that_is_damaged_leaves_the_old_in_force(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);

	shop_enroll_audited(f);
	set_action(f, "path-K", "log");
	assert_true(lutrad_becomes(is_accepted_applied, f));
	scratch_write(path, "{", 1);
	assert_true(lutrad_becomes(has_accepted_error, f));
	assert_false(is_nothing_accepted(f));
	unlink(path);
	assert_true(lutrad_becomes(is_nothing_accepted, f));
	assert_true(shop_is_applied(f));
}

static void accepted_for_a_time_ends(void **state)
{
	static const struct accepted_scope scope = {
		.kind = ACCEPTED_SYSCALL, .role = LUTRA_ROLE_STEADY, .nr = 101};
	const struct accepted_request q = {
		.finding = "f1", .by = "root", .until = accepted_now() + HOUR_S};
	struct fixture *f = *state;
	json_auto_t *delta = NULL, *entry = accepted_entry_new(&scope, &q, accepted_now());

	lutrad_restart_at(f, 0);
	shop_enroll_audited(f);
	delta = accepted_new(f->policy);
	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_true(lutrad_becomes(is_accepted_applied, f));
	assert_false(is_nothing_accepted(f));
	lutrad_set_clock(f, 2 * HOUR_S * NSEC_PER_SEC);
	assert_true(lutrad_becomes(is_nothing_accepted, f));
}

/* Stores findings in a state; entry: what accepted them, "" for none. No policy has the entry. */
static void store_findings(const struct fixture *f, unsigned n, const char *state,
			   const char *entry)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "state/events.db");
	struct finding x = {
		.image = "shop:1", .rule = "exec", .role = "steady", .verdict = "alert"};
	_cleanup_(store_freep) struct store *s = NULL;

	TEXT_COPY(x.state, state);
	TEXT_COPY(x.accepted, entry);
	assert_int_equal(store_new(&s, path, NULL), 0);
	x.first_ns = (uint64_t)accepted_now() * NSEC_PER_SEC;
	for (unsigned i = 0; i < n; i++) {
		x.last_ns = x.first_ns + i / 2; /* two of each time */
		snprintf(x.id, sizeof(x.id), "f%016x", i);
		assert_int_equal(store_put_finding(s, &x, NULL, NULL), 0);
	}
	assert_int_equal(store_commit(s, NULL, NULL), 0);
}

static bool has_no_accepted_finding(struct fixture *f)
{
	json_auto_t *j = lutrad_ask(f, "findings?state=accepted&limit=1", NULL, NULL);

	return j && json_array_size(json_object_get(j, "findings")) == 0;
}

static void accepted_findings_become_new_however_many_there_are(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;

	lutrad_stop(f);
	store_findings(f, 2500, "accepted", "a1");
	lutrad_restart(f);
	assert_false(has_no_accepted_finding(f));
	answer = lutrad_ask(f, "policies/shop/accepted", json_object(), NULL);
	assert_non_null(answer);
	assert_true(lutrad_becomes(has_no_accepted_finding, f));
}

static void accepted_findings_stay_while_a_delta_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);
	json_auto_t *first = NULL, *second = NULL;

	lutrad_stop(f);
	store_findings(f, 1, "accepted", "a1");
	scratch_write(path, "{", 1);
	lutrad_restart(f);
	first = lutrad_ask(f, "policies/shop/accepted", json_object(), NULL);
	assert_non_null(first);
	/* What the first request changed, the second one finds: changes are made in order. */
	unlink(path);
	assert_false(has_no_accepted_finding(f));
	second = lutrad_ask(f, "policies/shop/accepted", json_object(), NULL);
	assert_non_null(second);
	assert_true(lutrad_becomes(has_no_accepted_finding, f));
}

/* Asks for the page of findings that begins at next, and sets next to that of the page after it. */
static size_t count_findings(struct fixture *f, char next[static 64])
{
	char path[128];
	json_auto_t *j = NULL;
	const json_t *after;

	snprintf(path, sizeof(path), "findings?state=new&limit=200%s%s", *next ? "&before=" : "",
		 next);
	j = lutrad_ask(f, path, NULL, NULL);
	assert_non_null(j);
	after = json_object_get(j, "next");
	snprintf(next, 64, "%s", json_is_string(after) ? json_string_value(after) : "");
	return json_array_size(json_object_get(j, "findings"));
}

static void findings_are_all_listed_page_by_page(void **state)
{
	struct fixture *f = *state;
	char next[64] = "";
	size_t n = 0;

	lutrad_stop(f);
	store_findings(f, 450, "new", "");
	lutrad_restart(f);
	do
		n += count_findings(f, next);
	while (*next && n < 1000);
	assert_int_equal(n, 450);
}

/* Skips all findings in a review. Returns how many there were. */
static size_t count_reviewed(const struct fixture *f)
{
	char command[512], line[1024];
	size_t n = 0;
	FILE *out;

	snprintf(command, sizeof(command), "yes s | build/bin/lutra review --config '%s'",
		 f->config);
	out = popen(command, "r");
	assert_non_null(out);
	while (fgets(line, sizeof(line), out))
		n += line[0] == 'f' && strstr(line, "shop:1");
	assert_int_equal(pclose(out), 0);
	return n;
}

static void review_reaches_every_finding(void **state)
{
	struct fixture *f = *state;

	lutrad_stop(f);
	store_findings(f, 450, "new", "");
	lutrad_restart(f);
	assert_int_equal(count_reviewed(f), 450);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(accepted_changed_is_put_in_force),
		T(accepted_is_kept_when_the_policy_is_replaced),
		T(accepted_that_is_damaged_leaves_the_old_in_force),
		T(accepted_for_a_time_ends),
		T(accepted_findings_become_new_however_many_there_are),
		T(accepted_findings_stay_while_a_delta_cannot_be_read),
		T(findings_are_all_listed_page_by_page),
		T(review_reaches_every_finding),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("accepted", tests, NULL, NULL);
}
