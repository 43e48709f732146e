/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer/rules/exact_names.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "trainer/data/names/exact_path.h"
#include "trainer/data/names/intern.h"

/* Writes a path with all names folded. Returns its bytes. */
static size_t fold_path(const struct lutra_path *path, char out[static LUTRA_STRING_MAX + 1])
{
	size_t n = 0;

	for (uint32_t i = path->n < LUTRA_COMPONENTS ? path->n : LUTRA_COMPONENTS; i-- > 0;) {
		out[n++] = '/';
		n += exact_path_fold_name(path->name[i], path->len[i], out + n);
	}
	return n;
}

/* Returns true if the operation makes or removes a name. */
static bool makes_name(const struct lutra_object *o)
{
	return lutra_puts_file(o) || o->op == LUTRA_OP_UNLINK || o->op == LUTRA_OP_RENAME_FROM;
}

int exact_names_init(struct exact_names *x, const struct corpus *c, const uint8_t *roles)
{
	char folded[LUTRA_STRING_MAX + 1];
	struct lutra_object o;
	struct lutra_path path;
	uint32_t number;
	int r = intern_new(&x->made);

	for (uint32_t i = 0; r == 0 && i < intern_count(c->names.objects); i++) {
		if (!roles[i])
			continue;
		objects_get(c, i, &o, &path);
		if (o.flags & LUTRA_OBJ_PATH && makes_name(&o) && !path.flags)
			r = intern_add(x->made, folded, fold_path(&path, folded), &number);
	}
	return r < 0 ? -ENOMEM : 0;
}

void exact_names_done(struct exact_names *x)
{
	intern_free(x->made);
	free(x->list);
}

/* Returns true if names of which the policy could tell digits apart have "#" in their place. */
static bool is_folded(const struct lutra_object *o, const struct lutra_path *path)
{
	bool program = o->op == LUTRA_OP_EXEC || o->op == LUTRA_OP_MAPX;

	for (uint32_t i = 0; i < path->n && i < (program ? LUTRA_COMPONENTS : 1u); i++)
		if (memchr(path->name[i], '#', path->len[i] < LUTRA_NAME ? path->len[i] : 0))
			return true;
	return false;
}

static bool is_made(const struct exact_names *x, const struct lutra_path *path)
{
	char folded[LUTRA_STRING_MAX + 1];
	uint32_t number;

	return intern_find(x->made, folded, fold_path(path, folded), &number);
}

static int add_entry(struct exact_names *x, uint64_t token, uint64_t exact)
{
	if (ARRAY_RESERVE(x->list, x->size, x->n + 1) < 0)
		return -ENOMEM;
	x->list[x->n++] = lutra_name_token(token, exact);
	return 0;
}

int exact_names_add(struct exact_names *x, const struct lutra_object *o,
		    const struct lutra_path *path, const struct lutra_judgement *j)
{
	if (!(o->flags & LUTRA_OBJ_PATH) || path->flags || !j->class.hit)
		return 0;
	if (is_folded(o, path) || (j->class.exact && is_made(x, path)))
		return add_entry(x, j->token, 0);
	return j->class.exact ? add_entry(x, j->token, j->class.exact) : 0;
}

/* Returns true if the path of a node has a name with folded digits. */
static bool has_folded_name(const struct policy *p, uint32_t node)
{
	for (; node; node = p->nodes[node].parent)
		if (strchr(p->nodes[node].name, '#'))
			return true;
	return false;
}

int exact_names_add_known(struct exact_names *x, const struct policy *p, const uint64_t *tokens,
			  size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (lutra_object_token_get(tokens[i], LUTRA_FIELD_HAS_PATH) &&
		    has_folded_name(p, lutra_object_token_get(tokens[i], LUTRA_FIELD_DETAIL)))
			r = add_entry(x, tokens[i], 0);
	return r;
}

void exact_names_sort(struct exact_names *x)
{
	size_t n = 0;

	if (x->n)
		qsort(x->list, x->n, sizeof(*x->list), policy_compare_objects);
	for (size_t i = 0; i < x->n; i++)
		if (i == 0 || x->list[i] != x->list[i - 1])
			x->list[n++] = x->list[i];
	x->n = n;
}
