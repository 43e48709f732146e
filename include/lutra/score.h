/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The scorer: the only one, compiled into the kernel program, the daemon and the trainer.
 *
 *   calls    lutra_token -> lutra_pairs -> lutra_claim -> lutra_level -> lutra_steady
 *   objects  lutra_fold -> lutra_key -> lutra_edge_find -> lutra_classify -> lutra_judge
 *
 * Integers only, constant loop bounds, no division, no recursion. Total: any bytes give a defined
 * result; every index is masked to its array. Little-endian hosts.
 */
#ifndef LUTRA_SCORE_H
#define LUTRA_SCORE_H

#include "lutra/abi.h"

/*
 * Loops go in global functions, whose pointers lead to types of known size: the BPF verifier then
 * walks each of them once, whoever calls it.
 */
#ifdef __bpf__
#define LUTRA_FN __attribute__((noinline, weak))
/*
 * 0, which the verifier does not know to be 0: a loop variable that starts from it takes part in
 * no combination of constants that would have to be walked one by one.
 */
static volatile __u32 lutra_bpf_zero;
#define LUTRA_ZERO lutra_bpf_zero
/* Keeps the compiler from making a branch of arithmetic. */
#define LUTRA_OPAQUE(x) asm volatile("" : "+r"(x))
/* 8 bytes at once, from an address that is a multiple of 8. */
#define LUTRA_LOAD64(p) (*(const __u64 *)(p))
#else
#define LUTRA_FN static inline
#define LUTRA_ZERO 0u
#define LUTRA_OPAQUE(x)
static inline __u64 lutra_load64(const char *p)
{
	__u64 w;

	__builtin_memcpy(&w, p, 8);
	return w;
}
#define LUTRA_LOAD64(p) lutra_load64(p)
#endif

/* ---- calls ---- */

/* The state of a task never seen before. */
static __always_inline void lutra_state_init(struct lutra_state *s, const struct lutra_policy *p)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->c0 = LUTRA_PAD;
	s->r1[0] = s->r1[1] = p->p1;
	s->r2[0] = s->r2[1] = s->r2[2] = s->r2[3] = p->p2;
}

/* A new program image: spawned from a steady task, spawned deeper after that. */
static __always_inline void lutra_state_exec(struct lutra_state *s)
{
	if (s->role == LUTRA_ROLE_STEADY)
		s->role = LUTRA_ROLE_SPAWNED;
	else if (s->role == LUTRA_ROLE_SPAWNED)
		s->role = LUTRA_ROLE_DEEPER;
}

/* After a call was scored: does it end the start-up? */
static __always_inline void lutra_steady(struct lutra_state *s, const struct lutra_policy *p,
					 __u32 nr)
{
	if (s->role == LUTRA_ROLE_STARTUP && nr < LUTRA_NR &&
	    (p->steady[nr / 64 & 7] >> (nr & 63) & 1))
		s->role = LUTRA_ROLE_STEADY;
}

/* nr as in struct lutra_record: a foreign entry is never confused with a native number. */
static __always_inline __u8 lutra_token(const struct lutra_policy *p, __u8 role, __u32 nr)
{
	if (nr >= LUTRA_NR)
		return LUTRA_UNK;
	return p->token[role & 3][nr & (LUTRA_NR - 1)];
}

static __always_inline int lutra_is_th(const struct lutra_policy *p, __u32 nr)
{
	return nr < LUTRA_NR && (p->th[nr / 64 & 7] >> (nr & 63) & 1);
}

/* The three table loads of a call: x_l = weight << 8 | code, at index i_l. */
struct lutra_pairs {
	__u32 i0, i1, i2;
	__u16 x0, x1, x2;
};

static __always_inline void lutra_pairs(const struct lutra_state *s, const struct lutra_policy *p,
					__u8 tok, struct lutra_pairs *ret)
{
	__u32 i = (__u32)s->c0 << 8 | tok;

	/* The 6.1 verifier forgets bounds at a 32-bit "or": leave it the masks to see. */
	LUTRA_OPAQUE(i);
	ret->i0 = i;
	ret->x0 = p->t0[i & 0xffff];
	i = (s->r1[s->t & 1] & 0x7fu) << 7 | (ret->x0 & 0x7fu);
	LUTRA_OPAQUE(i);
	ret->i1 = i;
	ret->x1 = p->t1[i & 0x3fff];
	i = (s->r2[s->t & 3] & 0x7fu) << 7 | (ret->x1 & 0x7fu);
	LUTRA_OPAQUE(i);
	ret->i2 = i;
	ret->x2 = p->t2[i & 0x3fff];
}

/* No pair of this call has a weight: the common case, seen bits need not be touched. */
static __always_inline int lutra_pairs_known(const struct lutra_pairs *x)
{
	return ((x->x0 | x->x1 | x->x2) >> 8) == 0;
}

/* Claim a pair for its container: 1 if nobody had. Tasks of one container race for it. */
static __always_inline int lutra_claim_bit(__u32 *words, __u32 i)
{
	__u32 bit = 1u << (i & 31);

	if (words[i >> 5] & bit)
		return 0;
	return (__sync_fetch_and_or(&words[i >> 5], bit) & bit) == 0;
}

/* Weights of the pairs that this container had not had: w[l] for level l. */
static __always_inline void lutra_claim(struct lutra_seen *seen, const struct lutra_pairs *x,
					__u8 w[3])
{
	w[0] = w[1] = w[2] = 0;
	if (x->x0 >> 8 && lutra_claim_bit(seen->t0, x->i0 & 0xffff))
		w[0] = (__u8)(x->x0 >> 8);
	if (x->x1 >> 8 && lutra_claim_bit(seen->t1, x->i1 & 0x3fff))
		w[1] = (__u8)(x->x1 >> 8);
	if (x->x2 >> 8 && lutra_claim_bit(seen->t2, x->i2 & 0x3fff))
		w[2] = (__u8)(x->x2 >> 8);
}

/* Move the levels and the code rings on by one call. */
static __always_inline void lutra_level(struct lutra_state *s, const struct lutra_pairs *x,
					const __u8 w[3], __u8 tok)
{
	__s32 sum = (__s32)(((__u32)w[0] + w[1] + w[2]) << 12);
	__s32 novel = w[0] ? 1 << 12 : 0;

	s->a += (sum - s->a) >> 3;
	s->b += (novel - s->b) >> 3;
	s->c0 = tok;
	s->r1[s->t & 1] = (__u8)x->x0 & 0x7f;
	s->r2[s->t & 3] = (__u8)x->x1 & 0x7f;
	s->t++;
}

/* ---- objects ---- */

/* A component's bytes, aligned to 8. */
struct lutra_name {
	char s[LUTRA_NAME];
};

/* 1 where lo <= c <= hi, both bytes, without a branch. */
static __always_inline __u32 lutra_between(__u32 c, __u32 lo, __u32 hi)
{
	return ~(((c - lo) | (hi - c)) >> 31) & 1;
}

/* One store a turn and no branch but the last: the verifier walks every branch of every turn. */
LUTRA_FN __u32 lutra_fold_name(const struct lutra_name *in, __u32 len, struct lutra_name *out)
{
	__u32 pos = LUTRA_ZERO; /* bytes written */
	__u32 run = LUTRA_ZERO; /* where the run began that pos is in */
	__u32 has = LUTRA_ZERO; /* that run holds a digit, and is a '#' already */

	if (!in || !out)
		return 0;
	for (__u32 i = 0; i < LUTRA_NAME - 1; i++) {
		__u32 c = (unsigned char)in->s[i];
		__u32 digit = lutra_between(c, '0', '9');
		__u32 alnum = digit | lutra_between(c | 0x20, 'a', 'z');
		__u32 hash = digit & (has ^ 1);
		__u32 mask = 0u - hash, other;

		if (i >= len)
			break;
		LUTRA_OPAQUE(mask);
		other = (alnum & has) ^ 1;
		LUTRA_OPAQUE(other);
		out->s[(pos ^ ((pos ^ run) & mask)) & 63] = (char)(c ^ ((c ^ '#') & mask));
		pos = (pos + other) ^ (((pos + other) ^ (run + 1)) & mask);
		has = alnum & (has | digit);
		mask = alnum - 1;
		LUTRA_OPAQUE(mask);
		run ^= (run ^ pos) & mask;
	}
	return pos & 63;
}

/*
 * Fold a component: every maximal run of [A-Za-z0-9] that holds a digit becomes '#'.
 * in: len bytes, len <= 63. out: 64 bytes, meaningful as far as the result, which is <= len.
 */
static __always_inline __u32 lutra_fold(const char *in, __u32 len, char *out)
{
	return lutra_fold_name((const struct lutra_name *)(const void *)in, len,
			       (struct lutra_name *)(void *)out);
}

static __always_inline __u64 lutra_rotl(__u64 x, int b)
{
	return x << b | x >> (64 - b);
}

#define LUTRA_SIPROUND(v0, v1, v2, v3)                                                             \
	do {                                                                                       \
		v0 += v1;                                                                          \
		v1 = lutra_rotl(v1, 13) ^ v0;                                                      \
		v0 = lutra_rotl(v0, 32);                                                           \
		v2 += v3;                                                                          \
		v3 = lutra_rotl(v3, 16) ^ v2;                                                      \
		v0 += v3;                                                                          \
		v3 = lutra_rotl(v3, 21) ^ v0;                                                      \
		v2 += v1;                                                                          \
		v1 = lutra_rotl(v1, 17) ^ v2;                                                      \
		v2 = lutra_rotl(v2, 32);                                                           \
	} while (0)

struct lutra_hash_key {
	__u64 k[2];
};

LUTRA_FN __u64 lutra_key_name(const struct lutra_name *name, __u32 len,
			      const struct lutra_hash_key *key, __u32 dir)
{
	__u64 v0, v1, v2, v3;

	if (!name || !key)
		return 0;
	len &= 63;
	v0 = key->k[0] ^ 0x736f6d6570736575ull;
	v1 = key->k[1] ^ 0x646f72616e646f6dull;
	v2 = key->k[0] ^ 0x6c7967656e657261ull;
	v3 = key->k[1] ^ 0x7465646279746573ull;
	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u32 rest = len - 8 * i;
		__u64 w;

		w = LUTRA_LOAD64(name->s + 8 * i);
		if (rest < 8) {
			w &= (1ull << 8 * rest) - 1;
			w |= (__u64)len << 56 | (__u64)(dir & 1) << 63;
		}
		v3 ^= w;
		LUTRA_SIPROUND(v0, v1, v2, v3);
		v0 ^= w;
		if (rest < 8)
			break;
	}
	v2 ^= 0xff;
	LUTRA_SIPROUND(v0, v1, v2, v3);
	LUTRA_SIPROUND(v0, v1, v2, v3);
	LUTRA_SIPROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}

/*
 * Key of a folded component: SipHash-1-3 (Aumasson and Bernstein 2012, https://131002.net/siphash/)
 * under the policy's key, so that a container cannot search for a name that collides with a
 * learned one. s: 64 bytes, aligned to 8, of which len <= 63 count; dir keeps directories apart
 * from files.
 */
static __always_inline __u64 lutra_key(const char *s, __u32 len, const __u64 *hash_key, __u32 dir)
{
	return lutra_key_name((const struct lutra_name *)(const void *)s, len,
			      (const struct lutra_hash_key *)(const void *)hash_key, dir);
}

/* First table slot of an edge, and of an object token: Fibonacci hashing to 12 bits. */
static __always_inline __u32 lutra_edge_slot(__u64 seed, __u32 node, __u64 key)
{
	return (__u32)(((key ^ seed) + node * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull >> 52);
}

static __always_inline __u32 lutra_object_slot(__u64 seed, __u64 token)
{
	__u64 h = (token ^ seed) * 0x9e3779b97f4a7c15ull;

	return (__u32)((h ^ h >> 29) * 0xd6e8feb86659fd93ull >> 52);
}

/* The child of a node by key; 0: none. */
LUTRA_FN __u32 lutra_edge_find(const struct lutra_policy *p, __u32 node, __u64 key)
{
	__u32 slot;

	if (!p)
		return 0;
	slot = lutra_edge_slot(p->edge_seed, node, key);
	for (__u32 i = 0; i < LUTRA_PROBE; i++) {
		const struct lutra_edge *e = &p->edge[(slot + i) & (LUTRA_EDGE_SLOTS - 1)];

		if (e->child == 0)
			break;
		if (e->key == key && e->node == node)
			return e->child & (LUTRA_NODES - 1);
	}
	return 0;
}

LUTRA_FN __u32 lutra_object_find(const struct lutra_policy *p, __u64 token)
{
	__u32 slot;

	if (!p)
		return 0;
	slot = lutra_object_slot(p->object_seed, token);
	for (__u32 i = 0; i < LUTRA_PROBE; i++) {
		__u64 t = p->object[(slot + i) & (LUTRA_OBJECT_SLOTS - 1)];

		if (t == 0)
			break;
		if (t == token)
			return 1;
	}
	return 0;
}

/* Where a path leads in the tree. */
struct lutra_class {
	__u16 node;    /* the node, or on a miss the last one reached */
	__u8 hit;      /* 1: the whole path is in the tree */
	__u8 flags;    /* LUTRA_NODE_* of node */
	__u8 passed;   /* flags of all nodes passed, without the root's, or-ed */
	__u8 last;     /* the miss, or the hit, was at the last component */
	__u8 wildcard; /* the last component was looked up in a wildcard node */
	__u8 pad;
};

LUTRA_FN int lutra_classify_path(const struct lutra_policy *p, const struct lutra_path *path,
				 __u32 leaf_dir, struct lutra_name *name, struct lutra_class *ret)
{
	__u32 node = 0, n, flags;

	if (!p || !path || !name || !ret)
		return 0;
	n = path->n;
	flags = path->flags;
	ret->passed = 0;
	ret->hit = 0;
	ret->last = 0;
	ret->wildcard = 0;
	ret->pad = 0;
	if (flags & LUTRA_PATH_DETACHED) {
		name->s[0] = '/';
		node = lutra_edge_find(p, 0, lutra_key(name->s, 1, p->hash_key, 1));
	}
	if (!(flags & LUTRA_PATH_UNRESOLVED) && (node || !(flags & LUTRA_PATH_DETACHED))) {
		__u32 i;

		for (i = 0; i < LUTRA_COMPONENTS; i++) {
			__u32 at = (n - 1 - i) & (LUTRA_COMPONENTS - 1);
			__u32 last = i + 1 >= n;
			__u32 dir = last ? leaf_dir & 1 : 1;
			__u32 wildcard = p->node[node & (LUTRA_NODES - 1)] & LUTRA_NODE_WILDCARD;
			__u32 child, len = path->len[at];
			__u64 key;

			if (i >= n)
				break;
			ret->last = (__u8)last;
			ret->wildcard = wildcard != 0;
			if (len >= LUTRA_NAME)
				break;
			if (wildcard)
				key = p->wildcard_key[dir];
			else
				key = lutra_key(name->s, lutra_fold(path->name[at], len, name->s),
						p->hash_key, dir);
			child = lutra_edge_find(p, node, key);
			if (!child)
				break;
			node = child;
			ret->passed |= p->node[node & (LUTRA_NODES - 1)];
		}
		ret->hit = i >= n;
	}
	ret->node = (__u16)node;
	ret->flags = p->node[node & (LUTRA_NODES - 1)];
	return 0;
}

/*
 * Walk the tree. leaf_dir: the last component names a directory. fold: 64 bytes of scratch, aligned
 * to 8.
 * A path that is deeper than 16 or has a component over 63 bytes misses where that shows; one that
 * is unresolved misses at the root; a detached one is looked for below a directory named "/",
 * which no real component can be.
 */
static __always_inline int lutra_classify(const struct lutra_policy *p,
					  const struct lutra_path *path, __u32 leaf_dir, char *fold,
					  struct lutra_class *ret)
{
	return lutra_classify_path(p, path, leaf_dir, (struct lutra_name *)(void *)fold, ret);
}

/* IPv4, network order in memory. */
static __always_inline __u8 lutra_addr4_class(const __u8 *a)
{
	if (a[0] == 127)
		return LUTRA_ADDR_LOOPBACK;
	if (!(a[0] | a[1] | a[2] | a[3]))
		return LUTRA_ADDR_ANY;
	if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
	    (a[0] == 169 && a[1] == 254))
		return LUTRA_ADDR_PRIVATE;
	return LUTRA_ADDR_PUBLIC;
}

/* IPv6: ::1, ::, fc00::/7 and fe80::/10; a mapped IPv4 address has the class of that. */
static __always_inline __u8 lutra_addr6_class(const __u8 *a)
{
	__u64 hi, lo;

	__builtin_memcpy(&hi, a, 8);
	__builtin_memcpy(&lo, a + 8, 8);
	if (hi == 0 && (lo & 0xffffffff) == 0xffff0000)
		return lutra_addr4_class(a + 12);
	if (hi == 0 && lo == 1ull << 56)
		return LUTRA_ADDR_LOOPBACK;
	if (hi == 0 && lo == 0)
		return LUTRA_ADDR_ANY;
	if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return LUTRA_ADDR_PRIVATE;
	return LUTRA_ADDR_PUBLIC;
}

#define LUTRA_AF_UNIX 1
#define LUTRA_AF_INET 2
#define LUTRA_AF_INET6 10

/* Bit of policy.port_exact: (connect, bind, send) x (IPv4, IPv6) x address class. */
static __always_inline __u32 lutra_port_bit(const struct lutra_object *o)
{
	return ((o->op - LUTRA_OP_CONNECT) & 3u) << 3 | (o->family == LUTRA_AF_INET6 ? 4u : 0u) |
	       ((o->addr_class - 1u) & 3u);
}

/* Extensions that make a new file code; 1-based index, 0: none. */
#define LUTRA_EXT2(a, b) ((__u64)(a) << 8 | (__u64)(b))
#define LUTRA_EXT3(a, b, c) (LUTRA_EXT2(a, b) << 8 | (__u64)(c))
#define LUTRA_EXT4(a, b, c, d) (LUTRA_EXT3(a, b, c) << 8 | (__u64)(d))
#define LUTRA_EXT5(a, b, c, d, e) (LUTRA_EXT4(a, b, c, d) << 8 | (__u64)(e))
#define LUTRA_EXT7(a, b, c, d, e, f, g) (LUTRA_EXT4(a, b, c, d) << 24 | LUTRA_EXT3(e, f, g))
#define LUTRA_EXT8(a, b, c, d, e, f, g, h) (LUTRA_EXT4(a, b, c, d) << 32 | LUTRA_EXT4(e, f, g, h))

static __always_inline __u32 lutra_ext_index(__u64 ext)
{
	switch (ext) {
	case LUTRA_EXT3('p', 'h', 'p'):
		return 1;
	case LUTRA_EXT5('p', 'h', 't', 'm', 'l'):
		return 2;
	case LUTRA_EXT4('p', 'h', 'a', 'r'):
		return 3;
	case LUTRA_EXT2('p', 'y'):
		return 4;
	case LUTRA_EXT3('p', 'y', 'c'):
		return 5;
	case LUTRA_EXT3('p', 't', 'h'):
		return 6;
	case LUTRA_EXT2('j', 's'):
		return 7;
	case LUTRA_EXT3('m', 'j', 's'):
		return 8;
	case LUTRA_EXT3('c', 'j', 's'):
		return 9;
	case LUTRA_EXT4('n', 'o', 'd', 'e'):
		return 10;
	case LUTRA_EXT2('s', 'h'):
		return 11;
	case LUTRA_EXT2('p', 'l'):
		return 12;
	case LUTRA_EXT2('p', 'm'):
		return 13;
	case LUTRA_EXT2('r', 'b'):
		return 14;
	case LUTRA_EXT3('l', 'u', 'a'):
		return 15;
	case LUTRA_EXT3('c', 'g', 'i'):
		return 16;
	case LUTRA_EXT3('j', 's', 'p'):
		return 17;
	case LUTRA_EXT3('j', 'a', 'r'):
		return 18;
	case LUTRA_EXT3('w', 'a', 'r'):
		return 19;
	case LUTRA_EXT5('c', 'l', 'a', 's', 's'):
		return 20;
	case LUTRA_EXT3('a', 's', 'p'):
		return 21;
	case LUTRA_EXT4('a', 's', 'p', 'x'):
		return 22;
	case LUTRA_EXT2('s', 'o'):
		return 23;
	case LUTRA_EXT2('k', 'o'):
		return 24;
	case LUTRA_EXT3('e', 'l', 'f'):
		return 25;
	case LUTRA_EXT3('e', 'x', 'e'):
		return 26;
	case LUTRA_EXT8('h', 't', 'a', 'c', 'c', 'e', 's', 's'):
		return 27;
	case LUTRA_EXT7('s', 'e', 'r', 'v', 'i', 'c', 'e'):
		return 28;
	case LUTRA_EXT5('t', 'i', 'm', 'e', 'r'):
		return 29;
	default:
		return 0;
	}
}

LUTRA_FN __u32 lutra_ext_name(const struct lutra_name *name, __u32 len)
{
	__u64 ext = LUTRA_ZERO;
	__u32 n = LUTRA_ZERO + LUTRA_NAME; /* bytes since the last dot; many where there is none */

	if (!name)
		return 0;
	for (__u32 i = 0; i < LUTRA_NAME - 1; i++) {
		__u64 c = (unsigned char)name->s[i];

		if (i >= len)
			break;
		if (c == '.') {
			ext = LUTRA_ZERO;
			n = LUTRA_ZERO;
			continue;
		}
		c |= c >= 'A' && c <= 'Z' ? 0x20u : 0u;
		ext = ext << 8 | c;
		n++;
	}
	if (n == 0 || n > 8)
		return 0;
	return lutra_ext_index(ext);
}

static __always_inline __u32 lutra_ext(const char *name, __u32 len)
{
	return lutra_ext_name((const struct lutra_name *)(const void *)name, len);
}

#define LUTRA_S_IFDIR_TYPE 4 /* S_IFDIR >> 12 */

/* Is the role part of this object's token? Opens count it under some directories only. */
static __always_inline __u32 lutra_role_counts(const struct lutra_object *o, __u8 node_flags)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
	case LUTRA_OP_WX:
		return 1;
	case LUTRA_OP_OPEN:
		return (node_flags & LUTRA_NODE_ROLE) != 0;
	default:
		return 0;
	}
}

/* Operations in which the extension of a name that fell into a wildcard counts. */
static __always_inline __u32 lutra_ext_counts(const struct lutra_object *o)
{
	switch (o->op) {
	case LUTRA_OP_OPEN:
		return o->flags & LUTRA_OBJ_WRITE;
	case LUTRA_OP_RENAME_TO:
	case LUTRA_OP_LINK_TO:
	case LUTRA_OP_SYMLINK:
	case LUTRA_OP_MKNOD:
		return 1;
	default:
		return 0;
	}
}

/* Port class in a token: the port where exact, else 1 for ephemeral and 0 for other. */
static __always_inline __u64 lutra_port_class(const struct lutra_policy *p,
					      const struct lutra_object *o)
{
	if (o->family != LUTRA_AF_INET && o->family != LUTRA_AF_INET6)
		return 0;
	if (p->port_exact >> lutra_port_bit(o) & 1)
		return 1ull << 31 | (__u64)o->port << 32;
	return (__u64)(o->port >= 32768) << 32;
}

/*
 * The object's token, never 0:
 *   0-5 op, 6 write, 7 x bit, 8-11 inode type, 12-17 extension, 18-19 role, 20 fresh, 21-28 family,
 *   29-30 address class (less one), 31 exact port, 32-47 node, port, capability or call, 48 any
 * address class, 49 path
 */
static __always_inline __u64 lutra_object_token(const struct lutra_policy *p,
						const struct lutra_object *o,
						const struct lutra_class *c, __u32 ext, __u8 role)
{
	__u64 t = o->op & 63u;

	if (lutra_role_counts(o, c->flags))
		t |= (__u64)(role & 3) << 18;
	t |= (__u64)(o->flags & LUTRA_OBJ_WRITE) << 6;
	t |= (__u64)(ext & 63) << 12;
	if (o->flags & LUTRA_OBJ_PATH)
		t |= (__u64)c->node << 32 | 1ull << 49;
	switch (o->op) {
	case LUTRA_OP_OPEN:
		t |= (__u64)(o->mode >> 12) << 8;
		break;
	case LUTRA_OP_EXEC:
		t |= (o->flags & LUTRA_OBJ_FRESH) ? 1ull << 20 : 0;
		break;
	case LUTRA_OP_CONNECT:
	case LUTRA_OP_BIND:
	case LUTRA_OP_SEND:
		t |= (__u64)o->family << 21;
		t |= o->addr_class ? (__u64)((o->addr_class - 1u) & 3u) << 29 | 1ull << 48 : 0;
		t |= lutra_port_class(p, o);
		break;
	case LUTRA_OP_CAPABLE:
	case LUTRA_OP_WX:
		t |= (__u64)o->mode << 32;
		break;
	case LUTRA_OP_CHMOD:
	case LUTRA_OP_MKNOD:
		t |= (o->flags & LUTRA_OBJ_XBIT) ? 1ull << 7 : 0;
		break;
	default:
		break;
	}
	return t;
}

/* Operations on names: everything but opens, executions, mappings and sockets. */
static __always_inline int lutra_is_path_op(__u8 op)
{
	return op >= LUTRA_OP_UNLINK && op <= LUTRA_OP_SETXATTR;
}

/* Which rule group a novel object belongs to. */
static __always_inline __u8 lutra_object_group(const struct lutra_object *o, __u8 kind)
{
	switch (o->op) {
	case LUTRA_OP_EXEC:
		return o->flags & LUTRA_OBJ_FRESH ? LUTRA_G_EXEC_FRESH : LUTRA_G_EXEC;
	case LUTRA_OP_CONNECT:
		return LUTRA_G_CONNECT;
	case LUTRA_OP_BIND:
		return LUTRA_G_BIND;
	case LUTRA_OP_SEND:
		return LUTRA_G_SEND;
	case LUTRA_OP_MAPX:
		return LUTRA_G_MAPX;
	case LUTRA_OP_WX:
		return LUTRA_G_WX;
	case LUTRA_OP_CAPABLE:
		return LUTRA_G_CAPABLE;
	default:
		break;
	}
	if (lutra_is_path_op(o->op)) {
		switch (kind) {
		case LUTRA_KIND_P:
			return LUTRA_G_PATH_P;
		case LUTRA_KIND_U:
			return LUTRA_G_PATH_U;
		case LUTRA_KIND_W:
			return LUTRA_G_PATH_W;
		case LUTRA_KIND_O:
			return LUTRA_G_PATH_O;
		default:
			return LUTRA_G_PATH_K;
		}
	}
	if (o->flags & LUTRA_OBJ_WRITE) {
		switch (kind) {
		case LUTRA_KIND_P:
			return LUTRA_G_OPEN_W_P;
		case LUTRA_KIND_U:
			return LUTRA_G_OPEN_W_U;
		case LUTRA_KIND_W:
			return LUTRA_G_OPEN_W_W;
		case LUTRA_KIND_O:
			return LUTRA_G_OPEN_W_O;
		case LUTRA_KIND_Y:
			return LUTRA_G_OPEN_W_Y;
		default:
			return LUTRA_G_OPEN_W_K;
		}
	}
	switch (kind) {
	case LUTRA_KIND_P:
		return LUTRA_G_OPEN_R_P;
	case LUTRA_KIND_U:
		return LUTRA_G_OPEN_R_U;
	case LUTRA_KIND_Y:
		return LUTRA_G_OPEN_R_Y;
	case LUTRA_KIND_K:
		return LUTRA_G_OPEN_R_K;
	default:
		return o->mode >> 12 == LUTRA_S_IFDIR_TYPE ? LUTRA_G_OPEN_DIR : LUTRA_G_OPEN_R_O;
	}
}

/* The kind of a path that is not in the tree. */
static __always_inline __u8 lutra_miss_kind(const struct lutra_object *o,
					    const struct lutra_path *path,
					    const struct lutra_class *c, __u32 ext)
{
	__u8 seen = c->flags;

	if (path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG))
		seen |= c->passed;
	if (seen & LUTRA_NODE_PROTECTED)
		return LUTRA_KIND_P;
	if (seen & LUTRA_NODE_USR)
		return LUTRA_KIND_U;
	if (!(path->flags & (LUTRA_PATH_DEEP | LUTRA_PATH_LONG)) && c->last && !ext &&
	    (c->flags & LUTRA_NODE_WROTE) && o->op != LUTRA_OP_MKDIR && o->op != LUTRA_OP_RMDIR &&
	    (lutra_is_path_op(o->op) || (o->flags & LUTRA_OBJ_WRITE)))
		return LUTRA_KIND_W;
	return LUTRA_KIND_O;
}

/* What became of an object. */
struct lutra_judgement {
	__u64 token;
	struct lutra_class class;
	__u8 kind;  /* enum lutra_kind; KNOWN also where the policy's recordings could not see it */
	__u8 group; /* enum lutra_group, LUTRA_G_NONE where known */
	__u8 pad[6];
};

/* Does the last component name a directory? */
static __always_inline __u32 lutra_leaf_dir(const struct lutra_object *o)
{
	return o->mode >> 12 == LUTRA_S_IFDIR_TYPE || o->op == LUTRA_OP_MKDIR ||
	       o->op == LUTRA_OP_RMDIR || o->op == LUTRA_OP_CHDIR;
}

/*
 * Judge an object. path counts where o->flags says LUTRA_OBJ_PATH; fold: 64 bytes of scratch.
 * A directory opened for reading, or entered, is known wherever it lies inside the tree.
 */
static __always_inline int lutra_judge(const struct lutra_policy *p, const struct lutra_object *o,
				       const struct lutra_path *path, __u8 role, char *fold,
				       struct lutra_judgement *ret)
{
	__u32 ext = 0, has_path;

	if (!p || !o || !path || !fold || !ret)
		return 0;
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->group = LUTRA_G_NONE;
	has_path = o->flags & LUTRA_OBJ_PATH;
	if (has_path) {
		__u32 dir = lutra_leaf_dir(o);

		lutra_classify(p, path, dir, fold, &ret->class);
		if (lutra_ext_counts(o) && (ret->class.wildcard || !ret->class.hit))
			ext = lutra_ext(path->name[0], path->len[0]);
	}
	ret->token = lutra_object_token(p, o, &ret->class, ext, role);
	if (!(p->ops >> (o->op & 31) & 1))
		return 0;
	if (has_path && !ret->class.hit) {
		ret->kind = lutra_miss_kind(o, path, &ret->class, ext);
	} else if (!lutra_object_find(p, ret->token)) {
		if (!has_path)
			ret->kind = LUTRA_KIND_O;
		else if (o->op == LUTRA_OP_CHDIR ||
			 (o->op == LUTRA_OP_OPEN && !(o->flags & LUTRA_OBJ_WRITE) &&
			  o->mode >> 12 == LUTRA_S_IFDIR_TYPE))
			ret->kind = LUTRA_KIND_KNOWN;
		else
			ret->kind = o->op == LUTRA_OP_OPEN && (ret->class.flags & LUTRA_NODE_ROLE)
					    ? LUTRA_KIND_Y
					    : LUTRA_KIND_K;
	}
	if (ret->kind != LUTRA_KIND_KNOWN)
		ret->group = lutra_object_group(o, ret->kind);
	return 0;
}

/* A recorded object event: lutra_record.arg and .aux hold all of it but the path. */
static __always_inline void lutra_object_pack(const struct lutra_object *o, struct lutra_record *r)
{
	__u32 last = o->family == LUTRA_AF_INET6 ? 12 : 0;
	__u32 addr;

	__builtin_memcpy(&addr, o->addr + last, 4);
	r->arg = (__u64)o->op | (__u64)o->flags << 8 |
		 (__u64)(o->family ? o->port : o->mode) << 16 | (__u64)addr << 32;
	r->aux = (__u16)(o->family | o->addr_class << 8);
}

static __always_inline void lutra_object_unpack(const struct lutra_record *r,
						struct lutra_object *ret)
{
	__u32 addr = (__u32)(r->arg >> 32);

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->op = (__u8)r->arg;
	ret->flags = (__u8)(r->arg >> 8);
	ret->family = (__u8)r->aux;
	ret->addr_class = (__u8)(r->aux >> 8);
	if (ret->family)
		ret->port = (__u16)(r->arg >> 16);
	else
		ret->mode = (__u16)(r->arg >> 16);
	__builtin_memcpy(ret->addr + (ret->family == LUTRA_AF_INET6 ? 12 : 0), &addr, 4);
}

#endif
