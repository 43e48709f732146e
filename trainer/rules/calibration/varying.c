/* SPDX-License-Identifier: Apache-2.0 */
/* Collects the new names that runs met, and finds which kinds of them vary. Used by one thread. */
#include "trainer/rules/calibration/varying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/array.h"

/* A new name that a run met. */
struct varying_name {
	uint64_t token;
	size_t run;
	bool is_refused; /* its kind may not vary */
};

void varying_done(struct varying *v)
{
	free(v->met);
	free(v->kept);
	memset(v, 0, sizeof(*v));
}

bool varying_is_new_name(const struct lutra_object *o, const struct lutra_judgement *j)
{
	return j->kind != LUTRA_KIND_KNOWN && !j->class.hit && j->class.last &&
	       o->op != LUTRA_OP_EXEC && o->op != LUTRA_OP_MAPX &&
	       rule_get(j->rule)->action == LUTRA_ACTION_DENY;
}

/* Returns true if new names in a directory may vary. */
static bool may_vary(const struct policy *p, uint16_t node)
{
	return !(p->nodes[node].flags & (LUTRA_NODE_WILDCARD | LUTRA_NODE_SECRET));
}

uint64_t varying_token(const struct policy *p, const struct lutra_policy *image,
		       const struct varying_object *o)
{
	const struct lutra_class *class = &o->judgement->class;
	struct lutra_class dir = {.node = class->hit ? p->nodes[class->node].parent : class->node};

	if (!class->last || !may_vary(p, dir.node))
		return 0;
	dir.flags = p->nodes[dir.node].flags;
	return lutra_object_token_of_new_name(lutra_object_token(
		image, o->object, &dir, lutra_code_counted(image, o->object, o->path), o->role));
}

int varying_add(struct varying *v, size_t run, uint64_t token)
{
	if (ARRAY_RESERVE(v->met, v->met_size, v->n_met + 1) < 0)
		return -ENOMEM;
	v->met[v->n_met++] = (struct varying_name){.token = token, .run = run};
	return 0;
}

/*
 * Sets *ret to the path of a node of a policy, last name first, as the scorer takes it. The names of
 * nodes are folded already; folding them again does not change them.
 */
static void node_to_path(const struct policy *p, uint32_t node, struct lutra_path *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (; node && ret->n < LUTRA_COMPONENTS; node = p->nodes[node].parent) {
		size_t len = strnlen(p->nodes[node].name, LUTRA_NAME - 1);

		if (p->nodes[node].parent == 0 && p->nodes[node].name[0] == '/') {
			ret->flags |= LUTRA_PATH_DETACHED;
			break;
		}
		memcpy(ret->name[ret->n], p->nodes[node].name, len);
		ret->len[ret->n++] = (uint8_t)len;
	}
}

int varying_keep(struct varying *v, const struct policy *old, const struct policy *p,
		 const struct lutra_policy *image)
{
	const uint64_t detail = lutra_object_token_put(LUTRA_FIELD_DETAIL, UINT64_MAX);

	for (size_t i = 0; i < old->n_objects; i++) {
		uint64_t token = old->objects[i];
		char fold[LUTRA_NAME] __attribute__((aligned(8)));
		struct lutra_class class;
		struct lutra_path path;

		uint32_t node = lutra_object_token_get(token, LUTRA_FIELD_DETAIL);

		/* Tokens of files come from the base or a pack, and are added again. */
		if (!lutra_object_token_get(token, LUTRA_FIELD_VARIES) || !old->nodes[node].dir)
			continue;
		node_to_path(old, node, &path);
		lutra_classify_path(image, &path, 1, 0, fold, &class);
		if ((path.n && !class.hit) || !may_vary(p, class.node))
			continue;
		if (ARRAY_RESERVE(v->kept, v->kept_size, v->n_kept + 1) < 0)
			return -ENOMEM;
		v->kept[v->n_kept++] =
			(token & ~detail) | lutra_object_token_put(LUTRA_FIELD_DETAIL, class.node);
	}
	return 0;
}

static int compare_varying(const void *a, const void *b)
{
	const struct varying_name *x = a, *y = b;

	if (x->token != y->token)
		return x->token < y->token ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

void varying_sort(struct varying *v)
{
	size_t n = 0;

	if (v->n_met)
		qsort(v->met, v->n_met, sizeof(*v->met), compare_varying);
	for (size_t i = 0; i < v->n_met; i++)
		if (n == 0 || compare_varying(&v->met[i], &v->met[n - 1]) != 0)
			v->met[n++] = v->met[i];
	v->n_met = n;
	if (v->n_kept)
		qsort(v->kept, v->n_kept, sizeof(*v->kept), policy_compare_objects);
	/* Directories of the old policy may be one wildcard in the new one. */
	n = 0;
	for (size_t i = 0; i < v->n_kept; i++)
		if (n == 0 || v->kept[i] != v->kept[n - 1])
			v->kept[n++] = v->kept[i];
	v->n_kept = n;
}

static bool is_kept(const struct varying *v, uint64_t token)
{
	return v->n_kept &&
	       bsearch(&token, v->kept, v->n_kept, sizeof(token), policy_compare_objects);
}

bool varying_has_kind(const struct varying *v, size_t run, uint64_t token)
{
	size_t low = 0, high = v->n_met, runs = 0;

	if (is_kept(v, token))
		return true;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v->met[mid].token < token)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < v->n_met && v->met[low].token == token; low++)
		runs += v->met[low].run != run;
	return runs >= VARYING_RUNS;
}

void varying_ask(struct varying *v, bool (*may_kind_vary)(const void *ctx, uint64_t token),
		 const void *ctx)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_met; i++) {
		uint64_t token = v->met[i].token;

		if (i > 0 && v->met[i - 1].token == token)
			v->met[i].is_refused = v->met[i - 1].is_refused;
		else
			v->met[i].is_refused = !is_kept(v, token) &&
					       varying_has_kind(v, VARYING_ALL_RUNS, token) &&
					       !may_kind_vary(ctx, token);
	}
	for (size_t i = 0; i < v->n_met; i++)
		if (!v->met[i].is_refused)
			v->met[n++] = v->met[i];
	v->n_met = n;
}

/* Appends a token to the objects of the policy, if it has room. *size: room of the array. */
static int add_object(struct policy *p, size_t *size, uint64_t token)
{
	if (p->n_objects >= POLICY_OBJECTS_MAX)
		return 0;
	if (ARRAY_RESERVE(p->objects, *size, p->n_objects + 1) < 0)
		return -ENOMEM;
	p->objects[p->n_objects++] = token;
	return 0;
}

int varying_add_tokens(const struct varying *v, struct policy *p)
{
	size_t size = p->n_objects;
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_kept; i++)
		r = add_object(p, &size, v->kept[i]);
	for (size_t i = 0; r == 0 && i < v->n_met; i++) {
		uint64_t token = v->met[i].token;

		if ((i == 0 || v->met[i - 1].token != token) && !is_kept(v, token) &&
		    varying_has_kind(v, VARYING_ALL_RUNS, token))
			r = add_object(p, &size, token);
	}
	if (p->n_objects)
		qsort(p->objects, p->n_objects, sizeof(*p->objects), policy_compare_objects);
	return r;
}
