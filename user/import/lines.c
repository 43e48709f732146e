/* SPDX-License-Identifier: Apache-2.0 */
/* Words, times and records for the formats. */
#include "user/import/lines.h"

#include <ctype.h>
#include <stdarg.h>

#include "lib/abi/syscalls.h"

#define X32_BIT 0x40000000u /* of a number as the kernel takes it */

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

void lines_partial(struct lines *l, const char *fmt, ...)
{
	struct import_result *r = l->result;
	va_list ap;

	if (r->partial[0])
		return;
	va_start(ap, fmt);
	vsnprintf(r->partial, sizeof(r->partial), fmt, ap);
	va_end(ap);
}

void lines_lost(struct lines *l, uint64_t n, const char *tool)
{
	l->result->lost = n < UINT64_MAX - l->result->lost ? l->result->lost + n : UINT64_MAX;
	lines_partial(l, "%s lost events", tool);
}

/* Reads the number in a name that a tool gives to a system call that it does not know. */
static bool number_in_name(const char *name, uint16_t *ret)
{
	const char *digits = strncmp(name, "syscall_", 8) == 0 ? name + 8
			     : strncmp(name, "sys_", 4) == 0   ? name + 4
							       : "";
	unsigned long nr;
	char *end;

	if (!isdigit((unsigned char)*digits))
		return false;
	nr = strtoul(digits, &end, strncmp(digits, "0x", 2) == 0 ? 16 : 10);
	if (*end || (nr & ~(unsigned long)X32_BIT) >= LUTRA_NR)
		return false;
	*ret = (uint16_t)((nr & ~(unsigned long)X32_BIT) | (nr & X32_BIT ? LUTRA_NR_X32 : 0));
	return true;
}

const char *lines_name(const struct lines *l, const char *name, char *buf, size_t size)
{
	uint16_t nr;

	return number_in_name(name, &nr) ? syscall_name(l->arch, nr, buf, size) : name;
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
	if (number_in_name(name, ret))
		return true;
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

void lines_day_time(struct lines *l, uint64_t clock_ns)
{
	const uint64_t half = 43200 * NSEC_PER_SEC, day = 2 * half;

	if (clock_ns + half < l->clock_ns)
		l->day_ns += day;
	else if (l->clock_ns + half < clock_ns && l->day_ns)
		l->day_ns -= day; /* the next file of the same time, or a line that came late */
	l->clock_ns = clock_ns;
	lines_time(l, l->day_ns + clock_ns);
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
