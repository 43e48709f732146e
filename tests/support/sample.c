/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/sample.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/abi/path_text.h"
#include "tests/support/scratch.h"
#include "lutra/object_token.h"
#include "lutra/score.h"

uint64_t sample_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

uint16_t sample_node(struct policy *p, unsigned parent, const char *name, int dir, unsigned flags)
{
	struct policy_node *n = &p->nodes[p->n_nodes];
	char fold[LUTRA_NAME] = {};

	n->parent = (uint16_t)parent;
	n->dir = (uint8_t)dir;
	n->flags = (uint8_t)flags;
	snprintf(n->name, sizeof(n->name), "%s", name);
	memcpy(fold, n->name, sizeof(fold));
	if (p->n_nodes)
		n->key = lutra_component_key(fold, (__u32)strlen(name), (const __u64 *)p->hash_key,
					     (__u32)dir);
	return (uint16_t)p->n_nodes++;
}

uint64_t sample_open_token(unsigned node)
{
	return lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_OPEN) |
	       lutra_object_token_put(LUTRA_FIELD_INODE_TYPE, S_IFREG >> 12) |
	       lutra_object_token_put(LUTRA_FIELD_HAS_PATH, 1) |
	       lutra_object_token_put(LUTRA_FIELD_DETAIL, node);
}

uint64_t sample_connect_token(unsigned port)
{
	return lutra_object_token_put(LUTRA_FIELD_OP, LUTRA_OP_CONNECT) |
	       lutra_object_token_put(LUTRA_FIELD_ROLE, LUTRA_ROLE_STEADY) |
	       lutra_object_token_put(LUTRA_FIELD_FAMILY, LUTRA_AF_INET) |
	       lutra_object_token_put(LUTRA_FIELD_HAS_ADDR_CLASS, 1) |
	       lutra_object_token_put(LUTRA_FIELD_ADDR_CLASS, LUTRA_ADDR_LOOPBACK - 1) |
	       lutra_object_token_put(LUTRA_FIELD_EXACT_PORT, 1) |
	       lutra_object_token_put(LUTRA_FIELD_DETAIL, port);
}

uint64_t sample_key_hash(const struct policy *p, const struct lutra_object *o, const char *path)
{
	struct lutra_key_search s = {};
	struct lutra_path parsed = {};

	path_text_parse(path, strlen(path), &parsed);
	lutra_key_compute(o, &parsed, (const struct lutra_hash_key *)p->hash_key, &s);
	return s.own;
}

/* Adds a key with a token in the role steady. The caller keeps keys in the order of their hashes. */
static void add_key(struct policy *p, const char *path, uint8_t token)
{
	struct lutra_object o = {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH, .mode = S_IFREG};
	struct policy_key *k = &p->keys[p->n_keys++];

	k->hash = sample_key_hash(p, &o, path);
	memset(k->token, LUTRA_UNK, sizeof(k->token));
	k->token[LUTRA_ROLE_STEADY] = token;
	snprintf(k->name, sizeof(k->name), "read %s", path);
}

static int compare_keys(const void *a, const void *b)
{
	const struct policy_key *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Token 6 is that of reading below /srv/pages. Reading in /proc is left out. */
static void add_keys(struct policy *p)
{
	p->keys = calloc(2, sizeof(*p->keys));
	assert(p->keys);
	add_key(p, "/srv/pages/a.html", 6);
	add_key(p, "/proc/stat", LUTRA_PAD);
	qsort(p->keys, p->n_keys, sizeof(*p->keys), compare_keys);
}

static void add_tables(struct policy *p)
{
	uint64_t rng = 42;

	p->v = 7;
	p->token[LUTRA_ROLE_STARTUP][SYS_read] = 2;
	p->token[LUTRA_ROLE_STARTUP][SYS_openat] = 3;
	p->token[LUTRA_ROLE_STEADY][SYS_read] = 4;
	p->token[LUTRA_ROLE_STEADY][SYS_accept4] = 5;
	p->t0 = calloc((size_t)p->v * p->v, 2);
	p->t1 = calloc(LUTRA_K * LUTRA_K, 2);
	p->t2 = calloc(LUTRA_K * LUTRA_K, 2);
	p->successors = calloc(p->v, POLICY_SUCCESSORS);
	assert(p->t0 && p->t1 && p->t2 && p->successors);
	for (size_t i = 0; i < (size_t)p->v * p->v; i++)
		p->t0[i] = sample_random(&rng) & 0xff7f;
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		p->t1[i] = sample_random(&rng) & 0xff7f;
		p->t2[i] = sample_random(&rng) & 0xff7f;
	}
	p->p1 = p->t0[0] & 0xff;
	p->p2 = p->t1[p->p1 * LUTRA_K + p->p1] & 0xff;
	p->steady[SYS_accept / 64] |= 1ull << (SYS_accept & 63);
	p->steady[SYS_accept4 / 64] |= 1ull << (SYS_accept4 & 63);
	p->first_process = POLICY_FIRST_STEADY;
	p->hookable[SYS_execve / 64] |= 1ull << (SYS_execve & 63);
	p->hookable[SYS_socket / 64] |= 1ull << (SYS_socket & 63);
}

int sample_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void add_tree(struct policy *p)
{
	unsigned etc, srv, wild;

	p->hash_key[0] = 0x0123456789abcdefull;
	p->hash_key[1] = 0xfedcba9876543210ull;
	p->nodes = calloc(16, sizeof(*p->nodes));
	p->objects = calloc(16, sizeof(*p->objects));
	assert(p->nodes && p->objects);
	sample_node(p, 0, "/", 1, LUTRA_NODE_PROTECTED);
	etc = sample_node(p, 0, "etc", 1, LUTRA_NODE_PROTECTED | LUTRA_NODE_ROLE);
	srv = sample_node(p, 0, "srv", 1, 0);
	p->objects[p->n_objects++] =
		sample_open_token(sample_node(p, etc, "hosts", 0, LUTRA_NODE_ROLE));
	wild = sample_node(p, srv, "pages", 1, LUTRA_NODE_WILDCARD);
	p->objects[p->n_objects++] = sample_open_token(sample_node(p, wild, "*", 0, 0));
	sample_node(p, wild, "*", 1, 0);
	p->objects[p->n_objects++] = sample_connect_token(3306);
	qsort(p->objects, p->n_objects, sizeof(*p->objects), sample_compare);
	p->port_exact = 1;
}

struct policy *sample_policy(void)
{
	struct policy *p;

	assert(policy_new(&p) == 0);
	p->image = strdup("example.org/shop:1");
	p->ops = 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_CONNECT | 1u << LUTRA_OP_EXEC;
	p->mode = LUTRA_MODE_DENY;
	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		p->action[g] = LUTRA_ACTION_DENY;
	p->action[LUTRA_RULE_NEW_SYSCALL] = LUTRA_ACTION_LOG;
	p->action[LUTRA_RULE_LEVEL] = p->action[LUTRA_RULE_NOVELTY] = LUTRA_ACTION_ALERT;
	p->action[LUTRA_RULE_WX] = LUTRA_ACTION_KILL; /* as an operator may have it */
	p->threshold = 123456;
	p->novelty_threshold = 7000;
	p->novelty_shift = LUTRA_M_SHIFT;
	p->novelty_counts = LUTRA_M_COUNTS;
	p->seed = 7;
	p->runs = calloc(1, sizeof(*p->runs));
	p->n_runs = 1;
	p->runs[0].file = strdup("run1.ltr");
	p->runs[0].calls = 1000;
	p->runs[0].objects = 50;
	p->runs[0].seconds = 12.5;
	memset(p->runs[0].sha256, 'a', 64);
	p->calls = 1000;
	p->objects_seen = 50;
	p->hours = 0.25;
	p->calibration.hours = 0.25;
	p->calibration.runs = 5;
	p->calibration.calls = 1000;
	p->calibration.alarms[LUTRA_RULE_NEW_SYSCALL] = 3;
	p->calibration.alarms_alert = 1;
	p->calibration.alert_per_hour_95[0] = 0.1;
	p->calibration.alert_per_hour_95[1] = 22.3;
	p->calibration.deny_per_hour_95[1] = 14.7;
	p->calibration.max_level = 1.2;
	p->calibration.max_novelty = 0.08;
	p->calibration.advice = strdup("record four more runs");
	p->calibration.unseen.runs = 5;
	p->calibration.unseen.hours = 0.25;
	p->calibration.unseen.all = (struct policy_unseen_rate){3, {2.5, 35}};
	p->calibration.unseen.kind[POLICY_UNSEEN_NAMES] = p->calibration.unseen.all;
	add_tables(p);
	add_tree(p);
	add_keys(p);
	return p;
}

int sample_saved_setup(void **state)
{
	struct sample_saved *f = calloc(1, sizeof(*f));

	assert(f);
	f->dir = scratch_dir();
	f->policy = scratch_path(f->dir, "shop");
	f->p = sample_policy();
	*state = f;
	return policy_save(f->p, f->policy, NULL);
}

int sample_saved_teardown(void **state)
{
	struct sample_saved *f = *state;

	policy_free(f->p);
	free(f->policy);
	scratch_remove(f->dir);
	free(f);
	return 0;
}
