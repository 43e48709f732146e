/* SPDX-License-Identifier: Apache-2.0 */
/* Recordings of other tools: what they become, and what is said of bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <zstd.h>

#include "tests/unit/sample.h"
#include "user/import/import.h"

struct raw {
	uint64_t ts;
	uint32_t tid, tgid;
	uint16_t nr, type;
	uint32_t aux;
	uint64_t arg;
};

static const char strings[] = "\n/usr/bin/app\n/srv/new.part\n@bus\n";
static const char labels[] = "{\"events\": [[\"attack\", 60], [\"attack_end\", 90]], "
			     "\"label\": {\"onset\": 65, \"root\": 8, \"harm\": [[\"exec\", 70]]}}";

/* In the file, the last two are not in the order of their times. */
static const struct raw records[] = {
	{10, 7, 7, 0, 2, 0, 0},
	{11, 7, 7, 59, 6, 1, 0x81ed0000ull | 1 << 8 | 2},    /* exec, unlinked */
	{12, 7, 7, 257, 0, 0, 0x241},			     /* openat */
	{13, 7, 7, 257, 6, 2, 0x81a40000ull | 10 << 8 | 1},  /* open, write and create */
	{14, 7, 7, 257, 6, 2, 0x81a40000ull | 128 << 8 | 1}, /* O_PATH */
	{15, 7, 7, 1, 1, 8, 0},				     /* thread 8 */
	{16, 8, 7, 42, 6, 0, 0x0100007full << 32 | 80 << 16 | 2 << 8 | 5}, /* connect */
	{17, 8, 7, 42, 6, 3, 1 << 8 | 5},				   /* to @bus */
	{18, 8, 7, 10, 0, 0, 6},					   /* mprotect, W and X */
	{19, 8, 7, 87, 6, 2, 2ull << 56 | 10},				   /* unlink: ENOENT */
	{20, 8, 7, 87, 6, 2, 13ull << 56 | 10},				   /* unlink: EACCES */
	{80, 8, 7, 0, 3, 0, 0},
	{21, 8, 7, 0, 0, 0, 0},
};

struct fixture {
	char *dir, *raw, *str, *json, *out;
};

static void write_packed(const char *path, const void *data, size_t size)
{
	char packed[8192];
	size_t n = ZSTD_compress(packed, sizeof(packed), data, size, 1);

	assert_false(ZSTD_isError(n));
	sample_write(path, packed, n);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->dir = sample_dir();
	f->raw = sample_path(f->dir, "app.a_x1.raw.zst");
	f->str = sample_path(f->dir, "app.a_x1.raw.str.zst");
	f->json = sample_path(f->dir, "app.a_x1.json");
	f->out = sample_path(f->dir, "x.ltr");
	write_packed(f->raw, records, sizeof(records));
	write_packed(f->str, strings, sizeof(strings) - 1);
	sample_write(f->json, labels, sizeof(labels) - 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sample_remove(f->dir);
	free(f->raw);
	free(f->str);
	free(f->json);
	free(f->out);
	free(f);
	return 0;
}

static int import_run(const char *path, const char *output, struct err *err)
{
	const struct import_options o = {&path, 1, output, "", NULL, NULL};
	struct import_result result;

	return import_services(&o, &result, err);
}

static void import_services_gives_what_hooks_would_see(void **state)
{
	static const struct {
		uint64_t ts;
		int type, op, flags;
		const char *str;
	} expected[] = {
		{10, LUTRA_RECORD_EXEC, 0, 0, NULL},
		{11, LUTRA_RECORD_OBJECT, LUTRA_OP_EXEC, LUTRA_OBJ_PATH | LUTRA_OBJ_FRESH,
		 "/usr/bin/app"},
		{12, LUTRA_RECORD_SYSCALL, 0, 0, NULL},
		{13, LUTRA_RECORD_OBJECT, LUTRA_OP_OPEN, LUTRA_OBJ_PATH | LUTRA_OBJ_WRITE,
		 "/srv/new.part"},
		{15, LUTRA_RECORD_FORK, 0, 0, NULL},
		{16, LUTRA_RECORD_OBJECT, LUTRA_OP_CONNECT, 0, NULL},
		{17, LUTRA_RECORD_OBJECT, LUTRA_OP_CONNECT, LUTRA_OBJ_PATH, "//@bus"},
		{18, LUTRA_RECORD_SYSCALL, 0, 0, NULL},
		{18, LUTRA_RECORD_OBJECT, LUTRA_OP_WX, 0, NULL},
		{20, LUTRA_RECORD_OBJECT, LUTRA_OP_UNLINK, LUTRA_OBJ_PATH, "/srv/new.part"},
		{21, LUTRA_RECORD_SYSCALL, 0, 0, NULL},
		{65, LUTRA_RECORD_MARK, 0, 0, NULL},
		{70, LUTRA_RECORD_MARK, 0, 0, "exec"},
		{80, LUTRA_RECORD_EXIT, 0, 0, NULL},
		{90, LUTRA_RECORD_MARK, 0, 0, NULL},
	};
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	struct fixture *f = *state;
	const struct lutra_record *rec;
	struct lutra_object o;
	const char *str;
	size_t len;

	assert_int_equal(import_run(f->raw, f->out, NULL), 0);
	assert_int_equal(trace_reader_new(&r, f->out, NULL), 0);
	assert_string_equal(trace_reader_meta(r)->image, "app");
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_int_equal(trace_reader_next(r, &rec, &str, &len), 1);
		assert_int_equal(rec->ts_ns, expected[i].ts);
		assert_int_equal(rec->type, expected[i].type);
		if (rec->type == LUTRA_RECORD_OBJECT) {
			lutra_object_unpack(rec, &o);
			assert_int_equal(o.op, expected[i].op);
			assert_int_equal(o.flags, expected[i].flags);
		}
		if (expected[i].str)
			assert_string_equal(str, expected[i].str);
		else
			assert_null(str);
	}
	assert_int_equal(trace_reader_next(r, &rec, &str, &len), 1);
	assert_int_equal(rec->aux, LUTRA_MARK_END);
}

/* A refusal names the file, is one line, and leaves no trace behind. */
static void assert_refused(const struct fixture *f, int code, const char *why)
{
	struct err err = {""};

	assert_int_equal(import_run(f->raw, f->out, &err), code);
	assert_non_null(strstr(err.msg, why));
	assert_null(strchr(err.msg, '\n'));
	assert_int_equal(access(f->out, F_OK), -1);
}

static void import_services_refuses_bad_files(void **state)
{
	struct raw bad[] = {records[0], records[1]};
	struct fixture *f = *state;

	write_packed(f->raw, records, sizeof(records) - 5);
	assert_refused(f, -EBADMSG, "byte 384: half a record");
	bad[1].type = 7;
	write_packed(f->raw, bad, sizeof(bad));
	assert_refused(f, -EBADMSG, "record 1: unknown type 7");
	sample_write(f->raw, "not zstd at all", 15);
	assert_refused(f, -EBADMSG, "app.a_x1.raw.zst");
	write_packed(f->raw, records, sizeof(records));
	assert_int_equal(truncate(f->raw, 40), 0);
	assert_refused(f, -EBADMSG, "cut off");
	assert_int_equal(unlink(f->raw), 0);
	assert_refused(f, -ENOENT, "app.a_x1.raw.zst");
}

static void import_services_refuses_bad_labels(void **state)
{
	static const char *const bad[] = {"{\"label\": {\"onset\": 5}}", "{\"label\": ", "[]x"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		sample_write(f->json, bad[i], strlen(bad[i]));
		assert_refused(f, -EBADMSG, "app.a_x1.json");
	}
	assert_int_equal(unlink(f->str), 0);
	assert_refused(f, -ENOENT, "raw.str.zst");
}

static void import_services_keeps_an_existing_trace(void **state)
{
	struct fixture *f = *state;

	sample_write(f->out, "mine", 4);
	assert_int_equal(import_run(f->raw, f->out, NULL), -EEXIST);
	assert_int_equal(access(f->out, F_OK), 0);
}

static void import_services_takes_no_other_name(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(import_run(f->json, f->out, NULL), -EINVAL);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(import_services_gives_what_hooks_would_see),
		T(import_services_refuses_bad_files),
		T(import_services_refuses_bad_labels),
		T(import_services_keeps_an_existing_trace),
		T(import_services_takes_no_other_name),
	};

	return cmocka_run_group_tests_name("import", tests, NULL, NULL);
}
