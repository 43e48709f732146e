/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings with unusual lines: each becomes what it is, or is skipped, counted and explained. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "tests/support/import_files.h"
#include "tests/support/scratch.h"
#include "user/import/import.h"

/* A trace in short, as "7:read 7:fork=8 8:exit"; "partial=WHY" for the mark. */
static void tell_trace(const char *path, char *text, size_t size)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len, n = 0;

	text[0] = '\0';
	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	while (trace_reader_next(r, &rec, &str, &len) > 0) {
		char what[300];

		if (rec->type == LUTRA_RECORD_SYSCALL)
			syscall_name(trace_reader_meta(r)->arch, rec->nr, what, sizeof(what));
		else if (rec->type == LUTRA_RECORD_FORK)
			snprintf(what, sizeof(what), "fork=%u%s", (unsigned)rec->arg,
				 rec->nr ? "t" : "");
		else if (rec->type != LUTRA_RECORD_MARK)
			snprintf(what, sizeof(what), "%s", record_type_name(rec->type));
		else if (rec->aux == LUTRA_MARK_PARTIAL)
			snprintf(what, sizeof(what), "partial=%s", str);
		else
			continue;
		n += (size_t)snprintf(text + n, size - n, "%s%u:%s", n ? " " : "", rec->tid, what);
		assert_true(n < size);
	}
	assert_null(trace_reader_torn(r));
}

struct unusual {
	const char *format, *text, *want;
	uint64_t left_out, skipped;
};

static void check_cases(struct import_files *f, const struct unusual *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *path = f->in;
		const struct import_options o = {
			.paths = &path, .n = 1, .output = f->out, .image = ""};
		struct import_result result;
		struct err err = {""};
		char got[1024];

		scratch_write(f->in, cases[i].text, strlen(cases[i].text));
		if (import_trace(import_find(cases[i].format), &o, &result, &err) < 0)
			fail_msg("case %zu: %s", i, err.msg);
		tell_trace(f->out, got, sizeof(got));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("case %zu: '%s' is not '%s'", i, got, cases[i].want);
		if (result.left_out != cases[i].left_out || result.skipped != cases[i].skipped)
			fail_msg("case %zu: %llu left out, %llu skipped (%s)", i,
				 (unsigned long long)result.left_out,
				 (unsigned long long)result.skipped, result.first_skipped);
		assert_int_equal(result.skipped > 0, result.first_skipped[0] != '\0');
		assert_int_equal(unlink(f->out), 0);
	}
}

#define CHECK(cases) check_cases(*state, cases, sizeof(cases) / sizeof((cases)[0]))

/* What the traced program says is not strace's own word. */
static void strace_text_of_the_program_stays_its_own(void **state)
{
	static const struct unusual cases[] = {
		{"strace",
		 "7 write(2, \"<unfinished ...>\", 16) = 16\n"
		 "7 chdir(\"strace: Process 9 attached\") = 0\n"
		 "7 write(1, \"\\\"\\\\\", 2) = 2\n"
		 "7 close(3</tmp/a = 8>) = 0\n",
		 "7:write 7:chdir 7:write 7:close", 0, 0},
		{"strace",
		 "7 write(1, \"7 clone(flags=CLONE_THREAD) = 9 /* 8 in strace's PID NS */\", 9) = "
		 "9\n"
		 "7 fork() = 8\n8 getpid() = 8\n",
		 "7:write 7:fork 7:fork=8 8:getpid", 0, 0},
		{"strace",
		 "clone(child_stack=NULL, flags=SIGCHLDstrace: Process 8 attached\n"
		 ", child_tidptr=0x7f) = 8\n[pid 8] getpid() = 8\n",
		 "1:clone 1:fork=8 8:getpid", 0, 0},
		{"strace", "write(1, \"hello\\n\", 6hello\n)   = 6\nread(0, \"\", 1) = 0\n",
		 "1:write 1:read", 0, 0},
	};

	CHECK(cases);
}

static void strace_children_are_known_by_strace_number(void **state)
{
	static const struct unusual cases[] = {
		/* Both numbers are told. */
		{"strace",
		 "500 clone(flags=SIGCHLD <unfinished ...>\n501 getpid() = 2\n"
		 "500 <... clone resumed>) = 2 /* 501 in strace's PID NS */\n",
		 "500:clone 500:fork=501 501:getpid", 0, 0},
		{"strace",
		 "500<sh> vfork() = 2<sh> /* 501<sh> in strace's PID NS */\n501<sh> getpid() = 2\n",
		 "500:vfork 500:fork=501 501:getpid", 0, 0},
		/* The number of the namespace alone. */
		{"strace", "500 fork() = 2\n500 fork() = 3\n501 getpid() = 2\n502 getpid() = 3\n",
		 "500:fork 500:fork 500:fork=501 501:getpid 500:fork=502 502:getpid", 0, 0},
		{"strace",
		 "500 clone(flags=SIGCHLD <unfinished ...>\n501 getpid() = 2\n"
		 "500 <... clone resumed>) = 2\n500 close(3) = 0\n",
		 "500:clone 500:fork=501 501:getpid 500:close", 0, 0},
		/* Two forks at once, the children in the other order. */
		{"strace",
		 "8 close(3) = 0\n7 fork( <unfinished ...>\n8 fork( <unfinished ...>\n7 <... fork "
		 "resumed>) = 10\n"
		 "8 <... fork resumed>) = 11\n11 getpid() = 11\n10 getpid() = 10\n",
		 "8:close 7:fork 8:fork 8:fork=11 11:getpid 7:fork=10 10:getpid", 0, 0},
	};

	CHECK(cases);
}

static void import_calls_by_number_are_calls(void **state)
{
	static const struct unusual cases[] = {
		{"strace", "7 syscall_0x1b3(0x7f, 0x58) = 8\n8 syscall_439(1) = 0\n",
		 "7:clone3 7:fork=8 8:faccessat2", 0, 0},
		{"strace", "7 syscall_0xfff(0) = -1 ENOSYS (x)\n7 read(0) = 0\n", "7:read", 1, 0},
		{"lid-ds", "5 0 7 app 7 syscall > ID=0(<unknown>) nativeID=439\n", "7:faccessat2",
		 0, 0},
		{"falco",
		 "{\"evt.type\":\"syscall\",\"thread.tid\":7,"
		 "\"evt.args\":\"ID=0(<unknown>) nativeID=439\"}\n"
		 "{\"evt.type\":\"syscall\",\"thread.tid\":7,\"syscall.type\":\"clone3\"}\n",
		 "7:faccessat2 7:clone3", 0, 0},
		{"perf", "0.1 ( 0.1 ms): app/7 syscall_435(0x7f) = 0\n", "7:clone3", 0, 0},
		{"strace",
		 "strace: [ Process PID=7 runs in 32 bit mode. ]\n7 close(3) = 0\n"
		 "strace: [ Process PID=7 runs in 64 bit mode. ]\n7 close(3) = 0\n",
		 "7:ia32:6 7:close", 0, 0},
	};

	CHECK(cases);
}

static void strace_additions_are_left_out(void **state)
{
	static const struct unusual cases[] = {
		{"strace",
		 "7 read(3, \"x\", 1) = 1\n > /lib/libc.so.6(read+0x1d) [0x10a19d]\n"
		 " | 00000  78                          x                |\n7 close(3) = 0\n",
		 "7:read 7:close", 2, 0},
		{"strace",
		 "[pid 7<my \\76 app>] 10:00:00.5 (+ 0.000100) [00007f12] read(0) = 0 <0.1>\n"
		 "7     1700000000 close(3) = 0\n1700000000 [   3] close(3) = 0\n",
		 "7:read 7:close 1:close", 0, 0},
		{"strace",
		 "7 read(0) = 0\n% time     seconds  usecs/call     calls    errors syscall\n"
		 "------ ----------- ----------- --------- --------- ----------------\n"
		 "100.00    0.000010          10         1           read\n",
		 "7:read", 3, 0},
		{"strace",
		 "/usr/bin/strace: Process 7 attached with 2 threads\n[pid 7] read(0) = 0\n"
		 "[pid 8] restart_syscall(<... resuming interrupted read ...>) = 0\n"
		 "[pid 7] --- stopped by SIGSTOP ---\n[pid 7] read(0,  <detached ...>\n",
		 "7:read 8:restart_syscall 7:read", 0, 0},
		{"strace", "read(0) = 0\nhello, world\nclose(0) = 0\n",
		 "1:read 1:close 0:partial=1 of 3 lines could not be read", 0, 1},
	};

	CHECK(cases);
}

static void sysdig_names_hold_blanks(void **state)
{
	static const struct unusual cases[] = {
		{"lid-ds",
		 "5 0 7 C2 CompilerThre 8 futex > addr=7F\n6 0 7 tmux: server 9 write > fd=3\n"
		 "7 -1 -1 <NA> 0 container > json=x\n",
		 "8:futex 9:write", 1, 0},
		{"lid-ds",
		 "1 12:00:00.1 3 www-data my app 7 > open\n2 12:00:00.2 3 0 app 7 > read\n",
		 "7:open 7:read", 0, 0},
		{"lid-ds",
		 "1 12:00:00.1 0 my app (7) > open\n2 12:00:00.2 0 app (7:1) < open fd=3\n"
		 "3 12:00:00.3 0 web (0123456789ab) app (7:1) > read fd=3\n",
		 "7:open 7:read", 0, 0},
		/* A name that looks like an event. */
		{"lid-ds", "5 0 7 a 1 open > b 9 write > fd=3\n6 0 7 app 7 read >\n",
		 "7:read 0:partial=1 of 2 lines could not be read", 0, 1},
		{"lid-ds", "5 0 7 app 7 write > fd=3 size=2 data=8 open > x\n", "7:write", 0, 0},
		/* A child in a PID namespace is known by what it says itself. */
		{"lid-ds",
		 "5 0 7 app 7 clone >\n6 0 7 app 7 clone < res=2(app) args=ptid=1 tid=7(app) "
		 "pid=7(app) ptid=1(init) flags=0 vtid=1 vpid=1\n7 0 8 app 8 clone < res=0 "
		 "args=a ptid=66 tid=8(app) pid=8(app) ptid=7(app) flags=0 vtid=2 vpid=2\n"
		 "8 0 8 app 8 read >\n",
		 "7:clone 7:fork=8 8:read", 0, 0},
		{"lid-ds", "5 0 7 app 7 read >\n6 0 7 app 7 drop > ratio=2\n",
		 "7:read 0:partial=sysdig lost events", 1, 0},
	};

	CHECK(cases);
}

#define EVENT(type, more) "{\"output_fields\":{\"evt.type\":\"" type "\",\"thread.tid\":7" more "}}"

static void falco_says_more_than_events(void **state)
{
	static const struct unusual cases[] = {
		{"falco",
		 "Tue Nov 30 10:00:00 2026: Falco version: 0.36.0 (x86_64)\n" EVENT(
			 "read", "") "\nEvents detected: 1\nRule counts by severity:\n",
		 "7:read", 3, 0},
		{"falco", "2026-11-30T10:00:00Z stdout F " EVENT("read", "") "\n", "7:read", 0, 0},
		{"falco",
		 "{\"log\":\"{\\\"evt.type\\\":\\\"read\\\",\\\"proc.pid\\\":7}\\n\",\"stream\":"
		 "\"stdout\"}\n",
		 "7:read", 0, 0},
		{"falco", "[" EVENT("read", "") ",\n" EVENT("close", "") "]\n", "7:read 7:close", 0,
		 0},
		{"falco", "{\n  \"evt.type\": \"read\",\n  \"proc.pid\": \"7\"\n}\n", "7:read", 0,
		 0},
		{"falco", "{\"evt.type\":\"re\n" EVENT("read", "") "\n" EVENT("close", "") "\n",
		 "7:read 7:close 0:partial=1 of 3 lines could not be read", 0, 1},
		{"falco",
		 EVENT("read", "") "\n{\"rule\":\"Falco internal: syscall event drop\","
				   "\"output_fields\":{\"n_drops\":\"12\"}}\n",
		 "7:read 0:partial=Falco lost events", 1, 0},
		{"falco",
		 "{\"rule\":\"r\",\"output_fields\":{\"evt.type\":\"read\",\"proc.pid\":7}}\n",
		 "7:read 0:partial=Falco reports only events that match its rules", 0, 0},
		{"falco", EVENT("read", ",\"container.id\":\"a\"") "\n" EVENT("close", "") "\n",
		 "7:read", 1, 0},
		{"falco", "{\"evt.type\":\"read\"}\n" EVENT("read", "") "\n",
		 "7:read 0:partial=1 of 2 lines could not be read", 0, 1},
		{"falco", "{\"source\":\"k8s_audit\",\"rule\":\"x\"}\n" EVENT("read", "") "\n",
		 "7:read", 1, 0},
	};

	CHECK(cases);
}

static void perf_lines_are_calls(void **state)
{
	static const struct unusual cases[] = {
		{"perf",
		 "     0.000 ( 0.010 ms): my app/7 clone(clone_flags: CHILD_CLEARTID) = 8 (app)\n"
		 "     1.000 (         ): app/8 epoll_wait(epfd: 3)                      ...\n"
		 "     2.000 ( 1.000 ms): app/8  ... [continued]: epoll_wait()) = 1\n"
		 "         ? (         ): app/7  ... [continued]: read()) = 1\nLOST 3 events!\n",
		 "7:clone 7:fork=8 8:epoll_wait 0:partial=perf lost events", 1, 0},
		{"perf", "     0.000 ( 0.010 ms): brk() = 0x55\n", "1:brk", 0, 0},
	};

	CHECK(cases);
}

/* The time from the first to the last record, in seconds. */
static double length_of(const char *path)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	uint64_t first = 0, last = 0;
	const char *str;
	size_t len;

	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	while (trace_reader_next(r, &rec, &str, &len) > 0) {
		first = first ? first : rec->ts_ns;
		last = rec->ts_ns;
	}
	return (double)(last - first) / 1e9;
}

static void import_times_pass_midnight(void **state)
{
	static const struct {
		const char *format, *text;
	} cases[] = {
		{"lid-ds", "1 23:59:59.0 0 0 app 7 > open\n2 00:00:01.0 0 0 app 7 > read\n"},
		{"lid-ds", "1 23:59:59.0 0 app (7) > open\n2 00:00:01.0 0 app (7) > read\n"},
		{"strace", "7 23:59:59.0 read(0) = 0\n7 00:00:01.0 read(0) = 0\n"},
		{"falco",
		 "{\"evt.type\":\"read\",\"proc.pid\":7,\"time\":\"2026-11-30T23:59:59.0Z\"}\n"
		 "{\"evt.type\":\"read\",\"proc.pid\":7,\"time\":\"2026-12-01T01:00:01+01:00\"}\n"},
		{"falco", "{\"evt.type\":\"read\",\"proc.pid\":7,\"evt.time\":\"23:59:59.0\"}\n"
			  "{\"evt.type\":\"read\",\"proc.pid\":7,\"evt.time\":\"00:00:01.0\"}\n"},
	};
	struct import_files *f = *state;
	const char *path = f->in;
	const struct import_options o = {.paths = &path, .n = 1, .output = f->out, .image = ""};
	struct import_result result;
	struct err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write(f->in, cases[i].text, strlen(cases[i].text));
		if (import_trace(import_find(cases[i].format), &o, &result, &err) < 0)
			fail_msg("case %zu: %s", i, err.msg);
		assert_true(length_of(f->out) > 1.9 && length_of(f->out) < 2.1);
		assert_int_equal(unlink(f->out), 0);
	}
}

/* Folders below folders, links to files and folders, a link in a circle, hidden files. */
static void adfa_ld_folders_are_read_below_folders(void **state)
{
	struct import_files *f = *state;
	_cleanup_free_ char *data = scratch_path(f->dir, "data"), *sub = NULL, *a = NULL, *b = NULL,
			    *c = NULL, *circle = NULL, *hidden = NULL;
	const char *path = data;
	const struct import_options o = {.paths = &path, .n = 1, .output = f->out, .image = ""};
	struct import_result result;
	char got[256];

	assert_int_equal(mkdir(data, 0700), 0);
	sub = scratch_path(data, "Adduser_1");
	a = scratch_path(data, "b.txt");
	b = scratch_path(sub, "a.txt");
	c = scratch_path(data, "c.txt");
	circle = scratch_path(sub, "circle");
	hidden = scratch_path(data, ".hidden");
	assert_int_equal(mkdir(sub, 0700), 0);
	scratch_write(a, "6 6", 3);
	scratch_write(b, "3\n", 2);
	scratch_write(hidden, "x\n", 2);
	assert_int_equal(symlink(a, c), 0);
	assert_int_equal(symlink(data, circle), 0);
	assert_int_equal(import_trace(import_find("adfa-ld"), &o, &result, NULL), 0);
	tell_trace(f->out, got, sizeof(got));
	assert_string_equal(got, "1:arm 1:read 2:arm 2:close 2:close 3:arm 3:close 3:close");
}

static void import_reads_standard_input_and_pipes(void **state)
{
	static const char text[] = "7 read(0) = 0\n";
	struct import_files *f = *state;
	int keep = dup(STDIN_FILENO);

	for (int i = 0; i < 2; i++) {
		char name[32];
		const char *path = i ? name : "-";
		const struct import_options o = {
			.paths = &path, .n = 1, .output = f->out, .image = ""};
		struct import_result result;
		struct err err = {""};
		int pair[2], r;

		assert_int_equal(pipe(pair), 0);
		snprintf(name, sizeof(name), "/dev/fd/%d", pair[0]);
		assert_int_equal(write(pair[1], text, sizeof(text) - 1), sizeof(text) - 1);
		close(pair[1]);
		dup2(pair[0], STDIN_FILENO);
		r = import_trace(import_find("strace"), &o, &result, &err);
		dup2(keep, STDIN_FILENO);
		close(pair[0]);
		if (r < 0)
			fail_msg("%s", err.msg);
		assert_int_equal(result.calls, 1);
		assert_int_equal(unlink(f->out), 0);
	}
	close(keep);
}

static void import_says_what_another_tool_must_do(void **state)
{
	static const struct {
		const char *format, *text, *why;
		size_t len;
	} cases[] = {
		{"strace", "\x1f\x8b\x08", "zcat", 3},
		{"lid-ds", "PK\x03\x04", "unzip", 4},
		{"lid-ds", "\n\r\r\n\x1c", "sysdig -r", 5},
		{"falco", "10:00:00.1: Warning A shell (user=x)\n", "json_output", 37},
		{"falco", "{\"evt.type\":\"read\"}\n", "%thread.tid", 20},
		{"falco", "{\"thread.tid\":7}\n", "%evt.type", 17},
		{"unm", "a b\nc d\n1 2\n", "2 of 3 lines are not of the format", 12},
	};
	struct import_files *f = *state;
	const char *path = f->in;
	const struct import_options o = {.paths = &path, .n = 1, .output = f->out, .image = ""};
	struct import_result result;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		scratch_write(f->in, cases[i].text, cases[i].len);
		assert_true(import_trace(import_find(cases[i].format), &o, &result, &err) < 0);
		if (!strstr(err.msg, cases[i].why))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].why);
		assert_int_equal(access(f->out, F_OK), -1);
	}
}

static void strace_of_a_runtime_is_partial(void **state)
{
	static const struct unusual cases[] = {
		{"strace", "7 execve(\"/usr/bin/podman\", [\"podman\", \"run\"], 0x7f) = 0\n",
		 "7:execve 7:exec 0:partial=strace followed podman: trace the container's process "
		 "with strace -f -p",
		 0, 0},
		{"strace", "7 execve(\"/bin/sh\", [\"sh\", \"/usr/bin/podman\"], 0x7f) = 0\n",
		 "7:execve 7:exec", 0, 0},
		{"strace", "7 execve(\"/bin/runc\", [], 0x7f) = -1 ENOENT (No such file)\n",
		 "7:execve", 0, 0},
	};

	CHECK(cases);
}

static void falco_containers_are_found_by_name_and_short_id(void **state)
{
	static const char text[] =
		"{\"evt.type\":\"read\",\"proc.pid\":7,\"container.id\":\"3ad7b26ded6d\","
		"\"container.name\":\"web\"}\n{\"evt.type\":\"close\",\"proc.pid\":8,"
		"\"container.id\":\"3ad7ffffffff\",\"container.name\":\"db\"}\n";
	static const struct {
		const char *wanted, *want, *why;
	} cases[] = {
		{"3ad7b2", "7:read", NULL},
		{"3ad7b26ded6d0123456789", "7:read", NULL},
		{"db", "8:close", NULL},
		{"3ad7", NULL, "means both"},
		{"4", NULL, "no event of the container '4'; there are events of 3ad7b26ded6d"},
	};
	struct import_files *f = *state;
	const char *path = f->in;

	scratch_write(f->in, text, sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct import_options o = {.paths = &path,
						 .n = 1,
						 .output = f->out,
						 .image = "",
						 .container = cases[i].wanted};
		struct import_result result;
		struct err err = {""};
		char got[64];
		int r = import_trace(import_find("falco"), &o, &result, &err);

		if (cases[i].why) {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(err.msg, cases[i].why));
			continue;
		}
		assert_int_equal(r, 0);
		tell_trace(f->out, got, sizeof(got));
		assert_string_equal(got, cases[i].want);
		assert_int_equal(unlink(f->out), 0);
	}
}

static void strace_files_of_ff_are_read_by_number(void **state)
{
	struct import_files *f = *state;
	_cleanup_free_ char *a = scratch_path(f->dir, "t.999"), *b = scratch_path(f->dir, "t.1000");
	const char *const paths[] = {b, a};
	const struct import_options o = {.paths = paths, .n = 2, .output = f->out, .image = ""};
	struct import_result result;
	char got[128];

	scratch_write(a, "fork() = 1000\n", 14);
	scratch_write(b, "getpid() = 1000\n", 16);
	assert_int_equal(import_trace(import_find("strace"), &o, &result, NULL), 0);
	tell_trace(f->out, got, sizeof(got));
	assert_string_equal(got, "999:fork 999:fork=1000 1000:getpid");
}

#define T(f) cmocka_unit_test_setup_teardown(f, import_files_setup, import_files_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(strace_text_of_the_program_stays_its_own),
		T(strace_children_are_known_by_strace_number),
		T(import_calls_by_number_are_calls),
		T(strace_additions_are_left_out),
		T(sysdig_names_hold_blanks),
		T(falco_says_more_than_events),
		T(perf_lines_are_calls),
		T(import_times_pass_midnight),
		T(adfa_ld_folders_are_read_below_folders),
		T(import_reads_standard_input_and_pipes),
		T(import_says_what_another_tool_must_do),
		T(strace_of_a_runtime_is_partial),
		T(falco_containers_are_found_by_name_and_short_id),
		T(strace_files_of_ff_are_read_by_number),
	};

	return cmocka_run_group_tests_name("unusual", tests, NULL, NULL);
}
