/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only OR BSD-2-Clause */
/*
 * The scorer: the only one, compiled into the kernel program, the daemon and the trainer.
 *
 *   score.h          lutra_score_syscall()
 *                      number + role -> token -> levels M, N; lutra_role_follow() before,
 *                      lutra_role_steady() after it
 *                    lutra_score_object()
 *                      key + role -> token -> levels M, N, after the syscall that used the object
 *   score_m.h        lutra_m_step()
 *                      token -> pairs -> claim -> levels
 *   object_key.h     lutra_object_key()
 *                      operation + class of the path, or address -> key
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
#include "lutra/object_key.h"
#include "lutra/score_m.h"
#include "lutra/score_object.h"
#include "lutra/syscalls.h"

/* Sets the state of a task that has made no syscall yet. */
static __always_inline void lutra_state_init(struct lutra_state *s, const struct lutra_policy *p)
{
	__builtin_memset(s, 0, sizeof(*s));
	lutra_m_init(&s->m, &p->m);
}

/* Returns true if the policy has level M. A policy of a format before 4 has none. */
static __always_inline int lutra_has_level(const struct lutra_policy *p)
{
	return p->threshold != LUTRA_THRESHOLD_OFF;
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
 * stays steady then: it is the service, which begins anew and serves on. What is spawned moves on:
 * a shell that executes another script is one program after the other. p: NULL where there is none.
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
 * The container's first process stays in start-up if it never accepted in training (first_stays).
 * Such is the master of a service whose workers accept. If it accepts one day, an operator asked it
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
 * Makes the role steady if the task's process was marked as steady. To be called before a syscall
 * is scored. p: NULL where there is none.
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

/*
 * Returns true if a hook can refuse the syscall, so that a new one matches NEW_HOOKABLE. A 32-bit call is
 * new wherever the runs made none, whether or not the policy knows the 64-bit one.
 */
static __always_inline int lutra_is_hookable(const struct lutra_policy *p, __u32 nr)
{
	if (nr >= LUTRA_NR_IA32 && nr < LUTRA_NR_IA32 + LUTRA_NR)
		return p->hookable_ia32[nr / 64 & 7] >> (nr & 63) & 1;
	return nr < LUTRA_NR && (p->hookable[nr / 64 & 7] >> (nr & 63) & 1);
}

/* What lutra_score_syscall() or lutra_score_object() found. */
struct lutra_token_score {
	struct lutra_m_score m;
	__u8 token;
	__u8 pad[3];
};

/*
 * Adds an event to a task's history. nr: number of the syscall; or the key of the object, or-ed
 * with LUTRA_HISTORY_OBJECT. Other bits than LUTRA_HISTORY_NR and LUTRA_HISTORY_OBJECT are 0. An event
 * that the levels leave out for its token LUTRA_PAD is not added.
 */
static __always_inline void lutra_history_add(struct lutra_history *history, struct lutra_state *s,
					      __u32 nr, const struct lutra_token_score *x)
{
	struct lutra_history *h;

	if (x->token == LUTRA_PAD)
		return;
	h = &history[s->history_at++ & (LUTRA_HISTORY - 1)];
	h->nr_role = (__u16)(nr | (s->role & 7u) << 12 |
			     (x->token == LUTRA_UNK ? LUTRA_HISTORY_NOVEL : 0));
	h->weight = (__u16)lutra_m_sum(&x->m);
}

/*
 * Scores a syscall, and updates the state of its task. No other function does this. claim, ctx: as
 * for lutra_m_step().
 */
static __always_inline void lutra_score_syscall(
	struct lutra_state *s, const struct lutra_policy *p, __u32 nr,
	void (*claim)(void *ctx, const struct lutra_m_tables *p, struct lutra_m_score *x),
	void *ctx, struct lutra_token_score *ret)
{
	ret->token = lutra_syscall_token(p, s->role, nr);
	lutra_m_step(&s->m, &p->m, ret->token, claim, ctx, &ret->m);
}

/* Returns the token of a key in a role, or LUTRA_PAD if level M leaves the key out. */
static __always_inline __u8 lutra_key_token(const struct lutra_policy *p, __u8 role, __u32 key)
{
	return p->key_token[role & (LUTRA_ROLE_ROWS - 1)][key & (LUTRA_KEYS - 1)];
}

/*
 * Scores an object by its key, and updates the state of its task. No other function does this.
 * Returns false if level M leaves the object out: ret->m is not set then. claim, ctx: as for
 * lutra_m_step().
 */
static __always_inline int lutra_score_object(
	struct lutra_state *s, const struct lutra_policy *p, __u32 key,
	void (*claim)(void *ctx, const struct lutra_m_tables *p, struct lutra_m_score *x),
	void *ctx, struct lutra_token_score *ret)
{
	ret->token = lutra_key_token(p, s->role, key);
	if (ret->token == LUTRA_PAD)
		return 0;
	lutra_m_step(&s->m, &p->m, ret->token, claim, ctx, &ret->m);
	return 1;
}

/* Returns true if an event raised a level of a task above its threshold. before: the level before. */
static __always_inline int lutra_level_passed(__s32 threshold, __s32 before, __s32 level)
{
	return before <= threshold && level > threshold;
}

#endif
