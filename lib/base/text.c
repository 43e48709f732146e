/* SPDX-License-Identifier: Apache-2.0 */
/* Strings of unknown origin. */
#include "lib/base/text.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/cleanup.h"

/* Bytes of the well-formed UTF-8 character at s (Unicode 15, table 3-7), 0: none. */
static size_t utf8_len(const unsigned char *s, size_t len)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		n = 2;
	else if ((s[0] & 0xf0) == 0xe0)
		n = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		n = 4;
	else
		return 0;
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	if (len < n || s[1] < lo || s[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

/* C0, DEL, and C1 as UTF-8 (c2 80 .. c2 9f): terminals act on them. */
static int is_control(const unsigned char *s)
{
	return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

/*
 * U+061C, U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069, as UTF-8: they change the direction in
 * which the text behind them is shown. s ends with NUL, or begins a well-formed character.
 */
static bool is_bidirectional(const unsigned char *s)
{
	if (s[0] == 0xd8)
		return s[1] == 0x9c;
	if (s[0] != 0xe2)
		return false;
	if (s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xaa && s[2] <= 0xae);
	return s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9;
}

bool text_has_control(const char *s)
{
	for (; *s; s++)
		if (is_control((const unsigned char *)s) ||
		    is_bidirectional((const unsigned char *)s))
			return true;
	return false;
}

static size_t write_escaped(const char *in, size_t len, char *out, size_t size, bool backslashes)
{
	const unsigned char *s = (const unsigned char *)in;
	size_t pos = 0, i = 0;

	while (i < len) {
		size_t n = utf8_len(s + i, len - i);
		char esc[5];
		const char *piece = in + i;
		size_t piece_len = n;

		if (s[i] == '\\' && backslashes) {
			piece = "\\\\";
			piece_len = 2;
		} else if (n == 0 || is_control(s + i) || is_bidirectional(s + i)) {
			n = 1;
			snprintf(esc, sizeof(esc), "\\x%02x", s[i]);
			piece = esc;
			piece_len = 4;
		}
		if (piece_len >= size - pos)
			break;
		memcpy(out + pos, piece, piece_len);
		pos += piece_len;
		i += n;
	}
	out[pos] = '\0';
	return pos;
}

size_t text_clean(const char *in, size_t len, char *out, size_t size)
{
	return write_escaped(in, len, out, size, true);
}

size_t text_escape(const char *in, size_t len, char *out, size_t size)
{
	return write_escaped(in, len, out, size, false);
}

size_t text_fit(const char *s, size_t max)
{
	size_t len = strnlen(s, max);

	if (s[len] == '\0')
		return len;
	while (len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80)
		len--;
	return len;
}

void text_copy(char *to, size_t size, const char *s)
{
	size_t len = text_fit(s, size - 1);

	memcpy(to, s, len);
	to[len] = '\0';
}

bool text_is_in(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

json_t *text_json(const char *in, size_t len)
{
	_cleanup_free_ char *buf = NULL;

	if (len > SIZE_MAX / 4 - 1)
		return NULL;
	buf = malloc(4 * len + 1);
	if (!buf)
		return NULL;
	len = text_clean(in, len, buf, 4 * len + 1);
	return json_stringn_nocheck(buf, len);
}

json_t *text_json_keep(const char *s)
{
	json_t *j;

	if (!s)
		s = "";
	j = json_string(s);
	return j ? j : text_json(s, strlen(s));
}
