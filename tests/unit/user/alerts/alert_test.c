/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts: their words and JSON. */
#include "tests/support/made_alert.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syslog.h>
#include <sys/syscall.h>
#include <string.h>

#include "tests/support/sample.h"
#include "user/identity/cgroup_lookup.h"

static const char *text_member(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "(none)";
}

static void alert_sentence_says_what_was_done(void **state)
{
	struct alert_fields fields;
	char buf[ALERT_TEXT];

	made_alert_fields(*state, &fields);
	alert_sentence(&fields, buf);
	assert_string_equal(buf,
			    "refused: Program never executed in training in shop: exec "
			    "/bin/sh\\x0a\\xff (fresh) in execve by py\\x1bthon[10] (rule exec, "
			    "role steady)");
}

/* An upgrade is reported with its package, and who wrote a file only where it is run. */
static void alert_sentence_names_the_package(void **state)
{
	struct fixture *f = *state;
	struct alert_fields fields;
	char buf[ALERT_TEXT];

	f->ev.rule = LUTRA_RULE_UPDATED;
	f->ev.object.flags =
		LUTRA_OBJ_PATH | LUTRA_OBJ_UPDATED | LUTRA_LAYER_WRITTEN << LUTRA_OBJ_LAYER_SHIFT;
	made_alert_fields(f, &fields);
	alert_fields_put(&fields, ALERT_PACKAGE, "dash 0.5.12-2");
	alert_sentence(&fields, buf);
	assert_non_null(strstr(buf, ": Updated program or library run in shop: exec "));
	assert_non_null(strstr(buf, " (updated) of package dash 0.5.12-2 in execve by "));
	f->ev.object.op = LUTRA_OP_OPEN;
	made_alert_fields(f, &fields);
	alert_sentence(&fields, buf);
	assert_null(strstr(buf, "(fresh)"));
	assert_null(strstr(buf, "package"));
}

static void alert_object_text_has_words_for_every_operation(void **state)
{
	static const struct {
		struct lutra_object o;
		const char *str, *want;
	} cases[] = {
		{{.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE, .mode = 0100644},
		 "/etc/passwd",
		 "open w file /etc/passwd"},
		{{.op = LUTRA_OP_CONNECT, .family = AF_INET, .addr = {10, 1, 2, 3}, .port = 443},
		 "",
		 "connect 10.1.2.3:443"},
		{{.op = LUTRA_OP_BIND, .family = AF_INET6, .addr[15] = 1, .port = 80},
		 "",
		 "bind [::1]:80"},
		{{.op = LUTRA_OP_CONNECT, .family = AF_UNIX, .flags = LUTRA_OBJ_PATH},
		 "//@x",
		 "connect //@x"},
		{{.op = LUTRA_OP_CAPABLE, .mode = 21}, "", "capable sys_admin"},
		{{.op = LUTRA_OP_WX, .mode = SYS_mmap}, "", "wx mmap"},
		{{.op = LUTRA_OP_NONE}, "", ""},
		{{.op = LUTRA_OP_NONE}, "audit to deny: a cause", "audit to deny: a cause"},
	};
	char buf[ALERT_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		alert_object_text(&cases[i].o, cases[i].str, strlen(cases[i].str), buf);
		assert_string_equal(buf, cases[i].want);
	}
}

static void alert_json_has_the_shape_of_falco_s_alerts(void **state)
{
	static const char *const keys[] = {"time",   "rule", "priority",      "source",
					   "output", "tags", "output_fields", "hostname"};
	json_auto_t *j = made_alert_json(*state);
	const json_t *o = json_object_get(j, "output_fields"), *h;

	assert_int_equal(json_object_size(j), 8);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(j, keys[i]));
	assert_string_equal(text_member(j, "time"), "2023-11-14T22:13:20.123456789Z");
	assert_string_equal(text_member(j, "priority"), "Critical");
	assert_string_equal(text_member(j, "source"), "syscall");
	assert_string_equal(text_member(o, "container.id"), "c0ffee");
	assert_string_equal(text_member(o, "container.image"), "example.org/shop:1");
	assert_string_equal(text_member(o, "evt.type"), "execve");
	assert_string_equal(text_member(o, "fd.name"), "/bin/sh\\x0a\\xff");
	assert_string_equal(text_member(o, "proc.name"), "py\\x1bthon");
	assert_string_equal(text_member(o, "lutra.verdict"), "deny");
	assert_string_equal(text_member(o, "lutra.group"), "exec");
	assert_int_equal(json_integer_value(json_object_get(o, "proc.pid")), 10);
	h = json_object_get(o, "lutra.history");
	assert_int_equal(json_array_size(h), 3);
	h = json_array_get(h, 2);
	assert_string_equal(text_member(h, "call"), "execve");
	assert_string_equal(text_member(h, "role"), "steady");
	assert_true(json_is_true(json_object_get(h, "novel")));
	assert_string_equal(text_member(o, "lutra.action"), "refused");
	assert_true(strlen(text_member(o, "lutra.ngram")) > strlen(" execve"));
	assert_true(json_real_value(json_object_get(o, "lutra.score")) == 5000 / 4096.0);
	assert_true(json_is_real(json_object_get(o, "lutra.threshold")));
}

/* Returns the number of the sample's key of a name. */
static unsigned key_number(const struct policy *p, const char *name)
{
	for (unsigned k = LUTRA_KEY_FIRST; k < LUTRA_KEYS; k++) {
		const struct policy_key *key = policy_key_by_number(p, k);

		if (key && strcmp(key->name, name) == 0)
			return k;
	}
	fail();
	return 0;
}

/* Returns the member lutra.history of the alert, judged by the policy p or by one that is not known. */
static json_t *history_of(const struct fixture *f, const struct policy *p, const char **ret_ngram)
{
	static struct alert_fields fields;
	static char ngram[512];
	_cleanup_free_ struct alert *a = made_alert_new(f);
	json_auto_t *j = NULL;
	json_t *o;

	alert_fields_set(&fields, a, p);
	j = alert_fields_to_json(&fields);
	o = json_object_get(j, "output_fields");
	snprintf(ngram, sizeof(ngram), "%s", text_member(o, "lutra.ngram"));
	*ret_ngram = ngram;
	return json_incref(json_object_get(o, "lutra.history"));
}

static void alert_json_names_the_objects_of_its_history(void **state)
{
	struct fixture *f = *state;
	_cleanup_(policy_freep) struct policy *p = sample_policy();
	json_auto_t *named = NULL, *numbered = NULL;
	unsigned key = key_number(p, "read /srv/pages/a.html");
	char number[32];
	const char *ngram;

	snprintf(p->keys[policy_key_by_number(p, key) - p->keys].name, POLICY_KEY_NAME,
		 "read a,b 100%%20 c");
	f->ev.syscalls = 1; /* objects come on top of it */
	f->ev.history[LUTRA_HISTORY - 3] = (struct lutra_history){SYS_openat | 1 << 12, 0};
	f->ev.history[LUTRA_HISTORY - 2] =
		(struct lutra_history){(__u16)(LUTRA_HISTORY_OBJECT | key | 1 << 12), 17};
	f->ev.history[LUTRA_HISTORY - 1] = (struct lutra_history){
		LUTRA_HISTORY_OBJECT | LUTRA_KEY_NEW | LUTRA_HISTORY_NOVEL | 1 << 12, 30};
	named = history_of(f, p, &ngram);
	assert_string_equal(ngram, "openat [read a,b 100%20 c] [new object]");
	assert_int_equal(json_array_size(named), 3);
	assert_string_equal(text_member(json_array_get(named, 0), "call"), "openat");
	assert_string_equal(text_member(json_array_get(named, 1), "object"), "read a,b 100%20 c");
	assert_string_equal(text_member(json_array_get(named, 1), "role"), "steady");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(named, 1), "weight")),
			 17);
	assert_null(json_object_get(json_array_get(named, 1), "call"));
	assert_true(json_is_true(json_object_get(json_array_get(named, 2), "novel")));
	numbered = history_of(f, NULL, &ngram);
	snprintf(number, sizeof(number), "object %u", key);
	assert_string_equal(text_member(json_array_get(numbered, 1), "object"), number);
}

/* Such a policy is of an older version. */
static void alert_json_has_no_threshold_of_a_policy_without_level(void **state)
{
	struct fixture *f = *state;
	json_auto_t *j = NULL;
	json_t *o;

	f->ev.threshold = LUTRA_THRESHOLD_OFF;
	j = made_alert_json(f);
	o = json_object_get(j, "output_fields");
	assert_int_equal(json_integer_value(json_object_get(o, "lutra.m")), 5000);
	assert_int_equal(json_integer_value(json_object_get(o, "lutra.th_m")), 0);
}

/* An event of a rule that older versions had. */
static void alert_title_of_an_old_rule_is_known(void **state)
{
	(void)state;
	assert_string_equal(alert_title_of("B"), "Unusual sequence of system calls");
	assert_string_equal(alert_title_of("M"), "Unusual sequence of calls and objects");
}

static void alert_json_has_the_starter_of_a_program(void **state)
{
	struct fixture *f = *state;
	json_auto_t *without = made_alert_json(f), *j = NULL;

	assert_null(json_object_get(json_object_get(without, "output_fields"), "lutra.starter"));
	f->str = "/bin/gzip/usr/sbin/log\nrotate";
	f->str_len = strlen("/bin/gzip");
	f->ev.starter_len = (uint16_t)strlen("/usr/sbin/log\nrotate");
	j = made_alert_json(f);
	assert_string_equal(text_member(json_object_get(j, "output_fields"), "fd.name"),
			    "/bin/gzip");
	assert_string_equal(text_member(json_object_get(j, "output_fields"), "lutra.starter"),
			    "/usr/sbin/log\\x0arotate");
}

static void alert_json_holds_what_is_cut_within_a_character(void **state)
{
	struct fixture *f = *state;
	json_auto_t *j = NULL;
	char path[LUTRA_STRING_MAX];

	for (size_t shift = 0; shift < 3; shift++) {
		memset(path, '/', sizeof(path));
		for (size_t i = shift; i < sizeof(path); i++)
			path[i] = "\xe6\xb0\xb4"[(i - shift) % 3];
		f->str = path;
		f->str_len = sizeof(path);
		j = made_alert_json(f);
		assert_non_null(j);
		json_decref(TAKE_PTR(j));
	}
}

static void alert_json_is_shared_until_the_last_reference_goes(void **state)
{
	struct alert_fields fields;
	struct alert_json *a, *b;

	made_alert_fields(*state, &fields);
	a = alert_json_new(&fields, 0);
	b = alert_json_ref(a);
	alert_json_unref(a);
	assert_string_equal(b->container, "shop");
	assert_string_equal(b->rule, "Program never executed in training");
	assert_int_equal(b->time_ns, 1700000000123456789);
	assert_int_equal(b->tid, 11);
	assert_int_equal(b->level, LOG_CRIT);
	assert_int_equal(b->len, strlen(b->text));
	alert_json_unref(b);
}

static void alert_json_new_adds_what_was_folded(void **state)
{
	json_auto_t *wanted = made_alert_json(*state), *got = NULL;
	struct alert_fields fields;
	struct alert_json *a;

	made_alert_fields(*state, &fields);
	a = alert_json_new(&fields, 7);
	json_object_set_new(json_object_get(wanted, "output_fields"), "lutra.folded",
			    json_integer(7));
	got = json_loads(a->text, 0, NULL);
	assert_true(json_equal(got, wanted));
	assert_int_equal(a->len, strlen(a->text));
	alert_json_unref(a);
}

#define ID "c0ffee00112233445566778899aabbccddeeff00112233445566778899aabbcc"

static void alert_container_id_is_cut_out_of_the_cgroup_s_name(void **state)
{
	static const struct {
		const char *cgroup, *want;
	} cases[] = {
		{"/sys/fs/cgroup/shop", "shop"},
		{"/sys/fs/cgroup/system.slice/docker-" ID ".scope", ID},
		{"/sys/fs/cgroup/machine.slice/libpod-" ID ".scope/container", ID},
		{"/sys/fs/cgroup/kubepods.slice/cri-containerd-" ID ".scope", ID},
		{"/sys/fs/cgroup/system.slice/nginx.scope", "nginx"},
		{"/", ""},
	};
	char buf[65];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cgroup_lookup_container_id(cases[i].cgroup, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].want);
	}
}

static void alert_container_cgroup_refuses_what_is_no_id(void **state)
{
	static const char *const bad[] = {"", "../../etc", "a/b", ".", "a b", "a\n"};
	struct err err;
	char *path = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cgroup_lookup_by_id(bad[i], &path, &err), -EINVAL);
	assert_null(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(alert_sentence_says_what_was_done),
		T(alert_sentence_names_the_package),
		T(alert_object_text_has_words_for_every_operation),
		T(alert_json_has_the_shape_of_falco_s_alerts),
		T(alert_json_names_the_objects_of_its_history),
		T(alert_json_has_no_threshold_of_a_policy_without_level),
		T(alert_title_of_an_old_rule_is_known),
		T(alert_json_has_the_starter_of_a_program),
		T(alert_json_holds_what_is_cut_within_a_character),
		T(alert_json_is_shared_until_the_last_reference_goes),
		T(alert_json_new_adds_what_was_folded),
		cmocka_unit_test(alert_container_id_is_cut_out_of_the_cgroup_s_name),
		cmocka_unit_test(alert_container_cgroup_refuses_what_is_no_id),
	};

	return cmocka_run_group_tests_name("alert", tests, NULL, NULL);
}
