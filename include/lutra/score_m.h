/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Levels M and N: how unusual the last syscalls and objects of a task are, together. A token is a
 * syscall, or the key of an object (lutra/object_key.h), in a role. The token of an object is scored
 * right after the token of the syscall that used the object. Three layers score pairs: of tokens
 * with lag 1, and of codes with lags 2 and 4. The weight of a pair is how unusual the pair is. It is
 * 0 if training saw the pair.
 *
 *   - A token that equals both of the last two tokens of its task is left out, so that loops do not
 *     fill the history. So is LUTRA_PAD, which stands for syscalls that say nothing about the order.
 *   - The weight of a pair counts the first `counts` times that the pair occurs in a container: 4.
 *   - Each token moves level M towards the sum of its weights, by 1 / 2^shift of the distance:
 *     1/128.
 *   - Each token moves level N, by 1 / 2^novelty_shift of the distance, to 1 if its pair of tokens
 *     is new, and to 0 otherwise. So level N is the share of new pairs among the last pairs, however
 *     unusual each of them is. A pair is new the first novelty_counts times in a container.
 *
 * These four constants are in the tables. Those of level N depend on the number of training runs.
 * Policies of an older lutra may have other ones for level M.
 *
 * Integers only, no loop, no division. Total, as score.h.
 */
#ifndef LUTRA_SCORE_M_H
#define LUTRA_SCORE_M_H

#include "lutra/abi.h"
#include "lutra/score_path.h"

#define LUTRA_M_COUNTS 4    /* times that a pair counts in a container */
#define LUTRA_M_SHIFT 7	    /* level M moves by 1 / 2^7 */
#define LUTRA_N_ONE 65536   /* level N if each pair is new */
#define LUTRA_M_UNIT 16	    /* weights are 1/16 nat */
#define LUTRA_M_FRACTION 12 /* bits of the level below one unit of weight */
#define LUTRA_M_WEIGHT 192u /* the highest weight: 12 nat */

/* What one step found. */
struct lutra_m_score {
	__u32 i0, i1, i2; /* index of the pair in the layer's table */
	__u16 x0, x1, x2; /* its entry */
	__u8 weight[3];	  /* by layer; 0: the pair has no weight, or its weight counts no more */
	__u8 is_new;	  /* 1: the pair of layer 0 counts for level N */
	__u8 pad[2];
};

/* Sets the state of a task that has made no call yet. */
static __always_inline void lutra_m_init(struct lutra_m_state *s, const struct lutra_m_tables *p)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->c0 = s->c1 = LUTRA_PAD;
	s->r1[0] = s->r1[1] = p->p1;
	s->r2[0] = s->r2[1] = s->r2[2] = s->r2[3] = p->p2;
}

/* Returns true if a token is left out: it equals the last two, or it is LUTRA_PAD. */
static __always_inline int lutra_m_leaves_out(const struct lutra_m_state *s, __u8 tok)
{
	return tok == LUTRA_PAD || (s->c0 == tok && s->c1 == tok);
}

/*
 * Counts that pair i occurred in the container, up to counts. Returns how often it had occurred
 * before. Its weight counts if that is below counts. Tasks race for a counter. The weight counts
 * also for a task that loses the race, but that task leaves the counter as it is. So a counter never
 * overflows into the next one.
 */
static __always_inline __u32 lutra_m_count(__u32 *words, __u32 i, __u32 counts)
{
	__u32 shift = (i & 7) << 2, old = words[i >> 3], before = old >> shift & 15;

	if (before < counts)
		__sync_val_compare_and_swap(&words[i >> 3], old, old + (1u << shift));
	return before;
}

/* Loads the table entries of the pairs that end with a token. */
static __always_inline void lutra_m_load(const struct lutra_m_state *s,
					 const struct lutra_m_tables *p, __u8 tok,
					 struct lutra_m_score *ret)
{
	__u32 i = (__u32)s->c0 << 8 | tok;

	LUTRA_OPAQUE(i); /* the 6.1 verifier forgets bounds at a 32-bit "or": leave it the masks */
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
	ret->weight[0] = ret->weight[1] = ret->weight[2] = 0;
	ret->is_new = ret->pad[0] = ret->pad[1] = 0;
}

/*
 * Counts the pairs that have a weight, and sets the weights that count this time, and is_new.
 * counts, novelty_counts: as in struct lutra_m_tables.
 */
static __always_inline void lutra_m_claim(struct lutra_m_counters *c, struct lutra_m_score *x,
					  __u32 counts, __u32 novelty_counts)
{
	if (x->x0 >> 8) {
		__u32 before = lutra_m_count(c->t0, x->i0 & 0xffff, counts);

		if (before < counts)
			x->weight[0] = (__u8)(x->x0 >> 8);
		x->is_new = before < counts && before < novelty_counts;
	}
	if (x->x1 >> 8 && lutra_m_count(c->t1, x->i1 & 0x3fff, counts) < counts)
		x->weight[1] = (__u8)(x->x1 >> 8);
	if (x->x2 >> 8 && lutra_m_count(c->t2, x->i2 & 0x3fff, counts) < counts)
		x->weight[2] = (__u8)(x->x2 >> 8);
}

/* Returns true if no pair has a weight: the common case, in which no counter is needed. */
static __always_inline int lutra_m_known(const struct lutra_m_score *x)
{
	return ((x->x0 | x->x1 | x->x2) >> 8) == 0;
}

/* Returns the sum of the weights that counted. */
static __always_inline __u32 lutra_m_sum(const struct lutra_m_score *x)
{
	return (__u32)x->weight[0] + x->weight[1] + x->weight[2];
}

/* Updates the levels, the rings of codes and the last two tokens. */
static __always_inline void lutra_m_move(struct lutra_m_state *s, const struct lutra_m_tables *p,
					 const struct lutra_m_score *x, __u8 tok)
{
	s->level += ((__s32)(lutra_m_sum(x) << LUTRA_M_FRACTION) - s->level) >> (p->shift & 15);
	s->novelty += ((__s32)x->is_new * LUTRA_N_ONE - s->novelty) >> (p->novelty_shift & 15);
	s->r1[s->t & 1] = (__u8)x->x0 & 0x7f;
	s->r2[s->t & 3] = (__u8)x->x1 & 0x7f;
	s->t++;
	s->c1 = s->c0;
	s->c0 = tok;
}

/*
 * Scores a token, and updates the state of its task. No other function does this. Returns false if
 * the token is left out: the state stays as it is, and ret is all zero.
 *
 * claim: calls lutra_m_claim() with the counters of the container. It is called only if a pair has
 * a weight, so that the kernel looks for the counters only then. NULL: no weight counts. ctx: the
 * first argument of claim.
 */
static __always_inline int
lutra_m_step(struct lutra_m_state *s, const struct lutra_m_tables *p, __u8 tok,
	     void (*claim)(void *ctx, const struct lutra_m_tables *p, struct lutra_m_score *x),
	     void *ctx, struct lutra_m_score *ret)
{
	if (lutra_m_leaves_out(s, tok)) {
		__builtin_memset(ret, 0, sizeof(*ret));
		return 0;
	}
	lutra_m_load(s, p, tok, ret);
	if (claim && !lutra_m_known(ret))
		claim(ctx, p, ret);
	lutra_m_move(s, p, ret, tok);
	return 1;
}

/* The argument claim of lutra_m_step() in userspace. ctx: struct lutra_m_counters. */
static __always_inline void lutra_m_claim_counters(void *ctx, const struct lutra_m_tables *p,
						   struct lutra_m_score *x)
{
	lutra_m_claim((struct lutra_m_counters *)ctx, x, p->counts, p->novelty_counts);
}

#endif
