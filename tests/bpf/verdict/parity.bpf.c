/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The scorer in the kernel, on what the parity test made: syscalls and keys as the guard scores
 * them, objects as its hooks judge them.
 *
 * Hooks: none, two programs to be run.
 * Maps: those of the guard (slot 0), calls (one batch), objects (one entry an object).
 */
#include "kern/verdict/score.bpf.h"
#include "tests/bpf/verdict/parity.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct parity_calls);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PARITY_OBJECTS);
	__type(key, __u32);
	__type(value, struct parity_object);
} objects SEC(".maps");

static long one_call(__u32 i, void *ctx)
{
	__u32 zero = 0;
	struct parity_calls *b = bpf_map_lookup_elem(&calls, &zero);
	const struct lutra_policy *p = policy_get(0);
	const struct parity_call *in;
	struct lutra_state *st;
	struct parity_step *out;
	struct lutra_token_score score;
	__u8 *steady;

	if (!b || !p)
		return 1;
	in = &b->in[i & (PARITY_CALLS - 1)];
	out = &b->out[i & (PARITY_CALLS - 1)];
	st = &b->state[in->task & (PARITY_TASKS - 1)];
	steady = &b->steady[in->task & (PARITY_PROCESSES - 1)];
	if (in->exec) {
		lutra_state_exec(st, p, in->exec == 2);
		*steady = st->role == LUTRA_ROLE_STEADY;
	}
	lutra_role_follow(st, p, *steady);
	if (!in->key)
		score_syscall(st, p, 0, !in->audited, in->nr, &score);
	else if (!score_object(st, p, 0, !in->audited, in->key, &score))
		__builtin_memset(&score, 0, sizeof(score));
	out->tok = score.token;
	out->w[0] = score.m.weight[0];
	out->w[1] = score.m.weight[1];
	out->w[2] = score.m.weight[2];
	if (!in->key)
		*steady |= (__u8)lutra_role_steady(st, p, in->nr);
	out->state = *st;
	return 0;
}

static long one_object(__u32 i, void *ctx)
{
	struct parity_object *o = bpf_map_lookup_elem(&objects, &i);
	const struct lutra_policy *p = policy_get(0);

	if (!o || !p)
		return 1;
	lutra_judge_object(p, &o->object, &o->path, (__u8)o->role, o->fold, &o->judgement);
	lutra_judge_starter(p, &o->object, o->starter, (__u8)o->role, &o->judgement);
	o->verdict = lutra_decide_verdict(
		&o->signals, p, lutra_object_match(&o->object, &o->judgement), o->mode, o->now);
	o->reported_key =
		lutra_reported_key(p, &o->object, &o->path, o->judgement.rule | o->role << 8,
				   (struct lutra_name *)(void *)o->fold);
	o->object_key = lutra_object_key(p, &o->object, &o->path, &o->search);
	return 0;
}

SEC("syscall")
int parity_calls(void *ctx)
{
	return bpf_loop(PARITY_CALLS, one_call, NULL, 0) != PARITY_CALLS;
}

SEC("syscall")
int parity_objects(void *ctx)
{
	return bpf_loop(PARITY_OBJECTS, one_object, NULL, 0) != PARITY_OBJECTS;
}

char LICENSE[] SEC("license") = "GPL";
