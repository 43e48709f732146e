/* SPDX-License-Identifier: Apache-2.0 */
/* Path strings to struct lutra_path. */
#include "lib/abi/path_text.h"

#include <stdbool.h>
#include <string.h>

static void put_component(struct lutra_path *p, __u32 at, const char *s, size_t len)
{
	if (len >= LUTRA_NAME) {
		len = LUTRA_NAME;
		p->flags |= LUTRA_PATH_LONG;
	}
	memcpy(p->name[at & (LUTRA_COMPONENTS - 1)], s, len);
	p->len[at & (LUTRA_COMPONENTS - 1)] = (__u8)len;
}

/* The next component at *pos, which moves past it; false at the end. */
static bool next_component(const char *s, size_t len, size_t *pos, const char **ret,
			   size_t *ret_len)
{
	const char *end;

	if (*pos >= len || s[*pos] != '/')
		return false;
	(*pos)++;
	*ret = s + *pos;
	end = memchr(*ret, '/', len - *pos);
	*ret_len = end ? (size_t)(end - *ret) : len - *pos;
	*pos += *ret_len;
	return true;
}

static bool is_skipped(const char *c, size_t len)
{
	return len == 0 || (len == 1 && c[0] == '.');
}

/* Components from the root on: how many, and what their names say of the path. */
static void count_components(const char *s, size_t len, struct lutra_path *ret)
{
	const char *c;
	size_t c_len, pos = 0;

	while (next_component(s, len, &pos, &c, &c_len)) {
		if (c_len == 2 && memcmp(c, "..", 2) == 0)
			ret->flags |= LUTRA_PATH_UNRESOLVED;
		if (ret->n >= LUTRA_COMPONENTS || !is_skipped(c, c_len))
			ret->n++;
	}
	if (ret->n > LUTRA_COMPONENTS)
		ret->flags |= LUTRA_PATH_DEEP;
}

static void fill_components(const char *s, size_t len, struct lutra_path *ret)
{
	const char *c;
	size_t c_len, pos = 0;
	__u32 i = 0;

	while (i < LUTRA_COMPONENTS && next_component(s, len, &pos, &c, &c_len)) {
		if (is_skipped(c, c_len))
			continue;
		put_component(ret, ret->n - 1 - i, c, c_len);
		i++;
	}
}

void path_text_parse(const char *s, size_t len, struct lutra_path *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (len >= 2 && s[0] == '/' && s[1] == '/') {
		ret->flags = LUTRA_PATH_DETACHED;
		ret->n = 1;
		put_component(ret, 0, s + 2, len - 2);
		return;
	}
	if (len == 0 || s[0] != '/') {
		ret->flags = LUTRA_PATH_UNRESOLVED;
		if (len && s[0] == '?') {
			s++;
			len--;
		}
	}
	if (len == 0)
		return;
	count_components(s, len, ret);
	fill_components(s, len, ret);
}
