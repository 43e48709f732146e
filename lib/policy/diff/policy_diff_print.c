/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies, in words. */
#include <string.h>

#include "lib/policy/diff/policy_diff.h"
#include "lib/base/number.h"
#include "lib/base/text.h"

#define COLUMN 14
#define WIDTH 100

/* A line's beginning: what it is about, once. */
static void begin_line(FILE *out, const char **title)
{
	fprintf(out, "  %-*s", COLUMN - 2, *title);
	*title = "";
}

static void print_text(FILE *out, const char *s)
{
	char buf[2048];

	text_clean(s, strlen(s), buf, sizeof(buf));
	fputs(buf, out);
}

static void print_value(FILE *out, const json_t *v)
{
	char buf[NUMBER_TEXT];

	if (json_is_string(v))
		print_text(out, json_string_value(v));
	else if (json_is_integer(v))
		fprintf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		fputs(number_text(json_real_value(v), 4, buf), out);
	else
		fputs(json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "none", out);
}

/* "NAME: OLD, now NEW" for each. */
static void print_changes(FILE *out, const char *title, json_t *changes)
{
	const char *key;
	json_t *c;

	json_object_foreach (changes, key, c) {
		if (!json_object_get(c, "new"))
			continue;
		begin_line(out, &title);
		print_text(out, key);
		fputs(": ", out);
		print_value(out, json_object_get(c, "old"));
		fputs(", now ", out);
		print_value(out, json_object_get(c, "new"));
		putc('\n', out);
	}
}

/* Short names, as many to a line as fit: "WHO gained a, b, c". */
static void print_row(FILE *out, const char **title, const char *who, const char *verb,
		      const json_t *names)
{
	size_t i, column = 0;
	const json_t *v;

	json_array_foreach (names, i, v) {
		const char *name = json_string_value(v);

		if (column && column + 2 + strlen(name) > WIDTH) {
			fputs(",\n", out);
			column = 0;
		} else if (column) {
			fputs(", ", out);
		}
		if (!column) {
			begin_line(out, title);
			fprintf(out, "%s%s%s ", who, *who ? " " : "", verb);
			column = COLUMN + strlen(who) + 1 + strlen(verb) + 1;
		}
		print_text(out, name);
		column += 2 + strlen(name);
	}
	if (column)
		putc('\n', out);
}

/* Long names, one a line: "gained a". */
static void print_lines(FILE *out, const char **title, const char *verb, const json_t *names)
{
	const json_t *v;
	size_t i;

	json_array_foreach (names, i, v) {
		begin_line(out, title);
		fprintf(out, "%-6s ", verb);
		print_text(out, json_string_value(v));
		putc('\n', out);
	}
}

/* who: NULL: the names are long. */
static void print_sets(FILE *out, const char **title, const char *who, const json_t *sets)
{
	static const char *const verbs[] = {"gained", "lost"};

	for (size_t k = 0; k < 2; k++) {
		const json_t *names = json_object_get(sets, verbs[k]);

		if (who)
			print_row(out, title, who, verbs[k], names);
		else
			print_lines(out, title, verbs[k], names);
	}
}

static void print_each(FILE *out, const char *title, json_t *by_who, bool is_long)
{
	const char *who;
	json_t *sets;

	json_object_foreach (by_who, who, sets)
		print_sets(out, &title, is_long ? NULL : who, sets);
}

void policy_diff_print(const json_t *diff, FILE *out)
{
	json_t *paths = json_object_get(diff, "paths");
	json_t *training = json_object_get(diff, "training");
	const char *title = "refused";

	if (json_is_true(json_object_get(diff, "same"))) {
		fputs("  nothing changed\n", out);
		return;
	}
	print_changes(out, "about", json_object_get(diff, "about"));
	print_each(out, "calls", json_object_get(diff, "calls"), false);
	/* Calls that are refused because no run made them. */
	print_sets(out, &title, "TH", json_object_get(diff, "th"));
	print_each(out, "arguments", json_object_get(diff, "arguments"), false);
	title = "operations";
	print_sets(out, &title, "", json_object_get(diff, "operations"));
	print_each(out, "objects", json_object_get(diff, "objects"), true);
	title = "paths";
	print_sets(out, &title, NULL, paths);
	print_changes(out, title, json_object_get(paths, "changed"));
	title = "accepted";
	print_sets(out, &title, NULL, json_object_get(diff, "accepted"));
	print_changes(out, "rules", json_object_get(diff, "actions"));
	print_changes(out, "thresholds", json_object_get(diff, "thresholds"));
	title = "runs";
	print_sets(out, &title, NULL, json_object_get(training, "runs"));
	title = "known";
	print_sets(out, &title, NULL, json_object_get(training, "known"));
	print_changes(out, "training", training);
	print_changes(out, "calibration", json_object_get(diff, "calibration"));
	if (json_is_true(json_object_get(diff, "tables")))
		fputs("  weights      of sequences of calls differ\n", out);
}
