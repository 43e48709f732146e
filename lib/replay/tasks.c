/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of tasks by thread id, with chains. */
#include "lib/replay/tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tasks_entry {
	struct tasks_entry *next;
	uint32_t tid;
	uint32_t pad;
	char entry[] __attribute__((aligned(16)));
};

void tasks_reset(struct tasks *t)
{
	for (size_t i = 0; i < sizeof(t->bucket) / sizeof(t->bucket[0]); i++) {
		while (t->bucket[i]) {
			struct tasks_entry *task = t->bucket[i];

			t->bucket[i] = task->next;
			free(task);
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

/* Finds the entry of a task, and makes it if there is none. Returns 0, -ENOMEM or -ENOSPC. */
static int task_get(struct tasks *t, uint32_t tid, struct tasks_entry **ret)
{
	struct tasks_entry **at = task_at(t, tid), *task = *at;

	if (!task) {
		if (t->n >= TASKS_MAX)
			return -ENOSPC;
		task = calloc(1, sizeof(*task) + t->type.size);
		if (!task)
			return -ENOMEM;
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
	int r = task_get(t, rec->tid, ret);

	if (r == 0)
		r = task_get(t, (uint32_t)rec->arg, &child);
	if (r == 0 && *ret != child)
		memcpy(child->entry, (*ret)->entry, t->type.size);
	return r;
}

/* A thread that executes a program gets the tid of its leader, and keeps its state. */
static void task_exec(struct tasks *t, const struct lutra_record *rec)
{
	uint32_t old = (uint32_t)rec->arg;
	struct tasks_entry *moved = old == rec->tid ? NULL : task_take(t, old);

	if (!moved)
		return;
	free(task_take(t, rec->tid));
	moved->tid = rec->tid;
	*task_at(t, rec->tid) = moved;
	t->n++;
}

int tasks_step(struct tasks *t, const struct lutra_record *rec, void **ret)
{
	struct tasks_entry *task = NULL;
	int r;

	*ret = NULL;
	if (rec->type == LUTRA_RECORD_ARM || rec->type == LUTRA_RECORD_EXIT)
		free(task_take(t, rec->tid));
	if (rec->type == LUTRA_RECORD_EXIT)
		return 0;
	if (rec->type == LUTRA_RECORD_EXEC)
		task_exec(t, rec);
	r = rec->type == LUTRA_RECORD_FORK ? task_fork(t, rec, &task)
					   : task_get(t, rec->tid, &task);
	if (r == 0)
		*ret = task->entry;
	return r;
}
