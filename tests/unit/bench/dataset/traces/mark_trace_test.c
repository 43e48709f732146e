/* SPDX-License-Identifier: Apache-2.0 */
/* Marks of an attack in a trace: where they are put, and which operations a pattern finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "bench/dataset/traces/mark_trace.h"
#include "lib/base/file.h"
#include "lib/trace/trace.h"
#include "lutra/object_token.h"
#include "tests/support/scratch.h"

#define SEC 1000000000ull

struct fixture {
	struct trace_writer *w;
	struct attack attack;
	char *dir, *in, *out, *json;
};

static int mark_setup(void **state)
{
	char arch[] = "x86_64", none[] = "";
	const struct trace_meta meta = {none, none, none, none, arch, none, 0, 0, 0};
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = scratch_dir();
	f->in = scratch_path(f->dir, "in.ltr");
	f->out = scratch_path(f->dir, "out.ltr");
	f->json = scratch_path(f->dir, "attack.json");
	*state = f;
	return trace_writer_new(&f->w, f->in, &meta, NULL);
}

static int mark_teardown(void **state)
{
	struct fixture *f = *state;

	trace_writer_free(f->w);
	attack_done(&f->attack);
	scratch_remove(f->dir);
	free(f->in);
	free(f->out);
	free(f->json);
	free(f);
	return 0;
}

static int read_attack(struct fixture *f, const char *text, struct err *err)
{
	scratch_write(f->json, text, strlen(text));
	attack_done(&f->attack);
	return attack_read(&f->attack, f->json, err);
}

static void add_record(struct fixture *f, uint64_t ts_ns, struct lutra_record rec, const char *str)
{
	rec.ts_ns = ts_ns;
	rec.tid = rec.tgid = 7;
	assert_int_equal(trace_writer_add(f->w, &rec, str, str ? strlen(str) : 0), 0);
}

static void add_syscall(struct fixture *f, uint64_t ts_ns, uint16_t nr)
{
	add_record(f, ts_ns, (struct lutra_record){.type = LUTRA_RECORD_SYSCALL, .nr = nr}, NULL);
}

static struct lutra_record object_record(struct lutra_object o)
{
	struct lutra_record rec = {.type = LUTRA_RECORD_OBJECT};

	lutra_object_pack(&o, &rec);
	return rec;
}

static void add_open(struct fixture *f, uint64_t ts_ns, bool write, const char *path)
{
	add_record(f, ts_ns,
		   object_record((struct lutra_object){.op = LUTRA_OP_OPEN,
						       .mode = 0100644,
						       .flags = LUTRA_OBJ_PATH |
								(write ? LUTRA_OBJ_WRITE : 0)}),
		   path);
}

static struct lutra_object socket_object(uint8_t op, uint8_t family, const char *address,
					 uint16_t port)
{
	struct lutra_object o = {.op = op, .family = family, .port = port};

	assert_int_equal(inet_pton(family, address, o.addr), 1);
	return o;
}

static int close_and_mark(struct fixture *f, struct err *err)
{
	assert_int_equal(trace_writer_close(TAKE_PTR(f->w), 3, NULL), 0);
	return mark_trace(f->in, f->out, &f->attack, err);
}

/* Reads the marked trace as text: "ts type mark string" a record, times in seconds. */
static void assert_records(const struct fixture *f, const char *expected)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	char got[2048] = "";
	const char *str;
	size_t len, at = 0;

	assert_int_equal(trace_reader_new(&r, f->out, NULL), 0);
	while (trace_reader_next(r, &rec, &str, &len) > 0)
		at += (size_t)snprintf(got + at, sizeof(got) - at, "%llu %s %u %s\n",
				       (unsigned long long)(rec->ts_ns / SEC),
				       rec->type == LUTRA_RECORD_MARK ? "mark" : "event",
				       rec->type == LUTRA_RECORD_MARK ? rec->aux : rec->tid,
				       str ? str : "");
	assert_null(trace_reader_torn(r));
	assert_string_equal(got, expected);
}

static void mark_trace_puts_marks_in_the_order_of_time(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_attack(f,
				     "{\"name\": \"theft\", \"begin_ns\": 10000000000, \"end_ns\": "
				     "12000000000, \"harms\": [\"read /etc/sh*\", \"call mount\"]}",
				     NULL),
			 0);
	add_open(f, 9 * SEC, false, "/etc/shadow"); /* before the attack */
	add_open(f, 10 * SEC, false, "/etc/passwd");
	add_open(f, 11 * SEC, false, "/etc/shadow");
	add_open(f, 11 * SEC, true, "/etc/shadow"); /* no read */
	add_syscall(f, 13 * SEC, SYS_mount);	    /* in the 2 seconds after the end */
	add_syscall(f, 15 * SEC, SYS_mount);
	assert_int_equal(close_and_mark(f, NULL), 0);
	assert_records(f, "9 event 7 /etc/shadow\n"
			  "10 mark 1 theft\n"
			  "10 event 7 /etc/passwd\n"
			  "11 mark 3 read /etc/sh*\n"
			  "11 event 7 /etc/shadow\n"
			  "11 event 7 /etc/shadow\n"
			  "12 mark 2 \n"
			  "13 mark 3 call mount\n"
			  "13 event 7 \n"
			  "15 event 7 \n"
			  "15 mark 4 \n");
	assert_int_equal(f->attack.harm[0].marked, 1);
	assert_int_equal(f->attack.harm[1].marked, 1);
}

static void mark_trace_marks_no_more_than_its_limit(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_attack(f,
				     "{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 2, \"harms\": "
				     "[\"call read\", \"call write\"]}",
				     NULL),
			 0);
	for (unsigned i = 0; i < HARM_MARKS_MAX + 5; i++)
		add_syscall(f, 1, SYS_read);
	assert_int_equal(close_and_mark(f, NULL), 0);
	assert_int_equal(f->attack.harm[0].marked, HARM_MARKS_MAX);
	assert_int_equal(f->attack.harm[1].marked, 0);
}

/* A failure leaves no file behind. */
static void mark_trace_refuses_what_it_cannot_mark(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};

	assert_int_equal(
		read_attack(f, "{\"name\": \"a\", \"begin_ns\": 5, \"end_ns\": 6, \"harms\": []}",
			    NULL),
		0);
	add_syscall(f, 1, SYS_read);
	assert_int_equal(close_and_mark(f, &err), -ERANGE);
	assert_int_equal(access(f->out, F_OK), -1);
	f->attack.begin_ns = 1;
	assert_int_equal(mark_trace(f->in, f->out, &f->attack, &err), 0);
	assert_int_equal(mark_trace(f->in, f->out, &f->attack, &err), -EEXIST);
	unlink(f->in);
	assert_int_equal(mark_trace(f->out, f->in, &f->attack, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "has marks already"));
}

static void mark_trace_refuses_a_recording_that_did_not_end(void **state)
{
	struct fixture *f = *state;
	struct err err = {""};

	assert_int_equal(
		read_attack(f, "{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": []}",
			    NULL),
		0);
	add_syscall(f, 1, SYS_read);
	assert_int_equal(trace_writer_flush(f->w), 0);
	assert_int_equal(mark_trace(f->in, f->out, &f->attack, &err), -EBADMSG);
	assert_non_null(strstr(err.msg, "did not end"));
}

static void harm_finds_operations_by_word_and_pattern(void **state)
{
	static const struct {
		const char *harm;
		struct lutra_object object;
		const char *path;
		bool found;
	} cases[] = {
		{"read *", {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH}, "/a/b", true},
		{"write *",
		 {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE},
		 "/a/b",
		 true},
		{"write *", {.op = LUTRA_OP_OPEN, .flags = LUTRA_OBJ_PATH}, "/a/b", false},
		{"exec /tmp/*", {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH}, "/tmp/x/y", true},
		{"exec /tmp/*", {.op = LUTRA_OP_EXEC, .flags = LUTRA_OBJ_PATH}, "/usr/x", false},
		{"rename /a", {.op = LUTRA_OP_RENAME_FROM, .flags = LUTRA_OBJ_PATH}, "/a", true},
		{"rename /a", {.op = LUTRA_OP_RENAME_TO, .flags = LUTRA_OBJ_PATH}, "/a", true},
		{"link /a", {.op = LUTRA_OP_LINK_TO, .flags = LUTRA_OBJ_PATH}, "/a", true},
		{"unlink /a", {.op = LUTRA_OP_UNLINK, .flags = LUTRA_OBJ_PATH}, "/a", true},
		{"call unlink", {.op = LUTRA_OP_UNLINK, .flags = LUTRA_OBJ_PATH}, "/a", false},
		{"connect /run/*",
		 {.op = LUTRA_OP_CONNECT, .flags = LUTRA_OBJ_PATH, .family = LUTRA_AF_UNIX},
		 "/run/s",
		 true},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lutra_record rec = object_record(cases[i].object);
		char json[256];

		snprintf(json, sizeof(json),
			 "{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": [\"%s\"]}",
			 cases[i].harm);
		assert_int_equal(read_attack(f, json, NULL), 0);
		assert_int_equal(harm_matches(f->attack.harm, "x86_64", &rec, cases[i].path),
				 cases[i].found);
	}
}

static void harm_finds_sockets_by_address_and_port(void **state)
{
	struct fixture *f = *state;
	struct lutra_record v4 = object_record(socket_object(LUTRA_OP_CONNECT, LUTRA_AF_INET,
							     "10.88.0.1", 4444)),
			    v6 = object_record(
				    socket_object(LUTRA_OP_CONNECT, LUTRA_AF_INET6, "::1", 80)),
			    mapped = object_record(socket_object(LUTRA_OP_CONNECT, LUTRA_AF_INET6,
								 "::ffff:10.88.0.1", 4444)),
			    any = object_record(
				    socket_object(LUTRA_OP_BIND, LUTRA_AF_INET6, "::", 81));

	assert_int_equal(read_attack(f,
				     "{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": "
				     "[\"connect 10.88.0.1:4444\", \"connect ?::1?:80\", "
				     "\"bind ?::?:81\"]}",
				     NULL),
			 0);
	assert_true(harm_matches(&f->attack.harm[0], "x86_64", &v4, NULL));
	assert_true(harm_matches(&f->attack.harm[0], "x86_64", &mapped, NULL));
	assert_false(harm_matches(&f->attack.harm[0], "x86_64", &v6, NULL));
	assert_true(harm_matches(&f->attack.harm[1], "x86_64", &v6, NULL));
	assert_true(harm_matches(&f->attack.harm[2], "x86_64", &any, NULL));
}

static void attack_refuses_a_file_that_is_none(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"{", -EBADMSG},
		{"{\"name\": \"a\"}", -EBADMSG},
		{"{\"name\": \"a\", \"begin_ns\": 2, \"end_ns\": 1, \"harms\": []}", -EBADMSG},
		{"{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": [1]}", -EBADMSG},
		{"{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": [\"read\"]}",
		 -EBADMSG},
		{"{\"name\": \"a\", \"begin_ns\": 1, \"end_ns\": 1, \"harms\": [\"eat /x\"]}",
		 -EINVAL},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {""};

		assert_int_equal(read_attack(f, cases[i].text, &err), cases[i].r);
		assert_true(strlen(err.msg) > 0);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, mark_setup, mark_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mark_trace_puts_marks_in_the_order_of_time),
		TEST(mark_trace_marks_no_more_than_its_limit),
		TEST(mark_trace_refuses_what_it_cannot_mark),
		TEST(mark_trace_refuses_a_recording_that_did_not_end),
		TEST(harm_finds_operations_by_word_and_pattern),
		TEST(harm_finds_sockets_by_address_and_port),
		TEST(attack_refuses_a_file_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
