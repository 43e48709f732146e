/* SPDX-License-Identifier: Apache-2.0 */
/* accepted.json: what is written is read again, what is damaged or not signed is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/diff/policy_diff.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

#define MADE 1700000000

static const struct accepted_scope read_conf = {
	.kind = ACCEPTED_OBJECT,
	.role = LUTRA_ROLE_STEADY,
	.nr = LUTRA_NR_NONE,
	.path = "/srv/a/x.conf",
	.object = {.op = LUTRA_OP_OPEN, .mode = 0100000, .flags = LUTRA_OBJ_PATH},
};

/* Returns a delta of one entry, one action and one directory. */
static json_t *sample_delta(const char *dir)
{
	const struct accepted_request q = {
		.finding = "f1", .by = "root", .reason = "new release", .until = MADE + 10};
	json_t *delta = accepted_new(dir);
	json_auto_t *entry = accepted_entry_new(&read_conf, &q, MADE);

	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(accepted_set_action(delta, "path-K", "log", NULL), 0);
	assert_int_equal(accepted_set_varies(delta, "/srv/cache", true, NULL), 0);
	return delta;
}

static void accepted_read_gives_what_was_written(void **state)
{
	struct sample_saved *f = *state;
	json_auto_t *delta = sample_delta(f->policy), *back = NULL;

	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), -ENOENT);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), 0);
	assert_true(json_equal(delta, back));
}

static void accepted_read_takes_an_earlier_format(void **state)
{
	static const char text[] =
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [], \"actions\": "
		"{\"path-K\": \"log\"}, \"varies\": []}";
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);
	json_auto_t *delta = NULL, *back = NULL;

	scratch_write(path, text, strlen(text));
	assert_int_equal(accepted_read(f->policy, NULL, &delta, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), 0);
	assert_int_equal(json_integer_value(json_object_get(back, "format")), 2);
	assert_true(
		json_equal(json_object_get(back, "actions"), json_object_get(delta, "actions")));
}

static void accepted_read_refuses_what_is_damaged(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"{}",
		"{\"format\": 3, \"policy\": \"shop\", \"entries\": [], \"actions\": {}, "
		"\"varies\": []}",
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [], \"actions\": {}, "
		"\"varies\": [], \"more\": 1}",
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [{}], \"actions\": {}, "
		"\"varies\": []}",
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [], \"actions\": {\"exec\": "
		"\"ask\"}, \"varies\": []}",
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [], \"actions\": {\"guard\": "
		"\"log\"}, \"varies\": []}",
		"{\"format\": 1, \"policy\": \"shop\", \"entries\": [], \"actions\": {}, "
		"\"varies\": [\"srv\"]}",
	};
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *back = NULL;
		struct err err = {""};

		scratch_write(path, bad[i], strlen(bad[i]));
		assert_int_equal(accepted_read(f->policy, NULL, &back, &err), -EBADMSG);
		assert_non_null(strstr(err.msg, POLICY_ACCEPTED_FILE));
		assert_null(back);
	}
}

static void accepted_read_tells_a_file_that_cannot_be_read_from_none(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);
	json_t *back = NULL;

	assert_int_equal(symlink("/nonexistent/accepted.json", path), 0);
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), -EBADMSG);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), -EBADMSG);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), -ENOENT);
	assert_null(back);
}

static void accepted_read_tells_what_is_damaged_without_control_characters(void **state)
{
	static const char bad[] = "{\"format\": \x1b[2J\x03}";
	struct sample_saved *f = *state;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_FILE);
	json_t *back = NULL;
	struct err err = {""};

	scratch_write(path, bad, sizeof(bad) - 1);
	assert_int_equal(accepted_read(f->policy, NULL, &back, &err), -EBADMSG);
	assert_false(text_has_control(err.msg));
}

/* Makes a key and puts its public part into keys. */
static char *make_key(const struct sample_saved *f, const char *name, struct policy_keys *keys)
{
	char *path = scratch_path(f->dir, name), public[POLICY_KEY_TEXT];

	assert_int_equal(policy_key_new(path, public, NULL), 0);
	assert_int_equal(policy_key_parse(public, keys->key[0]), 0);
	keys->n = 1;
	return path;
}

static void accepted_read_takes_only_what_a_trusted_key_signed(void **state)
{
	struct sample_saved *f = *state;
	struct policy_keys keys, others;
	_cleanup_free_ char *key = make_key(f, "key", &keys),
			    *other = make_key(f, "other", &others);
	json_auto_t *delta = sample_delta(f->policy), *back = NULL;

	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_int_equal(accepted_read(f->policy, &keys, &back, NULL), -EKEYREJECTED);
	assert_int_equal(accepted_write(f->policy, delta, other, NULL), 0);
	assert_int_equal(accepted_read(f->policy, &keys, &back, NULL), -EKEYREJECTED);
	assert_int_equal(accepted_write(f->policy, delta, key, NULL), 0);
	assert_int_equal(accepted_read(f->policy, &keys, &back, NULL), 0);
}

/* As if the writer had ended before, and after, it replaced the delta. */
static void accepted_read_takes_the_delta_before_and_after_a_replacement(void **state)
{
	struct sample_saved *f = *state;
	struct policy_keys keys;
	_cleanup_free_ char *key = make_key(f, "key", &keys), *old = NULL, *new = NULL,
			    *both = NULL;
	_cleanup_free_ char *path = scratch_path(f->policy, POLICY_ACCEPTED_SIGNATURE);
	json_auto_t *delta = sample_delta(f->policy), *back = NULL, *again = NULL;
	size_t len;

	assert_int_equal(accepted_write(f->policy, delta, key, NULL), 0);
	old = scratch_read(f->policy, POLICY_ACCEPTED_SIGNATURE, &len);
	assert_int_equal(accepted_set_action(delta, "path-K", "alert", NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, key, NULL), 0);
	new = scratch_read(f->policy, POLICY_ACCEPTED_SIGNATURE, &len);
	assert_string_not_equal(old, new);
	assert_true(asprintf(&both, "%s%s", old, new) > 0);
	scratch_write(path, both, 2 * len);
	assert_int_equal(accepted_read(f->policy, &keys, &back, NULL), 0);
	memcpy(both, new, len);
	memcpy(both + len, old, len);
	scratch_write(path, both, 2 * len);
	assert_int_equal(accepted_read(f->policy, &keys, &again, NULL), 0);
	scratch_write(path, old, len);
	json_decref(again);
	again = NULL;
	assert_int_equal(accepted_read(f->policy, &keys, &again, NULL), -EKEYREJECTED);
}

static void accepted_read_refuses_what_was_signed_for_another_policy(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *other = scratch_path(f->dir, "other-shop");
	struct policy_keys keys;
	_cleanup_free_ char *key = make_key(f, "key", &keys);
	json_auto_t *delta = sample_delta(f->policy), *back = NULL;

	assert_int_equal(policy_save(f->p, other, NULL), 0);
	assert_int_equal(accepted_write(other, delta, key, NULL), 0);
	assert_int_equal(accepted_read(other, &keys, &back, NULL), -EKEYREJECTED);
	assert_int_equal(accepted_read(other, NULL, &back, NULL), 0);
}

static void accepted_load_leaves_out_what_is_not_signed(void **state)
{
	struct sample_saved *f = *state;
	struct policy_keys keys, none = {};
	_cleanup_free_ char *key = make_key(f, "key", &keys);
	_cleanup_(policy_freep) struct policy *p = NULL, *q = NULL;
	json_auto_t *delta = sample_delta(f->policy);
	struct err left_out;

	none.n = 0;
	assert_int_equal(accepted_set_action(delta, "exec", "log", NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_int_equal(accepted_load(&p, f->policy, &none, &left_out, NULL), 0);
	assert_string_equal(left_out.msg, "");
	assert_int_equal(p->action[LUTRA_RULE_EXEC], LUTRA_ACTION_LOG);
	assert_int_equal(accepted_load(&q, f->policy, &keys, &left_out, NULL), -EKEYREJECTED);
}

static void policy_save_keeps_what_was_accepted(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *before = scratch_path(f->policy, POLICY_PREVIOUS_DIR);
	json_auto_t *delta = sample_delta(f->policy), *back = NULL, *old = NULL, *diff = NULL;
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;

	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	for (int i = 0; i < 3; i++) {
		f->p->threshold++;
		assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	}
	assert_int_equal(accepted_read(f->policy, NULL, &back, NULL), 0);
	assert_true(json_equal(delta, back));
	assert_int_equal(accepted_read(before, NULL, &old, NULL), 0);
	diff = accepted_diff(old, back);
	assert_int_equal(json_array_size(json_object_get(diff, "gained")), 0);
	assert_int_equal(accepted_load(&p, f->policy, NULL, &left_out, NULL), 0);
	assert_int_equal(p->threshold, f->p->threshold);
	assert_int_equal(p->action[LUTRA_RULE_PATH_NEW_USE], LUTRA_ACTION_LOG);
}

static void accepted_words_say_what_has_ended(void **state)
{
	static const struct accepted_request ended = {.finding = "f1", .by = "root", .until = MADE},
					     lasts = {.finding = "f1",
						      .by = "root",
						      .until = 32503680000};
	struct sample_saved *f = *state;
	json_auto_t *delta = accepted_new(f->policy), *words = NULL;
	json_auto_t *entry = accepted_entry_new(&read_conf, &ended, MADE);

	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	words = accepted_words(delta);
	assert_non_null(strstr(json_string_value(json_array_get(words, 0)),
			       ", ended 2023-11-14T22:13:20Z"));
	json_decref(entry);
	entry = accepted_entry_new(&read_conf, &lasts, MADE);
	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	json_decref(words);
	words = accepted_words(delta);
	assert_non_null(strstr(json_string_value(json_array_get(words, 0)),
			       ", until 3000-01-01T00:00:00Z"));
}

static void accepted_diff_names_what_was_added_since(void **state)
{
	struct sample_saved *f = *state;
	_cleanup_free_ char *before = scratch_path(f->policy, POLICY_PREVIOUS_DIR);
	json_auto_t *delta = sample_delta(f->policy), *diff = policy_diff(f->p, f->p);
	json_t *gained;

	assert_int_equal(policy_save(f->p, f->policy, NULL), 0);
	assert_int_equal(accepted_write(f->policy, delta, NULL, NULL), 0);
	assert_true(json_is_true(json_object_get(diff, "same")));
	assert_int_equal(accepted_diff_add(diff, before, f->policy, NULL), 0);
	gained = json_object_get(json_object_get(diff, "accepted"), "gained");
	assert_int_equal(json_array_size(gained), 3);
	assert_string_equal(
		json_string_value(json_array_get(gained, 0)),
		"open r file /srv/a/x.conf, in role steady, ended 2023-11-14T22:13:30Z");
	assert_false(json_is_true(json_object_get(diff, "same")));
}

static void accepted_add_replaces_an_entry_of_the_same_scope(void **state)
{
	struct sample_saved *f = *state;
	const struct accepted_request q = {.finding = "f1", .by = "root", .forced = true};
	json_auto_t *delta = sample_delta(f->policy);
	json_auto_t *entry = accepted_entry_new(&read_conf, &q, MADE + 1);
	const char *id = json_string_value(json_object_get(entry, "id"));

	assert_int_equal(accepted_add(delta, entry, NULL), 0);
	assert_int_equal(json_array_size(json_object_get(delta, "entries")), 1);
	assert_non_null(accepted_find(delta, id));
	assert_int_equal(accepted_remove(delta, id, NULL), 0);
	assert_int_equal(accepted_remove(delta, id, NULL), -ENOENT);
}

static void accepted_scope_survives_its_json(void **state)
{
	static const char *const scopes[] = {
		"{\"role\": \"steady\", \"operation\": \"open\", \"path\": \"/a.b\", \"type\": "
		"\"file\", \"write\": true, \"extension\": true}",
		"{\"role\": \"every\", \"operation\": \"exec\", \"path\": \"/usr/bin/id\", "
		"\"fresh\": true, \"updated\": true}",
		"{\"role\": \"spawned\", \"operation\": \"exec\", \"path\": \"/bin/gzip\", "
		"\"starter\": \"/usr/sbin/logrotate\"}",
		"{\"role\": \"session\", \"operation\": \"connect\", \"family\": \"ipv6\", "
		"\"address\": \"public\", \"port\": 443, \"any_port\": true}",
		"{\"role\": \"startup\", \"operation\": \"capable\", \"name\": \"sys_admin\"}",
		"{\"role\": \"steady\", \"operation\": \"hook\", \"name\": \"sb_mount\", \"call\": "
		"\"mount\"}",
		"{\"role\": \"deeper\", \"call\": \"ptrace\"}",
		"{\"level\": \"B\", \"threshold\": 5000}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		json_auto_t *j = json_loads(scopes[i], 0, NULL), *back = NULL;
		struct accepted_scope s;
		struct err err = {""};

		if (accepted_scope_from_json(j, &s, &err) < 0)
			fail_msg("%s", err.msg);
		back = accepted_scope_to_json(&s);
		assert_true(json_equal(j, back));
	}
}

static void accepted_scope_refuses_what_is_none(void **state)
{
	static const char big_port[] =
		"{\"role\": \"steady\", \"operation\": \"connect\", \"family\": \"ipv4\", "
		"\"address\": \"public\", \"port\": 65536}";
	static const char *const scopes[] = {
		"{}",
		"{\"role\": \"steady\"}",
		"{\"call\": \"ptrace\"}",
		"{\"role\": \"any\", \"call\": \"ptrace\"}",
		"{\"role\": \"steady\", \"call\": \"no_such_call\"}",
		"{\"role\": \"steady\", \"operation\": \"exec\", \"path\": \"a\"}",
		"{\"role\": \"steady\", \"operation\": \"open\", \"path\": \"/a\"}",
		"{\"role\":\"steady\",\"operation\":\"exec\",\"path\":\"/a\",\"other\":1}",
		"{\"role\":\"steady\",\"operation\":\"exec\",\"path\":\"/a\",\"starter\":\"b\"}",
		"{\"role\":\"steady\",\"operation\":\"mapx\",\"path\":\"/a\",\"starter\":\"/b\"}",
		"{\"role\": \"steady\", \"call\": \"ptrace\", \"starter\": \"/b\"}",
		"{\"level\": \"T\", \"threshold\": 5000}",
		"{\"level\": \"A\", \"threshold\": -1}",
		big_port,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		json_auto_t *j = json_loads(scopes[i], 0, NULL);
		struct accepted_scope s;

		assert_non_null(j);
		assert_int_equal(accepted_scope_from_json(j, &s, NULL), -EBADMSG);
	}
}

static void accepted_time_is_a_time_or_a_day(void **state)
{
	char text[ACCEPTED_TIME];
	time_t t;

	(void)state;
	assert_int_equal(accepted_time_parse("2027-01-31", &t), 0);
	assert_string_equal(accepted_time_text(t, text), "2027-01-31T00:00:00Z");
	assert_int_equal(accepted_time_parse("2027-01-31T10:20:30Z", &t), 0);
	assert_string_equal(accepted_time_text(t, text), "2027-01-31T10:20:30Z");
	assert_int_equal(accepted_time_parse("tomorrow", &t), -EINVAL);
	assert_int_equal(accepted_time_parse("2027-01-31 soon", &t), -EINVAL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, sample_saved_setup, sample_saved_teardown)

static void accepted_time_is_of_a_day_that_there_is(void **state)
{
	static const char *const bad[] = {"2027-02-31",		  "2027-02-29",
					  "2027-13-01",		  "2027-01-32",
					  "2027-04-31T12:00:00Z", "2027-01-31T23:59:60Z",
					  "2027-01-31T12:00:00",  "2027-01-31 ",
					  "1969-12-31",		  ""};
	char text[ACCEPTED_TIME];
	time_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(accepted_time_parse(bad[i], &t), -EINVAL);
	assert_int_equal(accepted_time_parse("2028-02-29", &t), 0);
	assert_string_equal(accepted_time_text(t, text), "2028-02-29T00:00:00Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_time_is_of_a_day_that_there_is),
		CASE(accepted_read_gives_what_was_written),
		CASE(accepted_read_takes_an_earlier_format),
		CASE(accepted_read_refuses_what_is_damaged),
		CASE(accepted_read_tells_a_file_that_cannot_be_read_from_none),
		CASE(accepted_read_tells_what_is_damaged_without_control_characters),
		CASE(accepted_read_takes_only_what_a_trusted_key_signed),
		CASE(accepted_read_takes_the_delta_before_and_after_a_replacement),
		CASE(accepted_read_refuses_what_was_signed_for_another_policy),
		CASE(accepted_load_leaves_out_what_is_not_signed),
		CASE(policy_save_keeps_what_was_accepted),
		CASE(accepted_words_say_what_has_ended),
		CASE(accepted_diff_names_what_was_added_since),
		CASE(accepted_add_replaces_an_entry_of_the_same_scope),
		cmocka_unit_test(accepted_scope_survives_its_json),
		cmocka_unit_test(accepted_scope_refuses_what_is_none),
		cmocka_unit_test(accepted_time_is_a_time_or_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
