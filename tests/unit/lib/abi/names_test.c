/* SPDX-License-Identifier: Apache-2.0 */
/* Names of numbers, recorded paths, strings from a container. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/abi/path_text.h"
#include "lib/base/text.h"
#include "lutra/transfer.h"

static void check_table(unsigned n, const char *(*name)(unsigned),
			int (*parse)(const char *, unsigned *))
{
	for (unsigned i = 0; i < n; i++) {
		unsigned back = ~0u;

		assert_string_not_equal(name(i), "?");
		if (!parse)
			continue;
		assert_int_equal(parse(name(i), &back), 0);
		assert_int_equal(back, i);
	}
	assert_string_equal(name(n), "?");
	if (parse) {
		unsigned untouched = 77;

		assert_int_equal(parse("no such name", &untouched), -EINVAL);
		assert_int_equal(parse("", &untouched), -EINVAL);
		assert_int_equal(parse(NULL, &untouched), -EINVAL);
		assert_int_equal(untouched, 77);
	}
}

static void names_parse_gives_back_every_number(void **state)
{
	unsigned op = 77;

	(void)state;
	check_table(LUTRA_MODE_COUNT, mode_name, mode_parse);
	check_table(LUTRA_ACTION_COUNT, action_name, action_parse);
	check_table(LUTRA_RULE_COUNT, rule_name, rule_parse);
	check_table(LUTRA_ROLE_ANY + 1, role_name, role_parse);
	check_table(LUTRA_VERDICT_COUNT, verdict_name, NULL);
	check_table(LUTRA_KIND_COUNT, kind_name, NULL);
	check_table(LUTRA_RECORD_COUNT, record_type_name, NULL);
	check_table(LUTRA_COUNTER_COUNT, counter_name, NULL);
	check_table(LUTRA_MARK_PARTIAL + 1, mark_name, NULL);
	check_table(LUTRA_LAYER_COUNT, layer_name, NULL);
	check_table(LUTRA_DESCRIPTOR_COUNT, descriptor_name, NULL);
	check_table(41, cap_name, NULL);
	for (unsigned i = 1; i < LUTRA_OP_COUNT; i++) {
		assert_int_equal(op_parse(op_name(i), &op), 0);
		assert_int_equal(op, i);
	}
	assert_int_equal(op_parse("none", &op), -EINVAL);
}

static void syscall_name_says_which_entry(void **state)
{
	static const struct {
		unsigned nr;
		const char *want;
	} cases[] = {
		{SYS_openat, "openat"},
		{LUTRA_NR_IA32 | 11, "ia32:11"},
		{LUTRA_NR_X32 | 520, "x32:520"},
		{999, "syscall_999"},
		{0xffff, "none"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(syscall_name(NULL, cases[i].nr, buf, sizeof(buf)),
				    cases[i].want);
}

static void syscall_parse_gives_back_every_number(void **state)
{
	static const char *const bad[] = {"",	     "512",	    "-1",	"0x10",
					  "no_call", "syscall_512", "syscall_", "ia32:11",
					  "1 ",	     NULL};
	char buf[32];
	unsigned nr = 0;

	(void)state;
	for (unsigned i = 0; i < LUTRA_NR; i++) {
		assert_int_equal(syscall_parse(NULL, syscall_name(NULL, i, buf, sizeof(buf)), &nr),
				 0);
		assert_int_equal(nr, i);
	}
	assert_int_equal(syscall_parse(NULL, "60", &nr), 0);
	assert_int_equal(nr, 60);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(syscall_parse(NULL, bad[i], &nr), -EINVAL);
}

static void path_parse_puts_the_leaf_first(void **state)
{
	struct lutra_path p;

	(void)state;
	path_text_parse("/srv/./app//x.py", 16, &p);
	assert_int_equal(p.n, 3);
	assert_int_equal(p.flags, 0);
	assert_int_equal(p.len[0], 4);
	assert_memory_equal(p.name[0], "x.py", 4);
	assert_memory_equal(p.name[1], "app", 3);
	assert_memory_equal(p.name[2], "srv", 3);
}

static void path_parse_marks_what_it_cannot_place(void **state)
{
	static const struct {
		const char *s;
		unsigned n, flags;
	} cases[] = {
		{"/", 0, 0},
		{"", 0, LUTRA_PATH_UNRESOLVED},
		{"?", 0, LUTRA_PATH_UNRESOLVED},
		{"?/a/b", 2, LUTRA_PATH_UNRESOLVED},
		{"relative/path", 0, LUTRA_PATH_UNRESOLVED},
		{"/a/../b", 3, LUTRA_PATH_UNRESOLVED},
		{"//memfd:x", 1, LUTRA_PATH_DETACHED},
		{"//@/tmp/.X11-unix/X0", 1, LUTRA_PATH_DETACHED},
		{"/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g", 16, 0},
		{"/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g//", 18, LUTRA_PATH_DEEP},
		{"/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", 17, LUTRA_PATH_DEEP},
	};
	struct lutra_path p;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		path_text_parse(cases[i].s, strlen(cases[i].s), &p);
		assert_int_equal(p.n, cases[i].n);
		assert_int_equal(p.flags, cases[i].flags);
	}
}

static void path_parse_of_a_deep_path_keeps_the_sixteen_nearest_the_root(void **state)
{
	static const char s[] = "/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h/i";
	struct lutra_path p;

	(void)state;
	path_text_parse(s, strlen(s), &p);
	assert_int_equal(p.n, 18);
	assert_int_equal(p.name[(p.n - 1) & 15][0], '1');
	assert_int_equal(p.name[(p.n - 16) & 15][0], 'g');
}

static void path_parse_cuts_long_components(void **state)
{
	char s[72] = "/";
	struct lutra_path p;

	(void)state;
	memset(s + 1, 'x', 70);
	path_text_parse(s, 64, &p);
	assert_int_equal(p.len[0], 63);
	assert_int_equal(p.flags, 0);
	path_text_parse(s, 65, &p);
	assert_int_equal(p.len[0], 64);
	assert_int_equal(p.flags, LUTRA_PATH_LONG);
	path_text_parse(s, 71, &p);
	assert_int_equal(p.len[0], 64);
	assert_int_equal(p.flags, LUTRA_PATH_LONG);
}

static void text_clean_leaves_only_printable_utf8(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{"plain", "plain"},
		{"gr\303\274n \342\202\254 \360\237\246\246",
		 "gr\303\274n \342\202\254 \360\237\246\246"},
		{"a\nb\033[31m\177", "a\\x0ab\\x1b[31m\\x7f"},
		{"\302\205", "\\xc2\\x85"},
		{"\300\257", "\\xc0\\xaf"},
		{"\355\240\200", "\\xed\\xa0\\x80"},
		{"\364\220\200\200", "\\xf4\\x90\\x80\\x80"},
		{"\342\202", "\\xe2\\x82"},
		{"back\\slash", "back\\\\slash"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_clean(cases[i].in, strlen(cases[i].in), buf, sizeof(buf));
		assert_string_equal(buf, cases[i].want);
	}
}

/* NOLINTBEGIN(misc-misleading-bidirectional): the test is about these characters. */
/* A file that is called "harmless", U+202E, "fdp.sh" would be shown as "harmlesshs.pdf". */
static void text_clean_escapes_what_changes_the_direction_of_text(void **state)
{
	static const struct {
		const char *in, *want; /* want NULL: it stays */
	} cases[] = {
		{"\330\233", NULL},
		{"\330\234", "\\xd8\\x9c"},
		{"\330\235", NULL},
		{"\342\200\215", NULL},
		{"\342\200\216", "\\xe2\\x80\\x8e"},
		{"\342\200\217", "\\xe2\\x80\\x8f"},
		{"\342\200\220", NULL},
		{"\342\200\251", NULL},
		{"\342\200\252", "\\xe2\\x80\\xaa"},
		{"a\342\200\256b", "a\\xe2\\x80\\xaeb"},
		{"\342\200\257", NULL},
		{"\342\201\245", NULL},
		{"\342\201\246", "\\xe2\\x81\\xa6"},
		{"\342\201\251", "\\xe2\\x81\\xa9"},
		{"\342\201\252", NULL},
		{"\342\200", "\\xe2\\x80"},
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want ? cases[i].want : cases[i].in;

		text_clean(cases[i].in, strlen(cases[i].in), buf, sizeof(buf));
		assert_string_equal(buf, want);
	}
	assert_true(text_has_control("a\342\200\256b"));
	assert_false(text_has_control("a\342\200\220b"));
	assert_false(text_has_control("\342\200"));
}

/* NOLINTEND(misc-misleading-bidirectional) */

static void text_clean_cuts_at_a_character(void **state)
{
	char buf[4];

	(void)state;
	assert_int_equal(text_clean("ab\303\274", 4, buf, sizeof(buf)), 2);
	assert_string_equal(buf, "ab");
	assert_int_equal(text_clean("\nabc", 4, buf, sizeof(buf)), 0);
	assert_int_equal(text_clean("abc", 3, buf, 1), 0);
	assert_string_equal(buf, "");
}

static void text_json_takes_any_bytes(void **state)
{
	json_t *j, *back;
	char in[256], *s;

	(void)state;
	for (int i = 0; i < 256; i++)
		in[i] = (char)i;
	j = text_json(in, sizeof(in));
	assert_non_null(j);
	s = json_dumps(j, JSON_ENCODE_ANY);
	back = json_loads(s, JSON_DECODE_ANY, NULL);
	assert_true(json_equal(j, back));
	json_decref(j);
	json_decref(back);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_parse_gives_back_every_number),
		cmocka_unit_test(syscall_name_says_which_entry),
		cmocka_unit_test(syscall_parse_gives_back_every_number),
		cmocka_unit_test(path_parse_puts_the_leaf_first),
		cmocka_unit_test(path_parse_marks_what_it_cannot_place),
		cmocka_unit_test(path_parse_of_a_deep_path_keeps_the_sixteen_nearest_the_root),
		cmocka_unit_test(path_parse_cuts_long_components),
		cmocka_unit_test(text_clean_leaves_only_printable_utf8),
		cmocka_unit_test(text_clean_escapes_what_changes_the_direction_of_text),
		cmocka_unit_test(text_clean_cuts_at_a_character),
		cmocka_unit_test(text_json_takes_any_bytes),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
