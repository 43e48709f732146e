/* SPDX-License-Identifier: Apache-2.0 */
/* Reads text files line by line and writes their records to a trace. */
#include "user/import/lines.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"

#define LINES_SHOWN 4096 /* lines between two looks at the clock */

static void lines_done(struct lines *l)
{
	trace_writer_free(l->trace);
	free(l->met);
}

/* ---- for formats ---- */

static void mark_met(struct lines *l, uint32_t tid)
{
	if (tid < LINES_PIDS)
		l->met[tid / 8] |= (uint8_t)(1u << (tid & 7));
}

bool lines_met(const struct lines *l, uint32_t tid)
{
	return tid < LINES_PIDS && l->met[tid / 8] >> (tid & 7) & 1;
}

void lines_left_out(struct lines *l, const char *what)
{
	struct import_result *r = l->result;

	if (r->left_out++ == 0)
		snprintf(r->first, sizeof(r->first), "%.60s", what);
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
	mark_met(l, rec->tid);
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
	mark_met(l, child);
	return put_record(l, &rec);
}

int lines_plain(struct lines *l, uint32_t tid, uint16_t type)
{
	const struct lutra_record rec = {.ts_ns = l->ts_ns, .tid = tid, .tgid = tid, .type = type};
	int r = put_record(l, &rec);

	if (type == LUTRA_RECORD_EXIT && tid < LINES_PIDS)
		l->met[tid / 8] &= (uint8_t) ~(1u << (tid & 7));
	return r;
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

/* ---- reading ---- */

/*
 * Reads the next line into buf. Returns 1, or 0 at the end. -EFBIG: longer than LINES_LINE_MAX.
 * -EILSEQ: the line holds a NUL byte.
 */
static int next_line(FILE *f, char *buf)
{
	size_t len = 0;
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n') {
		if (len == LINES_LINE_MAX)
			return -EFBIG;
		if (c == '\0')
			return -EILSEQ;
		buf[len++] = (char)c;
	}
	if (c == EOF && ferror(f))
		return -errno;
	if (c == EOF && len == 0)
		return 0;
	while (len && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	return 1;
}

/* Fills in err for line n. The reason may quote the line, so it is cleaned for a terminal. */
static int bad_line(int r, const char *path, uint64_t n, const char *why, struct err *err)
{
	char clean[sizeof(err->msg)];

	text_clean(why, strlen(why), clean, sizeof(clean));
	return err_set(err, r, "%s:%llu: %s", path, (unsigned long long)n, clean);
}

/* Shows how much of all files was read; called for each line. */
static void show_progress(struct lines *l, FILE *in, uint64_t line)
{
	double n = (double)l->options->n;
	struct stat st;

	if (line % LINES_SHOWN || fstat(fileno(in), &st) < 0 || st.st_size <= 0)
		return;
	progress_show(l->options->progress, "importing",
		      ((double)l->file + (double)ftello(in) / (double)st.st_size) / n);
}

static int read_file(struct lines *l, const struct lines_format *f, const char *path, char *buf,
		     struct err *err)
{
	_cleanup_close_ int fd = file_open_read(AT_FDCWD, path, err);
	_cleanup_fclose_ FILE *in = NULL;
	struct err why = {""};
	uint64_t n = 0;
	int r;

	if (fd < 0)
		return fd;
	in = fdopen(fd, "r");
	if (!in)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	TAKE_FD(fd);
	l->path = path;
	r = f->file ? f->file(l, f->ctx, path, &why) : 0;
	while (r >= 0 && (r = next_line(in, buf)) > 0) {
		n++;
		show_progress(l, in, n);
		r = f->line(l, f->ctx, buf, &why);
	}
	if (r == -EFBIG && !why.msg[0])
		return err_set(err, r, "%s:%llu: line is longer than %u bytes", path,
			       (unsigned long long)n + 1, LINES_LINE_MAX);
	if (r == -EILSEQ && !why.msg[0])
		return err_set(err, -EBADMSG, "%s:%llu: holds a NUL byte: not a text file", path,
			       (unsigned long long)n + 1);
	if (r < 0)
		return bad_line(r, path, n, why.msg[0] ? why.msg : strerror(-r), err);
	return 0;
}

static int read_all_files(struct lines *l, const struct lines_format *f, struct err *err)
{
	_cleanup_free_ char *buf = malloc(LINES_LINE_MAX + 1);
	int r = 0;

	l->met = calloc(LINES_PIDS / 8, 1);
	if (!buf || !l->met)
		return err_oom(err);
	for (; r == 0 && l->file < l->options->n; l->file++)
		r = read_file(l, f, l->options->paths[l->file], buf, err);
	if (r == 0 && l->result->calls == 0)
		return err_set(err, -EBADMSG, "%s: holds no system calls", l->options->paths[0]);
	return r;
}

int lines_import(const struct lines_format *f, const struct import_options *o,
		 struct import_result *ret, struct err *err)
{
	_cleanup_(lines_done) struct lines l = {.options = o, .result = ret, .arch = f->arch};
	char none[] = "", source[32], arch[16], image[256];
	struct trace_meta meta = {.image = image,
				  .container_id = none,
				  .host = none,
				  .kernel = none,
				  .arch = arch,
				  .source = source};
	int r;

	snprintf(source, sizeof(source), "%s", f->source);
	snprintf(arch, sizeof(arch), "%s", f->arch);
	snprintf(image, sizeof(image), "%s", o->image);
	memset(ret, 0, sizeof(*ret));
	r = trace_writer_new(&l.trace, o->output, &meta, err);
	if (r < 0)
		return r;
	r = read_all_files(&l, f, err);
	if (r == 0)
		r = trace_writer_close(TAKE_PTR(l.trace), 0, err);
	if (r < 0)
		unlink(o->output);
	return r;
}
