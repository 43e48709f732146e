/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * Level M: how unusual the last calls and objects of a task are, together. A token is a call, or an
 * object class, in a role. An object's token is scored right after the call that met it. Pairs of
 * tokens are scored in three layers, as in score.h, but:
 *
 *   - a token that equals the last two of its task is left out, so loops do not fill the history;
 *   - a pair counts the first LUTRA_M_COUNTS times in a container;
 *   - the level moves by 1/128 of the distance to each new value.
 *
 * Integers only, no loop, no division. Total, as score.h.
 */
#ifndef LUTRA_SCORE_M_H
#define LUTRA_SCORE_M_H

#include "lutra/abi.h"
#include "lutra/score_path.h"

#define LUTRA_M_COUNTS 4    /* times that a pair counts in a container */
#define LUTRA_M_SHIFT 7	    /* the level moves by 1 / 2^7 */
#define LUTRA_M_UNIT 16	    /* weights are 1/16 nat */
#define LUTRA_M_FRACTION 12 /* bits of the level below one unit of weight */
#define LUTRA_M_WEIGHT 192u /* the highest weight: 12 nat */

/* Tables of the three layers: weight << 8 | code, index a << 8 | b, then a << 7 | b. */
struct lutra_m_tables {
	__u16 t0[LUTRA_T0_STRIDE * LUTRA_T0_STRIDE];
	__u16 t1[LUTRA_K * LUTRA_K];
	__u16 t2[LUTRA_K * LUTRA_K];
	__u8 p1; /* layer-0 code of (PAD, PAD) */
	__u8 p2; /* layer-1 code of (p1, p1) */
	__u8 pad[6];
};

/* How often a container has met each pair with a weight: 4 bits a pair, indexed as the tables. */
struct lutra_m_counters {
	__u32 t0[LUTRA_T0_STRIDE * LUTRA_T0_STRIDE / 8];
	__u32 t1[LUTRA_K * LUTRA_K / 8];
	__u32 t2[LUTRA_K * LUTRA_K / 8];
};

/* Of a task: copied by fork, kept by exec. */
struct lutra_m_state {
	__s32 level; /* 1 / (LUTRA_M_UNIT << LUTRA_M_FRACTION) nat */
	__u8 c0, c1; /* the last token, and the one before */
	__u8 r1[2];  /* rings of codes, as in struct lutra_state */
	__u8 r2[4];
	__u8 t; /* position in the rings */
	__u8 pad[3];
};
_Static_assert(sizeof(struct lutra_m_state) == 16, "state of level M");

/* What one step found. */
struct lutra_m_score {
	__u32 i0, i1, i2; /* index of the pair in the layer's table */
	__u16 x0, x1, x2; /* its entry */
	__u16 weight;	  /* sum of the weights that counted */
};

/* Sets the state of a task that has made no call yet. */
static __always_inline void lutra_m_init(struct lutra_m_state *s, const struct lutra_m_tables *p)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->c0 = s->c1 = LUTRA_PAD;
	s->r1[0] = s->r1[1] = p->p1;
	s->r2[0] = s->r2[1] = s->r2[2] = s->r2[3] = p->p2;
}

/* Returns true if a token is left out, because it equals the last two. */
static __always_inline int lutra_m_repeats(const struct lutra_m_state *s, __u8 tok)
{
	return s->c0 == tok && s->c1 == tok;
}

/*
 * Counts a pair that the container has met, up to LUTRA_M_COUNTS. Returns true if it counts. Tasks
 * race for a counter: one that loses a race counts, but leaves no trace, so a counter never
 * overflows into its neighbour.
 */
static __always_inline int lutra_m_count(__u32 *words, __u32 i)
{
	__u32 shift = (i & 7) << 2, old = words[i >> 3];

	if ((old >> shift & 15) >= LUTRA_M_COUNTS)
		return 0;
	__sync_val_compare_and_swap(&words[i >> 3], old, old + (1u << shift));
	return 1;
}

/* Loads the pairs that a token ends. */
static __always_inline void lutra_m_load(const struct lutra_m_state *s,
					 const struct lutra_m_tables *p, __u8 tok,
					 struct lutra_m_score *ret)
{
	__u32 i = (__u32)s->c0 << 8 | tok;

	LUTRA_OPAQUE(i); /* as in lutra_pairs_load() */
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
	ret->weight = 0;
}

/* Adds up the weights of the pairs that still count. */
static __always_inline void lutra_m_claim(struct lutra_m_counters *c, struct lutra_m_score *x)
{
	__u32 sum = 0;

	if (x->x0 >> 8 && lutra_m_count(c->t0, x->i0 & 0xffff))
		sum += x->x0 >> 8;
	if (x->x1 >> 8 && lutra_m_count(c->t1, x->i1 & 0x3fff))
		sum += x->x1 >> 8;
	if (x->x2 >> 8 && lutra_m_count(c->t2, x->i2 & 0x3fff))
		sum += x->x2 >> 8;
	x->weight = (__u16)sum;
}

/* Moves level, rings and tokens on. */
static __always_inline void lutra_m_move(struct lutra_m_state *s, const struct lutra_m_score *x,
					 __u8 tok)
{
	s->level += ((__s32)((__u32)x->weight << LUTRA_M_FRACTION) - s->level) >> LUTRA_M_SHIFT;
	s->r1[s->t & 1] = (__u8)x->x0 & 0x7f;
	s->r2[s->t & 3] = (__u8)x->x1 & 0x7f;
	s->t++;
	s->c1 = s->c0;
	s->c0 = tok;
}

/*
 * Scores a token, and moves the state of its task on. The only function that does. Returns false if
 * the token is left out: the state stays as it is.
 *
 * counters: returns the counters of the container, or NULL, which makes no pair count. Called with
 * ctx only where a pair has a weight, so the kernel side looks them up no sooner.
 */
static __always_inline int lutra_m_step(struct lutra_m_state *s, const struct lutra_m_tables *p,
					__u8 tok, struct lutra_m_counters *(*counters)(void *ctx),
					void *ctx, struct lutra_m_score *ret)
{
	if (lutra_m_repeats(s, tok))
		return 0;
	lutra_m_load(s, p, tok, ret);
	if ((ret->x0 | ret->x1 | ret->x2) >> 8) {
		struct lutra_m_counters *c = counters ? counters(ctx) : 0;

		if (c)
			lutra_m_claim(c, ret);
	}
	lutra_m_move(s, ret, tok);
	return 1;
}

#endif
