/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks by thread id: a hash table of chains. */
#include "lib/replay/tasks.h"

#include <errno.h>
#include <string.h>

#define BUCKETS 8192
#define BUCKET_SHIFT 19 /* of a 32-bit hash */

struct task {
	struct task *next;
	uint32_t tid;
	uint32_t pad;
	char entry[] __attribute__((aligned(16)));
};

struct tasks {
	struct tasks_type type;
	uint32_t n;
	struct task *bucket[BUCKETS];
};

int tasks_new(struct tasks **ret, const struct tasks_type *type)
{
	struct tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->type = *type;
	*ret = t;
	return 0;
}

void tasks_reset(struct tasks *t)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		while (t->bucket[i]) {
			struct task *task = t->bucket[i];

			t->bucket[i] = task->next;
			free(task);
		}
	}
	t->n = 0;
}

void tasks_free(struct tasks *t)
{
	if (!t)
		return;
	tasks_reset(t);
	free(t);
}

static struct task **task_at(struct tasks *t, uint32_t tid)
{
	struct task **at = &t->bucket[tid * 2654435761u >> BUCKET_SHIFT];

	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	return at;
}

void *tasks_find(struct tasks *t, uint32_t tid)
{
	struct task *task = *task_at(t, tid);

	return task ? task->entry : NULL;
}

/* The task's entry, made if there is none. */
static int task_get(struct tasks *t, uint32_t tid, struct task **ret)
{
	struct task **at = task_at(t, tid), *task = *at;

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

/* Take a task's entry out, NULL where there is none. */
static struct task *task_take(struct tasks *t, uint32_t tid)
{
	struct task **at = task_at(t, tid), *task = *at;

	if (!task)
		return NULL;
	*at = task->next;
	task->next = NULL;
	t->n--;
	return task;
}

static int task_fork(struct tasks *t, const struct lutra_record *rec, struct task **ret)
{
	struct task *child;
	int r = task_get(t, rec->tid, ret);

	if (r == 0)
		r = task_get(t, (uint32_t)rec->arg, &child);
	if (r == 0 && *ret != child)
		memcpy(child->entry, (*ret)->entry, t->type.size);
	return r;
}

/* A thread that executes a program takes its leader's tid, and keeps its state. */
static void task_exec(struct tasks *t, const struct lutra_record *rec)
{
	uint32_t old = (uint32_t)rec->arg;
	struct task *moved = old == rec->tid ? NULL : task_take(t, old);

	if (!moved)
		return;
	free(task_take(t, rec->tid));
	moved->tid = rec->tid;
	*task_at(t, rec->tid) = moved;
	t->n++;
}

int tasks_step(struct tasks *t, const struct lutra_record *rec, void **ret)
{
	struct task *task = NULL;
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
