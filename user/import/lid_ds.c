/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports lines of sysdig, as it prints them and as LID-DS has them (https://github.com/LID-DS/LID-DS).
 * Fields between spaces:
 *
 *   2021     time (ns since 1970), user, pid, name, tid, call, direction, parameters
 *   2019     number, time of the day, processor, user, name, tid, direction, call, parameters
 *   sysdig   number, time of the day, processor, name, (tid), direction, call, parameters
 *
 * A name may hold blanks, and is at most 15 bytes long. Direction > is the entry of a system call, < its
 * end. Takes system calls, forks, execs, and procexit as an exit.
 */
#include <ctype.h>

#include "user/import/lines.h"

#define NAME_MAX_BYTES 15 /* of a thread: TASK_COMM_LEN - 1 */

enum layout { LAYOUT_2021, LAYOUT_2019, LAYOUT_SYSDIG, LAYOUTS };

struct event {
	uint64_t ns, pid, tid;
	bool is_clock; /* ns is a time of the day */
	char name[32], direction;
	char *params;
};

static bool is_number(char *word, uint64_t max, uint64_t *ret)
{
	return lines_number(&word, max, ret);
}

/* Reads a name of an event at *s; moves *s past it and the blanks behind. */
static bool take_event_name(char **s, struct event *e)
{
	size_t n = strspn(*s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_<>");

	if (n == 0 || n >= sizeof(e->name) || ((*s)[n] && (*s)[n] != ' '))
		return false;
	memcpy(e->name, *s, n);
	e->name[n] = '\0';
	*s += n + strspn(*s + n, " ");
	return true;
}

static bool take_direction(char **s, struct event *e)
{
	if ((**s != '>' && **s != '<') || ((*s)[1] && (*s)[1] != ' '))
		return false;
	e->direction = **s;
	*s += 1 + strspn(*s + 1, " ");
	return true;
}

/* Reads a thread id at *s, of sysdig as in (7) or (7:1); moves *s past it and the blanks behind. */
static bool take_tid(char **s, bool parentheses, struct event *e)
{
	char *at = *s + parentheses, *end;

	if ((parentheses && **s != '(') || !isdigit((unsigned char)*at))
		return false;
	errno = 0;
	e->tid = strtoull(at, &end, 10);
	if (parentheses && *end == ':')
		end += 1 + strspn(end + 1, "0123456789");
	if (errno || e->tid >= LINES_PIDS || *end != (parentheses ? ')' : ' '))
		return false;
	*s = end + parentheses;
	*s += strspn(*s, " ");
	return true;
}

/* Reads what stands behind a name: thread, call and direction. */
static bool take_behind_name(char *s, enum layout layout, struct event *e)
{
	if (!take_tid(&s, layout == LAYOUT_SYSDIG, e))
		return false;
	if (layout == LAYOUT_2021 ? !take_event_name(&s, e) || !take_direction(&s, e)
				  : !take_direction(&s, e) || !take_event_name(&s, e))
		return false;
	e->params = s;
	return true;
}

/*
 * Finds the end of the name that begins at s. Returns 0. -EBADMSG: what follows is no event, or the name
 * may end in two places: a name can hold what looks like an event.
 */
static int find_event(char *s, enum layout layout, struct event *e, struct err *err)
{
	struct event other = *e;
	unsigned found = 0;
	char *name = s;

	for (char *p = s + strcspn(s, " "); *p && found < 2; p += strcspn(p, " ")) {
		char *end = p;

		p += strspn(p, " ");
		if (found && end - name > NAME_MAX_BYTES)
			break;
		if (!take_behind_name(p, layout, found ? &other : e))
			continue;
		found++;
	}
	if (found > 1)
		return err_set(err, -EBADMSG,
			       "the name of the thread holds what looks like an event");
	return found ? 0 : err_set(err, -EBADMSG, "not a line of sysdig, nor of LID-DS");
}

/* Moves past the name and the id of a container, which sysdig -pc prints before the thread. */
static char *skip_container(char *s)
{
	char *p = strchr(s, '('), *end = p ? p + 1 + strspn(p + 1, "0123456789abcdef") : NULL;
	static const char host[] = "host (host) ";

	if (strncmp(s, host, sizeof(host) - 1) == 0)
		return s + sizeof(host) - 1;
	return end && *end == ')' && end - p == 13 && end[1] == ' ' ? end + 2 : s;
}

/* Reads the fields of a line. The user may be a number, a name or -1. */
static int parse_event(char *line, struct event *e, struct err *err)
{
	char *first = lines_word(&line), *second = lines_word(&line), *third;
	uint64_t number;
	int r;

	*e = (struct event){};
	if (!is_number(first, UINT64_MAX, &e->ns))
		return err_set(err, -EBADMSG,
			       "not a line of LID-DS 2021 or LID-DS 2019, nor of sysdig");
	third = lines_word(&line);
	e->is_clock = lines_clock(second, &number);
	if (!e->is_clock) {
		bool none = strcmp(third, "-1") == 0 || strcmp(third, "<NA>") == 0;

		if (!none && !is_number(third, LINES_PIDS - 1, &e->pid))
			return err_set(err, -EBADMSG, "'%.20s' is not a process id", third);
		return none ? 1 : find_event(line, LAYOUT_2021, e, err);
	}
	e->ns = number;
	line = skip_container(line);
	if (find_event(line, LAYOUT_SYSDIG, e, NULL) == 0) {
		e->pid = e->tid;
		return 0;
	}
	lines_word(&line); /* the user */
	r = find_event(line, LAYOUT_2019, e, err);
	e->pid = e->tid;
	return r;
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

/* Returns the last text in s, or NULL. */
static const char *find_last(const char *s, const char *text)
{
	const char *last = NULL;

	for (const char *p = s; (p = strstr(p, text)); p++)
		last = p;
	return last;
}

/*
 * Returns the parent that the end of a fork tells to the child. The arguments of the program come
 * before: of more than one parent the last counts that stands behind the child's own number.
 */
static long long parent_of(const struct event *e)
{
	char own[32];
	const char *at;

	snprintf(own, sizeof(own), " tid=%llu(", (unsigned long long)e->tid);
	at = find_last(e->params, own);
	return param_number(at ? at : e->params, "ptid");
}

/* Returns true if the caller of a fork is in a PID namespace: res is the child's number in it. */
static bool is_renumbered(const struct event *e)
{
	const char *at = find_last(e->params, " vtid=");

	return at && strtoull(at + 6, NULL, 10) != e->tid;
}

static bool makes_thread(const struct event *e)
{
	const char *flags = find_last(e->params, " flags="), *end;

	if (!flags)
		return strstr(e->params, "CLONE_THREAD") != NULL;
	end = strchr(flags + 1, ' ');
	flags = strstr(flags, "CLONE_THREAD");
	return flags && (!end || flags < end);
}

/* Takes forks and execs from the end of a system call. */
static int end_syscall(struct lines *l, const struct event *e)
{
	bool fork = lines_is_fork(e->name);
	long long res = param_number(e->params, "res"), parent = parent_of(e);

	if (fork && res > 0 && res < LINES_PIDS && !is_renumbered(e))
		return lines_fork(l, (uint32_t)e->tid, (uint32_t)res, makes_thread(e));
	if (fork && res == 0 && parent > 0 && parent < LINES_PIDS)
		return lines_fork(l, (uint32_t)parent, (uint32_t)e->tid, makes_thread(e));
	if (strcmp(e->name, "execve") == 0 && res == 0)
		return lines_plain(l, (uint32_t)e->tid, LUTRA_RECORD_EXEC);
	return 0;
}

/* Gets the number of the call; sysdig tells that of one that it does not know. */
static bool number_of_event(const struct lines *l, const struct event *e, uint16_t *ret)
{
	long long nr = param_number(e->params, "nativeID");

	if (lines_nr(l, e->name, ret))
		return true;
	if ((strcmp(e->name, "syscall") != 0 && strcmp(e->name, "<unknown>") != 0) || nr < 0 ||
	    nr >= LUTRA_NR)
		return false;
	*ret = (uint16_t)nr;
	return true;
}

/* Counts what sysdig says that it lost: a drop event, or the numbers of its last lines. */
static bool is_loss(struct lines *l, const char *line)
{
	unsigned long long n;

	if (sscanf(line, "Driver Events:%*u Driver Drops:%llu", &n) == 1 ||
	    sscanf(line, "Driver Drops:%llu", &n) == 1) {
		if (n)
			lines_lost(l, n, "sysdig");
		return true;
	}
	return strncmp(line, "Driver Events:", 14) == 0 || strncmp(line, "Elapsed time:", 13) == 0;
}

int lid_ds_line(struct lines *l, char *line, struct err *err)
{
	struct event e;
	uint16_t nr;
	int r;

	if (is_loss(l, line))
		return lines_left_out(l, line);
	r = parse_event(line, &e, err);
	if (r != 0)
		return r < 0 ? r : lines_left_out(l, "event of no process");
	if (e.is_clock)
		lines_day_time(l, e.ns);
	else
		lines_time(l, e.ns);
	if (strcmp(e.name, "drop") == 0) {
		lines_lost(l, 1, "sysdig");
		return lines_left_out(l, e.name);
	}
	if (strcmp(e.name, "procexit") == 0)
		return lines_plain(l, (uint32_t)e.tid, LUTRA_RECORD_EXIT);
	if (e.direction == '<')
		return end_syscall(l, &e);
	if (number_of_event(l, &e, &nr))
		return lines_call(l, (uint32_t)e.tid, (uint32_t)e.pid, nr);
	return lines_left_out(l, e.name);
}
