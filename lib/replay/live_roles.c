/* SPDX-License-Identifier: Apache-2.0 */
/* Follows roles without a policy: once as if accepts end the start-up, once as if waits do. */
#include "lib/replay/live_roles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/abi/syscall_traits.h"
#include "lutra/score.h"

/* Bits of struct tasks_process.steady: the process is steady if accepts or waits end its start-up. */
#define STEADY_IF_ACCEPTS 1
#define STEADY_IF_WAITS 2

struct live_task {
	struct lutra_state if_accepts, if_waits; /* the role alone is used */
	uint32_t tgid;
	uint32_t parent; /* thread id; 0: not known */
	uint64_t born_ns;
	bool is_marked; /* unusual, or a descendant of such a task */
};

static void init_task(const void *ctx, void *entry)
{
	struct live_task *t = entry;

	(void)ctx;
	t->if_accepts.role = t->if_waits.role = LUTRA_ROLE_ANY;
}

void live_roles_init(struct live_roles *l, const char *arch)
{
	memset(l, 0, sizeof(*l));
	l->tasks.type = (struct tasks_type){sizeof(struct live_task), init_task, NULL};
	syscall_mask(arch, SYSCALL_ACCEPTS, l->accepts);
	syscall_mask(arch, SYSCALL_WAITS, l->waits);
}

void live_roles_reset(struct live_roles *l)
{
	tasks_reset(&l->tasks);
	l->last = NULL;
}

/* Ends the start-up of a task at a system call, or with that of its process. bit: STEADY_IF_*. */
static void end_startup(struct lutra_state *s, uint8_t *process_steady, uint8_t bit,
			const uint64_t mask[LUTRA_NR / 64], uint16_t nr)
{
	lutra_role_follow(s, NULL, *process_steady & bit);
	if (!lutra_may_start(s->role) || !(mask[nr / 64] >> (nr & 63) & 1))
		return;
	s->role = LUTRA_ROLE_STEADY;
	*process_steady |= bit;
}

/* Sets the role of a task that begins: what lutra_role_begun() does by a policy. */
static void begin_task(struct live_task *t, const struct lutra_record *rec)
{
	uint32_t accepts = rec->arg & 0xff, waits = rec->arg >> 8 & 0xff;
	uint8_t role = lutra_role_armed(rec->nr, rec->aux);
	bool carried = rec->nr && !rec->aux;

	t->if_accepts.role = t->if_waits.role = role;
	if (carried && accepts && accepts <= LUTRA_ROLE_ANY + 1)
		t->if_accepts.role = (uint8_t)(accepts - 1);
	if (carried && waits && waits <= LUTRA_ROLE_ANY + 1)
		t->if_waits.role = (uint8_t)(waits - 1);
}

static int step_live_task(struct live_roles *l, const struct lutra_record *rec)
{
	bool is_marked =
		rec->type == LUTRA_RECORD_ARM && rec->nr && live_roles_is_marked(l, rec->tid);
	struct live_task *t, *child;
	void *entry;
	int r = tasks_step(&l->tasks, rec, &entry);

	l->last = NULL;
	if (r < 0 || !entry)
		return r;
	t = entry;
	t->tgid = rec->tgid;
	t->is_marked |= is_marked;
	if (rec->type == LUTRA_RECORD_ARM)
		begin_task(t, rec);
	if (rec->type == LUTRA_RECORD_EXEC) {
		lutra_state_exec(&t->if_accepts, NULL, tasks_process(t)->again);
		lutra_state_exec(&t->if_waits, NULL, tasks_process(t)->again);
	}
	child = rec->type == LUTRA_RECORD_FORK ? tasks_find(&l->tasks, (uint32_t)rec->arg) : NULL;
	if (child) {
		child->tgid = (uint32_t)(rec->arg >> 32);
		child->parent = rec->tid;
		child->born_ns = rec->ts_ns;
	}
	if (rec->type == LUTRA_RECORD_SYSCALL) {
		l->last = t;
		l->last_tid = rec->tid;
	}
	return 0;
}

int live_roles_step(struct live_roles *l, const struct lutra_record *rec)
{
	uint8_t *steady;
	int r = 0;

	if (rec->type == LUTRA_RECORD_MARK || rec->type == LUTRA_RECORD_IPC)
		return 0;
	if (rec->type == LUTRA_RECORD_OBJECT && live_roles_knows(l, rec->tid))
		return 0;
	if (rec->type != LUTRA_RECORD_SYSCALL || !l->last || rec->tid != l->last_tid)
		r = step_live_task(l, rec);
	if (l->last && rec->nr < LUTRA_NR) {
		steady = &tasks_process(l->last)->steady;
		end_startup(&l->last->if_accepts, steady, STEADY_IF_ACCEPTS, l->accepts, rec->nr);
		end_startup(&l->last->if_waits, steady, STEADY_IF_WAITS, l->waits, rec->nr);
	}
	return r;
}

bool live_roles_knows(struct live_roles *l, uint32_t tid)
{
	return (l->last && l->last_tid == tid) || tasks_find(&l->tasks, tid);
}

/* A task that has made no system call since its process became steady would follow at its next. */
static void fill_arm(struct live_task *t, struct lutra_record *arm)
{
	uint8_t steady = tasks_process(t)->steady;

	lutra_role_follow(&t->if_accepts, NULL, steady & STEADY_IF_ACCEPTS);
	lutra_role_follow(&t->if_waits, NULL, steady & STEADY_IF_WAITS);
	arm->nr = 1;
	arm->aux = t->if_accepts.role == LUTRA_ROLE_SESSION;
	arm->arg = lutra_role_pack(t->if_accepts.role, t->if_waits.role);
}

void live_roles_fill(struct live_roles *l, struct lutra_record *arm)
{
	struct live_task *t = tasks_find(&l->tasks, arm->tid);

	if (t)
		fill_arm(t, arm);
}

/* ---- unusual tasks ---- */

bool live_roles_is_marked(struct live_roles *l, uint32_t tid)
{
	const struct live_task *t = tasks_find(&l->tasks, tid);

	return t && t->is_marked;
}

struct marking {
	struct live_roles *roles;
	uint64_t onset_ns;
	bool changed;
};

/* Marks a task if its parent is marked or has ended. */
static void mark_child(void *ctx, uint32_t tid, void *entry)
{
	struct live_task *t = entry, *parent;
	struct marking *m = ctx;

	(void)tid;
	if (t->is_marked || !t->parent || t->born_ns < m->onset_ns)
		return;
	parent = tasks_find(&m->roles->tasks, t->parent);
	t->is_marked = !parent || parent->is_marked;
	m->changed |= t->is_marked;
}

void live_roles_mark(struct live_roles *l, uint32_t tid, uint64_t onset_ns)
{
	struct live_task *t = tasks_find(&l->tasks, tid);
	struct marking m = {.roles = l, .onset_ns = onset_ns};

	/* Whoever descends from a marked task is marked by the fork. */
	if (t && t->is_marked)
		return;
	if (t)
		t->is_marked = true;
	do {
		m.changed = false;
		tasks_each(&l->tasks, mark_child, &m);
	} while (m.changed);
}

/* ---- listing ---- */

struct listing {
	struct lutra_record *rec;
	size_t n;
	uint64_t ts_ns;
};

static void add_to_listing(void *ctx, uint32_t tid, void *entry)
{
	struct live_task *t = entry;
	struct listing *a = ctx;
	struct lutra_record *rec = &a->rec[a->n++];

	*rec = (struct lutra_record){
		.ts_ns = a->ts_ns, .tid = tid, .tgid = t->tgid, .type = LUTRA_RECORD_ARM};
	fill_arm(t, rec);
}

static int compare_tids(const void *a, const void *b)
{
	const struct lutra_record *x = a, *y = b;

	return x->tid < y->tid ? -1 : x->tid > y->tid;
}

int live_roles_list(struct live_roles *l, uint64_t ts_ns, struct lutra_record **ret, size_t *ret_n)
{
	struct listing a = {.rec = calloc(l->tasks.n + 1u, sizeof(*a.rec)), .ts_ns = ts_ns};

	if (!a.rec)
		return -ENOMEM;
	tasks_each(&l->tasks, add_to_listing, &a);
	qsort(a.rec, a.n, sizeof(*a.rec), compare_tids);
	*ret = a.rec;
	*ret_n = a.n;
	return 0;
}
