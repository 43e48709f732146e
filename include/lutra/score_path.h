/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Part of the scorer (score.h): from a path to a node of the policy's tree. The macros that a loop
 * needs to pass the BPF verifier are defined here too.
 */
#ifndef LUTRA_SCORE_PATH_H
#define LUTRA_SCORE_PATH_H

#include "lutra/abi.h"

/*
 * A loop goes in a global function, whose pointers lead to types of known size: the BPF verifier
 * then walks it once, not once for each call.
 */
#ifdef __bpf__
#define LUTRA_FN __attribute__((noinline, weak))
/*
 * 0, of which the verifier does not know that it is 0. A loop variable that starts from a constant
 * would have a known value at each turn, and the verifier would walk every combination of these.
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

/* A component's bytes, aligned to 8. */
struct lutra_name {
	char s[LUTRA_NAME];
};

/* Of each byte: 1: a letter or a digit, 2: a digit. */
#define LUTRA_ALNUM 1
#define LUTRA_DIGIT 2
static const __u8 lutra_byte_kind[256] = {
	['0' ... '9'] = LUTRA_ALNUM | LUTRA_DIGIT,
	['A' ... 'Z'] = LUTRA_ALNUM,
	['a' ... 'z'] = LUTRA_ALNUM,
};

/* lutra_fold_component(). One store a turn and no branch but the last: the verifier walks every
 * branch of every turn. */
LUTRA_FN __u32 lutra_fold_name(const struct lutra_name *in, __u32 len, struct lutra_name *out)
{
	__u32 pos = LUTRA_ZERO; /* bytes written */
	__u32 run = LUTRA_ZERO; /* where the run began that pos is in */
	__u32 has = LUTRA_ZERO; /* that run holds a digit, and is a '#' already */

	if (!in || !out)
		return 0;
	for (__u32 i = 0; i < LUTRA_NAME - 1; i++) {
		__u32 c = (unsigned char)in->s[i], kind, alnum, mask, other;

		if (i >= len)
			break;
		kind = lutra_byte_kind[c];
		alnum = kind & LUTRA_ALNUM;
		/* The run's first digit: a '#' in place of what the run has written. */
		mask = 0u - (kind >> 1 & (has ^ 1));
		LUTRA_OPAQUE(mask);
		other = (alnum & has) ^ 1;
		LUTRA_OPAQUE(other);
		out->s[(pos ^ ((pos ^ run) & mask)) & 63] = (char)(c ^ ((c ^ '#') & mask));
		pos = (pos + other) ^ (((pos + other) ^ (run + 1)) & mask);
		has = alnum & (has | kind >> 1);
		mask = alnum - 1;
		LUTRA_OPAQUE(mask);
		run ^= (run ^ pos) & mask;
	}
	return pos & 63;
}

/*
 * Folds a component: every maximal run of [A-Za-z0-9] that holds a digit becomes '#'.
 * in: len bytes, len <= 63. out: 64 bytes. Returns how many bytes of out are valid, at most len.
 */
static __always_inline __u32 lutra_fold_component(const char *in, __u32 len, char *out)
{
	return lutra_fold_name((const struct lutra_name *)(const void *)in, len,
			       (struct lutra_name *)(void *)out);
}

static __always_inline __u64 lutra_rotate_left(__u64 x, int b)
{
	return x << b | x >> (64 - b);
}

#define LUTRA_SIPROUND(v0, v1, v2, v3)                                                             \
	do {                                                                                       \
		v0 += v1;                                                                          \
		v1 = lutra_rotate_left(v1, 13) ^ v0;                                               \
		v0 = lutra_rotate_left(v0, 32);                                                    \
		v2 += v3;                                                                          \
		v3 = lutra_rotate_left(v3, 16) ^ v2;                                               \
		v0 += v3;                                                                          \
		v3 = lutra_rotate_left(v3, 21) ^ v0;                                               \
		v2 += v1;                                                                          \
		v1 = lutra_rotate_left(v1, 17) ^ v2;                                               \
		v2 = lutra_rotate_left(v2, 32);                                                    \
	} while (0)

struct lutra_hash_key {
	__u64 k[2];
};

static __always_inline __u64 lutra_key_words(const struct lutra_name *name, __u32 len,
					     const struct lutra_hash_key *key, __u32 dir)
{
	__u64 v0, v1, v2, v3;

	len &= 63;
	v0 = key->k[0] ^ 0x736f6d6570736575ull;
	v1 = key->k[1] ^ 0x646f72616e646f6dull;
	v2 = key->k[0] ^ 0x6c7967656e657261ull;
	v3 = key->k[1] ^ 0x7465646279746573ull;
	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u32 rest = len - 8 * i;
		__u64 w;

		/* Else the compiler counts turns by len, and the 6.1 verifier loses their bound. */
		LUTRA_OPAQUE(rest);
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

LUTRA_FN __u64 lutra_key_name(const struct lutra_name *name, __u32 len,
			      const struct lutra_hash_key *key, __u32 dir)
{
	return name && key ? lutra_key_words(name, len, key, dir) : 0;
}

/*
 * Returns the key of a folded component: its SipHash-1-3 (Aumasson and Bernstein 2012,
 * https://131002.net/siphash/) under the policy's key, so that a container cannot search for a name
 * that collides with a learned one. s: 64 bytes, aligned to 8, of which len <= 63 count. dir: 1 for
 * a directory, whose key differs from a file's.
 */
static __always_inline __u64 lutra_component_key(const char *s, __u32 len, const __u64 *hash_key,
						 __u32 dir)
{
	return lutra_key_name((const struct lutra_name *)(const void *)s, len,
			      (const struct lutra_hash_key *)(const void *)hash_key, dir);
}

/* Returns the first table slot of an edge or of an object token: Fibonacci hashing to 12 bits. */
static __always_inline __u32 lutra_edge_slot(__u64 seed, __u32 node, __u64 key)
{
	return (__u32)(((key ^ seed) + node * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull >> 52);
}

static __always_inline __u32 lutra_object_slot(__u64 seed, __u64 token)
{
	__u64 h = (token ^ seed) * 0x9e3779b97f4a7c15ull;

	return (__u32)((h ^ h >> 29) * 0xd6e8feb86659fd93ull >> 52);
}

static __always_inline __u32 lutra_edge_lookup(const struct lutra_policy *p, __u32 node, __u64 key)
{
	__u32 slot = lutra_edge_slot(p->edge_seed, node, key);

	for (__u32 i = 0; i < LUTRA_PROBE; i++) {
		const struct lutra_edge *e = &p->edge[(slot + i) & (LUTRA_EDGE_SLOTS - 1)];

		if (e->child == 0)
			break;
		if (e->key == key && e->node == node)
			return e->child & (LUTRA_NODES - 1);
	}
	return 0;
}

/* Returns the child of a node by key; 0: none. */
LUTRA_FN __u32 lutra_edge_find(const struct lutra_policy *p, __u32 node, __u64 key)
{
	return p ? lutra_edge_lookup(p, node, key) : 0;
}

static __always_inline __u32 lutra_object_lookup(const struct lutra_policy *p, __u64 token)
{
	__u32 slot = lutra_object_slot(p->object_seed, token);

	for (__u32 i = 0; i < LUTRA_PROBE; i++) {
		__u64 t = p->object[(slot + i) & (LUTRA_OBJECT_SLOTS - 1)];

		if (t == 0)
			break;
		if (t == token)
			return 1;
	}
	return 0;
}

/*
 * Returns the entry that says that a token is known of names that are told apart. No token equals it.
 * exact: of struct lutra_class; 0: of all names that fold to the same.
 */
static __always_inline __u64 lutra_name_token(__u64 token, __u64 exact)
{
	__u64 h = (token ^ exact * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29) * 0xd6e8feb86659fd93ull;
	return (h ^ h >> 32) | 1ull << 63;
}

/*
 * Returns true if the policy has a token, and has it of these names. exact: of struct lutra_class; 0:
 * there are no names to tell apart.
 */
LUTRA_FN __u32 lutra_object_find(const struct lutra_policy *p, __u64 token, __u64 exact)
{
	if (!p || !lutra_object_lookup(p, token))
		return 0;
	return !exact || lutra_object_lookup(p, lutra_name_token(token, exact)) ||
	       lutra_object_lookup(p, lutra_name_token(token, 0));
}

/*
 * Turns the key of an edge to one that only exec sessions follow, to what no run's service used:
 * it is not there for the service.
 */
#define LUTRA_SESSION_KEY 0x9b6a3f5c71d2e84bull

/* The place of a path in the tree. */
struct lutra_class {
	/*
	 * Hash of the names with digits that are told apart, though they fold to one: of a program or a
	 * library all names of its path, else the last name if its directory is protected. Made with the
	 * policy's key. 0: there are none, or the policy does not tell them apart.
	 */
	__u64 exact;
	__u16 node;    /* the node, or on a miss the last one reached */
	__u16 parent;  /* on a hit: of the node */
	__u8 hit;      /* 1: the whole path is in the tree */
	__u8 flags;    /* LUTRA_NODE_* of node */
	__u8 passed;   /* flags of all nodes passed, without the root's, or-ed */
	__u8 last;     /* 1: the miss, or the hit, was at the last component */
	__u8 wildcard; /* 1: the last component was looked up in a wildcard node */
	__u8 pad[7];
};
_Static_assert(sizeof(struct lutra_class) == 24, "class layout");

/* Returns non-zero if a component holds a digit, eight bytes at once. Folding changes no other. */
static __always_inline __u64 lutra_has_digit(const struct lutra_name *name, __u32 len)
{
	const __u64 high = 0x8080808080808080ull;
	__u64 found = 0;

	for (__u32 i = 0; i < LUTRA_NAME / 8; i++) {
		__u32 rest = len - 8 * i;
		__u64 w = LUTRA_LOAD64(name->s + 8 * i);

		LUTRA_OPAQUE(rest);
		if (rest < 8)
			w &= (1ull << 8 * rest) - 1;
		w ^= 0x3030303030303030ull; /* a digit is now 0 to 9, and stays below 128 with 118
					       more */
		found |= ~(w | ((w & ~high) + 0x7676767676767676ull)) & high;
		if (rest < 8)
			break;
	}
	return found;
}

/* Bits of the argument which of lutra_node_child(). Its low bits are the component's index. */
#define LUTRA_CHILD_DIR 0x100	  /* the component is a directory's name */
#define LUTRA_CHILD_SESSION 0x200 /* also follow the edges of exec sessions */
#define LUTRA_CHILD_EXACT 0x400	  /* all names of the path that have digits are told apart */
#define LUTRA_CHILD_LAST 0x800	  /* the component is the last one */

/*
 * Returns the child of a node that a component of a path leads to, or 0 if there is none. It is not
 * inlined: this costs 4 ns a component, but the guard loads in 0.3 s instead of 3 s, because the
 * verifier checks the function once and not in each program that judges a path.
 */
LUTRA_FN __u32 lutra_node_child(const struct lutra_policy *p, const struct lutra_path *path,
				struct lutra_name *name, __u32 node, __u32 which)
{
	__u32 at = which & (LUTRA_COMPONENTS - 1), dir = which >> 8 & 1, len, child;
	const struct lutra_name *in;
	__u64 key;

	if (!p || !path || !name)
		return 0;
	len = path->len[at];
	if (len >= LUTRA_NAME)
		return 0;
	if (p->node[node & (LUTRA_NODES - 1)] & LUTRA_NODE_WILDCARD) {
		key = p->wildcard_key[dir];
	} else {
		in = (const struct lutra_name *)(const void *)path->name[at];
		if (lutra_has_digit(in, len)) {
			len = lutra_fold_name(in, len, name);
			in = name;
		}
		key = lutra_key_words(
			in, len, (const struct lutra_hash_key *)(const void *)p->hash_key, dir);
	}
	child = lutra_edge_lookup(p, node, key);
	if (!child && which & LUTRA_CHILD_SESSION)
		child = lutra_edge_find(p, node, key ^ LUTRA_SESSION_KEY);
	return child;
}

/*
 * Adds a component of a path to the hash of names that are told apart, if it has a digit and counts:
 * see struct lutra_class. node: the directory that it is looked up in. which: LUTRA_CHILD_*, and the
 * index of the component. Returns the hash, which is 0 only without such a name. The conditions are
 * here and not in the loop over components, because the BPF verifier would walk each combination.
 */
LUTRA_FN __u64 lutra_exact_add(const struct lutra_policy *p, const struct lutra_path *path,
			       __u64 hash, __u32 node, __u32 which)
{
	__u32 at = which & (LUTRA_COMPONENTS - 1), leaf = LUTRA_CHILD_LAST, len, in;
	const struct lutra_name *name;

	if (!p || !path || p->exact_names != 1 || path->flags & LUTRA_PATH_DETACHED)
		return hash;
	in = p->node[node & (LUTRA_NODES - 1)];
	if (in & LUTRA_NODE_WILDCARD)
		return hash;
	if (!(which & LUTRA_CHILD_EXACT) &&
	    (!(in & LUTRA_NODE_PROTECTED) || (which & (leaf | LUTRA_CHILD_DIR)) != leaf))
		return hash;
	name = (const struct lutra_name *)(const void *)path->name[at];
	len = path->len[at];
	if (len >= LUTRA_NAME || !lutra_has_digit(name, len))
		return hash;
	hash ^= lutra_key_words(name, len, (const struct lutra_hash_key *)(const void *)p->hash_key,
				0);
	hash *= 0x9e3779b97f4a7c15ull;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

/*
 * Walks a path down the tree. leaf_dir: the last component names a directory. session:
 * LUTRA_CHILD_SESSION for an exec session, else 0, or-ed with LUTRA_CHILD_EXACT for a program or a
 * library. fold: 64 bytes of scratch, aligned to 8.
 *
 * A path of more than 16 components, or with one over 63 bytes, misses at the first component that
 * is not there whole. An unresolved path misses at the root. A detached path is looked for below a
 * directory named "/", a name that no real component can have.
 */
static __always_inline void lutra_classify_path(const struct lutra_policy *p,
						const struct lutra_path *path, __u32 leaf_dir,
						__u32 session, char *fold, struct lutra_class *ret)
{
	struct lutra_name *name = (struct lutra_name *)(void *)fold;
	__u32 node = 0, n = path->n, flags = path->flags;

	ret->exact = 0;
	ret->passed = 0;
	ret->hit = 0;
	ret->last = 0;
	ret->wildcard = 0;
	ret->parent = 0;
	if (flags & LUTRA_PATH_DETACHED) {
		name->s[0] = '/';
		node = lutra_edge_find(p, 0, lutra_component_key(name->s, 1, p->hash_key, 1));
	}
	if (!(flags & LUTRA_PATH_UNRESOLVED) && (node || !(flags & LUTRA_PATH_DETACHED))) {
		__u32 i;

		for (i = 0; i < LUTRA_COMPONENTS; i++) {
			__u32 at = (n - 1 - i) & (LUTRA_COMPONENTS - 1);
			__u32 last = i + 1 >= n;
			__u32 dir = last ? leaf_dir & 1 : 1;
			__u32 wildcard = p->node[node & (LUTRA_NODES - 1)] & LUTRA_NODE_WILDCARD;
			__u32 child, which;

			if (i >= n)
				break;
			which = at | dir << 8 | last << 11 | session;
			ret->exact = lutra_exact_add(p, path, ret->exact, node, which);
			ret->last = (__u8)last;
			ret->wildcard = wildcard != 0;
			child = lutra_node_child(p, path, name, node, which);
			if (!child)
				break;
			ret->parent = (__u16)node;
			node = child;
			ret->passed |= p->node[node & (LUTRA_NODES - 1)];
		}
		ret->hit = i >= n;
	}
	ret->node = (__u16)node;
	ret->flags = p->node[node & (LUTRA_NODES - 1)];
}

/*
 * Returns the extension of a name, in lower case, as the bytes of a word padded with zeros. Returns 0
 * if the name has no extension, or one of more than 8 bytes.
 */
LUTRA_FN __u64 lutra_ext_bytes(const struct lutra_name *name, __u32 len)
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
	/* Each byte pushed the ones before it up: turn them to the order of memory. */
	return __builtin_bswap64(ext) >> (64 - 8 * n);
}

/*
 * Returns true if a file of this extension holds no code, configuration, data or keys by its name:
 * text, pages, pictures, fonts, sound. ext: as lutra_ext_bytes() returns it.
 */
LUTRA_FN __u32 lutra_ext_is_document(__u64 ext)
{
	static const union {
		char s[8];
		__u64 ext;
	} document[] = {{"html"}, {"htm"},   {"css"},  {"txt"}, {"md"},	 {"rst"}, {"pdf"},
			{"png"},  {"jpg"},   {"jpeg"}, {"gif"}, {"svg"}, {"ico"}, {"webp"},
			{"woff"}, {"woff2"}, {"ttf"},  {"otf"}, {"eot"}, {"mp3"}, {"mp4"},
			{"ogg"},  {"wav"},   {"webm"}, {"mo"},	{"po"},	 {"pot"}, {"tmpl"},
			{"tpl"},  {"xsl"},   {"dtd"}};

	for (__u32 i = 0; i < sizeof(document) / sizeof(document[0]); i++) {
		if (document[i].ext == ext)
			return 1;
	}
	return 0;
}

/*
 * Returns the kind of a file: a hash of the extension of its name, 1 to 255, or 0 if the name has no
 * extension. Two extensions may have the same hash.
 */
static __always_inline __u32 lutra_component_kind(const char *name, __u32 len)
{
	__u64 ext = lutra_ext_bytes((const struct lutra_name *)(const void *)name, len);

	return ext ? 1 + (__u32)((ext * 0x9e3779b97f4a7c15ull >> 32) * 255 >> 32) : 0;
}

#endif
