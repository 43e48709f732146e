/* SPDX-License-Identifier: Apache-2.0 */
/* Words, times and records for the formats. */
#include "user/import/lines.h"

#include <ctype.h>

#include "lib/abi/syscalls.h"

bool lines_met(const struct lines *l, uint32_t tid)
{
	return tid < LINES_PIDS && l->met[tid];
}

bool lines_is_fork(const char *name)
{
	return strcmp(name, "clone") == 0 || strcmp(name, "clone3") == 0 ||
	       strcmp(name, "fork") == 0 || strcmp(name, "vfork") == 0;
}

int lines_left_out(struct lines *l, const char *what)
{
	struct import_result *r = l->result;

	if (r->left_out++ == 0)
		snprintf(r->first, sizeof(r->first), "%.60s", what);
	return 0;
}

bool lines_nr(const struct lines *l, const char *name, uint16_t *ret)
{
	/* Names of sysdig that differ from the kernel's. */
	static const char *const others[][2] = {{"pread", "pread64"},
						{"pwrite", "pwrite64"},
						{"prlimit", "prlimit64"},
						{"umount", "umount2"},
						{"llseek", "lseek"}};
	unsigned nr;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(name, others[i][0]) == 0)
			name = others[i][1];
	if (isdigit((unsigned char)name[0]) || syscall_parse(l->arch, name, &nr) < 0)
		return false;
	*ret = (uint16_t)nr;
	return true;
}

static int put_record(struct lines *l, const struct lutra_record *rec)
{
	if (rec->tid < LINES_PIDS)
		l->met[rec->tid] = rec->type != LUTRA_RECORD_EXIT;
	l->ts_ns++;
	return trace_writer_add(l->trace, rec, NULL, 0);
}

int lines_call(struct lines *l, uint32_t tid, uint32_t tgid, uint16_t nr)
{
	const struct lutra_record rec = {.ts_ns = l->ts_ns, .tid = tid, .tgid = tgid, .nr = nr};

	l->result->calls++;
	return put_record(l, &rec);
}

int lines_fork(struct lines *l, uint32_t tid, uint32_t child, bool thread)
{
	const struct lutra_record rec = {.ts_ns = l->ts_ns,
					 .tid = tid,
					 .tgid = tid,
					 .type = LUTRA_RECORD_FORK,
					 .nr = thread,
					 .arg = child | (uint64_t)(thread ? tid : child) << 32};

	if (lines_met(l, child))
		return 0;
	if (child < LINES_PIDS)
		l->met[child] = true;
	return put_record(l, &rec);
}

int lines_plain(struct lines *l, uint32_t tid, uint16_t type)
{
	const struct lutra_record rec = {.ts_ns = l->ts_ns, .tid = tid, .tgid = tid, .type = type};

	return put_record(l, &rec);
}

void lines_time(struct lines *l, uint64_t ts_ns)
{
	l->ts_ns = ts_ns > l->ts_ns ? ts_ns : l->ts_ns;
}

char *lines_word(char **s)
{
	char *word = *s + strspn(*s, " \t");

	*s = word + strcspn(word, " \t");
	if (**s)
		*(*s)++ = '\0';
	return word;
}

bool lines_number(char **s, uint64_t max, uint64_t *ret)
{
	const char *word = lines_word(s);
	char *end;

	errno = 0;
	*ret = strtoull(word, &end, 10);
	return isdigit((unsigned char)word[0]) && !*end && !errno && *ret <= max;
}

/* Reads ".25" as ns. */
static uint64_t parse_fraction(const char *s)
{
	uint64_t ns = 0, unit = NSEC_PER_SEC / 10;

	if (*s != '.')
		return 0;
	for (s++; isdigit((unsigned char)*s) && unit; s++, unit /= 10)
		ns += (uint64_t)(*s - '0') * unit;
	return ns;
}

bool lines_clock(const char *s, uint64_t *ret_ns)
{
	unsigned h, m, sec;
	int n = 0;

	if (sscanf(s, "%2u:%2u:%2u%n", &h, &m, &sec, &n) != 3 || h > 23 || m > 59 || sec > 60)
		return false;
	*ret_ns = (h * 3600ull + m * 60ull + sec) * NSEC_PER_SEC + parse_fraction(s + n);
	return true;
}

uint64_t lines_seconds(const char *s)
{
	char *end;
	uint64_t sec = strtoull(s, &end, 10);

	return sec < UINT64_MAX / NSEC_PER_SEC ? sec * NSEC_PER_SEC + parse_fraction(end) : 0;
}
