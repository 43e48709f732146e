/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel against userspace: the same policies, calls, keys, paths and objects through the scorer on
 * both sides, every result and all that is left behind equal bit for bit. Random policies of two
 * kinds: such as a trainer makes, and plain random bytes, of which the scorer has to make
 * something too. Fixed seeds; what came out is counted, so that the inputs cannot be dull.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/syscall.h>

#include "tests/bpf/verdict/parity.skel.h"
#include "tests/bpf/verdict/parity.h"
#include "tests/support/sample.h"
#include "user/guard/guard_impl.h"

#define BATCHES 32	   /* of calls, for each policy */
#define OBJECT_BATCHES 160 /* of objects, for each policy */
#define POLICIES 4	   /* of either kind, alternately */
#define TREE_NODES 1200
#define CHILDREN 12
#define CALLS_LEAST 1000000u
#define PATHS_LEAST 10000u

struct bench {
	struct parity_bpf *bpf;
	struct lutra_policy *policy;
	struct lutra_seen *seen, *seen_back;
	struct parity_calls *calls;    /* the kernel's, mapped */
	struct parity_object *objects; /* the kernel's, mapped */
	int policy_fd, seen_fd;
	uint64_t rng;
};

/* A number below n. */
static uint32_t pick_below(struct bench *b, uint32_t n)
{
	return (uint32_t)((sample_random(&b->rng) >> 32) * n >> 32);
}

static void random_bytes(struct bench *b, void *buf, size_t size)
{
	uint8_t *p = buf;

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t)(sample_random(&b->rng) >> 40);
}

/* ---- the kernel's side ---- */

static int new_inner_map(const struct bench *b, const struct bpf_map *outer, const char *type,
			 size_t size)
{
	int fd = inner_map_new(b->bpf->obj, type, size);
	uint32_t zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(outer), &zero, &fd, BPF_ANY), 0);
	return fd;
}

static int parity_setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	void *at;

	*state = b;
	assert_non_null(b);
	b->rng = 0x9e3779b97f4a7c15ull;
	b->policy = calloc(1, sizeof(*b->policy));
	b->seen = calloc(2, sizeof(*b->seen));
	assert_true(b->policy && b->seen);
	b->seen_back = b->seen + 1;
	b->bpf = parity_bpf__open_and_load();
	assert_non_null(b->bpf);
	b->policy_fd = new_inner_map(b, b->bpf->maps.policies, "lutra_policy",
				     sizeof(struct lutra_policy));
	b->seen_fd = new_inner_map(b, b->bpf->maps.seen, "lutra_seen", sizeof(struct lutra_seen));
	at = mmap(NULL, sizeof(*b->calls), PROT_READ | PROT_WRITE, MAP_SHARED,
		  bpf_map__fd(b->bpf->maps.calls), 0);
	assert_true(at != MAP_FAILED);
	b->calls = at;
	at = mmap(NULL, PARITY_OBJECTS * sizeof(*b->objects), PROT_READ | PROT_WRITE, MAP_SHARED,
		  bpf_map__fd(b->bpf->maps.objects), 0);
	assert_true(at != MAP_FAILED);
	b->objects = at;
	return 0;
}

static int parity_teardown(void **state)
{
	struct bench *b = *state;

	munmap(b->calls, sizeof(*b->calls));
	munmap(b->objects, PARITY_OBJECTS * sizeof(*b->objects));
	close(b->policy_fd);
	close(b->seen_fd);
	parity_bpf__destroy(b->bpf);
	free(b->policy);
	free(b->seen);
	free(b);
	return 0;
}

static void run_in_kernel(const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

static void give_policy(struct bench *b)
{
	uint32_t zero = 0;

	b->policy->version &= ~1u; /* its seen bits are the first of slot 0 */
	memset(b->seen, 0, sizeof(*b->seen));
	assert_int_equal(bpf_map_update_elem(b->policy_fd, &zero, b->policy, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(b->seen_fd, &zero, b->seen, BPF_ANY), 0);
}

/* ---- calls ---- */

/* Most pairs known, as after training; codes of a trained table, or any byte. */
static void make_tables(struct bench *b, bool trained)
{
	struct lutra_policy *p = b->policy;

	random_bytes(b, p, sizeof(*p));
	p->thread_roles = pick_below(b, 3) == 0;
	p->code_last = (uint8_t)pick_below(b, LUTRA_CODE_LAST + 1);
	if (!trained)
		return;
	for (size_t i = 0; i < LUTRA_T0_STRIDE * LUTRA_T0_STRIDE; i++)
		p->m.t0[i] &= pick_below(b, 4) ? 0x007f : 0xff7f;
	for (size_t i = 0; i < LUTRA_K * LUTRA_K; i++) {
		p->m.t1[i] &= pick_below(b, 4) ? 0x007f : 0xff7f;
		p->m.t2[i] &= pick_below(b, 4) ? 0x007f : 0xff7f;
	}
	p->m.shift = LUTRA_M_SHIFT;
	p->m.counts = LUTRA_M_COUNTS;
	p->m.novelty_shift = LUTRA_M_SHIFT;
	p->m.novelty_counts = LUTRA_M_COUNTS - 1; /* so that both bounds of a counter matter */
	for (size_t role = 0; role < LUTRA_ROLE_ROWS; role++)
		for (size_t key = 0; key < LUTRA_KEYS; key += 8)
			p->key_token[role][key] = LUTRA_PAD;
	memset(p->steady, 0, sizeof(p->steady));
	p->steady[0] = 1ull << SYS_accept;
}

static void make_calls(struct bench *b, struct parity_calls *c)
{
	for (size_t i = 0; i < PARITY_CALLS; i++) {
		uint32_t kind = pick_below(b, 100);

		c->in[i].nr = (uint16_t)(kind < 90   ? pick_below(b, 60)
					 : kind < 97 ? pick_below(b, LUTRA_NR)
						     : pick_below(b, 0x10000));
		/* Often the same again, as in a loop. */
		if (i && pick_below(b, 4) == 0)
			c->in[i].nr = c->in[i - 1].nr;
		c->in[i].key = (uint16_t)(pick_below(b, 4) ? 0 : pick_below(b, LUTRA_KEYS + 8));
		c->in[i].task = (uint8_t)pick_below(b, PARITY_TASKS);
		c->in[i].audited = pick_below(b, 16) == 0;
		c->in[i].exec = (uint8_t)pick_below(b, 200);
		c->in[i].exec = c->in[i].exec <= 2 ? c->in[i].exec : 0;
	}
}

/* What the guard does at a call, on this side. */
static void user_step(const struct lutra_policy *p, struct lutra_seen *seen, struct lutra_state *st,
		      uint8_t *steady, const struct parity_call *in, struct parity_step *out)
{
	void (*claim)(void *ctx, const struct lutra_m_tables *p, struct lutra_m_score *x) =
		in->audited ? NULL : lutra_m_claim_counters;
	struct lutra_token_score score;

	if (in->exec) {
		lutra_state_exec(st, p, in->exec == 2);
		*steady = st->role == LUTRA_ROLE_STEADY;
	}
	lutra_role_follow(st, p, *steady);
	if (!in->key)
		lutra_score_syscall(st, p, in->nr, claim, &seen->m, &score);
	else if (!lutra_score_object(st, p, in->key, claim, &seen->m, &score))
		memset(&score, 0, sizeof(score));
	out->tok = score.token;
	memcpy(out->w, score.m.weight, sizeof(out->w));
	if (!in->key)
		*steady |= (uint8_t)lutra_role_steady(st, p, in->nr);
	out->state = *st;
}

struct call_counts {
	uint32_t calls, keys, left_out, repeats, known, novel, weighted, roles[LUTRA_ROLE_ANY + 1];
};

static void compare_calls(struct bench *b, struct parity_calls *user, struct call_counts *n)
{
	for (size_t i = 0; i < PARITY_CALLS; i++) {
		struct parity_step *out = &user->out[i];
		const struct parity_call *in = &user->in[i];
		const uint8_t at = user->state[in->task].m.t;

		user_step(b->policy, b->seen, &user->state[in->task],
			  &user->steady[in->task % PARITY_PROCESSES], in, out);
		if (memcmp(out, &b->calls->out[i], sizeof(*out)) != 0)
			fail_msg("call %zu of a batch (nr %u, key %u, task %u): kernel level %d, "
				 "here %d; kernel novelty %d, here %d",
				 i, in->nr, in->key, in->task, b->calls->out[i].state.m.level,
				 out->state.m.level, b->calls->out[i].state.m.novelty,
				 out->state.m.novelty);
		n->calls++;
		n->keys += in->key != 0;
		n->left_out += out->tok == LUTRA_PAD;
		n->repeats += out->tok != LUTRA_PAD && out->state.m.t == at;
		n->novel += out->tok == LUTRA_UNK;
		n->weighted += out->w[0] || out->w[1] || out->w[2];
		n->known += !(out->w[0] || out->w[1] || out->w[2]);
		n->roles[out->state.role]++;
	}
	assert_memory_equal(user->state, b->calls->state, sizeof(user->state));
	assert_memory_equal(user->steady, b->calls->steady, sizeof(user->steady));
}

/* A quarter of them ran before they were enrolled, another is of exec sessions. */
static void begin_tasks(const struct lutra_policy *p, struct parity_calls *user)
{
	memset(user->steady, 0, sizeof(user->steady));
	for (size_t t = 0; t < PARITY_TASKS; t++) {
		lutra_state_init(&user->state[t], p);
		lutra_state_begin(&user->state[t], p, t % 4 == 0, 0, t % 4 == 1);
		if (t % 4 > 1)
			user->state[t].is_later = t / 4 % 2;
	}
}

static void parity_of_calls(void **state)
{
	struct bench *b = *state;
	struct parity_calls *user = calloc(1, sizeof(*user));
	struct call_counts n = {};
	uint32_t zero = 0;

	assert_non_null(user);
	for (int i = 0; i < POLICIES; i++) {
		make_tables(b, i % 2 == 0);
		give_policy(b);
		for (int k = 0; k < BATCHES; k++) {
			begin_tasks(b->policy, user);
			make_calls(b, user);
			*b->calls = *user;
			run_in_kernel(b->bpf->progs.parity_calls);
			compare_calls(b, user, &n);
		}
		assert_int_equal(bpf_map_lookup_elem(b->seen_fd, &zero, b->seen_back), 0);
		assert_memory_equal(b->seen_back, b->seen, sizeof(*b->seen));
	}
	free(user);
	print_message("%u calls equal, %u of them keys: %u novel tokens, %u with new weight, %u "
		      "without, %u repeat, %u keys left out\n",
		      n.calls, n.keys, n.novel, n.weighted, n.known, n.repeats, n.left_out);
	assert_true(n.calls >= CALLS_LEAST);
	assert_true(n.novel > 1000 && n.weighted > 10000 && n.known > 10000);
	assert_true(n.keys > 10000 && n.left_out > 1000 && n.repeats > 1000);
	for (int r = 0; r <= LUTRA_ROLE_ANY; r++)
		assert_true(n.roles[r] > 1000);
}

/* ---- paths and objects ---- */

static const char *const words[] = {
	"/",   "usr",	   "lib",	 "etc",	       "var",	   "page12",	 "libc.so.6",
	"a",   "x.php",	   "run",	 "notes.db",   "b.tar2",   "python3",	 "Z9-z8",
	"..x", "c.SH",	   "d.py.ko",	 "tmp-1",      "e.class",  "f.",	 ".sh",
	"_",   "\xc3\xa9", "lost+found", "index.html", "logo.png", "log",	 "cache",
	"tmp", "app.log",  "secrets",	 "shadow",     "home",	   "ld.so.cache"};
#define WORDS (sizeof(words) / sizeof(words[0]))

/* A made tree: which names lead where. */
struct tree {
	struct child {
		char name[LUTRA_NAME];
		uint8_t len, dir;
		uint16_t node;
	} child[TREE_NODES][CHILDREN];
	uint8_t n[TREE_NODES];
	uint32_t nodes;
};

/* A component of up to 63 bytes, from the words or of any bytes. */
static uint8_t random_name(struct bench *b, char name[LUTRA_NAME])
{
	uint8_t len;

	memset(name, 0, LUTRA_NAME);
	if (pick_below(b, 4)) {
		snprintf(name, LUTRA_NAME, "%s", words[pick_below(b, WORDS)]);
		return (uint8_t)strlen(name);
	}
	len = (uint8_t)(1 + pick_below(b, LUTRA_NAME - 1));
	for (uint8_t i = 0; i < len; i++)
		name[i] = pick_below(b, 3) ? "ab0.9-Zq"[pick_below(b, 8)]
					   : (char)(1 + pick_below(b, 255));
	return len;
}

/* The edge's place in the table; false if its neighbourhood is full, or the edge is there. */
static bool add_edge(struct lutra_policy *p, uint32_t node, uint64_t key, uint32_t child)
{
	uint32_t slot = lutra_edge_slot(p->edge_seed, node, key);

	if (lutra_edge_find(p, node, key))
		return false;
	for (uint32_t i = 0; i < LUTRA_PROBE; i++) {
		struct lutra_edge *e = &p->edge[(slot + i) & (LUTRA_EDGE_SLOTS - 1)];

		if (e->child == 0) {
			*e = (struct lutra_edge){
				.key = key, .node = (uint16_t)node, .child = (uint16_t)child};
			return true;
		}
	}
	return false;
}

/* A quarter of the bits. */
static uint8_t random_flags(struct bench *b)
{
	uint32_t some = pick_below(b, 256);

	return (uint8_t)(some & pick_below(b, 256));
}

static void add_child(struct bench *b, struct tree *t, uint32_t node)
{
	struct child *c = &t->child[node][t->n[node]];
	struct lutra_policy *p = b->policy;
	char fold[LUTRA_NAME] __attribute__((__aligned__(8))) = {};
	uint64_t key;

	c->len = random_name(b, c->name);
	c->dir = pick_below(b, 3) > 0;
	key = lutra_component_key(fold, lutra_fold_component(c->name, c->len, fold), p->hash_key,
				  c->dir);
	if (p->node[node] & LUTRA_NODE_WILDCARD)
		key = p->wildcard_key[c->dir];
	if (!add_edge(p, node, key, t->nodes))
		return;
	c->node = (uint16_t)t->nodes;
	p->node[t->nodes++] =
		pick_below(b, 3) ? (uint8_t)(pick_below(b, 2) * LUTRA_NODE_WROTE) : random_flags(b);
	t->n[node]++;
}

/* The root has flags like any directory; files have no children. */
static void make_tree(struct bench *b, struct tree *t)
{
	struct lutra_policy *p = b->policy;

	memset(t, 0, sizeof(*t));
	memset(p->edge, 0, sizeof(p->edge));
	memset(p->object, 0, sizeof(p->object));
	memset(p->key, 0, sizeof(p->key));
	p->node[0] = (uint8_t)(pick_below(b, 2) * LUTRA_NODE_PROTECTED);
	p->exact_names = (uint8_t)pick_below(b, 2);
	t->nodes = 1;
	for (uint32_t tries = 0; t->nodes < TREE_NODES && tries < 20 * TREE_NODES; tries++) {
		uint32_t node = pick_below(b, 3) ? pick_below(b, t->nodes) : t->nodes - 1;

		if (t->n[node] < CHILDREN)
			add_child(b, t, node);
	}
}

/* Down the tree, astray now and then; or, of random bytes, anything. */
static void make_path(struct bench *b, const struct tree *t, struct lutra_path *path)
{
	char name[LUTRA_COMPONENTS][LUTRA_NAME];
	uint8_t len[LUTRA_COMPONENTS];
	uint32_t node = 0, n = 0, want = 1 + pick_below(b, 4);

	random_bytes(b, path, sizeof(*path));
	if (pick_below(b, 8) == 0) {
		path->n &= 31;
		path->flags &= 15;
		return;
	}
	while (n < want) {
		const struct child *c = &t->child[node][t->n[node] ? pick_below(b, t->n[node]) : 0];

		if (t->n[node] && pick_below(b, 24)) {
			memcpy(name[n], c->name, LUTRA_NAME);
			len[n++] = c->len;
			node = c->node;
			continue;
		}
		len[n] = random_name(b, name[n]);
		n++;
		node = pick_below(b, t->nodes);
	}
	for (uint32_t i = 0; i < n; i++) {
		memcpy(path->name[n - 1 - i], name[i], LUTRA_NAME);
		path->len[n - 1 - i] = len[i];
	}
	path->n = n;
	path->flags = pick_below(b, 10) ? 0 : 1u << pick_below(b, 4);
	if (pick_below(b, 50) == 0)
		path->len[pick_below(b, n)] = LUTRA_NAME;
	if (path->flags & LUTRA_PATH_DEEP)
		path->n = LUTRA_COMPONENTS + pick_below(b, 8);
}

static void make_object(struct bench *b, const struct tree *t, struct parity_object *o)
{
	static const uint16_t modes[] = {0100644, 0100644, 0100644, 0040755, 0020666,
					 0060660, 0140777, 0010600, 0120777};
	static const uint8_t families[] = {0, LUTRA_AF_UNIX, LUTRA_AF_INET, LUTRA_AF_INET6, 16};

	memset(o, 0, sizeof(*o));
	random_bytes(b, o->object.addr, sizeof(o->object.addr));
	o->object.op =
		(uint8_t)(pick_below(b, 3) ? 1 + pick_below(b, LUTRA_OP_COUNT - 1) : LUTRA_OP_OPEN);
	o->object.flags = (uint8_t)(pick_below(b, 256) | LUTRA_OBJ_PATH * (pick_below(b, 8) > 0));
	o->object.mode = modes[pick_below(b, sizeof(modes) / sizeof(modes[0]))];
	o->object.family = families[pick_below(b, 5)];
	o->object.port = (uint16_t)pick_below(b, 0x10000);
	o->object.addr_class = (uint8_t)pick_below(b, 6);
	if (pick_below(b, 4) == 0) { /* a file that is read, as a sibling is */
		o->object.op = LUTRA_OP_OPEN;
		o->object.flags = (uint8_t)(o->object.flags & LUTRA_OBJ_LAYER) | LUTRA_OBJ_PATH;
		o->object.mode = modes[0];
	}
	if (pick_below(b, 8) == 0) {
		o->object.op = LUTRA_OP_EXEC;
		o->object.flags |= LUTRA_OBJ_PATH;
	}
	o->role = pick_below(b, LUTRA_ROLE_ANY + 1);
	o->starter = pick_below(b, 3) ? pick_below(b, TREE_NODES) : 0;
	o->mode = pick_below(b, LUTRA_MODE_COUNT);
	o->now = 1 + sample_random(&b->rng) % (4 * LUTRA_MATCH_WINDOW_NS);

	make_path(b, t, &o->path);
}

/* As one_object() of parity.bpf.c. */
static void user_object(const struct lutra_policy *p, struct parity_object *o)
{
	lutra_judge_object(p, &o->object, &o->path, (uint8_t)o->role, o->fold, &o->judgement);
	lutra_judge_starter(p, &o->object, o->starter, (uint8_t)o->role, &o->judgement);
	o->verdict = lutra_decide_verdict(
		&o->signals, p, lutra_object_match(&o->object, &o->judgement), o->mode, o->now);
	o->reported_key =
		lutra_reported_key(p, &o->object, &o->path, o->judgement.rule | o->role << 8,
				   (struct lutra_name *)(void *)o->fold);
	o->object_key = lutra_object_key(p, &o->object, &o->path, &o->search);
}

/* Makes a key known, by any number. */
static void learn_key(struct bench *b, uint64_t hash)
{
	uint32_t slot = lutra_key_slot(b->policy->key_seed, hash);

	for (uint32_t i = 0; hash && i < LUTRA_PROBE; i++) {
		uint64_t *at = (uint64_t *)&b->policy->key[(slot + i) & (LUTRA_KEY_SLOTS - 1)];

		if (*at == 0) {
			*at = hash | pick_below(b, LUTRA_KEYS);
			return;
		}
	}
}

static void learn_token(struct lutra_policy *p, uint64_t token)
{
	uint32_t slot = lutra_object_slot(p->object_seed, token);

	for (uint32_t i = 0; i < LUTRA_PROBE; i++) {
		uint64_t *at = (uint64_t *)&p->object[(slot + i) & (LUTRA_OBJECT_SLOTS - 1)];

		if (*at == 0 || *at == token) {
			*at = token;
			return;
		}
	}
}

/*
 * Half of the objects are made known before they are judged: those whose path is not in the tree as
 * siblings, or as names that vary; programs where a certain program starts them.
 */
static void learn_object(struct bench *b, const struct parity_object *o)
{
	struct parity_object copy = *o;
	uint64_t token;

	user_object(b->policy, &copy);
	token = copy.judgement.token;
	if (o->object.flags & LUTRA_OBJ_PATH && !copy.judgement.class.hit)
		token = pick_below(b, 3) == 0 ? lutra_object_token_of_new_name(token)
					      : token | lutra_sibling_fields(lutra_component_kind(
								o->path.name[0], o->path.len[0]));
	else if (o->object.op == LUTRA_OP_EXEC && o->object.flags & LUTRA_OBJ_PATH)
		/* Where this program starts it, or another one. */
		token = lutra_object_token_started_by(
			token, pick_below(b, 2) ? o->starter : pick_below(b, TREE_NODES));
	learn_token(b->policy, token);
	/* Of this name, or of all that fold to the same; or of none. */
	if (copy.judgement.class.exact && pick_below(b, 3))
		learn_token(
			b->policy,
			lutra_name_token(token, pick_below(b, 2) ? copy.judgement.class.exact : 0));
	learn_key(b, pick_below(b, 2) ? copy.search.own : copy.search.varies);
}

/* Returns true if an execution is known only because a certain program starts it. */
static bool is_known_by_starter(const struct lutra_policy *p, const struct parity_object *o)
{
	return o->object.op == LUTRA_OP_EXEC && o->judgement.kind == LUTRA_KIND_KNOWN &&
	       p->ops >> LUTRA_OP_EXEC & 1 && o->starter &&
	       !lutra_name_known(p, o->judgement.token, o->judgement.class.exact, (uint8_t)o->role);
}

struct object_counts {
	uint32_t objects, paths, hits, misses;
	uint32_t kinds[LUTRA_KIND_COUNT], verdicts[4], groups[LUTRA_RULE_COUNT + 1];
	uint32_t reported_once, varies, started;
	uint32_t keys[LUTRA_KEY_FIRST + 1]; /* none, new, known */
	uint32_t named_keys;		    /* of a name in a data root */
};

static void compare_objects(struct bench *b, struct parity_object *user, struct object_counts *n)
{
	for (size_t i = 0; i < PARITY_OBJECTS; i++) {
		const struct parity_object *kernel = &b->objects[i];
		struct parity_object *o = &user[i];

		user_object(b->policy, o);
		if (memcmp(o, kernel, sizeof(*o)) != 0)
			fail_msg("object %zu of a batch, op %u, %u components: kernel token %llx "
				 "kind %u node %u, here %llx %u %u",
				 i, o->object.op, o->path.n,
				 (unsigned long long)kernel->judgement.token,
				 kernel->judgement.kind, kernel->judgement.class.node,
				 (unsigned long long)o->judgement.token, o->judgement.kind,
				 o->judgement.class.node);
		n->objects++;
		if (o->object.flags & LUTRA_OBJ_PATH) {
			n->paths++;
			n->hits += o->judgement.class.hit;
			n->misses += !o->judgement.class.hit;
		}
		n->kinds[o->judgement.kind]++;
		n->groups[o->judgement.rule]++;
		n->verdicts[o->verdict & 3]++;
		n->reported_once += o->reported_key != 0;
		n->varies += o->judgement.varies;
		n->started += is_known_by_starter(b->policy, o);
		n->named_keys += o->object_key != LUTRA_KEY_NONE && o->search.varies;
		n->keys[o->object_key < LUTRA_KEY_FIRST ? o->object_key : LUTRA_KEY_FIRST]++;
	}
}

/* Policies of random bytes but for what would keep a verdict or a known object from coming. */
static void object_batches(struct bench *b, struct tree *t, bool trained, struct object_counts *n)
{
	struct parity_object user[PARITY_OBJECTS];

	for (int k = 0; k < OBJECT_BATCHES; k++) {
		if (k % 16 == 0 && trained)
			make_tree(b, t);
		for (size_t j = 0; j < PARITY_OBJECTS; j++) {
			make_object(b, t, &user[j]);
			if (pick_below(b, 2) && trained)
				learn_object(b, &user[j]);
		}
		give_policy(b);
		memcpy(b->objects, user, sizeof(user));
		run_in_kernel(b->bpf->progs.parity_objects);
		compare_objects(b, user, n);
	}
}

static void parity_of_objects(void **state)
{
	struct bench *b = *state;
	struct tree *t = calloc(1, sizeof(*t));
	struct object_counts n = {};

	assert_non_null(t);
	for (int i = 0; i < POLICIES; i++) {
		bool trained = i < POLICIES - 1;

		random_bytes(b, b->policy, sizeof(*b->policy));
		b->policy->ops = ~0u >> i;
		b->policy->kill_matches = (uint8_t)(1 + pick_below(b, 2));
		for (size_t g = 0; trained && g < sizeof(b->policy->action); g++)
			b->policy->action[g] = (uint8_t)pick_below(b, LUTRA_ACTION_COUNT);
		object_batches(b, t, trained, &n);
	}
	free(t);
	print_message("%u objects equal, %u paths: %u in the tree, %u not\n", n.objects, n.paths,
		      n.hits, n.misses);
	assert_true(n.paths >= PATHS_LEAST);
	assert_true(n.hits > 1000 && n.misses > 1000);
	assert_true(n.reported_once > n.objects / 2 && n.reported_once < n.objects);
	assert_true(n.varies > 0 && n.started > 20);
	print_message("keys: %u none, %u new, %u known\n", n.keys[LUTRA_KEY_NONE],
		      n.keys[LUTRA_KEY_NEW], n.keys[LUTRA_KEY_FIRST]);
	assert_true(n.named_keys > 1000);
	for (int k = 0; k <= LUTRA_KEY_FIRST; k++)
		assert_true(n.keys[k] > 100);
	for (int k = 0; k < LUTRA_KIND_COUNT; k++)
		if (n.kinds[k] <= 20)
			fail_msg("kind %d: %u objects", k, n.kinds[k]);
	for (unsigned g = LUTRA_RULE_EXEC; g <= LUTRA_RULE_COUNT; g++)
		assert_int_equal(n.groups[g] > 0, !lutra_is_level_rule(g));
	for (int v = 0; v < 4; v++)
		assert_true(n.verdicts[v] > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parity_of_calls, parity_setup, parity_teardown),
		cmocka_unit_test_setup_teardown(parity_of_objects, parity_setup, parity_teardown),
	};

	if (geteuid() != 0) {
		puts("needs root, to load BPF programs");
		return 77;
	}
	return cmocka_run_group_tests_name("parity", tests, NULL, NULL);
}
