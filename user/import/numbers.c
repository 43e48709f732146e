/* SPDX-License-Identifier: Apache-2.0 */
/* Imports numbers of system calls: ADFA-LD, and data of the University of New Mexico. */
#include "user/import/lines.h"

static int bad_number(char *at, struct err *err)
{
	return err_set(err, -EBADMSG, "'%.20s' is not a system call number from 0 to %d", at,
		       LUTRA_NR - 1);
}

/* ---- ADFA-LD ---- */

/* Each file is a task; its id is the number of the file. It begins with its first number. */
static int begin_numbered_task(struct lines *l, uint32_t tid)
{
	return lines_met(l, tid) ? 0 : lines_plain(l, tid, LUTRA_RECORD_ARM);
}

int adfa_line(struct lines *l, char *line, struct err *err)
{
	uint32_t tid = (uint32_t)l->file;
	char *s = line + strspn(line, " \t");
	int r = 0;

	while (r == 0 && *s) {
		char *at = s;
		uint64_t nr;

		if (!lines_number(&s, LUTRA_NR - 1, &nr))
			return bad_number(at, err);
		l->ts_ns += LINES_STEP_NS;
		r = begin_numbered_task(l, tid);
		if (r == 0)
			r = lines_call(l, tid, tid, (uint16_t)nr);
		s += strspn(s, " \t");
	}
	return r;
}

/* ---- UNM ---- */

int unm_line(struct lines *l, char *line, struct err *err)
{
	char *s = line + strspn(line, " \t"), *at = s;
	uint64_t pid, nr;

	if (!lines_number(&s, LINES_PIDS - 1, &pid))
		return err_set(err, -EBADMSG, "'%.20s' is not a process id", at);
	at = s;
	if (!lines_number(&s, LUTRA_NR - 1, &nr))
		return bad_number(at, err);
	if (s[strspn(s, " \t")])
		return err_set(err, -EBADMSG,
			       "holds more than a process id and a system call number");
	l->ts_ns += LINES_STEP_NS;
	return lines_call(l, (uint32_t)pid, (uint32_t)pid, (uint16_t)nr);
}
