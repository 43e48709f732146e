/* SPDX-License-Identifier: Apache-2.0 */
/* Columns: any records come back as they were, and no frame is believed that does not add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"
#include "lib/trace/trace_columns.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

struct fixture {
	char *dir;
	char *path;
};

static int trace_columns_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = scratch_dir();
	f->path = scratch_path(f->dir, "a.ltr");
	*state = f;
	return 0;
}

static int trace_columns_teardown(void **state)
{
	struct fixture *f = *state;

	free(f->path);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

/* How many of each there are: what decides how a column is stored. */
struct shape {
	uint32_t tasks, heads, args, strings;
	uint64_t gap_ns;
	bool backwards;
};

static struct lutra_record make_record(const struct shape *s, uint64_t *rng, uint64_t *ts_ns,
				       uint32_t *ret_string)
{
	uint32_t task = (uint32_t)(sample_random(rng) % s->tasks);
	uint64_t head = sample_random(rng) % s->heads, gap = sample_random(rng) % s->gap_ns;

	*ts_ns += s->backwards && sample_random(rng) % 64 == 0 ? -gap : gap;
	*ret_string = LUTRA_NO_STRING;
	if (s->strings && head % 3 == 0)
		*ret_string = (uint32_t)(sample_random(rng) % s->strings);
	return (struct lutra_record){.ts_ns = *ts_ns,
				     .arg = sample_random(rng) % s->args * 0x0123456789abcdefull,
				     .tid = 1000 + task,
				     .tgid = 1000 + task / 3,
				     .type = (uint16_t)(head % LUTRA_RECORD_MARK),
				     .nr = (uint16_t)head,
				     .aux = (uint16_t)(head >> 3),
				     .pad = (uint16_t)(head >> 12)};
}

static void write_shape(const char *path, const struct shape *s, unsigned n)
{
	const struct trace_meta meta = {.arch = NULL};
	struct trace_writer *w;
	uint64_t rng = 7, ts_ns = 5;

	unlink(path);
	assert_int_equal(trace_writer_new(&w, path, &meta, NULL), 0);
	for (unsigned i = 0; i < n; i++) {
		uint32_t string;
		struct lutra_record rec = make_record(s, &rng, &ts_ns, &string);
		char str[32];
		int len = snprintf(str, sizeof(str), "/srv/%u", string);
		bool none = string == LUTRA_NO_STRING;

		assert_int_equal(
			trace_writer_add(w, &rec, none ? NULL : str, none ? 0 : (size_t)len), 0);
	}
	assert_int_equal(trace_writer_close(w, 3, NULL), 0);
}

static void check_record(const struct shape *s, uint64_t *rng, uint64_t *ts_ns,
			 const struct trace_block *b, size_t i)
{
	uint32_t string;
	struct lutra_record want = make_record(s, rng, ts_ns, &string);
	char str[32];
	size_t len;
	const char *got = trace_block_string(b, i, &len);

	assert_memory_equal(&b->rec[i], &want, sizeof(want));
	if (string == LUTRA_NO_STRING) {
		assert_null(got);
		return;
	}
	snprintf(str, sizeof(str), "/srv/%u", string);
	assert_string_equal(got, str);
	assert_int_equal(len, strlen(str));
}

static void trace_columns_give_back_any_records(void **state)
{
	static const struct shape shapes[] = {
		{1, 1, 1, 0, 2000, false},
		{16, 90, 3, 40, 5000, false},
		{256, 256, 1, 0, 1 << 20, false},
		{257, 257, 1, 300, 1 << 24, true},
		{70000, 65536, 1u << 30, 70000, 1ull << 40, true},
		{3, 7, 1u << 30, 12, UINT64_MAX, true},
	};
	struct fixture *f = *state;

	for (size_t k = 0; k < sizeof(shapes) / sizeof(shapes[0]); k++) {
		_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
		const unsigned n = TRACE_CHUNK_RECORDS + 4000;
		uint64_t rng = 7, ts_ns = 5;
		struct trace_block b;
		unsigned done = 0;

		write_shape(f->path, &shapes[k], n);
		assert_int_equal(trace_reader_new(&r, f->path, NULL), 0);
		while (trace_reader_block(r, &b) == 1) {
			for (size_t i = 0; i < b.n && done < n; i++, done++)
				check_record(&shapes[k], &rng, &ts_ns, &b, i);
		}
		assert_int_equal(done, n);
		assert_null(trace_reader_torn(r));
	}
}

static void trace_block_goes_on_where_next_stopped(void **state)
{
	static const struct shape shape = {5, 20, 9, 6, 1000, false};
	struct fixture *f = *state;
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	uint64_t rng = 7, ts_ns = 5;
	struct trace_block b;
	const char *str;
	unsigned done = 0;
	uint32_t string;
	size_t len;

	write_shape(f->path, &shape, 3000);
	assert_int_equal(trace_reader_new(&r, f->path, NULL), 0);
	while (done < 3000) {
		for (int i = 0; i < 5 && done < 3000; i++, done++) {
			struct lutra_record want = make_record(&shape, &rng, &ts_ns, &string);

			assert_int_equal(trace_reader_next(r, &rec, &str, &len), 1);
			assert_memory_equal(rec, &want, sizeof(want));
			assert_int_equal(str == NULL, string == LUTRA_NO_STRING);
		}
		if (done == 3000 || trace_reader_block(r, &b) != 1)
			break;
		for (size_t i = 0; i < b.n && done < 3000; i++, done++)
			check_record(&shape, &rng, &ts_ns, &b, i);
	}
	assert_int_equal(done, 3000);
}

/*
 * A chunk of one record, of one task and one event, with its time and one string: what is added to
 * each number of its frame. With none of it, it is right.
 */
struct forged {
	uint32_t tasks, events, open, details, times, records;
	uint32_t string, detail_string;
	uint16_t type, string_len;
	uint8_t task, event, high; /* planes; high: of the time */
	int cut;		   /* bytes less at the end, or more */
};

static size_t put_frame(const struct forged *c, uint8_t raw[static 256])
{
	struct bytes_out out = {.data = raw, .size = 256};

	memset(raw, 0, 256);
	bytes_put_u32(&out, 1 + c->tasks);
	bytes_put_u32(&out, 1 + c->events);
	bytes_put_u32(&out, c->open);
	bytes_put_u32(&out, c->details);
	bytes_put_u32(&out, 1 + c->times);
	bytes_put_u64(&out, 7); /* the task */
	bytes_put_u64(&out, 0); /* the event's argument */
	bytes_put_u16(&out, c->type);
	out.len += 6;
	bytes_put_u32(&out, c->string);
	out.len += 2;
	bytes_put_u8(&out, (uint8_t)(TRACE_TIME_WHOLE + c->high));
	bytes_put_u8(&out, c->task);
	bytes_put_u8(&out, c->event);
	if (c->details == 1) {
		out.len += 8;
		bytes_put_u32(&out, c->detail_string);
	}
	if (c->times == 0)
		bytes_put_u64(&out, 1000);
	bytes_put_u16(&out, (uint16_t)(2 + c->string_len));
	bytes_put(&out, "ab", 2);
	return out.len - (size_t)c->cut;
}

static void put_trace(const char *path, const struct forged *c)
{
	static const char json[] = "{\"image\":\"\",\"container_id\":\"\",\"host\":\"\","
				   "\"kernel\":\"\",\"arch\":\"x86_64\",\"source\":\"lsm\","
				   "\"start_realtime_ns\":1,\"start_monotonic_ns\":1,\"ops\":[]}";
	uint8_t raw[256], packed[512], buf[1024];
	struct bytes_out out = {.data = buf, .size = sizeof(buf)};
	size_t len = put_frame(c, raw), n = ZSTD_compress(packed, sizeof(packed), raw, len, 1);
	size_t start;

	assert_false(ZSTD_isError(n));
	bytes_put(&out, TRACE_MAGIC, 4);
	bytes_put_u32(&out, TRACE_FORMAT_VERSION);
	bytes_put_u32(&out, sizeof(json) - 1);
	bytes_put_u32(&out, (uint32_t)crc32(0, (const Bytef *)json, sizeof(json) - 1));
	bytes_put(&out, json, sizeof(json) - 1);
	start = out.len;
	bytes_put(&out, TRACE_CHUNK_MAGIC, 4);
	bytes_put_u32(&out, 1 + c->records);
	bytes_put_u32(&out, (uint32_t)len);
	bytes_put_u32(&out, 1);
	bytes_put_u32(&out, (uint32_t)n);
	bytes_put_u32(&out, (uint32_t)crc32(crc32(0, buf + start, 20), packed, (uInt)n));
	bytes_put(&out, packed, n);
	assert_false(out.failed);
	unlink(path);
	assert_int_equal(file_create(AT_FDCWD, path, 0600, buf, out.len), 0);
}

static unsigned read_forged(const char *path, const struct forged *c, struct lutra_record *ret)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	struct trace_block b;
	unsigned n = 0;

	put_trace(path, c);
	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	while (trace_reader_block(r, &b) == 1) {
		*ret = b.rec[0];
		n += (unsigned)b.n;
	}
	assert_non_null(trace_reader_torn(r));
	return n;
}

static void trace_columns_that_do_not_add_up_are_refused(void **state)
{
	static const struct forged cases[] = {
		{.records = 1},
		{.records = 59},
		{.records = TRACE_CHUNK_RECORDS},
		{.records = -1u},
		{.tasks = -1u},
		{.tasks = 1},
		{.tasks = -2u},
		{.task = 1},
		{.task = 255},
		{.events = -1u},
		{.events = -2u},
		{.event = 1},
		{.open = 1},
		{.open = 2},
		{.open = -1u},
		{.details = 1},
		{.details = -1u},
		{.open = 1, .details = 1, .detail_string = 1},
		{.open = 1, .details = 1, .string = 1},
		{.times = -1u},
		{.times = -2u},
		{.high = 254},
		{.string = 1},
		{.string = 0xfffffffe},
		{.type = LUTRA_RECORD_COUNT},
		{.type = 0xffff},
		{.string_len = 1},
		{.string_len = 0xffff},
		{.string_len = 0xfff0},
		{.cut = 1},
		{.cut = 5},
		{.cut = 30},
		{.cut = 60},
		{.cut = -1},
	};
	static const struct forged right[] = {
		{.tasks = 0},
		{.string = LUTRA_NO_STRING},
		{.open = 1, .details = 1},
		{.open = 1, .details = 1, .detail_string = LUTRA_NO_STRING},
	};
	struct fixture *f = *state;
	struct lutra_record rec = {};

	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(read_forged(f->path, &right[i], &rec), 1);
		assert_int_equal(rec.tid, 7);
		assert_int_equal(rec.ts_ns, 1000);
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_forged(f->path, &cases[i], &rec), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, trace_columns_setup, trace_columns_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(trace_columns_give_back_any_records),
		T(trace_block_goes_on_where_next_stopped),
		T(trace_columns_that_do_not_add_up_are_refused),
	};

	return cmocka_run_group_tests_name("trace_columns", tests, NULL, NULL);
}
