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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/import/lines.h"

struct event {
	uint64_t ns, pid, tid;
	const char *name, *direction;
	char *params;
};

/* Skips the user, which may be a number, a name or -1. */
static bool parse_2021(char *s, struct event *ret)
{
	if (!lines_number(&s, UINT64_MAX, &ret->ns))
		return false;
	lines_word(&s);
	if (!lines_number(&s, LINES_PIDS - 1, &ret->pid))
		return false;
	lines_word(&s);
	if (!lines_number(&s, LINES_PIDS - 1, &ret->tid))
		return false;
	ret->name = lines_word(&s);
	ret->direction = lines_word(&s);
	ret->params = s;
	return true;
}

static bool parse_2019(char *s, struct event *ret)
{
	uint64_t number;

	if (!lines_number(&s, UINT64_MAX, &number) || !lines_clock(lines_word(&s), &ret->ns))
		return false;
	lines_word(&s);
	lines_word(&s);
	lines_word(&s);
	if (!lines_number(&s, LINES_PIDS - 1, &ret->tid))
		return false;
	ret->pid = ret->tid;
	ret->direction = lines_word(&s);
	ret->name = lines_word(&s);
	ret->params = s;
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
	bool clone = strcmp(e->name, "clone") == 0 || strcmp(e->name, "clone3") == 0;
	bool fork = clone || strcmp(e->name, "fork") == 0 || strcmp(e->name, "vfork") == 0;
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

static int lid_ds_line(struct lines *l, void *ctx, char *line, struct err *err)
{
	char *words = strdup(line); /* parsing cuts the line, and each format needs a whole one */
	struct event e;
	uint16_t nr;
	int r = 0;

	(void)ctx;
	if (!words)
		return -ENOMEM;
	if (!line[strspn(line, " \t")]) {
		free(words);
		return 0;
	}
	if (!parse_2021(line, &e) && !parse_2019(words, &e))
		r = err_set(err, -EBADMSG, "not a line of LID-DS 2021 or LID-DS 2019");
	else if (strcmp(e.direction, ">") != 0 && strcmp(e.direction, "<") != 0)
		r = err_set(err, -EBADMSG, "'%.20s' is not a direction: > or <", e.direction);
	if (r == 0)
		lines_time(l, e.ns);
	if (r == 0 && strcmp(e.name, "procexit") == 0)
		r = lines_plain(l, (uint32_t)e.tid, LUTRA_RECORD_EXIT);
	else if (r == 0 && e.direction[0] == '<')
		r = end_syscall(l, &e);
	else if (r == 0 && lines_nr(l, e.name, &nr))
		r = lines_call(l, (uint32_t)e.tid, (uint32_t)e.pid, nr);
	else if (r == 0)
		lines_left_out(l, e.name);
	free(words);
	return r;
}

int import_lid_ds(const struct import_options *o, struct import_result *ret, struct err *err)
{
	struct lines_format f = {"lid-ds", "x86_64", lid_ds_line, NULL, NULL};

	return lines_import(&f, o, ret, err);
}
