/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/bpf/kernel_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/bpf/box.h"
#include "tests/support/sample.h"

struct policy *kernel_policy_new(void)
{
	struct policy *p = NULL;

	assert_int_equal(policy_new(&p), 0);
	p->v = 5;
	for (int role = 0; role < LUTRA_ROLES; role++)
		for (int nr = 0; nr < LUTRA_NR; nr++)
			p->token[role][nr] = nr & 1 ? KERNEL_POLICY_ODD : KERNEL_POLICY_TOKEN;
	p->t0 = calloc(p->v * p->v, sizeof(*p->t0));
	p->t1 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t1));
	p->t2 = calloc(LUTRA_K * LUTRA_K, sizeof(*p->t2));
	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	for (uint32_t a = 0; a < p->v; a++)
		p->t0[a * p->v + LUTRA_UNK] = KERNEL_POLICY_WEIGHT << 8;
	p->steady[SYS_accept4 / 64] |= 1ull << (SYS_accept4 & 63);
	p->hash_key[0] = 1;
	p->hash_key[1] = 2;
	p->kill_matches = 1;
	p->threshold = LEVEL_NEVER;
	p->novelty_threshold = LEVEL_NEVER;
	p->level_shift = p->novelty_shift = KERNEL_POLICY_SHIFT;
	p->level_counts = p->novelty_counts = 1;
	p->nodes = calloc(LUTRA_NODES, sizeof(*p->nodes));
	p->objects = calloc(POLICY_OBJECTS_MAX, sizeof(*p->objects));
	/* Each token stands for something: the first key is of no object. */
	p->keys = calloc(POLICY_OBJECT_KEYS_MAX, sizeof(*p->keys));
	p->keys[0].hash = 0x100;
	memset(p->keys[0].token, KERNEL_POLICY_OBJECT, sizeof(p->keys[0].token));
	p->n_keys = 1;
	p->n_nodes = 1;
	p->nodes[0].flags = LUTRA_NODE_PROTECTED;
	memset(p->action, LUTRA_ACTION_ALERT, sizeof(p->action));
	return p;
}

void kernel_policy_forget(struct policy *p, unsigned nr, bool hookable)
{
	for (int role = 0; role < LUTRA_ROLES; role++)
		p->token[role][nr] = LUTRA_UNK;
	if (hookable)
		p->hookable[nr / 64] |= 1ull << (nr & 63);
}

uint16_t kernel_policy_node(struct policy *p, unsigned parent, const char *name, bool dir,
			    unsigned flags)
{
	struct policy_node *n = &p->nodes[p->n_nodes];
	char in[LUTRA_NAME] = {}, fold[LUTRA_NAME] __attribute__((__aligned__(8))) = {};

	snprintf(in, sizeof(in), "%s", name);
	n->parent = (uint16_t)parent;
	n->dir = dir;
	n->flags = (uint8_t)flags;
	n->key = lutra_component_key(fold, lutra_fold_component(in, (__u32)strlen(in), fold),
				     (const __u64 *)p->hash_key, dir);
	memcpy(n->name, fold, sizeof(fold));
	return (uint16_t)p->n_nodes++;
}

/* Returns the node of that name below parent, which is added if there is none. */
static unsigned find_or_add_node(struct policy *p, unsigned parent, const char *name, bool dir,
				 unsigned flags)
{
	unsigned n = kernel_policy_node(p, parent, name, dir, flags);

	for (unsigned i = 1; i < n; i++)
		if (p->nodes[i].parent == parent && p->nodes[i].dir == dir &&
		    p->nodes[i].key == p->nodes[n].key) {
			p->n_nodes--;
			return i;
		}
	return n;
}

/* Adds the key of an object to what the policy knows in every role. Keeps their order. */
static void know_key(struct policy *p, const struct lutra_object *o, const char *path)
{
	struct policy_key key = {.hash = sample_key_hash(p, o, path)};
	size_t at = 0;

	while (at < p->n_keys && p->keys[at].hash < key.hash)
		at++;
	if (at < p->n_keys && p->keys[at].hash == key.hash)
		return;
	memset(key.token, KERNEL_POLICY_OBJECT, sizeof(key.token));
	memmove(&p->keys[at + 1], &p->keys[at], (p->n_keys - at) * sizeof(key));
	p->keys[at] = key;
	p->n_keys++;
}

void kernel_policy_know(struct policy *p, const char *path, uint8_t flags, uint16_t mode, int role)
{
	const struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | flags, .mode = mode};
	struct lutra_policy *none = calloc(1, sizeof(*none));
	struct lutra_class c = {.flags = role == ANY_ROLE ? 0 : LUTRA_NODE_ROLE};
	char name[LUTRA_NAME];
	unsigned node = 0;

	assert_non_null(none);
	know_key(p, &o, path);
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		assert_true(len < sizeof(name));
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		node = find_or_add_node(p, node, name, *path || S_ISDIR(mode), c.flags);
	}
	c.node = (uint16_t)node;
	p->objects[p->n_objects++] =
		lutra_object_token(none, &o, &c, 0, (uint8_t)(role == ANY_ROLE ? 0 : role));
	free(none);
}

struct policy *kernel_policy_of_opens(void)
{
	struct policy *p = kernel_policy_new();

	p->ops = 1u << LUTRA_OP_OPEN;
	p->nodes[0].flags = 0;
	return p;
}

struct policy *kernel_policy_of_path(const char *path)
{
	struct policy *p = kernel_policy_of_opens();

	if (path)
		kernel_policy_know(p, path, 0, S_IFREG, ANY_ROLE);
	return p;
}
