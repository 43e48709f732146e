/* SPDX-License-Identifier: Apache-2.0 */
/* Traces: what was written is read back, and of a damaged file only what is whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"
#include "lib/trace/trace_columns.h"
#include "tests/support/sample.h"
#include "tests/support/scratch.h"

#define CHUNK 40    /* records in each of the sample's chunks */
#define RECORDS 121 /* three chunks and the end mark */

struct fixture {
	char *dir;
	char *path;
	char *data; /* of the sample */
	size_t len;
};

static struct trace_meta sample_meta(void)
{
	return (struct trace_meta){.image = strdup("example.org/shop:1"),
				   .container_id = strdup("c0ffee"),
				   .host = strdup("host"),
				   .kernel = strdup("6.12.0"),
				   .arch = strdup("x86_64"),
				   .source = strdup("lsm"),
				   .start_realtime_ns = 1700000000000000000,
				   .start_monotonic_ns = 12345,
				   .ops = 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC};
}

static struct lutra_record nth_record(unsigned i)
{
	return (struct lutra_record){
		.ts_ns = 1000ull + i,
		.arg = 0x0123456789abcdefull * i,
		.tid = i % 7,
		.tgid = 3,
		.type = (uint16_t)(i % 3 ? LUTRA_RECORD_SYSCALL : LUTRA_RECORD_OBJECT),
		.nr = (uint16_t)i,
		.aux = 5};
}

static size_t nth_string(unsigned i, char buf[64])
{
	return (size_t)snprintf(buf, 64, "/srv/%u", i % 10);
}

static struct trace_writer *open_writer(const char *path)
{
	struct trace_meta m = sample_meta();
	struct trace_writer *w;

	assert_int_equal(trace_writer_new(&w, path, &m, NULL), 0);
	trace_meta_done(&m);
	return w;
}

static void add_record(struct trace_writer *w, unsigned i)
{
	struct lutra_record rec = nth_record(i);
	char s[64];
	size_t n = nth_string(i, s);

	assert_int_equal(trace_writer_add(w, &rec, i % 3 ? NULL : s, i % 3 ? 0 : n), 0);
}

static int trace_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct trace_writer *w;

	f->dir = scratch_dir();
	f->path = scratch_path(f->dir, "a.ltr");
	w = open_writer(f->path);
	for (unsigned i = 0; i < RECORDS - 1; i++) {
		add_record(w, i);
		if (i % CHUNK == CHUNK - 1)
			assert_int_equal(trace_writer_flush(w), 0);
	}
	assert_int_equal(trace_writer_close(w, 17, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, f->path, 1 << 20, &f->data, &f->len, NULL), 0);
	*state = f;
	return 0;
}

static int trace_teardown(void **state)
{
	struct fixture *f = *state;

	free(f->path);
	free(f->data);
	scratch_remove(f->dir);
	free(f);
	return 0;
}

static void write_trace(const struct fixture *f, const void *data, size_t len)
{
	unlink(f->path);
	assert_int_equal(file_create(AT_FDCWD, f->path, 0600, data, len), 0);
}

/*
 * Read all: how many records, each of which must be the sample's. -errno if it cannot be opened.
 */
static int read_all(const char *path, bool *ret_torn)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	struct err err = {};
	const char *s;
	size_t len;
	int n = 0, e;

	e = trace_reader_new(&r, path, &err);
	if (e < 0) {
		assert_int_not_equal(err.msg[0], '\0');
		assert_null(strchr(err.msg, '\n'));
		return e;
	}
	while ((e = trace_reader_next(r, &rec, &s, &len)) == 1) {
		struct lutra_record want = nth_record((unsigned)n);
		char want_s[64];
		size_t want_len = nth_string((unsigned)n, want_s);

		if (n == RECORDS - 1) {
			want = (struct lutra_record){.ts_ns = want.ts_ns - 1,
						     .arg = 17,
						     .type = LUTRA_RECORD_MARK,
						     .aux = LUTRA_MARK_END};
			want_len = 0;
		}
		assert_memory_equal(rec, &want, sizeof(want));
		if (want.type != LUTRA_RECORD_OBJECT) {
			assert_null(s);
		} else {
			assert_int_equal(len, want_len);
			assert_string_equal(s, want_s);
		}
		n++;
	}
	assert_int_equal(e, 0);
	*ret_torn = trace_reader_torn(r) != NULL;
	assert_int_equal(trace_reader_next(r, &rec, &s, &len), 0);
	return n;
}

static void trace_read_gives_what_was_written(void **state)
{
	struct fixture *f = *state;
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct trace_meta *m;
	bool torn;

	assert_int_equal(read_all(f->path, &torn), RECORDS);
	assert_false(torn);
	assert_int_equal(trace_reader_new(&r, f->path, NULL), 0);
	m = trace_reader_meta(r);
	assert_string_equal(m->image, "example.org/shop:1");
	assert_string_equal(m->container_id, "c0ffee");
	assert_string_equal(m->source, "lsm");
	assert_int_equal(m->start_realtime_ns, 1700000000000000000);
	assert_int_equal(m->start_monotonic_ns, 12345);
	assert_int_equal(m->ops, 1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC);
}

static void trace_writer_new_on_an_existing_file_is_eexist(void **state)
{
	struct fixture *f = *state;
	struct trace_meta m = sample_meta();
	struct trace_writer *w;
	struct err err;
	bool torn;

	assert_int_equal(trace_writer_new(&w, f->path, &m, &err), -EEXIST);
	trace_meta_done(&m);
	assert_int_equal(read_all(f->path, &torn), RECORDS);
}

/* The writer of a process that ended; what it wrote after the last known flush is cut off. */
static void trace_writer_append_goes_on_after_a_flush(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "b.ltr"), *data = NULL;
	struct trace_writer *w = open_writer(path);
	uint64_t bytes;
	size_t len;

	for (unsigned i = 0; i < CHUNK; i++)
		add_record(w, i);
	assert_int_equal(trace_writer_flush(w), 0);
	bytes = trace_writer_bytes(w);
	add_record(w, 99);
	assert_int_equal(trace_writer_flush(w), 0);
	trace_writer_free(w);
	assert_int_equal(trace_writer_append(&w, path, bytes, 1000, NULL), 0);
	assert_int_equal(trace_writer_bytes(w), bytes);
	for (unsigned i = CHUNK; i < RECORDS - 1; i++) {
		add_record(w, i);
		if (i % CHUNK == CHUNK - 1)
			assert_int_equal(trace_writer_flush(w), 0);
	}
	assert_int_equal(trace_writer_close(w, 17, NULL), 0);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &data, &len, NULL), 0);
	assert_int_equal(len, f->len);
	assert_memory_equal(data, f->data, len);
}

static void trace_writer_append_ends_a_trace_with_the_last_time(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "b.ltr");
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	struct trace_writer *w = open_writer(path);
	const uint64_t bytes = trace_writer_bytes(w);
	const struct lutra_record *rec;
	const char *str;
	size_t len;

	trace_writer_free(w);
	assert_int_equal(trace_writer_append(&w, path, bytes, 1000, NULL), 0);
	assert_int_equal(trace_writer_close(w, 3, NULL), 0);
	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	assert_int_equal(trace_reader_next(r, &rec, &str, &len), 1);
	assert_int_equal(rec->type, LUTRA_RECORD_MARK);
	assert_int_equal(rec->arg, 3);
	assert_int_equal(rec->ts_ns, 1000);
}

static void trace_writer_append_to_a_file_that_is_too_short_is_ebadmsg(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *data = NULL;
	struct trace_writer *w;
	struct err err;
	size_t len;

	assert_int_equal(trace_writer_append(&w, f->path, f->len + 1, 0, &err), -EBADMSG);
	assert_int_equal(file_read(AT_FDCWD, f->path, 1 << 20, &data, &len, NULL), 0);
	assert_int_equal(len, f->len);
	assert_int_equal(trace_writer_append(&w, f->dir, 0, 0, &err), -EISDIR);
}

static void trace_read_truncated_keeps_whole_chunks(void **state)
{
	struct fixture *f = *state;
	int last = 0;

	for (size_t n = 0; n < f->len; n++) {
		bool torn = false;
		int got;

		write_trace(f, f->data, n);
		got = read_all(f->path, &torn);
		if (got < 0) {
			assert_int_equal(got, -EBADMSG);
			continue;
		}
		assert_true(torn);
		assert_int_equal(got % CHUNK, 0);
		assert_true(got >= last);
		last = got;
	}
	assert_int_equal(last, RECORDS - 1);
}

static void trace_read_with_flipped_bits_gives_no_wrong_record(void **state)
{
	struct fixture *f = *state;
	uint64_t rng = 3;

	for (int i = 0; i < 2000; i++) {
		size_t at = sample_random(&rng) % (8 * f->len);
		bool torn = false;
		int got;

		f->data[at / 8] ^= (char)(1 << at % 8);
		write_trace(f, f->data, f->len);
		f->data[at / 8] ^= (char)(1 << at % 8);
		got = read_all(f->path, &torn);
		if (got < 0)
			assert_int_equal(got, -EBADMSG);
		else
			assert_true(torn && got < RECORDS);
	}
}

static void trace_reader_new_refuses_what_is_no_trace(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *none = scratch_path(f->dir, "none");
	_cleanup_free_ char *fifo = scratch_path(f->dir, "fifo");
	bool torn;

	assert_int_equal(read_all(none, &torn), -ENOENT);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(read_all(fifo, &torn), -EBADMSG);
	assert_int_equal(read_all(f->dir, &torn), -EBADMSG);
	write_trace(f, "\177ELF and more than sixteen bytes", 32);
	assert_int_equal(read_all(f->path, &torn), -EBADMSG);
	write_trace(f, "", 0);
	assert_int_equal(read_all(f->path, &torn), -EBADMSG);
}

static void put_header(struct bytes_out *out, uint32_t version, uint32_t len, const char *json)
{
	bytes_put(out, TRACE_MAGIC, 4);
	bytes_put_u32(out, version);
	bytes_put_u32(out, len);
	bytes_put_u32(out, (uint32_t)crc32(0, (const Bytef *)json, (uInt)strlen(json)));
	bytes_put(out, json, strlen(json));
}

#define GOOD_JSON                                                                                  \
	"{\"image\":\"\",\"container_id\":\"\",\"host\":\"\",\"kernel\":\"\",\"arch\":\"x86_64\"," \
	"\"source\":\"lsm\",\"start_realtime_ns\":1,\"start_monotonic_ns\":1,\"ops\":[]}"

static void trace_reader_new_refuses_bad_headers(void **state)
{
	static const struct {
		uint32_t version, extra;
		const char *json;
	} cases[] = {
		{TRACE_FORMAT_VERSION + 1, 0, GOOD_JSON},
		{0, 0, GOOD_JSON},
		{TRACE_FORMAT_VERSION - 1, 0, GOOD_JSON},
		{TRACE_FORMAT_VERSION, 0x7fffffff, GOOD_JSON},
		{TRACE_FORMAT_VERSION, 0, ""},
		{TRACE_FORMAT_VERSION, 0, "[1]"},
		{TRACE_FORMAT_VERSION, 0, "{\"image\":\"\"}"},
		{TRACE_FORMAT_VERSION, 0,
		 "{\"image\":\"\",\"container_id\":\"\",\"host\":\"\",\"kernel\":\"\","
		 "\"arch\":\"\",\"source\":\"\",\"start_realtime_ns\":1,"
		 "\"start_monotonic_ns\":1,\"ops\":[],\"extra\":1}"},
		{TRACE_FORMAT_VERSION, 0,
		 "{\"image\":\"\",\"container_id\":\"\",\"host\":\"\",\"kernel\":\"\","
		 "\"arch\":\"\",\"source\":\"\",\"start_realtime_ns\":-1,"
		 "\"start_monotonic_ns\":1,\"ops\":[\"fly\"]}"},
	};
	struct fixture *f = *state;
	uint8_t buf[1024];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes_out out = {.data = buf, .size = sizeof(buf)};
		bool torn;

		put_header(&out, cases[i].version, (uint32_t)strlen(cases[i].json) + cases[i].extra,
			   cases[i].json);
		write_trace(f, buf, out.len);
		assert_int_equal(read_all(f->path, &torn), -EBADMSG);
	}
}

/* A chunk of one record whose sums are right, whatever its numbers say. */
struct forged {
	uint32_t records, raw_add, strings, packed_add;
	uint16_t type;
	uint32_t number;
	const char *raw_strings;
	size_t raw_len;
};

static void put_chunk(struct bytes_out *out, const struct forged *c)
{
	static const uint8_t zeroes[16] = {};
	uint8_t raw[256] = {}, packed[512];
	struct bytes_out r = {.data = raw, .size = sizeof(raw)};
	size_t start = out->len, n;
	uint32_t crc;

	bytes_put_u32(&r, 1); /* tasks */
	bytes_put_u32(&r, 1); /* events */
	bytes_put(&r, zeroes, 12);
	bytes_put(&r, zeroes, TRACE_TASK_BYTES);
	bytes_put(&r, zeroes, 8); /* the event's argument */
	bytes_put_u16(&r, c->type);
	bytes_put(&r, zeroes, 6);
	bytes_put_u32(&r, c->number);
	bytes_put(&r, zeroes, 5); /* planes of time, task and event */
	bytes_put(&r, c->raw_strings, c->raw_len);
	n = ZSTD_compress(packed, sizeof(packed), raw, r.len, 1);
	assert_false(ZSTD_isError(n));
	bytes_put(out, TRACE_CHUNK_MAGIC, 4);
	bytes_put_u32(out, c->records);
	bytes_put_u32(out, (uint32_t)r.len + c->raw_add);
	bytes_put_u32(out, c->strings);
	bytes_put_u32(out, (uint32_t)n + c->packed_add);
	crc = (uint32_t)crc32(0, out->data + start, 20);
	crc = (uint32_t)crc32(crc, packed, (uInt)n);
	bytes_put_u32(out, crc);
	bytes_put(out, packed, n);
}

static void trace_read_stops_at_forged_chunks(void **state)
{
	static const struct forged cases[] = {
		{0, 0, 0, 0, 0, LUTRA_NO_STRING, "", 0},
		{2, 0, 0, 0, 0, LUTRA_NO_STRING, "", 0},
		{0xffffffff, 0, 0, 0, 0, LUTRA_NO_STRING, "", 0},
		{TRACE_CHUNK_RECORDS + 1, 0, 0, 0, 0, LUTRA_NO_STRING, "", 0},
		{1, 0xffffff00, 1, 0, 0, 0, "\2\0ab", 4},
		{1, 1, 1, 0, 0, 0, "\2\0ab", 4},
		{1, 0, 0xffffffff, 0, 0, 0, "\2\0ab", 4},
		{1, 0, 1, 0xffffff00, 0, 0, "\2\0ab", 4},
		{1, 0, 1, 0, LUTRA_RECORD_COUNT, 0, "\2\0ab", 4},
		{1, 0, 1, 0, 0, 1, "\2\0ab", 4},
		{1, 0, 1, 0, 0, 0, "\3\0ab", 4},
		{1, 0, 1, 0, 0, 0, "\1\0ab", 4},
		{1, 0, 1, 0, 0, 0, "\377\377ab", 4},
		{1, 0, 2, 0, 0, 0, "\0\0\0\0", 4},
	};
	static const struct forged good = {1, 0, 1, 0, 0, 0, "\2\0ab", 4};
	struct fixture *f = *state;
	uint8_t buf[2048];
	struct bytes_out whole = {.data = buf, .size = sizeof(buf)};
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	const char *string;
	size_t len;

	put_header(&whole, TRACE_FORMAT_VERSION, (uint32_t)strlen(GOOD_JSON), GOOD_JSON);
	put_chunk(&whole, &good);
	write_trace(f, buf, whole.len);
	assert_int_equal(trace_reader_new(&r, f->path, NULL), 0);
	assert_int_equal(trace_reader_next(r, &rec, &string, &len), 1);
	assert_string_equal(string, "ab");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bytes_out out = {.data = buf, .size = sizeof(buf)};
		bool torn = false;

		put_header(&out, TRACE_FORMAT_VERSION, (uint32_t)strlen(GOOD_JSON), GOOD_JSON);
		put_chunk(&out, &cases[i]);
		assert_false(out.failed);
		write_trace(f, buf, out.len);
		assert_int_equal(read_all(f->path, &torn), 0);
		assert_true(torn);
	}
}

/* A frame that says it unpacks to much more than the chunk's numbers. */
static void trace_read_of_a_zstd_bomb_stays_bounded(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *zeroes = calloc(1, 64 << 20);
	_cleanup_free_ uint8_t *packed = malloc(65536);
	size_t n = ZSTD_compress(packed, 65536, zeroes, 64 << 20, 1);
	uint8_t buf[65536];
	struct bytes_out out = {.data = buf, .size = sizeof(buf)};
	bool torn = false;
	size_t start;

	assert_false(ZSTD_isError(n));
	put_header(&out, TRACE_FORMAT_VERSION, (uint32_t)strlen(GOOD_JSON), GOOD_JSON);
	start = out.len;
	bytes_put(&out, TRACE_CHUNK_MAGIC, 4);
	bytes_put_u32(&out, TRACE_CHUNK_RECORDS);
	bytes_put_u32(&out, 4 * TRACE_CHUNK_RECORDS);
	bytes_put_u32(&out, 0);
	bytes_put_u32(&out, (uint32_t)n);
	bytes_put_u32(&out, (uint32_t)crc32(crc32(0, buf + start, 20), packed, (uInt)n));
	bytes_put(&out, packed, n);
	assert_false(out.failed);
	write_trace(f, buf, out.len);
	assert_int_equal(read_all(f->path, &torn), 0);
	assert_true(torn);
}

static void trace_writer_free_without_close_leaves_no_end_mark(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "b.ltr");
	struct trace_writer *w = open_writer(path);
	bool torn = false;

	for (unsigned i = 0; i < 10; i++)
		add_record(w, i);
	assert_int_equal(trace_writer_flush(w), 0);
	add_record(w, 10);
	trace_writer_free(w);
	assert_int_equal(read_all(path, &torn), 10);
	assert_true(torn);
}

static void trace_writer_flush_on_a_full_disk_keeps_what_was_flushed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "b.ltr");
	struct trace_writer *w = open_writer(path);
	struct rlimit old, limit;
	uint64_t rng = 9;
	struct err err;
	bool torn = false;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){4096, old.rlim_max};
	for (unsigned i = 0; i < CHUNK; i++)
		add_record(w, i);
	assert_int_equal(trace_writer_flush(w), 0);
	for (unsigned i = 0; i < 5000; i++) {
		struct lutra_record rec = {.arg = sample_random(&rng)};

		assert_int_equal(trace_writer_add(w, &rec, NULL, 0), 0);
	}
	setrlimit(RLIMIT_FSIZE, &limit);
	assert_int_equal(trace_writer_flush(w), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(trace_writer_flush(w), -EFBIG);
	assert_int_equal(trace_writer_close(w, 0, &err), -EFBIG);
	assert_int_equal(read_all(path, &torn), CHUNK);
	assert_true(torn);
}

static void trace_strings_too_many_for_a_chunk_start_another(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "b.ltr");
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	struct trace_writer *w = open_writer(path);
	const struct lutra_record *rec;
	char s[2 * LUTRA_STRING_MAX];
	const char *got;
	size_t len;
	int n = 0;

	memset(s, 'x', sizeof(s));
	for (unsigned i = 0; i < 10000; i++) {
		struct lutra_record out = nth_record(i);

		memcpy(s, &i, sizeof(i));
		assert_int_equal(trace_writer_add(w, &out, s, sizeof(s)), 0);
	}
	assert_int_equal(trace_writer_close(w, 0, NULL), 0);
	assert_int_equal(trace_reader_new(&r, path, NULL), 0);
	while (trace_reader_next(r, &rec, &got, &len) == 1 && n < 10000) {
		assert_int_equal(len, LUTRA_STRING_MAX);
		assert_memory_equal(got, &n, sizeof(n));
		n++;
	}
	assert_int_equal(n, 10000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, trace_setup, trace_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(trace_read_gives_what_was_written),
		T(trace_writer_new_on_an_existing_file_is_eexist),
		T(trace_writer_append_goes_on_after_a_flush),
		T(trace_writer_append_ends_a_trace_with_the_last_time),
		T(trace_writer_append_to_a_file_that_is_too_short_is_ebadmsg),
		T(trace_read_truncated_keeps_whole_chunks),
		T(trace_read_with_flipped_bits_gives_no_wrong_record),
		T(trace_reader_new_refuses_what_is_no_trace),
		T(trace_reader_new_refuses_bad_headers),
		T(trace_read_stops_at_forged_chunks),
		T(trace_read_of_a_zstd_bomb_stays_bounded),
		T(trace_writer_free_without_close_leaves_no_end_mark),
		T(trace_writer_flush_on_a_full_disk_keeps_what_was_flushed),
		T(trace_strings_too_many_for_a_chunk_start_another),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
