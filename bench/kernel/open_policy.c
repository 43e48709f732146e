/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/kernel/open_policy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench/kernel/states.h"
#include "lib/base/cleanup.h"
#include "lutra/score.h"

/* Returns the child of a node by its folded name, and adds it if there is none. */
static uint16_t get_child_node(struct policy *p, uint16_t parent, const char *name, size_t len,
			       bool dir)
{
	char in[LUTRA_NAME] = "", fold[LUTRA_NAME] __attribute__((__aligned__(8))) = "";
	struct policy_node *n = &p->nodes[p->n_nodes];

	memcpy(in, name, len);
	n->key = lutra_component_key(fold, lutra_fold_component(in, (__u32)len, fold),
				     (const __u64 *)p->hash_key, dir);
	n->parent = parent;
	n->dir = dir;
	memcpy(n->name, fold, sizeof(fold));
	for (size_t i = 1; i < p->n_nodes; i++)
		if (p->nodes[i].parent == parent && p->nodes[i].key == n->key)
			return (uint16_t)i;
	return (uint16_t)p->n_nodes++;
}

static int compare_object_tokens(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Makes reading opens in /tmp, which have one key, known. */
static void add_key(struct policy *p, const struct lutra_object *o)
{
	struct lutra_key_search s = {};
	struct lutra_path path = {.n = 2, .len = {1, 3}};

	memcpy(path.name[0], "f", 1);
	memcpy(path.name[1], "tmp", 3);
	lutra_key_compute(o, &path, (const struct lutra_hash_key *)p->hash_key, &s);
	p->keys[0].hash = s.own;
	memset(p->keys[0].token, BENCH_OBJECT, sizeof(p->keys[0].token));
	p->n_keys = 1;
}

int bench_open_policy(const char *const paths[], unsigned n, struct policy **ret)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .mode = S_IFREG, .flags = LUTRA_OBJ_PATH};
	_cleanup_(policy_freep) struct policy *p = NULL;
	static const struct lutra_policy none;
	int r = bench_policy(&p);

	if (r < 0)
		return r;
	p->ops = 1u << LUTRA_OP_OPEN;
	p->hash_key[0] = 0x0123456789abcdefull;
	p->hash_key[1] = 0xfedcba9876543210ull;
	for (unsigned k = 0; k < n; k++) {
		struct lutra_class class = {};
		const char *s = paths[k];

		while (*s == '/') {
			size_t len = strcspn(++s, "/");

			class.node = get_child_node(p, class.node, s, len, s[len] == '/');
			s += len;
		}
		p->objects[p->n_objects++] = lutra_object_token(&none, &o, &class, 0, 0);
	}
	qsort(p->objects, p->n_objects, sizeof(*p->objects), compare_object_tokens);
	add_key(p, &o);
	*ret = TAKE_PTR(p);
	return 0;
}
