/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings that are text: what they become, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "tests/support/import_files.h"
#include "tests/support/scratch.h"
#include "user/import/import.h"

#define GOLDEN "tests/golden/import/"

static int import_one(const char *format, const char *path, const char *output,
		      struct import_result *ret, struct err *err)
{
	const struct import_options o = {.paths = &path, .n = 1, .output = output, .image = "app"};

	return import_trace(import_find(format), &o, ret, err);
}

static int import_strictly(const char *format, const char *path, const char *output,
			   struct import_result *ret, struct err *err)
{
	const struct import_options o = {
		.paths = &path, .n = 1, .output = output, .image = "", .strict = true};

	return import_trace(import_find(format), &o, ret, err);
}

/* A trace in short: a word a record, "7:call=read", "7:fork=8". */
static void read_trace(const char *path, char *text, size_t size)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	uint64_t before = 0;
	const char *str;
	size_t len, n = 0;

	text[0] = '\0';
	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	while (trace_reader_next(r, &rec, &str, &len) > 0) {
		char what[32] = "";

		if (rec->type == LUTRA_RECORD_MARK)
			continue;
		assert_true(rec->ts_ns >= before);
		before = rec->ts_ns;
		if (rec->type == LUTRA_RECORD_SYSCALL)
			syscall_name(trace_reader_meta(r)->arch, rec->nr, what, sizeof(what));
		else if (rec->type == LUTRA_RECORD_FORK)
			snprintf(what, sizeof(what), "%u%s", (unsigned)rec->arg,
				 rec->nr ? "t" : "");
		n += (size_t)snprintf(text + n, size - n, "%s%u:%s%s%s", n ? " " : "", rec->tid,
				      record_type_name(rec->type), *what ? "=" : "", what);
		assert_true(n < size);
	}
	assert_null(trace_reader_torn(r));
}

static void import_text_gives_calls_forks_execs_and_exits(void **state)
{
	static const struct {
		const char *format, *file, *want, *left_out;
	} cases[] = {
		{"adfa-ld", GOLDEN "adfa-ld",
		 "1:arm 1:call=close 1:call=close 1:call=dup2 2:arm 2:call=open 2:call=read "
		 "2:call=execve 2:call=exit",
		 NULL},
		{"unm", GOLDEN "unm.txt", "100:call=open 100:call=read 101:call=write", NULL},
		{"strace", GOLDEN "strace.txt",
		 "100:call=execve 100:exec 100:call=openat 100:call=clone 100:fork=101 "
		 "101:call=getpid 100:call=clone 101:call=execve "
		 "101:call=exit_group 101:exit 100:fork=102t",
		 "no_such_call"},
		{"strace", GOLDEN "strace-plain.txt",
		 "1:call=read 1:call=clone 1:fork=8 8:call=getpid 1:call=write 1:call=vfork "
		 "1:fork=9 "
		 "9:call=gettid",
		 NULL},
		{"lid-ds", GOLDEN "lid-ds-2021.txt",
		 "7:call=accept4 7:call=clone 7:fork=8 8:call=execve 8:exec 8:call=pread64 8:exit",
		 "switch"},
		{"lid-ds", GOLDEN "lid-ds-2019.txt", "7:call=open 7:call=close", NULL},
		{"falco", GOLDEN "falco.txt", "7:call=openat 7:call=connect", "connect"},
	};
	struct import_files *f = *state;
	struct import_result result;
	struct err err = {""};
	char text[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = import_one(cases[i].format, cases[i].file, f->out, &result, &err);

		if (r < 0)
			fail_msg("%s: %s", cases[i].file, err.msg);
		read_trace(f->out, text, sizeof(text));
		assert_string_equal(text, cases[i].want);
		assert_int_equal(result.left_out > 0, cases[i].left_out != NULL);
		if (cases[i].left_out)
			assert_string_equal(result.first, cases[i].left_out);
		assert_int_equal(unlink(f->out), 0);
	}
}

static void import_text_keeps_times(void **state)
{
	static const struct {
		const char *format, *text;
		uint64_t want;
	} cases[] = {
		{"strace", "1 00:00:01.5 read() = 0\n", 1500000000},
		{"strace", "1 23:59:59 read() = 0\n1 00:00:01 read() = 0\n", 86401000000000},
		{"strace", "1700000000.25 read() = 0\n", 1700000000250000000},
		{"strace", "0.5 read() = 0\n0.5 read() = 0\n", 1000000001},
		{"lid-ds", "5000 0 7 app 7 read >\n", 5000},
		{"falco", "{\"evt.type\":\"read\",\"evt.time\":77000,\"thread.tid\":1}\n", 77000},
	};
	struct import_files *f = *state;
	struct import_result result;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
		const struct lutra_record *rec;
		uint64_t last = 0;
		const char *str;
		size_t len;

		scratch_write(f->in, cases[i].text, strlen(cases[i].text));
		assert_int_equal(import_one(cases[i].format, f->in, f->out, &result, NULL), 0);
		assert_int_equal(trace_reader_new(&r, f->out, NULL), 0);
		while (trace_reader_next(r, &rec, &str, &len) > 0)
			last = rec->type == LUTRA_RECORD_SYSCALL ? rec->ts_ns : last;
		assert_in_range(last, cases[i].want, cases[i].want + 1);
		assert_int_equal(unlink(f->out), 0);
	}
}

/* One line with file and position, and no trace left behind. */
static void import_text_refuses_bad_lines(void **state)
{
	static const struct {
		const char *format, *text, *why;
		int error;
	} cases[] = {
		{"adfa-ld", "6 6\n6 x 6\n", "in.txt:2: 'x' is not a system call number", -EBADMSG},
		{"adfa-ld", "6 512\n", "in.txt:1: '512' is not a system call number", -EBADMSG},
		{"adfa-ld", "-6\n", "in.txt:1: '-6'", -EBADMSG},
		{"adfa-ld", "", "no system calls", -EBADMSG},
		{"unm", "1 2\n1\n", "in.txt:2: '' is not a system call number", -EBADMSG},
		{"unm", "x 2\n", "in.txt:1: 'x' is not a process id", -EBADMSG},
		{"unm", "4194304 2\n", "not a process id", -EBADMSG},
		{"unm", "1 2 3\n", "in.txt:1: holds more than", -EBADMSG},
		{"strace", "1 read(0) = 1\nhello\n", "in.txt:2: 'hello' is not a line of strace",
		 -EBADMSG},
		{"strace", "1 <... read res\n", "in.txt:1:", -EBADMSG},
		{"strace", "+++ exited with 0 +++\n", "no system calls", -EBADMSG},
		{"lid-ds", "a b c\n", "in.txt:1: not a line of LID-DS", -EBADMSG},
		{"lid-ds", "5000 0 7 app 7 read =\n", "not a line of sysdig", -EBADMSG},
		{"falco", "{\"evt.type\":\"read\",\"thread.tid\":1}\n{\n",
		 "in.txt:2: not a JSON object", -EBADMSG},
		{"falco", "[]\n", "no system calls", -EBADMSG},
		{"falco", "{\"thread.tid\":1}\n", "in.txt:1: no evt.type", -EBADMSG},
		{"falco", "{\"evt.type\":\"read\",\"thread.tid\":-1}\n", "not a process id",
		 -EBADMSG},
		{"falco",
		 "{\"evt.type\":\"read\",\"thread.tid\":1,\"container.id\":\"a\"}\n"
		 "{\"evt.type\":\"read\",\"thread.tid\":1,\"container.id\":\"b\"}\n",
		 "in.txt:2: container 'b' after 'a'", -EINVAL},
	};
	struct import_files *f = *state;
	struct import_result result;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		scratch_write(f->in, cases[i].text, strlen(cases[i].text));
		assert_int_equal(import_strictly(cases[i].format, f->in, f->out, &result, &err),
				 cases[i].error);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].why);
		assert_null(strchr(err.msg, '\n'));
		assert_int_equal(access(f->out, F_OK), -1);
	}
}

/* What a line holds is no text, or would command the terminal that it is said on. */
static void import_text_says_what_is_bad_in_fit_characters(void **state)
{
	static const struct {
		const char *format, *text, *why;
		size_t len;
	} cases[] = {
		{"unm", "1 2\n\0\0\n", "in.txt:2: holds a NUL byte", 7},
		{"strace", "\0", "in.txt:1: holds a NUL byte", 1},
		{"adfa-ld", "\x1b[2J\xff\n",
		 "in.txt:1: '\\x1b[2J\\xff' is not a system call number", 6},
		{"falco", "{\"evt.type\":\"read\",\"thread.tid\":1,\"evt.time\":-1}\n",
		 "in.txt:1: evt.time is negative", 49},
	};
	struct import_files *f = *state;
	struct import_result result;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		scratch_write(f->in, cases[i].text, cases[i].len);
		assert_int_equal(import_strictly(cases[i].format, f->in, f->out, &result, &err),
				 -EBADMSG);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].why);
		assert_int_equal(access(f->out, F_OK), -1);
	}
}

/* As Windows' editors leave them. */
static void import_text_takes_carriage_returns(void **state)
{
	struct import_files *f = *state;
	struct import_result result;
	char got[256];

	scratch_write(f->in, "1 5\r\n1 6\r\n", 10);
	assert_int_equal(import_one("unm", f->in, f->out, &result, NULL), 0);
	read_trace(f->out, got, sizeof(got));
	assert_string_equal(got, "1:call=open 1:call=close");
}

static void import_trace_names_only_whole_traces(void **state)
{
	const char *path = GOLDEN "unm.txt";
	struct import_files *f = *state;
	struct import_options o = {.paths = &path, .n = 1, .output = f->out, .image = ""};
	struct import_result result;

	assert_int_equal(import_trace(import_find("unm"), &o, &result, NULL), 0);
	assert_int_equal(result.calls, 3);
	assert_int_equal(import_trace(import_find("unm"), &o, &result, NULL), -EEXIST);
	assert_int_equal(unlink(f->out), 0);
	assert_int_equal(import_trace(import_find("falco"), &o, &result, NULL), -EBADMSG);
	assert_int_equal(access(f->out, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0); /* nothing is left in it */
	assert_int_equal(mkdir(f->dir, 0700), 0);
}

static void import_text_refuses_a_line_that_never_ends(void **state)
{
	struct import_files *f = *state;
	struct import_result result;
	struct err err = {""};
	size_t size = 3u << 20;
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, '6', size);
	text[1] = '\n';
	scratch_write(f->in, text, size);
	free(text);
	assert_int_equal(import_strictly("adfa-ld", f->in, f->out, &result, &err), -EFBIG);
	assert_non_null(strstr(err.msg, "in.txt:2: line is longer than"));
	assert_int_equal(access(f->out, F_OK), -1);
}

static void import_text_keeps_an_existing_trace(void **state)
{
	struct import_files *f = *state;
	struct import_result result;

	scratch_write(f->out, "mine", 4);
	assert_int_equal(import_one("unm", GOLDEN "unm.txt", f->out, &result, NULL), -EEXIST);
	assert_int_equal(access(f->out, F_OK), 0);
	assert_int_equal(unlink(f->out), 0);
	assert_int_equal(import_one("unm", "/nonexistent", f->out, &result, NULL), -ENOENT);
	assert_int_equal(access(f->out, F_OK), -1);
}

static void import_falco_takes_the_container_that_was_asked_for(void **state)
{
	static const char text[] =
		"{\"evt.type\":\"read\",\"thread.tid\":1,\"container.id\":\"a\"}\n"
		"{\"evt.type\":\"write\",\"thread.tid\":2,\"container.id\":\"b\"}\n";
	struct import_files *f = *state;
	const char *path = f->in;
	const struct import_options o = {
		.paths = &path, .n = 1, .output = f->out, .image = "", .container = "b0123"};
	struct import_result result;
	char got[256];

	scratch_write(f->in, text, sizeof(text) - 1);
	assert_int_equal(import_trace(import_find("falco"), &o, &result, NULL), 0);
	read_trace(f->out, got, sizeof(got));
	assert_string_equal(got, "2:call=write");
	assert_int_equal(result.left_out, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, import_files_setup, import_files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(import_text_gives_calls_forks_execs_and_exits),
		T(import_text_keeps_times),
		T(import_text_refuses_bad_lines),
		T(import_text_says_what_is_bad_in_fit_characters),
		T(import_text_takes_carriage_returns),
		T(import_trace_names_only_whole_traces),
		T(import_text_refuses_a_line_that_never_ends),
		T(import_text_keeps_an_existing_trace),
		T(import_falco_takes_the_container_that_was_asked_for),
	};

	return cmocka_run_group_tests_name("import_text", tests, NULL, NULL);
}
