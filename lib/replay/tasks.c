/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of tasks by thread id, with chains. Processes are counted references. */
#include "lib/replay/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lutra/object_token.h"

struct tasks_entry {
	struct tasks_entry *next;
	struct tasks_process *process;
	uint32_t tid;
	uint32_t pad;
	char entry[] __attribute__((aligned(16)));
};

/* Makes p the process of a task. NULL: of none. Frees the process before if that was its last task. */
static void set_process(struct tasks_entry *task, struct tasks_process *p)
{
	struct tasks_process *before = task->process;

	if (p)
		p->n++;
	task->process = p;
	if (before && --before->n == 0)
		free(before);
}

static void task_free(struct tasks_entry *task)
{
	if (!task)
		return;
	set_process(task, NULL);
	free(task);
}

/* Makes a new process the task's. Returns 0 or -ENOMEM. */
static int new_process(struct tasks_entry *task)
{
	struct tasks_process *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	set_process(task, p);
	return 0;
}

void tasks_reset(struct tasks *t)
{
	for (size_t i = 0; i < sizeof(t->bucket) / sizeof(t->bucket[0]); i++) {
		while (t->bucket[i]) {
			struct tasks_entry *task = t->bucket[i];

			t->bucket[i] = task->next;
			task_free(task);
		}
	}
	t->n = 0;
}

static struct tasks_entry **task_at(struct tasks *t, uint32_t tid)
{
	struct tasks_entry **at = &t->bucket[tid * 2654435761u >> (32 - TASKS_BUCKETS_BITS)];

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	return at;
}

void *tasks_find(struct tasks *t, uint32_t tid)
{
	struct tasks_entry *task = *task_at(t, tid);

	return task ? task->entry : NULL;
}

void tasks_each(struct tasks *t, void (*on_task)(void *ctx, uint32_t tid, void *entry), void *ctx)
{
	for (size_t i = 0; i < sizeof(t->bucket) / sizeof(t->bucket[0]); i++)
		for (struct tasks_entry *task = t->bucket[i]; task; task = task->next)
			on_task(ctx, task->tid, task->entry);
}

struct tasks_process *tasks_process(void *entry)
{
	char *task = (char *)entry - offsetof(struct tasks_entry, entry);

	return ((struct tasks_entry *)(void *)task)->process;
}

/*
 * Finds the entry of a task, and makes it if there is none. A new one is of the process of the task
 * tgid, if that is known. Returns 0, -ENOMEM or -ENOSPC.
 */
static int task_get(struct tasks *t, uint32_t tid, uint32_t tgid, struct tasks_entry **ret)
{
	struct tasks_entry **at = task_at(t, tid), *task = *at, *leader;

	if (!task) {
		if (t->n >= TASKS_MAX)
			return -ENOSPC;
		task = calloc(1, sizeof(*task) + t->type.size);
		if (!task)
			return -ENOMEM;
		leader = tgid ? *task_at(t, tgid) : NULL;
		if (leader) {
			set_process(task, leader->process);
		} else if (new_process(task) < 0) {
			free(task);
			return -ENOMEM;
		}
		t->n++;
		task->tid = tid;
		if (t->type.init)
			t->type.init(t->type.ctx, task->entry);
		*at = task;
	}
	*ret = task;
	return 0;
}

/* Removes the entry of a task from the table and returns it; NULL if there is none. */
static struct tasks_entry *task_take(struct tasks *t, uint32_t tid)
{
	struct tasks_entry **at = task_at(t, tid), *task = *at;

	if (!task)
		return NULL;
	*at = task->next;
	task->next = NULL;
	t->n--;
	return task;
}

static int task_fork(struct tasks *t, const struct lutra_record *rec, struct tasks_entry **ret)
{
	struct tasks_entry *child;
	int r = task_get(t, rec->tid, rec->tgid, ret);

	if (r == 0)
		r = task_get(t, (uint32_t)rec->arg, 0, &child);
	if (r < 0 || *ret == child)
		return r;
	memcpy(child->entry, (*ret)->entry, t->type.size);
	if (rec->nr != 1)
		return new_process(child);
	set_process(child, (*ret)->process);
	return 0;
}

/* A thread that executes a program gets the tid of its leader, and keeps its state. */
static void task_move(struct tasks *t, const struct lutra_record *rec)
{
	uint32_t old = (uint32_t)rec->arg;
	struct tasks_entry *moved = old == rec->tid ? NULL : task_take(t, old);

	if (!moved)
		return;
	task_free(task_take(t, rec->tid));
	moved->tid = rec->tid;
	*task_at(t, rec->tid) = moved;
	t->n++;
}

/* A process has executed a program. */
static void process_exec(struct tasks_process *p, const struct lutra_record *rec)
{
	p->again = rec->aux == LUTRA_EXEC_UNKNOWN ? p->program && p->program == p->next
						  : rec->aux == LUTRA_EXEC_AGAIN;
	p->program = p->next;
	p->next = 0;
	p->steady = p->again ? p->steady : 0;
}

/* Returns a hash of a path that is not 0: FNV-1a. */
static uint64_t path_hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3ull;
	return h ? h : 1;
}

void tasks_step_object(struct tasks *t, const struct lutra_record *rec, const char *str,
		       size_t str_len)
{
	struct tasks_entry *task;
	struct lutra_object o;

	if (rec->type != LUTRA_RECORD_OBJECT)
		return;
	lutra_object_unpack(rec, &o);
	task = o.op == LUTRA_OP_EXEC ? *task_at(t, rec->tid) : NULL;
	if (task)
		task->process->next = str && str_len ? path_hash(str, str_len) : 0;
}

int tasks_step(struct tasks *t, const struct lutra_record *rec, void **ret)
{
	struct tasks_entry *task = NULL;
	int r;

	*ret = NULL;
	if (rec->type == LUTRA_RECORD_ARM || rec->type == LUTRA_RECORD_EXIT)
		task_free(task_take(t, rec->tid));
	if (rec->type == LUTRA_RECORD_EXIT)
		return 0;
	if (rec->type == LUTRA_RECORD_EXEC)
		task_move(t, rec);
	r = rec->type == LUTRA_RECORD_FORK ? task_fork(t, rec, &task)
					   : task_get(t, rec->tid, rec->tgid, &task);
	if (r < 0)
		return r;
	if (rec->type == LUTRA_RECORD_EXEC)
		process_exec(task->process, rec);
	*ret = task->entry;
	return 0;
}
