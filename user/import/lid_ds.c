/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports LID-DS (https://github.com/LID-DS/LID-DS): lines of sysdig, with fields between spaces:
 *
 *   2021   time (ns since 1970), user, pid, process, tid, call, direction, parameters
 *   2019   number, time of the day, processor, user, process, tid, direction, call, parameters
 *
 * Direction > is the entry of a system call, < its end. Takes system calls, forks, execs, and
 * procexit as an exit.
 */
#include "user/import/lines.h"

struct event {
	uint64_t ns, pid, tid;
	const char *name, *direction;
	char *params;
};

static bool is_number(char *word, uint64_t max, uint64_t *ret)
{
	return lines_number(&word, max, ret);
}

/* Reads the fields of 2021 or 2019. The user may be a number, a name or -1. */
static bool parse_event(char *line, struct event *ret)
{
	uint64_t number;
	char *w[8];

	for (int i = 0; i < 7; i++)
		w[i] = lines_word(&line);
	ret->params = line;
	if (is_number(w[0], UINT64_MAX, &ret->ns) && is_number(w[2], LINES_PIDS - 1, &ret->pid) &&
	    is_number(w[4], LINES_PIDS - 1, &ret->tid)) {
		ret->name = w[5];
		ret->direction = w[6];
		return true;
	}
	w[7] = lines_word(&line);
	ret->params = line;
	ret->name = w[7];
	ret->direction = w[6];
	if (!is_number(w[0], UINT64_MAX, &number) || !lines_clock(w[1], &ret->ns) ||
	    !is_number(w[5], LINES_PIDS - 1, &ret->tid))
		return false;
	ret->pid = ret->tid;
	return true;
}

/* Returns the number in a parameter such as "res=12(...)", -1 if there is none. */
static long long param_number(const char *params, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = params; (p = strstr(p, name)); p++)
		if ((p == params || p[-1] == ' ') && p[len] == '=')
			return strtoll(p + len + 1, NULL, 10);
	return -1;
}

/* Takes forks and execs from the end of a system call. */
static int end_syscall(struct lines *l, const struct event *e)
{
	bool fork = lines_is_fork(e->name);
	bool thread = strstr(e->params, "CLONE_THREAD");
	long long res = param_number(e->params, "res"), parent = param_number(e->params, "ptid");

	if (fork && res > 0 && res < LINES_PIDS)
		return lines_fork(l, (uint32_t)e->tid, (uint32_t)res, thread);
	if (fork && res == 0 && parent > 0 && parent < LINES_PIDS)
		return lines_fork(l, (uint32_t)parent, (uint32_t)e->tid, thread);
	if (strcmp(e->name, "execve") == 0 && res == 0)
		return lines_plain(l, (uint32_t)e->tid, LUTRA_RECORD_EXEC);
	return 0;
}

int lid_ds_line(struct lines *l, char *line, struct err *err)
{
	struct event e;
	uint16_t nr;

	if (!parse_event(line, &e))
		return err_set(err, -EBADMSG, "not a line of LID-DS 2021 or LID-DS 2019");
	if (strcmp(e.direction, ">") != 0 && strcmp(e.direction, "<") != 0)
		return err_set(err, -EBADMSG, "'%.20s' is not a direction: > or <", e.direction);
	lines_time(l, e.ns);
	if (strcmp(e.name, "procexit") == 0)
		return lines_plain(l, (uint32_t)e.tid, LUTRA_RECORD_EXIT);
	if (e.direction[0] == '<')
		return end_syscall(l, &e);
	if (lines_nr(l, e.name, &nr))
		return lines_call(l, (uint32_t)e.tid, (uint32_t)e.pid, nr);
	return lines_left_out(l, e.name);
}
