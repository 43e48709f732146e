/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: which alerts are the same to a person, what is counted, and what has to be told. */
#include "tests/support/made_alert.h"

#include <string.h>

#include "user/incidents/finding.h"

#define DAY_NS 86400000000000ull

/* Describes an alert with these fields. */
static struct finding finding_of(struct fixture *f, const char *rule, const char *object,
				 const char *path)
{
	struct alert_fields fields;
	struct finding x;

	made_alert_fields(f, &fields);
	fields.text[ALERT_RULE] = rule;
	fields.text[ALERT_OBJECT] = object;
	fields.text[ALERT_PATH] = path;
	fields.text[ALERT_KIND] = "O";
	finding_describe(&x, &fields);
	return x;
}

static void finding_class_folds_what_varies(void **state)
{
	static const struct {
		const char *rule, *object, *path, *what;
	} cases[] = {
		{"open-w-O", "open w file /srv/app/cache/17ab/page.json",
		 "/srv/app/cache/17ab/page.json", "open w file /srv/app/cache/#/*.json"},
		{"open-r-O", "open r file /etc/hosts", "/etc/hosts", "open r file /etc/*"},
		{"open-r-O", "open r file /a/b.0123", "/a/b.0123", "open r file /a/*"},
		{"open-w-O", "open w file /a/b.x17", "/a/b.x17", "open w file /a/*.#"},
		{"open-dir", "open r dir /root", "/root", "open r dir /root"},
		{"exec", "exec /usr/bin/id", "/usr/bin/id", "exec /usr/bin/id"},
		{"exec-fresh", "exec /tmp/x.12 (fresh)", "/tmp/x.12", "exec /tmp/x.# (fresh)"},
		{"connect", "connect 10.1.2.3:443", "10.1.2.3:443", "connect private port 443"},
		{"connect", "connect 93.184.216.34:50000", "93.184.216.34:50000",
		 "connect public ephemeral port"},
		{"bind", "bind [::1]:80", "[::1]:80", "bind loopback port 80"},
		{"connect", "connect unix", "unix", "connect unix"},
		{"capable", "capable sys_admin", "sys_admin", "capable sys_admin"},
		{"T", "", NULL, "execve"},
		{"M", "open r file /etc/hosts", "/etc/hosts", "level M"},
		{"N", "open r file /etc/hosts", "/etc/hosts", "level N"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct finding x = finding_of(f, cases[i].rule, cases[i].object, cases[i].path);

		assert_string_equal(x.what, cases[i].what);
	}
}

static void finding_of_a_protected_directory_keeps_the_name(void **state)
{
	struct fixture *f = *state;
	struct alert_fields fields;
	struct finding a, b;

	made_alert_fields(f, &fields);
	fields.text[ALERT_KIND] = "P";
	fields.text[ALERT_OBJECT] = "open r file /etc/shadow";
	fields.text[ALERT_PATH] = "/etc/shadow";
	finding_describe(&a, &fields);
	fields.text[ALERT_OBJECT] = "open r file /etc/passwd";
	fields.text[ALERT_PATH] = "/etc/passwd";
	finding_describe(&b, &fields);
	assert_string_equal(a.what, "open r file /etc/shadow");
	assert_string_not_equal(a.id, b.id);
}

static void finding_id_tells_apart_what_a_person_does(void **state)
{
	static char other_image[] = "example.org/shop:2";
	struct fixture *f = *state;
	struct finding one = finding_of(f, "open-r-O", "open r file /a/b.c", "/a/b.c");
	struct finding same = finding_of(f, "open-r-O", "open r file /a/d.c", "/a/d.c");
	struct finding other = finding_of(f, "open-w-O", "open r file /a/b.c", "/a/b.c");

	assert_string_equal(one.id, same.id);
	assert_int_equal(strlen(one.id), FINDING_ID - 1);
	assert_string_not_equal(one.id, other.id);
	f->ev.exec_session = LUTRA_SESSION_AUDITED;
	other = finding_of(f, "open-r-O", "open r file /a/b.c", "/a/b.c");
	assert_string_not_equal(one.id, other.id);
	f->ev.exec_session = 0;
	f->identity.image = other_image;
	other = finding_of(f, "open-r-O", "open r file /a/b.c", "/a/b.c");
	assert_string_not_equal(one.id, other.id);
}

/* The same on every host and in every version: an id may stand in a policy. */
static void finding_id_does_not_change(void **state)
{
	struct fixture *f = *state;
	struct finding x;

	memcpy(f->ev.comm, "nginx", 6);
	x = finding_of(f, "open-r-O", "open r file /a/b.c", "/a/b.c");
	assert_string_equal(x.id, "f21d6f6b4db8a180f");
}

static void finding_counts_and_keeps_the_gravest(void **state)
{
	struct fixture *f = *state;
	struct alert_fields fields;
	struct finding x;

	made_alert_fields(f, &fields);
	finding_describe(&x, &fields);
	finding_count(&x, &fields, "host-1");
	fields.number[ALERT_TIME] += 5;
	fields.text[ALERT_VERDICT] = "alert";
	fields.text[ALERT_CONTAINER] = "shop-2";
	finding_count(&x, &fields, "host-1");
	assert_int_equal(x.count, 2);
	assert_int_equal(x.last_ns - x.first_ns, 5);
	assert_string_equal(x.verdict, "deny");
	assert_int_equal(x.containers.n, 2);
	assert_string_equal(x.containers.name[1], "shop-2");
	assert_int_equal(x.hosts.n, 1);
}

static void finding_names_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct alert_fields fields;
	struct finding x;
	char name[16];

	made_alert_fields(f, &fields);
	finding_describe(&x, &fields);
	fields.text[ALERT_CONTAINER] = name;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "shop-%d", i);
		finding_count(&x, &fields, "host");
	}
	assert_int_equal(x.containers.n, FINDING_NAMES);
	assert_int_equal(x.count, 1000);
}

static void finding_is_told_once_a_day_and_what_is_refused_always(void **state)
{
	struct fixture *f = *state;
	struct alert_fields fields;
	struct finding x;

	made_alert_fields(f, &fields);
	fields.text[ALERT_VERDICT] = "alert";
	finding_describe(&x, &fields);
	assert_true(finding_has_to_be_told(&x, &fields));
	x.told_ns = (uint64_t)fields.number[ALERT_TIME];
	assert_false(finding_has_to_be_told(&x, &fields));
	fields.number[ALERT_TIME] += (int64_t)DAY_NS - 1;
	assert_false(finding_has_to_be_told(&x, &fields));
	fields.number[ALERT_TIME]++;
	assert_true(finding_has_to_be_told(&x, &fields));
	fields.number[ALERT_TIME] -= (int64_t)DAY_NS;
	fields.text[ALERT_VERDICT] = "deny";
	assert_true(finding_has_to_be_told(&x, &fields));
	fields.text[ALERT_VERDICT] = "kill";
	assert_true(finding_has_to_be_told(&x, &fields));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(finding_class_folds_what_varies),
		T(finding_of_a_protected_directory_keeps_the_name),
		T(finding_id_tells_apart_what_a_person_does),
		T(finding_id_does_not_change),
		T(finding_counts_and_keeps_the_gravest),
		T(finding_names_are_bounded),
		T(finding_is_told_once_a_day_and_what_is_refused_always),
	};

	return cmocka_run_group_tests_name("finding", tests, NULL, NULL);
}
