/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the tasks of a trace with a number in each entry. */
#include "trainer/data/task_numbers.h"

void task_numbers_init(struct task_numbers *t)
{
	t->tasks.type.size = sizeof(struct numbered_task);
}

/* Gives the child of a fork its number. A child of that id before this one has ended unseen. */
static void number_child(struct task_numbers *t, const struct lutra_record *rec,
			 struct numbered_record *ret)
{
	if ((uint32_t)rec->arg == rec->tid)
		return;
	ret->child = tasks_find(&t->tasks, (uint32_t)rec->arg);
	if (ret->child)
		ret->child->number = ++t->n;
}

int task_numbers_step(struct task_numbers *t, const struct lutra_record *rec,
		      struct numbered_record *ret)
{
	struct numbered_task before = {}, *known;
	void *entry = NULL;
	int r;

	*ret = (struct numbered_record){};
	if (rec->type == LUTRA_RECORD_MARK || rec->type == LUTRA_RECORD_IPC)
		return 0;
	known = tasks_find(&t->tasks, rec->tid);
	/* An ARM of a task that ran already follows a gap, or begins a recording. */
	if (known && rec->type == LUTRA_RECORD_ARM && rec->nr)
		before = *known;
	if (known && (rec->type == LUTRA_RECORD_SYSCALL || rec->type == LUTRA_RECORD_OBJECT)) {
		ret->task = known;
		return 0;
	}
	r = tasks_step(&t->tasks, rec, &entry);
	if (r < 0 || !entry)
		return r;
	ret->task = entry;
	if (before.number)
		*ret->task = before;
	ret->begins = !ret->task->number;
	if (ret->begins)
		ret->task->number = ++t->n;
	if (rec->type == LUTRA_RECORD_FORK)
		number_child(t, rec, ret);
	return 0;
}
