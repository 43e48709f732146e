/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a trace and follows its tasks. */
#include "trainer/eval/detectors/syscall_iter.h"

#include <string.h>

#include "lib/trace/trace.h"

static bool is_of_interest(const struct lutra_record *rec)
{
	switch (rec->type) {
	case LUTRA_RECORD_SYSCALL:
	case LUTRA_RECORD_ARM:
	case LUTRA_RECORD_EXEC:
		return true;
	default:
		return rec->type == LUTRA_RECORD_FORK && !rec->nr;
	}
}

static int iterate_records(const struct syscall_iter *it, struct tasks *tasks,
			   struct trace_reader *trace)
{
	const struct lutra_record *rec;
	const char *str;
	void *entry;
	size_t len;
	int r;

	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		if (rec->type == LUTRA_RECORD_MARK || rec->type == LUTRA_RECORD_IPC ||
		    (rec->type == LUTRA_RECORD_SYSCALL && rec->nr == LUTRA_NR_RESTART))
			continue;
		r = tasks_step(tasks, rec, &entry);
		tasks_step_object(tasks, rec, str, len);
		if (rec->type == LUTRA_RECORD_FORK)
			entry = tasks_find(tasks, (uint32_t)rec->arg);
		if (r == 0 && entry && is_of_interest(rec))
			r = it->fn(it->ctx, entry, rec);
		if (r < 0)
			break;
	}
	return r;
}

int syscall_iter_run(const struct syscall_iter *it, const char *file, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	_cleanup_(tasks_reset) struct tasks tasks = {.type = it->type};
	int r = trace_reader_new(&trace, file, err);

	if (r < 0)
		return r;
	r = iterate_records(it, &tasks, trace);
	return r < 0 ? err_set(err, r, "%s: %s", file, strerror(-r)) : 0;
}
