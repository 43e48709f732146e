/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of a policy before anything executes it. */
#include "lib/policy/policy.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "lutra/score.h"

#define NODE_FLAGS                                                                                 \
	(LUTRA_NODE_PROTECTED | LUTRA_NODE_USR | LUTRA_NODE_WROTE | LUTRA_NODE_ROLE |              \
	 LUTRA_NODE_WILDCARD | LUTRA_NODE_VARIES | LUTRA_NODE_SECRET | LUTRA_NODE_HOST)

static int check_codes(const struct policy *p, struct err *err)
{
	for (size_t i = 0; i < (size_t)p->v * p->v; i++) {
		if ((p->t0[i] & 0xff) >= LUTRA_K)
			return err_set(err, -EBADMSG, "table 0: code out of range at %zu", i);
	}
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		if ((p->t1[i] & 0xff) >= LUTRA_K || (p->t2[i] & 0xff) >= LUTRA_K)
			return err_set(err, -EBADMSG, "table 1 or 2: code out of range at %zu", i);
	}
	if (p->p1 != (p->t0[LUTRA_PAD * p->v + LUTRA_PAD] & 0xff) || p->p1 >= LUTRA_K ||
	    p->p2 != (p->t1[p->p1 * LUTRA_K + p->p1] & 0xff))
		return err_set(err, -EBADMSG, "the codes of padding do not fit the tables");
	for (size_t i = 0; i < (size_t)p->v * POLICY_SUCCESSORS; i++) {
		if (p->successors[i] >= p->v)
			return err_set(err, -EBADMSG, "successor out of range at %zu", i);
	}
	return 0;
}

/* Checks the keys, which are in the order of their hashes, and marks their tokens as used. */
static int check_object_keys(const struct policy *p, bool used[256], struct err *err)
{
	size_t n = 0;

	if (p->n_keys > POLICY_OBJECT_KEYS_MAX || (p->n_keys && !p->keys))
		return err_set(err, -EBADMSG, "more than %u keys", POLICY_OBJECT_KEYS_MAX);
	for (size_t i = 0; i < p->n_keys; i++) {
		const struct policy_key *k = &p->keys[i];

		if (!k->hash || k->hash & 0xff || (i && k->hash <= p->keys[i - 1].hash) ||
		    !memchr(k->name, '\0', sizeof(k->name)))
			return err_set(err, -EBADMSG, "key %zu is impossible or out of order", i);
		for (unsigned role = 0; role < LUTRA_ROLES; role++) {
			if (k->token[role] >= p->v)
				return err_set(err, -EBADMSG, "token out of range for key %zu", i);
			used[k->token[role]] = true;
		}
		n += policy_key_has_token(k);
	}
	if (n > LUTRA_KEYS - LUTRA_KEY_FIRST)
		return err_set(err, -EBADMSG, "more than %d keys have tokens",
			       LUTRA_KEYS - LUTRA_KEY_FIRST);
	return 0;
}

/*
 * Returns true if the levels leave the call out in one role, and score it in another one. Training
 * decides that for all roles.
 */
static bool is_left_out_in_part(const struct policy *p, unsigned nr)
{
	bool left_out = false, scored = false;

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		left_out |= p->token[role][nr] == LUTRA_PAD;
		scored |= p->token[role][nr] >= LUTRA_TOKEN0;
	}
	return left_out && scored;
}

/*
 * Checks that each token stands for some call or key, and that no call or key has another token.
 * LUTRA_PAD: the levels leave the call or key out.
 */
static int check_tokens(const struct policy *p, struct err *err)
{
	bool used[256] = {};
	int r;

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
			unsigned tok = p->token[role][nr];

			if (tok >= p->v || is_left_out_in_part(p, nr))
				return err_set(err, -EBADMSG, "token out of range for call %u", nr);
			used[tok] = true;
		}
	}
	r = check_object_keys(p, used, err);
	if (r < 0)
		return r;
	for (unsigned tok = LUTRA_TOKEN0; tok < p->v; tok++) {
		if (!used[tok])
			return err_set(err, -EBADMSG, "token %u stands for no call and no key",
				       tok);
	}
	return 0;
}

/* steady_on is what people read, the steady bits are what is executed. */
static int check_steady(const struct policy *p, struct err *err)
{
	bool any = false, wait = false;

	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		if (!(p->steady[nr / 64] >> (nr & 63) & 1))
			continue;
		any = true;
		wait |= nr != SYS_accept && nr != SYS_accept4;
	}
	if (!any || wait != p->steady_on_wait)
		return err_set(err, -EBADMSG, "steady_on does not fit the tables");
	return 0;
}

/* The directory of objects without a place in any mount, below which a name may hold a slash. */
static bool is_detached(const struct policy *p, size_t i)
{
	return i && p->nodes[i].parent == 0 && strcmp(p->nodes[i].name, "/") == 0;
}

static int check_name(const struct policy *p, size_t i, struct err *err)
{
	const struct policy_node *n = &p->nodes[i];
	size_t len = strnlen(n->name, LUTRA_NAME);
	char name[LUTRA_NAME] = {}, fold[LUTRA_NAME] = {};
	bool slash = is_detached(p, i) || is_detached(p, n->parent);
	uint64_t key;

	if (len == 0 || len >= LUTRA_NAME || (!slash && memchr(n->name, '/', len)))
		return err_set(err, -EBADMSG, "path node %zu has no proper name", i);
	memcpy(name, n->name, len);
	if (lutra_fold_component(name, (__u32)len, fold) != len || memcmp(fold, name, len) != 0)
		return err_set(err, -EBADMSG, "the name of path node %zu is not folded", i);
	key = lutra_component_key(name, (__u32)len, (const __u64 *)p->hash_key, n->dir);
	if (n->key != (n->exec_session ? key ^ LUTRA_SESSION_KEY : key))
		return err_set(err, -EBADMSG, "the key of path node %zu is not its name's", i);
	if ((p->nodes[n->parent].flags & LUTRA_NODE_WILDCARD) && strcmp(n->name, "*") != 0)
		return err_set(err, -EBADMSG, "path node %zu is named below a wildcard", i);
	return 0;
}

static int check_edges_unique(const struct policy *p, struct err *err)
{
	/* A hash table with open addressing. An entry is the number of a node; 0: empty. */
	enum { BUCKETS = 2 * LUTRA_NODES };
	uint16_t bucket[BUCKETS] = {};

	for (size_t i = 1; i < p->n_nodes; i++) {
		const struct policy_node *n = &p->nodes[i];
		size_t at = (n->key ^ n->parent * 0x9e3779b97f4a7c15ull) % BUCKETS;

		for (; bucket[at]; at = (at + 1) % BUCKETS) {
			const struct policy_node *other = &p->nodes[bucket[at]];

			if (other->key == n->key && other->parent == n->parent)
				return err_set(err, -EBADMSG,
					       "two path nodes are one: key %016llx twice",
					       (unsigned long long)n->key);
		}
		bucket[at] = (uint16_t)i;
	}
	return 0;
}

static int check_nodes(const struct policy *p, struct err *err)
{
	int r;

	if (p->n_nodes == 0 || p->n_nodes > LUTRA_NODES || p->nodes[0].parent != 0)
		return err_set(err, -EBADMSG, "the path tree has no root, or too many nodes");
	for (size_t i = 0; i < p->n_nodes; i++) {
		const struct policy_node *n = &p->nodes[i];

		if ((n->flags & ~NODE_FLAGS) || n->dir > 1 ||
		    (n->flags & LUTRA_NODE_WILDCARD && n->flags & LUTRA_NODE_PROTECTED))
			return err_set(err, -EBADMSG, "path node %zu has impossible flags", i);
		if (i == 0)
			continue;
		if (n->parent >= i || (n->parent && !p->nodes[n->parent].dir) ||
		    (p->nodes[n->parent].exec_session && !n->exec_session))
			return err_set(err, -EBADMSG, "path node %zu has no proper parent", i);
		r = check_name(p, i, err);
		if (r < 0)
			return r;
	}
	return check_edges_unique(p, err);
}

static int check_objects(const struct policy *p, struct err *err)
{
	if (p->n_objects + p->n_names > POLICY_OBJECTS_MAX)
		return err_set(err, -EBADMSG, "more than %u objects and names", POLICY_OBJECTS_MAX);
	for (size_t i = 0; i < p->n_names; i++)
		if (!(p->names[i] >> 63) || (i && p->names[i] <= p->names[i - 1]))
			return err_set(err, -EBADMSG, "name %zu is impossible or out of order", i);
	for (size_t i = 0; i < p->n_objects; i++) {
		uint64_t t = p->objects[i];
		unsigned op = lutra_object_token_get(t, LUTRA_FIELD_OP);

		if (op == LUTRA_OP_NONE || op >= LUTRA_OP_COUNT || lutra_object_token_is_odd(t) ||
		    (i && t <= p->objects[i - 1]))
			return err_set(err, -EBADMSG, "object %zu is impossible or out of order",
				       i);
		if ((lutra_object_token_get(t, LUTRA_FIELD_HAS_PATH) &&
		     lutra_object_token_get(t, LUTRA_FIELD_DETAIL) >= p->n_nodes) ||
		    (op == LUTRA_OP_EXEC &&
		     lutra_object_token_get(t, LUTRA_FIELD_STARTER) >= p->n_nodes))
			return err_set(err, -EBADMSG, "object %zu names no path node", i);
		if (lutra_object_token_get(t, LUTRA_FIELD_VARIES) &&
		    !lutra_object_token_get(t, LUTRA_FIELD_HAS_PATH))
			return err_set(err, -EBADMSG, "object %zu varies, and has no path", i);
	}
	return 0;
}

static int check_rules(const struct policy *p, struct err *err)
{
	if (p->mode >= LUTRA_MODE_COUNT)
		return err_set(err, -EBADMSG, "mode is out of range");
	if (p->kill_matches < 1 || p->kill_matches > 2)
		return err_set(err, -EBADMSG, "kill_signals must be 1 or 2");
	if (p->threshold < 0 || p->novelty_threshold < 0)
		return err_set(err, -EBADMSG, "a threshold is negative");
	if (p->level_shift > 15 || p->level_counts < 1 || p->level_counts > 15)
		return err_set(err, -EBADMSG, "a constant of level M is out of range");
	if (p->novelty_shift > 15 || p->novelty_counts > p->level_counts ||
	    (policy_has_novelty(p) && !p->novelty_counts))
		return err_set(err, -EBADMSG, "a constant of level N is out of range");
	if (p->code_last > LUTRA_CODE_LAST)
		return err_set(err, -EBADMSG,
			       "knows more kinds of names than this lutra: update it");
	if (p->ops & ~LUTRA_OPS_ALL)
		return err_set(err, -EBADMSG, "ops names an unknown operation");
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++) {
		if (p->action[g] >= LUTRA_ACTION_COUNT)
			return err_set(err, -EBADMSG, "an action is out of range");
	}
	return 0;
}

int policy_check(const struct policy *p, struct err *err)
{
	static int (*const checks[])(const struct policy *p, struct err *err) = {
		check_codes, check_tokens, check_steady, check_nodes, check_objects, check_rules,
	};
	int r = 0;

	if (p->v < LUTRA_TOKEN0 || p->v > LUTRA_V_MAX || !p->t0 || !p->t1 || !p->t2 || !p->nodes ||
	    !p->successors || (p->n_objects && !p->objects) || !p->arch)
		return err_set(err, -EBADMSG, "a table is missing");
	for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
		r = checks[i](p, err);
	return r;
}
