/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LID-DS (https://github.com/LID-DS/LID-DS), sysdig's lines, by spaces:
 *
 *   2021   time (ns since 1970), user, pid, process, tid, call, direction, parameters
 *   2019   number, time of the day, processor, user, process, tid, direction, call, parameters
 *
 * Direction > is a call's entry, < its end. Calls, forks and execs are taken, and procexit as an
 * exit.
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

/* A user is a number, or a name, or -1: nobody needs it. */
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

/* The number that a parameter begins with, "res=12(...)"; -1: none. */
static long long param(const char *params, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = params; (p = strstr(p, name)); p++)
		if ((p == params || p[-1] == ' ') && p[len] == '=')
			return strtoll(p + len + 1, NULL, 10);
	return -1;
}

/* The end of a call: what came of it. */
static int end(struct lines *l, const struct event *e)
{
	bool clone = strcmp(e->name, "clone") == 0 || strcmp(e->name, "clone3") == 0;
	bool fork = clone || strcmp(e->name, "fork") == 0 || strcmp(e->name, "vfork") == 0;
	bool thread = strstr(e->params, "CLONE_THREAD");
	long long res = param(e->params, "res"), parent = param(e->params, "ptid");

	if (fork && res > 0 && res < LINES_PIDS)
		return lines_fork(l, (uint32_t)e->tid, (uint32_t)res, thread);
	if (fork && res == 0 && parent > 0 && parent < LINES_PIDS)
		return lines_fork(l, (uint32_t)parent, (uint32_t)e->tid, thread);
	if (strcmp(e->name, "execve") == 0 && res == 0)
		return lines_plain(l, (uint32_t)e->tid, LUTRA_REC_EXEC);
	return 0;
}

static int lid_ds_line(struct lines *l, void *ctx, char *line, struct err *err)
{
	char *words =
		strdup(line); /* what is parsed one way is parsed another way from the start */
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
		r = err_set(err, -EBADMSG, "neither a line of LID-DS 2021 nor one of 2019");
	else if (strcmp(e.direction, ">") != 0 && strcmp(e.direction, "<") != 0)
		r = err_set(err, -EBADMSG, "'%.20s' is no direction, > or <", e.direction);
	if (r == 0)
		lines_time(l, e.ns);
	if (r == 0 && strcmp(e.name, "procexit") == 0)
		r = lines_plain(l, (uint32_t)e.tid, LUTRA_REC_EXIT);
	else if (r == 0 && e.direction[0] == '<')
		r = end(l, &e);
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
