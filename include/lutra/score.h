/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The scorer: the only one, compiled into the kernel program, the daemon and the trainer.
 *
 *   score.h          lutra_score_syscall()
 *                      token -> pairs -> claim -> levels; lutra_role_follow() before, lutra_role_steady()
 *                      after it
 *   score_path.h     lutra_classify_path()
 *                      for each component: fold -> key -> edge to the next node
 *   object_token.h   lutra_object_token()
 *                      object + node + extension + role -> token
 *   score_object.h   lutra_judge_object()
 *                      class of the path -> token -> known to the policy, or a kind and a rule
 *
 * Integers only, constant loop bounds, no division, no recursion. Total: any bytes give a defined
 * result, and every index is masked to its array. Little-endian hosts.
 */
#ifndef LUTRA_SCORE_H
#define LUTRA_SCORE_H

#include "lutra/abi.h"
#include "lutra/score_path.h"
#include "lutra/score_object.h"
#include "lutra/syscalls.h"

/* Sets the state of a task that has made no syscall yet. */
static __always_inline void lutra_state_init(struct lutra_state *s, const struct lutra_policy *p)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->c0 = LUTRA_PAD;
	s->r1[0] = s->r1[1] = p->p1;
	s->r2[0] = s->r2[1] = s->r2[2] = s->r2[3] = p->p2;
}

/* Returns the role in which a task is armed. Arguments as nr and aux of its ARM record. */
static __always_inline __u8 lutra_role_armed(__u16 ran_already, __u16 exec_session)
{
	if (exec_session)
		return LUTRA_ROLE_SESSION;
	return ran_already ? LUTRA_ROLE_ANY : LUTRA_ROLE_STARTUP;
}

/*
 * Returns arg of the ARM record of a task whose life began before the recording, and was followed
 * from its start. Which syscalls end the start-up is known only when a policy is trained: so there
 * are two roles, one if accepts end it and one if waits do.
 */
static __always_inline __u64 lutra_role_pack(__u8 if_accepts, __u8 if_waits)
{
	return (if_accepts + 1u) | (if_waits + 1u) << 8;
}

/* Returns the role of a task after its ARM record. nr, arg, aux: of the record. */
static __always_inline __u8 lutra_role_begun(const struct lutra_policy *p, __u16 nr, __u64 arg,
					     __u16 aux)
{
	__u32 accepts = p->steady[LUTRA_NR_ACCEPT / 64] >> (LUTRA_NR_ACCEPT & 63) & 1;
	__u32 role = (__u32)(accepts ? arg : arg >> 8) & 0xff;

	if (!nr || aux || !role || role > LUTRA_ROLE_ANY + 1)
		return lutra_role_armed(nr, aux);
	return (__u8)(role - 1);
}

/* Sets the role of a task after its ARM record, and is_later. nr, arg, aux: of the record. */
static __always_inline void lutra_state_begin(struct lutra_state *s, const struct lutra_policy *p,
					      __u16 nr, __u64 arg, __u16 aux)
{
	s->role = lutra_role_begun(p, nr, arg, aux);
	s->is_later = nr != 0; /* a task that ran already may be of any process */
}

/* Sets the state of a new process, which is a copy of its parent's. */
static __always_inline void lutra_state_fork(struct lutra_state *s)
{
	s->is_later = 1;
}

/*
 * Moves the role on at an exec: a steady task becomes spawned, a spawned one deeper. again: the
 * process executes in place the program that it runs, as LUTRA_EXEC_AGAIN says. A steady process
 * stays steady then: it is the service, which begins anew and serves on. What is spawned moves on: a
 * shell that executes another script is one program after the other. p: NULL where there is none.
 */
static __always_inline void lutra_state_exec(struct lutra_state *s, const struct lutra_policy *p,
					     int again)
{
	if (s->role == LUTRA_ROLE_STEADY && again && !(p && p->thread_roles))
		return;
	if (s->role == LUTRA_ROLE_STEADY)
		s->role = LUTRA_ROLE_SPAWNED;
	else if (s->role == LUTRA_ROLE_SPAWNED)
		s->role = LUTRA_ROLE_DEEPER;
}

/* Returns true if a task of this role may still be in its start-up. */
static __always_inline int lutra_may_start(__u8 role)
{
	return role == LUTRA_ROLE_STARTUP || role == LUTRA_ROLE_ANY;
}

/*
 * Makes the role steady if syscall nr ends the start-up, which is that of the whole process. To be
 * called after the syscall was scored. Returns 1 if the role became steady: the caller then marks
 * the process as steady, until it executes another program.
 *
 * The container's first process stays in start-up if it never accepted in training (first_stays). Such
 * is the master of a service whose workers accept. If it accepts one day, an operator asked it
 * something. It then goes on as before, and so do its children.
 */
static __always_inline int lutra_role_steady(struct lutra_state *s, const struct lutra_policy *p,
					     __u32 nr)
{
	if (!lutra_may_start(s->role) || nr >= LUTRA_NR ||
	    !(p->steady[nr / 64 & 7] >> (nr & 63) & 1) || (p->first_stays && !s->is_later))
		return 0;
	s->role = LUTRA_ROLE_STEADY;
	return 1;
}

/*
 * Makes the role steady if the task's process was marked as steady. To be called before a syscall is
 * scored. p: NULL where there is none.
 */
static __always_inline void lutra_role_follow(struct lutra_state *s, const struct lutra_policy *p,
					      __u8 process_steady)
{
	if (process_steady && lutra_may_start(s->role) && !(p && p->thread_roles))
		s->role = LUTRA_ROLE_STEADY;
}

/* Returns the token of a syscall. nr is as in struct lutra_record, so that a syscall through a
 * foreign entry is never taken for a native one. */
static __always_inline __u8 lutra_syscall_token(const struct lutra_policy *p, __u8 role, __u32 nr)
{
	if (nr >= LUTRA_NR)
		return LUTRA_UNK;
	return p->token[role & (LUTRA_ROLE_ROWS - 1)][nr & (LUTRA_NR - 1)];
}

/* Returns true if a hook can refuse the syscall, so that a new one matches NEW_HOOKABLE. */
static __always_inline int lutra_is_hookable(const struct lutra_policy *p, __u32 nr)
{
	return nr < LUTRA_NR && (p->hookable[nr / 64 & 7] >> (nr & 63) & 1);
}

/* What the tables of the three layers hold for a syscall. */
struct lutra_pairs {
	__u32 i0, i1, i2; /* index of the pair in the layer's table */
	__u16 x0, x1, x2; /* entry: weight << 8 | code */
};

/* Loads the pairs of a syscall: its token with the code before it, and one layer up the same. */
static __always_inline void lutra_pairs_load(const struct lutra_state *s,
					     const struct lutra_policy *p, __u8 tok,
					     struct lutra_pairs *ret)
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

/* Returns true if no pair has a weight: the common case, in which the seen pairs are not needed. */
static __always_inline int lutra_pairs_known(const struct lutra_pairs *x)
{
	return ((x->x0 | x->x1 | x->x2) >> 8) == 0;
}

/* Claims a pair for its container. Returns 1 if no task of it had: tasks race for a pair. */
static __always_inline int lutra_claim_bit(__u32 *words, __u32 i)
{
	__u32 bit = 1u << (i & 31);

	if (words[i >> 5] & bit)
		return 0;
	return (__sync_fetch_and_or(&words[i >> 5], bit) & bit) == 0;
}

/*
 * Claims the pairs of a syscall. w: the weights of those that the container had not had, by layer.
 */
static __always_inline void lutra_pairs_claim(struct lutra_seen *seen, const struct lutra_pairs *x,
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

/* Moves the levels and the code rings on by one syscall. */
static __always_inline void lutra_levels_move(struct lutra_state *s, const struct lutra_pairs *x,
					      const __u8 w[3], __u8 tok)
{
	__s32 sum = (__s32)(((__u32)w[0] + w[1] + w[2]) << 12);
	__s32 novel = w[0] ? 1 << 12 : 0;

	s->level_a += (sum - s->level_a) >> 3;
	s->level_b += (novel - s->level_b) >> 3;
	s->c0 = tok;
	s->r1[s->t & 1] = (__u8)x->x0 & 0x7f;
	s->r2[s->t & 3] = (__u8)x->x1 & 0x7f;
	s->t++;
}

/* What lutra_score_syscall() found. */
struct lutra_syscall_score {
	struct lutra_pairs pairs;
	__u8 weight[3]; /* of the pairs that were new to the container, by layer */
	__u8 token;
};

/*
 * Scores a syscall, and moves the state of its task on. The only function that does.
 *
 * claim: like lutra_claim_seen(), called with ctx only where a pair has a weight: the kernel side
 * looks the seen pairs up no sooner. NULL: no pair is claimed, and no weight counts.
 */
static __always_inline void
lutra_score_syscall(struct lutra_state *s, const struct lutra_policy *p, __u32 nr,
		    void (*claim)(void *ctx, const struct lutra_pairs *x, __u8 w[3]), void *ctx,
		    struct lutra_syscall_score *ret)
{
	ret->token = lutra_syscall_token(p, s->role, nr);
	lutra_pairs_load(s, p, ret->token, &ret->pairs);
	ret->weight[0] = ret->weight[1] = ret->weight[2] = 0;
	if (claim && !lutra_pairs_known(&ret->pairs))
		claim(ctx, &ret->pairs, ret->weight);
	lutra_levels_move(s, &ret->pairs, ret->weight, ret->token);
}

/* The claim of userspace. ctx: struct lutra_seen. */
static __always_inline void lutra_claim_seen(void *ctx, const struct lutra_pairs *x, __u8 w[3])
{
	lutra_pairs_claim((struct lutra_seen *)ctx, x, w);
}

#endif
