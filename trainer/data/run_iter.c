/* SPDX-License-Identifier: Apache-2.0 */
/* Replays a run's stream of words, and counts its events. */
#include "trainer/data/run_iter.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <zstd.h>

#include "lutra/score.h"

int run_iter_init(struct run_iter *r, const struct run *run, const struct lutra_policy *policy)
{
	memset(r, 0, sizeof(*r));
	r->run = run;
	r->forked = UINT32_MAX;
	r->policy = policy;
	r->states = calloc(run->n_tasks + 1, sizeof(*r->states));
	r->process = calloc(run->n_tasks + 1, sizeof(*r->process));
	r->steady = calloc(run->n_processes + 1, sizeof(*r->steady));
	r->zstd = ZSTD_createDCtx();
	r->words = malloc(RUN_BLOCK_WORDS * sizeof(*r->words));
	return r->states && r->process && r->steady && r->zstd && r->words ? 0 : -ENOMEM;
}

void run_iter_done(struct run_iter *r)
{
	free(r->states);
	free(r->process);
	free(r->steady);
	free(r->words);
	free(r->attached);
	ZSTD_freeDCtx(r->zstd);
	memset(r, 0, sizeof(*r));
}

int run_iter_attach(struct run_iter *r, size_t bytes, const void *initial)
{
	size_t n = r->run->n_tasks;

	r->attached = calloc(n + 1, bytes);
	if (!r->attached)
		return -ENOMEM;
	r->attached_bytes = bytes;
	r->initial = initial;
	for (size_t i = 0; i < n; i++)
		memcpy(r->attached + i * bytes, initial, bytes);
	return 0;
}

/* Returns what is attached to a task, or NULL. */
static void *attached_to(const struct run_iter *r, uint32_t task)
{
	return r->attached ? r->attached + task * r->attached_bytes : NULL;
}

/* A task begins, or is a copy of another: its attached state too. */
static void set_attached(struct run_iter *r, uint32_t task, const void *from)
{
	if (r->attached && from != attached_to(r, task))
		memcpy(attached_to(r, task), from, r->attached_bytes);
}

/* Unpacks the next block if this one is used up. Returns false at the end of the stream. */
static bool run_iter_fill(struct run_iter *r)
{
	const struct run_block *b = &r->run->blocks[r->block];
	size_t n;

	if (r->pos < r->n_words)
		return true;
	if (r->block == r->run->n_blocks)
		return false;
	n = ZSTD_decompressDCtx(r->zstd, r->words, RUN_BLOCK_WORDS * sizeof(*r->words), b->packed,
				b->bytes);
	assert(n == b->n_words * sizeof(*r->words)); /* run_builder packed it */
	r->n_words = b->n_words;
	r->pos = 0;
	r->block++;
	return true;
}

/*
 * Begins a task that ran before the recording did. One whose role nobody knows counts as steady: it
 * has run for some time, and what it does now is not the start of the service.
 */
static void begin_carried(struct run_iter *r, struct lutra_state *s, uint32_t arg)
{
	lutra_state_init(s, r->policy);
	lutra_state_begin(s, r->policy, 1, arg, 0);
	if (s->role == LUTRA_ROLE_ANY)
		s->role = LUTRA_ROLE_STEADY;
}

/* Applies an event that moves states or time and is not scored. */
static void run_iter_apply(struct run_iter *r, uint32_t code, uint32_t payload)
{
	switch (code) {
	case RUN_ARM:
		lutra_state_init(&r->states[payload], r->policy);
		set_attached(r, payload, r->initial);
		break;
	case RUN_SESSION:
		lutra_state_init(&r->states[payload], r->policy);
		set_attached(r, payload, r->initial);
		r->states[payload].role = LUTRA_ROLE_SESSION;
		break;
	case RUN_CARRIED:
		begin_carried(r, &r->states[payload], r->words[r->pos++]);
		set_attached(r, payload, r->initial);
		break;
	case RUN_FORK:
		r->forked = r->words[r->pos++];
		r->forked_from = r->process[payload];
		r->states[r->forked] = r->states[payload];
		set_attached(r, r->forked, attached_to(r, payload));
		break;
	case RUN_PROCESS:
		r->process[payload] = r->words[r->pos++];
		if (payload == r->forked && r->process[payload] != r->forked_from)
			lutra_state_fork(&r->states[payload]);
		r->forked = UINT32_MAX;
		break;
	case RUN_EXEC:
		lutra_state_exec(&r->states[payload], r->policy, false);
		r->steady[r->process[payload]] = 0;
		break;
	case RUN_EXEC_AGAIN:
		lutra_state_exec(&r->states[payload], r->policy, true);
		break;
	default:
		r->ms += payload;
	}
}

bool run_iter_next(struct run_iter *r, struct run_event *ret)
{
	if (r->called && lutra_role_steady(r->called, r->policy, r->called_nr))
		r->steady[r->process[r->called - r->states]] = 1;
	r->called = NULL;
	while (run_iter_fill(r)) {
		uint32_t word = r->words[r->pos++], code = word & 0xfff, payload = word >> 12;

		if (code > RUN_FOREIGN && code != RUN_OBJECT) {
			run_iter_apply(r, code, payload);
			continue;
		}
		*ret = (struct run_event){.state = &r->states[payload],
					  .ms = r->ms,
					  .attached = attached_to(r, payload)};
		if (code == RUN_OBJECT) {
			ret->is_worker = (r->words[r->pos] & RUN_WORKER) != 0;
			ret->object = r->words[r->pos++] & ~RUN_WORKER;
			return true;
		}
		lutra_role_follow(ret->state, r->policy, r->steady[r->process[payload]]);
		ret->is_syscall = true;
		ret->nr = code;
		r->called = ret->state;
		r->called_nr = code;
		return true;
	}
	return false;
}

void run_counts_done(struct run_counts *c)
{
	free(c->object_roles);
	memset(c, 0, sizeof(*c));
}

static void count_syscall(const struct run_event *e, const struct lutra_policy *policy,
			  struct run_counts *ret)
{
	enum policy_first_process first_process = POLICY_FIRST_STAYS;
	struct lutra_state after = *e->state;

	if (e->nr >= LUTRA_NR)
		return;
	ret->calls[after.role][e->nr]++;
	if (after.role != LUTRA_ROLE_STARTUP || after.is_later)
		return;
	if (lutra_role_steady(&after, policy, e->nr))
		first_process = POLICY_FIRST_STEADY;
	if (ret->first_process < first_process)
		ret->first_process = first_process;
}

int run_count_syscalls(const struct run *run, const struct lutra_policy *policy, uint32_t n_objects,
		       struct run_counts *ret)
{
	_cleanup_(run_iter_done) struct run_iter r = {0};
	struct run_event e;

	ret->object_roles = calloc(n_objects + 1, 1);
	if (!ret->object_roles || run_iter_init(&r, run, policy) < 0)
		return -ENOMEM;
	while (run_iter_next(&r, &e)) {
		if (!e.is_syscall)
			ret->object_roles[e.object] |= (uint8_t)(1u << e.state->role);
		else
			count_syscall(&e, policy, ret);
	}
	return 0;
}
