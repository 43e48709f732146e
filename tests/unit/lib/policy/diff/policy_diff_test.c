/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies is said, by name, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/policy/diff/policy_diff.h"
#include <string.h>
#include <sys/syscall.h>
#include "tests/support/sample.h"
#include "lutra/object_token.h"

struct fixture {
	struct policy *old, *now;
	json_t *diff;
	char *text; /* as printed */
};

static int policy_diff_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->old = sample_policy();
	f->now = sample_policy();
	*state = f;
	return 0;
}

static int policy_diff_teardown(void **state)
{
	struct fixture *f = *state;

	policy_free(f->old);
	policy_free(f->now);
	json_decref(f->diff);
	free(f->text);
	free(f);
	return 0;
}

static void make_diff(struct fixture *f)
{
	size_t len;
	FILE *out = open_memstream(&f->text, &len);

	f->diff = policy_diff(f->old, f->now);
	assert_non_null(f->diff);
	policy_diff_print(f->diff, out);
	assert_int_equal(fclose(out), 0);
}

/* Is list, at path a.b.c of the difference, this one name? */
static void assert_one(const struct fixture *f, const char *a, const char *b, const char *c,
		       const char *name)
{
	const json_t *j = json_object_get(f->diff, a);

	j = b ? json_object_get(j, b) : j;
	j = json_object_get(j, c);
	assert_int_equal(json_array_size(j), 1);
	assert_string_equal(json_string_value(json_array_get(j, 0)), name);
	assert_non_null(strstr(f->text, name));
}

static void assert_changed(const struct fixture *f, const char *a, const char *b, const char *old,
			   const char *now)
{
	const json_t *j = json_object_get(json_object_get(f->diff, a), b);

	assert_string_equal(json_string_value(json_object_get(j, "old")), old);
	assert_string_equal(json_string_value(json_object_get(j, "new")), now);
}

/* Of all members, only these say something. */
static void assert_only(const struct fixture *f, const char *const members[])
{
	const char *key;
	json_t *v;

	assert_false(json_is_true(json_object_get(f->diff, "same")));
	json_object_foreach (f->diff, key, v) {
		_cleanup_free_ char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
		bool expected = false;

		for (size_t i = 0; members[i]; i++)
			expected |= strcmp(members[i], key) == 0;
		if (!expected && strchr(text, ':') && !strstr(text, "{\"gained\":[],\"lost\":[]"))
			fail_msg("%s: %s", key, text);
	}
}

static void policy_diff_of_a_policy_with_itself_is_nothing(void **state)
{
	struct fixture *f = *state;

	make_diff(f);
	assert_true(json_is_true(json_object_get(f->diff, "same")));
	assert_string_equal(f->text, "  nothing changed\n");
}

static void policy_diff_has_all_members_even_when_they_are_empty(void **state)
{
	static const char *const members[] = {
		"arguments", "same",  "about",	"calls",      "th",	  "operations", "objects",
		"actions",   "paths", "tables", "thresholds", "training", "calibration"};
	struct fixture *f = *state;

	make_diff(f);
	assert_int_equal(json_object_size(f->diff), sizeof(members) / sizeof(members[0]));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert_non_null(json_object_get(f->diff, members[i]));
}

static void policy_diff_names_calls_by_role(void **state)
{
	struct fixture *f = *state;

	f->now->token[LUTRA_ROLE_STEADY][SYS_mmap] = 4;
	f->now->token[LUTRA_ROLE_STARTUP][SYS_openat] = LUTRA_UNK;
	make_diff(f);
	assert_one(f, "calls", "steady", "gained", "mmap");
	assert_one(f, "calls", "startup", "lost", "openat");
	assert_non_null(strstr(f->text, "steady gained mmap\n"));
	assert_only(f, (const char *const[]){"calls", NULL});
}

static void policy_diff_says_that_the_weights_differ(void **state)
{
	struct fixture *f = *state;

	f->now->t2[77] ^= 0x0100;
	make_diff(f);
	assert_true(json_is_true(json_object_get(f->diff, "tables")));
	assert_non_null(strstr(f->text, "weights"));
	assert_only(f, (const char *const[]){"tables", NULL});
}

static void policy_diff_names_calls_that_are_refused_when_new(void **state)
{
	struct fixture *f = *state;

	f->now->hookable[SYS_mount / 64] |= 1ull << (SYS_mount & 63);
	f->now->hookable[SYS_socket / 64] &= ~(1ull << (SYS_socket & 63));
	make_diff(f);
	assert_one(f, "th", NULL, "gained", "mount");
	assert_one(f, "th", NULL, "lost", "socket");
}

static void policy_diff_names_paths_ports_and_capabilities(void **state)
{
	struct fixture *f = *state;
	struct policy *p = f->now;

	p->n_objects = 0;
	p->objects[p->n_objects++] = sample_open_token(5);
	p->objects[p->n_objects++] = sample_connect_token(5432);
	p->objects[p->n_objects++] = lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CAPABLE) |
				     lutra_object_token_put(LUTRA_FIELD_DETAIL, 21);
	qsort(p->objects, p->n_objects, sizeof(*p->objects), sample_compare);
	make_diff(f);
	assert_one(f, "objects", "open", "lost", "open startup r file /etc/hosts");
	assert_one(f, "objects", "connect", "lost", "connect steady ipv4 loopback port 3306");
	assert_one(f, "objects", "connect", "gained", "connect steady ipv4 loopback port 5432");
	assert_one(f, "objects", "capable", "gained", "capable sys_admin");
	assert_only(f, (const char *const[]){"objects", NULL});
}

static void policy_diff_names_the_arguments_of_calls(void **state)
{
	struct fixture *f = *state;
	int socket = policy_args_find("x86_64", SYS_socket),
	    clone = policy_args_find("x86_64", SYS_clone);

	assert_true(socket >= 0 && clone >= 0);
	policy_args_add(&f->old->args, (unsigned)socket, 2 | 1ull << 32);
	policy_args_add(&f->now->args, (unsigned)socket, 16 | 3ull << 32);
	policy_args_add_any(&f->now->args, (unsigned)clone);
	make_diff(f);
	assert_one(f, "arguments", "socket", "lost", "ipv4 stream");
	assert_one(f, "arguments", "socket", "gained", "netlink raw");
	assert_one(f, "arguments", "clone", "gained", "any");
	assert_only(f, (const char *const[]){"arguments", NULL});
}

/* A tree that grew has other numbers for the same paths. */
static void policy_diff_does_not_mistake_another_number_for_another_path(void **state)
{
	struct fixture *f = *state;
	struct policy *p = f->now;

	p->n_nodes = 1;
	p->n_objects = 0;
	sample_node(p, 0, "var", 1, 0);
	sample_node(p, 0, "srv", 1, 0);
	sample_node(p, 0, "etc", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_ROLE);
	sample_node(p, 2, "pages", 1, LUTRA_NODE_WILDCARD);
	sample_node(p, 4, "*", 1, 0);
	p->objects[p->n_objects++] = sample_open_token(sample_node(p, 4, "*", 0, 0));
	p->objects[p->n_objects++] =
		sample_open_token(sample_node(p, 3, "hosts", 0, LUTRA_NODE_ROLE));
	p->objects[p->n_objects++] = sample_connect_token(3306);
	qsort(p->objects, p->n_objects, sizeof(*p->objects), sample_compare);
	make_diff(f);
	assert_one(f, "paths", NULL, "gained", "/var/");
	assert_only(f, (const char *const[]){"paths", NULL});
}

static void policy_diff_says_what_a_path_has_become(void **state)
{
	struct fixture *f = *state;
	const json_t *changed;

	f->now->nodes[1].flags = LUTRA_NODE_ROLE;
	make_diff(f);
	changed = json_object_get(json_object_get(f->diff, "paths"), "changed");
	assert_int_equal(json_object_size(changed), 1);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(changed, "/etc/"), "old")),
		"protected, by role");
	assert_non_null(strstr(f->text, "/etc/: protected, by role, now by role\n"));
}

static void policy_diff_says_what_a_person_edited(void **state)
{
	struct fixture *f = *state;

	free(f->now->image);
	f->now->image = strdup("example.org/shop:2");
	f->now->digest = strdup("sha256:00");
	f->now->mode = LUTRA_MODE_AUDIT;
	f->now->action[LUTRA_RULE_EXEC] = LUTRA_ACTION_ALERT;
	f->now->threshold = 131072;
	make_diff(f);
	assert_changed(f, "about", "image", "example.org/shop:1", "example.org/shop:2");
	assert_changed(f, "about", "mode", "deny", "audit");
	assert_changed(f, "actions", "exec", "deny", "alert");
	assert_non_null(strstr(f->text, "digest: none, now sha256:00\n"));
	assert_non_null(strstr(f->text, "M: 1.884, now 2\n"));
	assert_only(f, (const char *const[]){"about", "actions", "thresholds", NULL});
}

static void policy_diff_says_what_becomes_of_the_first_process(void **state)
{
	struct fixture *f = *state;

	f->now->first_process = POLICY_FIRST_STAYS;
	f->old->thread_roles = true;
	make_diff(f);
	assert_changed(f, "about", "first_process", "becomes steady", "stays in start-up");
	assert_non_null(strstr(f->text, "first_process: becomes steady, now stays in start-up\n"));
	assert_changed(f, "about", "roles_of", "each thread", "each process");
	assert_only(f, (const char *const[]){"about", NULL});
}

static void policy_diff_names_the_base_and_the_packs(void **state)
{
	struct policy_known old[] = {{.name = (char[]){"base"}, .version = 3}};
	struct policy_known now[] = {
		{.name = (char[]){"base"}, .version = 4},
		{.name = (char[]){"nginx"}, .program = (char[]){"/usr/sbin/nginx"}, .version = 2}};
	struct fixture *f = *state;

	policy_known_free(f->old);
	policy_known_free(f->now);
	f->old->known = old;
	f->old->n_known = 1;
	f->now->known = now;
	f->now->n_known = 2;
	make_diff(f);
	f->old->known = f->now->known = NULL;
	f->old->n_known = f->now->n_known = 0;
	assert_one(f, "training", "known", "lost", "base, version 3");
	assert_non_null(strstr(f->text, "  known       gained base, version 4\n"
					"              gained pack nginx, version 2\n"));
	assert_only(f, (const char *const[]){"training", NULL});
}

static void policy_diff_names_the_runs(void **state)
{
	struct fixture *f = *state;

	memset(f->now->runs[0].sha256, 'b', 64);
	f->now->calls = 2000;
	f->now->calibration.audit_only = true;
	make_diff(f);
	assert_one(f, "training", "runs", "gained", "run1.ltr (sha256 bbbbbbbbbbbb)");
	assert_one(f, "training", "runs", "lost", "run1.ltr (sha256 aaaaaaaaaaaa)");
	assert_non_null(strstr(f->text, "calls: 1000, now 2000\n"));
	assert_non_null(strstr(f->text, "audit_only: no, now yes\n"));
}

/* Names are of whoever made the policy: none may pass for another line, or move the cursor. */
static void policy_diff_prints_no_control_characters(void **state)
{
	struct fixture *f = *state;

	free(f->now->image);
	f->now->image = strdup("x\n  nothing changed\x1b[2J\x9b\xff");
	free(f->now->runs[0].file);
	f->now->runs[0].file = strdup("a\r\nb\x1b]0;t\a");
	free(f->now->calibration.advice);
	f->now->calibration.advice = strdup("\tdo\n");
	make_diff(f);
	for (const char *s = f->text; *s; s++)
		assert_true((unsigned char)*s >= ' ' || *s == '\n');
	assert_null(strstr(f->text, "\n  nothing changed"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, policy_diff_setup, policy_diff_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(policy_diff_of_a_policy_with_itself_is_nothing),
		T(policy_diff_has_all_members_even_when_they_are_empty),
		T(policy_diff_names_calls_by_role),
		T(policy_diff_says_that_the_weights_differ),
		T(policy_diff_names_calls_that_are_refused_when_new),
		T(policy_diff_names_paths_ports_and_capabilities),
		T(policy_diff_names_the_arguments_of_calls),
		T(policy_diff_does_not_mistake_another_number_for_another_path),
		T(policy_diff_says_what_a_path_has_become),
		T(policy_diff_says_what_a_person_edited),
		T(policy_diff_says_what_becomes_of_the_first_process),
		T(policy_diff_names_the_base_and_the_packs),
		T(policy_diff_names_the_runs),
		T(policy_diff_prints_no_control_characters),
	};

	return cmocka_run_group_tests_name("policy_diff", tests, NULL, NULL);
}
