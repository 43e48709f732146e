/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts three things: the files of each kind (extension) that a role reads in a protected
 * directory, the libraries of the image that the service maps from a directory, and the programs
 * that it executes in start-up from a directory of its own. Reading is not counted in other
 * directories: there a new file is not refused anyway.
 */
#include "trainer/rules/siblings.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/policy/paths/path_flags.h"

struct sibling_file {
	uint64_t token; /* that a new file beside this one would have */
	uint16_t node;
};

/* Returns the kind of a file by its name, or 0 if a file of this name makes no sibling known. */
static uint32_t shared_kind(const struct lutra_path *path)
{
	const char *name = path->name[0], *dot = memrchr(name, '.', path->len[0]);
	uint32_t kind;

	/* Names in runs are folded: if the extension had a digit, it is not known any more. */
	if (!dot || memchr(dot, '#', path->len[0] - (size_t)(dot - name)) ||
	    path_flags_is_secret_file(name, path->len[0]))
		return 0;
	kind = lutra_component_kind(name, path->len[0]);
	return path_flags_is_secret_kind(kind) ? 0 : kind;
}

/* Returns true if the object is a plain file that is read in a protected directory. */
static bool is_read_in_protected(const struct lutra_object *o, uint8_t directory)
{
	return o->op == LUTRA_OP_OPEN && !(o->flags & LUTRA_OBJ_WRITE) &&
	       o->mode >> 12 == LUTRA_S_IFREG_TYPE && directory & LUTRA_NODE_PROTECTED &&
	       !(directory & LUTRA_NODE_SECRET);
}

/*
 * Returns true if the object is a program of the image in a directory of the service's own, such as
 * /usr/lib/postfix/sbin. /usr/bin and the like also hold the tools of an attacker.
 */
static bool is_own_program(const struct lutra_object *o, uint8_t directory, uint8_t role)
{
	return o->op == LUTRA_OP_EXEC && role == LUTRA_ROLE_STARTUP && directory & LUTRA_NODE_USR &&
	       !(directory & LUTRA_NODE_PROTECTED);
}

int siblings_add(struct siblings *s, const struct policy *p, const struct lutra_policy *image,
		 const struct sibling_candidate *candidate)
{
	const struct lutra_object *o = candidate->object;
	const struct lutra_class *class = &candidate->judgement->class;
	struct lutra_class dir = {0};
	uint32_t kind;

	if (!class->hit || !class->node)
		return 0;
	dir.node = p->nodes[class->node].parent;
	dir.flags = p->nodes[dir.node].flags;
	if (dir.flags & LUTRA_NODE_WROTE)
		return 0;
	if ((o->op == LUTRA_OP_MAPX || is_own_program(o, dir.flags, candidate->role)) &&
	    !lutra_is_fresh(o))
		kind = 0;
	else if (!is_read_in_protected(o, dir.flags) || !(kind = shared_kind(candidate->path)))
		return 0;
	if (ARRAY_RESERVE(s->list, s->size, s->n + 1) < 0)
		return -ENOMEM;
	s->list[s->n++] = (struct sibling_file){
		.token = lutra_object_token(image, o, &dir, 0, candidate->role) |
			 lutra_sibling_fields(kind),
		.node = class->node};
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct sibling_file *x = a, *y = b;

	if (x->token != y->token)
		return x->token < y->token ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

size_t siblings_tokens(struct siblings *s, uint64_t *ret)
{
	size_t n = 0, files = 0;

	if (s->n)
		qsort(s->list, s->n, sizeof(*s->list), compare_files);
	for (size_t i = 0; i < s->n; i++) {
		const struct sibling_file *f = &s->list[i];
		bool same = i && f[-1].token == f->token;

		files = !same ? 1 : files + (f[-1].node != f->node);
		if (files != SIBLINGS_MIN || (n && ret[n - 1] == f->token))
			continue;
		ret[n++] = f->token;
	}
	return n;
}

void siblings_done(struct siblings *s)
{
	free(s->list);
	memset(s, 0, sizeof(*s));
}
