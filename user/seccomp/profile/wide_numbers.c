/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of 64 bits through jansson. */
#include "user/seccomp/profile/wide_numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK '\001'
#define MARK_TEXT "\\u0001"	     /* how json_dumps() writes it */
#define EXACT_MAX 9007199254740992.0 /* 2^53: doubles below are whole numbers without a gap */

/* Returns the length of a number that begins at s, of whatever kind. */
static size_t number_length(const char *s)
{
	return strspn(s, "+-.eE0123456789");
}

/* Returns true for a whole number that needs all 64 bits. */
static bool is_wide(const char *s, size_t len)
{
	unsigned long long v;
	char *end;

	if (len != strspn(s, "0123456789"))
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	return !errno && v > INT64_MAX;
}

char *wide_numbers_hide(const char *json, size_t len)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);
	bool quoted = false;

	if (!f)
		return NULL;
	/* A NUL byte ends the text here; jansson is handed the same bytes and refuses it. */
	for (size_t i = 0; i < len;) {
		size_t n = !quoted && isdigit((unsigned char)json[i]) ? number_length(json + i) : 1;

		n = n > len - i ? len - i : n;
		if (json[i] == '"')
			quoted = !quoted;
		else if (quoted && json[i] == '\\' && i + 1 < len)
			n = 2;
		if (!quoted && n > 1 && is_wide(json + i, n))
			fprintf(f, "\"" MARK_TEXT "%.*s\"", (int)n, json + i);
		else
			fwrite(json + i, 1, n, f);
		i += n;
	}
	if (fclose(f) == 0)
		return out;
	free(out);
	return NULL;
}

void wide_numbers_show(char *json)
{
	static const char begin[] = "\"" MARK_TEXT;
	size_t skip = sizeof(begin) - 1;
	char *to = json, *from = json, *at;

	while ((at = strstr(from, begin))) {
		size_t before = (size_t)(at - from), digits = strspn(at + skip, "0123456789");

		memmove(to, from, before);
		memmove(to + before, at + skip, digits);
		to += before + digits;
		from = at + skip + digits + 1; /* past the closing quote */
	}
	memmove(to, from, strlen(from) + 1);
}

json_t *wide_number_encode(uint64_t value)
{
	return value > INT64_MAX ? json_sprintf("%c%llu", MARK, (unsigned long long)value)
				 : json_integer((json_int_t)value);
}

int wide_number_decode(const json_t *j, uint64_t *ret, struct err *err)
{
	double real = json_real_value(j);
	const char *text = json_string_value(j);

	if (json_is_integer(j) && json_integer_value(j) >= 0)
		*ret = (uint64_t)json_integer_value(j);
	else if (text && *text == MARK)
		*ret = strtoull(text + 1, NULL, 10);
	else if (json_is_real(j) && real >= 0 && real < EXACT_MAX && real == (double)(uint64_t)real)
		*ret = (uint64_t)real;
	else
		return err_set(err, -EBADMSG, "must be a whole number from 0 to 2^64-1");
	return 0;
}
