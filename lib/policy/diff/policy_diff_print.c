/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies, in words. */
#include <string.h>

#include "lib/policy/diff/policy_diff.h"
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
	if (json_is_string(v))
		print_text(out, json_string_value(v));
	else if (json_is_integer(v))
		fprintf(out, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		fprintf(out, "%.4g", json_real_value(v));
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

static void print_rows(FILE *out, const char **title, const char *who, const json_t *sets)
{
	print_row(out, title, who, "gained", json_object_get(sets, "gained"));
	print_row(out, title, who, "lost", json_object_get(sets, "lost"));
}

static void print_rows_of(FILE *out, const char *title, json_t *by_who)
{
	const char *who;
	json_t *sets;

	json_object_foreach (by_who, who, sets)
		print_rows(out, &title, who, sets);
}

/* Long names, one a line. */
static void print_lines(FILE *out, const char **title, const json_t *sets)
{
	static const char *const verbs[] = {"gained", "lost"};
	const json_t *v;
	size_t i;

	for (size_t k = 0; k < 2; k++) {
		json_array_foreach (json_object_get(sets, verbs[k]), i, v) {
			begin_line(out, title);
			fprintf(out, "%-6s ", verbs[k]);
			print_text(out, json_string_value(v));
			putc('\n', out);
		}
	}
}

static void print_lines_of(FILE *out, const char *title, json_t *by_what)
{
	const char *what;
	json_t *sets;

	json_object_foreach (by_what, what, sets)
		print_lines(out, &title, sets);
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
	print_rows_of(out, "calls", json_object_get(diff, "calls"));
	/* Calls that are refused because no run made them. */
	print_rows(out, &title, "TH", json_object_get(diff, "th"));
	print_rows_of(out, "arguments", json_object_get(diff, "arguments"));
	title = "operations";
	print_rows(out, &title, "", json_object_get(diff, "operations"));
	print_lines_of(out, "objects", json_object_get(diff, "objects"));
	title = "paths";
	print_lines(out, &title, paths);
	print_changes(out, title, json_object_get(paths, "changed"));
	print_changes(out, "rules", json_object_get(diff, "actions"));
	print_changes(out, "thresholds", json_object_get(diff, "thresholds"));
	title = "runs";
	print_lines(out, &title, json_object_get(training, "runs"));
	print_changes(out, "training", training);
	print_changes(out, "calibration", json_object_get(diff, "calibration"));
	if (json_is_true(json_object_get(diff, "tables")))
		fputs("  weights      of sequences of calls differ\n", out);
}
