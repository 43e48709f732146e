/* SPDX-License-Identifier: Apache-2.0 */
/* Finds objects by their braces; jansson reads them. */
#include "user/import/json_text.h"

#include <errno.h>
#include <string.h>

static int add_char(struct json_text *j, char c)
{
	if (j->len == JSON_TEXT_MAX)
		return -EFBIG;
	j->text[j->len++] = c;
	j->text[j->len] = '\0';
	return 0;
}

static void follow_string(struct json_text *j, char c)
{
	if (j->escaped)
		j->escaped = false;
	else if (c == '\\')
		j->escaped = true;
	else if (c == '"')
		j->quoted = false;
}

int json_text_take(struct json_text *j, const char **s, bool *other)
{
	int r = 0;

	for (; r == 0 && **s; ++*s) {
		char c = **s;

		if (j->depth == 0 && c != '{') {
			*other |= !strchr(",[] \t", c);
			continue;
		}
		if (j->depth == 0)
			j->len = 0;
		r = add_char(j, c);
		if (j->quoted) {
			follow_string(j, c);
			continue;
		}
		j->quoted = c == '"';
		j->depth += c == '{';
		j->depth -= c == '}';
		if (r == 0 && j->depth == 0)
			r = 1;
	}
	return r;
}

bool json_text_drop(struct json_text *j)
{
	bool had = j->depth > 0;

	j->depth = 0;
	j->len = 0;
	j->quoted = j->escaped = false;
	return had;
}
