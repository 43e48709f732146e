/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts for each directory the runs that met new names in it. Owned and used by one thread.
 * n_met[node] is always the number of runs whose bit of this node is set in met.
 */
#include "trainer/rules/calibration/varying.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/rules.h"

#define WORDS (LUTRA_NODES / 64)

int varying_init(struct varying *v, size_t n_runs)
{
	memset(v, 0, sizeof(*v));
	v->met = calloc(n_runs + 1, WORDS * sizeof(*v->met));
	return v->met ? 0 : -ENOMEM;
}

void varying_done(struct varying *v)
{
	free(v->met);
	v->met = NULL;
}

bool varying_is_new_name(const struct lutra_object *o, const struct lutra_judgement *j)
{
	return j->kind != LUTRA_KIND_KNOWN && !j->class.hit && j->class.last &&
	       o->op != LUTRA_OP_EXEC && o->op != LUTRA_OP_MAPX &&
	       rule_get(j->rule)->action == LUTRA_ACTION_DENY;
}

uint16_t varying_directory(const struct policy *p, const struct lutra_judgement *j)
{
	uint16_t node = j->class.hit ? p->nodes[j->class.node].parent : j->class.node;

	if (!j->class.last || p->nodes[node].flags & LUTRA_NODE_WILDCARD)
		return VARYING_NO_NODE;
	return node;
}

void varying_add(struct varying *v, size_t run, uint16_t node)
{
	uint64_t *word = &v->met[run * WORDS + node / 64], bit = 1ull << (node & 63);

	v->n_met[node] = (uint16_t)(v->n_met[node] + !(*word & bit));
	*word |= bit;
}

/*
 * Writes the path of a node of a policy in the form that the scorer takes: last name first. The
 * names are folded, and stay the same when the scorer folds them again.
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

void varying_keep(struct varying *v, const struct policy *old, const struct lutra_policy *image)
{
	for (uint32_t i = 0; i < old->n_nodes; i++) {
		char fold[LUTRA_NAME] __attribute__((aligned(8)));
		struct lutra_class class;
		struct lutra_path path;

		if (!(old->nodes[i].flags & LUTRA_NODE_VARIES))
			continue;
		node_to_path(old, i, &path);
		lutra_classify_path(image, &path, 1, 0, fold, &class);
		if (class.hit || i == 0)
			v->kept[class.node] = !(class.flags & LUTRA_NODE_WILDCARD);
	}
}

bool varying_without(const struct varying *v, size_t run, uint16_t node)
{
	bool own = run != SIZE_MAX && v->met[run * WORDS + node / 64] >> (node & 63) & 1;

	return v->kept[node] || v->n_met[node] - own >= VARYING_RUNS;
}

void varying_mark(const struct varying *v, struct policy *p)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (varying_without(v, SIZE_MAX, (uint16_t)i) &&
		    !(p->nodes[i].flags & LUTRA_NODE_SECRET))
			p->nodes[i].flags |= LUTRA_NODE_VARIES;
}
