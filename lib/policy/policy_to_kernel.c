/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's image of a policy: arrays copied to their fixed places, path tree and object tokens
 * hashed into open-addressed tables. Deterministic: seeds are tried in a fixed order.
 */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/syscall_traits.h"
#include "lib/abi/syscalls.h"
#include "lib/policy/policy.h"
#include "lutra/score.h"

#define SEEDS 8192

/* splitmix64 (Steele, Lea and Flood 2014) of the attempt's number. */
static uint64_t seed_of(uint64_t attempt)
{
	uint64_t z = (attempt + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static bool put_edge(struct lutra_policy *image, uint16_t node, uint64_t key, uint16_t child)
{
	uint32_t slot = lutra_edge_slot(image->edge_seed, node, key);

	for (uint32_t i = 0; i < LUTRA_PROBE; i++) {
		struct lutra_edge *e = &image->edge[(slot + i) & (LUTRA_EDGE_SLOTS - 1)];

		if (e->child)
			continue;
		*e = (struct lutra_edge){.key = key, .node = node, .child = child};
		return true;
	}
	return false;
}

static bool put_edges(const struct policy *p, uint64_t seed, struct lutra_policy *image)
{
	memset(image->edge, 0, sizeof(image->edge));
	image->edge_seed = seed;
	for (size_t i = 1; i < p->n_nodes; i++)
		if (!put_edge(image, p->nodes[i].parent, p->nodes[i].key, (uint16_t)i))
			return false;
	return true;
}

static bool put_object(struct lutra_policy *image, uint64_t token)
{
	uint32_t slot = lutra_object_slot(image->object_seed, token);

	for (uint32_t i = 0; i < LUTRA_PROBE; i++) {
		__u64 *o = &image->object[(slot + i) & (LUTRA_OBJECT_SLOTS - 1)];

		if (*o)
			continue;
		*o = token;
		return true;
	}
	return false;
}

static bool put_objects(const struct policy *p, uint64_t seed, struct lutra_policy *image)
{
	memset(image->object, 0, sizeof(image->object));
	image->object_seed = seed;
	for (size_t i = 0; i < p->n_objects; i++)
		if (!put_object(image, p->objects[i]))
			return false;
	for (size_t i = 0; i < p->n_names; i++)
		if (!put_object(image, p->names[i]))
			return false;
	return true;
}

/* Build a table with the first seed under which every entry is found in LUTRA_PROBE steps. */
static int find_seed(bool (*put)(const struct policy *, uint64_t, struct lutra_policy *),
		     const struct policy *p, struct lutra_policy *image)
{
	for (uint64_t i = 0; i < SEEDS; i++)
		if (put(p, seed_of(i), image))
			return 0;
	return -ENOSPC;
}

/* Sets the 32-bit calls that a hook can refuse: new ones, if no run made a 32-bit call. */
static void copy_ia32(const struct policy *p, struct lutra_policy *image)
{
	uint64_t hookable[LUTRA_NR / 64] = {0};

	if (p->ops >> LUTRA_OP_NATIVE & 1 && strcmp(p->arch, "x86_64") == 0)
		syscall_hookable_mask("i386", p->ops, hookable);
	memcpy(image->hookable_ia32, hookable, sizeof(image->hookable_ia32));
}

static void copy_rules(const struct policy *p, struct lutra_policy *image)
{
	memcpy(image->hash_key, p->hash_key, sizeof(image->hash_key));
	memcpy(image->hookable, p->hookable, sizeof(image->hookable));
	copy_ia32(p, image);
	memcpy(image->steady, p->steady, sizeof(image->steady));
	memcpy(image->action, p->action, sizeof(p->action));
	image->action[LUTRA_RULE_GUARD] = LUTRA_ACTION_DENY;
	image->port_exact = p->port_exact;
	image->ops = p->ops;
	image->threshold = p->threshold;
	image->novelty_threshold = p->novelty_threshold;
	image->kill_matches = p->kill_matches;
	image->thread_roles = p->thread_roles;
	image->first_stays = p->first_process == POLICY_FIRST_STAYS;
	image->code_last = p->code_last;
	image->expects_image = p->expects_image;
	image->exact_names = p->exact_names;
}

/* Rows of v become rows of 256; what lies beyond v no token can reach. */
static void copy_tables(const struct policy *p, struct lutra_policy *image)
{
	memcpy(image->token, p->token, sizeof(p->token));
	for (uint32_t a = 0; a < p->v; a++)
		memcpy(&image->m.t0[a * LUTRA_T0_STRIDE], &p->t0[(size_t)a * p->v],
		       p->v * sizeof(*p->t0));
	memcpy(image->m.t1, p->t1, sizeof(image->m.t1));
	memcpy(image->m.t2, p->t2, sizeof(image->m.t2));
	image->m.p1 = p->p1;
	image->m.p2 = p->p2;
	image->m.shift = p->level_shift;
	image->m.counts = p->level_counts;
	image->m.novelty_shift = p->novelty_shift;
	image->m.novelty_counts = p->novelty_counts;
}

/* Sets the tokens of keys. Keys that have a token are numbered in the order of the policy. */
static void copy_keys(const struct policy *p, struct lutra_policy *image)
{
	unsigned n = LUTRA_KEY_FIRST;

	memset(image->key_token, LUTRA_UNK, sizeof(image->key_token));
	for (unsigned role = 0; role < LUTRA_ROLE_ROWS; role++)
		image->key_token[role][LUTRA_KEY_NONE] = LUTRA_PAD;
	for (size_t i = 0; i < p->n_keys; i++) {
		if (!policy_key_has_token(&p->keys[i]))
			continue;
		for (unsigned role = 0; role < LUTRA_ROLES && n < LUTRA_KEYS; role++)
			image->key_token[role][n] = p->keys[i].token[role];
		n++;
	}
}

/* Puts the hash of a key into the hash table. Returns false if there is no room for it. */
static bool put_key(struct lutra_policy *image, uint64_t hash, unsigned number)
{
	uint32_t slot = lutra_key_slot(image->key_seed, hash);

	for (uint32_t i = 0; i < LUTRA_PROBE; i++) {
		__u64 *k = &image->key[(slot + i) & (LUTRA_KEY_SLOTS - 1)];

		if (*k)
			continue;
		*k = hash | number;
		return true;
	}
	return false;
}

/* Puts all keys into the hash table. Returns false if they do not fit with this seed. */
static bool put_key_hashes(const struct policy *p, uint64_t seed, struct lutra_policy *image)
{
	unsigned n = LUTRA_KEY_FIRST;

	memset(image->key, 0, sizeof(image->key));
	image->key_seed = seed;
	for (size_t i = 0; i < p->n_keys; i++) {
		bool has_token = policy_key_has_token(&p->keys[i]);

		if (!put_key(image, p->keys[i].hash, has_token ? n : LUTRA_KEY_NONE))
			return false;
		n += has_token;
	}
	return true;
}

/* Sets the tokens of the roles that know what other roles know. rows: n tokens for each role. */
static void fill_role_rows(uint8_t *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t any = LUTRA_UNK;

		for (unsigned role = 0; any == LUTRA_UNK && role < LUTRA_ROLE_SESSION; role++)
			any = rows[role * n + i];
		if (rows[LUTRA_ROLE_SESSION * n + i] == LUTRA_UNK)
			rows[LUTRA_ROLE_SESSION * n + i] = any;
		for (unsigned role = LUTRA_ROLE_ANY; role < LUTRA_ROLE_ROWS; role++)
			rows[role * n + i] = any;
	}
}

int policy_to_kernel(const struct policy *p, uint32_t version, struct lutra_policy *ret,
		     struct err *err)
{
	char name[LUTRA_NAME] __attribute__((__aligned__(8))) = "*";

	if (p->n_nodes > LUTRA_NODES || p->n_objects + p->n_names > POLICY_OBJECTS_MAX)
		return err_set(err, -ENOSPC,
			       "policy has %zu path nodes and %zu objects and names; %d and %d fit",
			       p->n_nodes, p->n_objects + p->n_names, LUTRA_NODES,
			       POLICY_OBJECTS_MAX);
	memset(ret, 0, sizeof(*ret));
	ret->version = version;
	copy_rules(p, ret);
	copy_tables(p, ret);
	copy_keys(p, ret);
	fill_role_rows(&ret->token[0][0], LUTRA_NR);
	fill_role_rows(&ret->key_token[0][0], LUTRA_KEYS);
	for (uint32_t dir = 0; dir < 2; dir++)
		ret->wildcard_key[dir] = lutra_component_key(name, 1, ret->hash_key, dir);
	for (size_t i = 0; i < p->n_nodes; i++)
		ret->node[i] = p->nodes[i].flags;
	if (find_seed(put_edges, p, ret) < 0 || find_seed(put_objects, p, ret) < 0 ||
	    find_seed(put_key_hashes, p, ret) < 0)
		return err_set(err, -ENOSPC,
			       "policy's path tree, objects or keys do not fit the tables");
	return 0;
}

void policy_to_kernel_fall_back(const struct policy *p, struct lutra_policy *image)
{
	unsigned clone, clone3;

	if (syscall_to_arch(p->arch, SYS_clone, &clone) < 0 ||
	    syscall_to_arch(p->arch, SYS_clone3, &clone3) < 0)
		return;
	for (unsigned role = 0; role < LUTRA_ROLE_ROWS; role++)
		if (image->token[role][clone] == LUTRA_UNK)
			image->token[role][clone] = image->token[role][clone3];
}

int policy_to_kernel_without_syscalls(const struct policy *p, struct lutra_policy *image,
				      struct err *err)
{
	const struct lutra_class class = {0};
	struct lutra_object o = {.op = LUTRA_OP_HOOK};

	if (p->steady_on_wait)
		return err_set(
			err, -EINVAL,
			"calls are off, and this policy's tasks become steady by a wait that "
			"no hook sees: leave calls on");
	/* Levels M and N are trained on sequences that have system calls. */
	image->threshold = image->novelty_threshold = LUTRA_THRESHOLD_OFF;
	if (image->ops >> LUTRA_OP_HOOK & 1)
		return 0;
	image->ops |= 1u << LUTRA_OP_HOOK;
	for (o.mode = LUTRA_HOOK_OTHERS; o.mode < LUTRA_HOOK_COUNT; o.mode++)
		for (uint8_t role = 0; role < LUTRA_ROLES; role++)
			if (!put_object(image, lutra_object_token(image, &o, &class, 0, role)))
				return err_set(err, -ENOSPC, "policy's objects do not fit");
	return 0;
}
