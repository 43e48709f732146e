/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/data/names/exact_path.h"

#include <stdbool.h>
#include <string.h>

#include "lib/policy/paths/path_flags.h"
#include "lutra/score.h"

size_t exact_path_fold_name(const char *name, size_t len, char *out)
{
	char folded[LUTRA_NAME];

	if (len < LUTRA_NAME) {
		len = lutra_fold_component(name, (uint32_t)len, folded);
		name = folded;
	} else {
		len = LUTRA_NAME;
	}
	memcpy(out, name, len);
	return len;
}

/* Writes a name that is told apart. Returns its bytes. */
static size_t write_exact_name(const char *name, size_t len, char *out)
{
	len = len < LUTRA_NAME ? len : LUTRA_NAME;
	memcpy(out, name, len);
	return len;
}

/*
 * Returns true if the last name of a path is told apart. dir: the folded path of its directory, of n
 * bytes. Directories in /proc are processes, whose numbers say nothing.
 */
static bool is_exact_leaf(const struct lutra_object *o, const char *dir, size_t n)
{
	char path[LUTRA_STRING_MAX + 1] = "/";

	if (lutra_leaf_dir(o) || n >= sizeof(path))
		return false;
	if (n) {
		memcpy(path, dir, n);
		path[n] = '\0';
	}
	return path_flags(path, 0, false) & LUTRA_NODE_PROTECTED;
}

size_t exact_path_write(const struct lutra_object *o, const char *s, size_t len, char *out)
{
	bool program = o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX;
	size_t n = 0, pos = 0;

	while (pos < len) {
		const char *c = s + pos + 1; /* after the slash */
		const char *end = memchr(c, '/', len - pos - 1);
		size_t c_len = end ? (size_t)(end - c) : len - pos - 1;
		bool exact = program || (!end && is_exact_leaf(o, out, n));

		out[n++] = '/';
		n += exact ? write_exact_name(c, c_len, out + n)
			   : exact_path_fold_name(c, c_len, out + n);
		pos += 1 + c_len;
	}
	return n;
}
