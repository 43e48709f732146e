/* SPDX-License-Identifier: Apache-2.0 */
/* Reading traces: a chunk is checked whole before its first record is given out. */
#include "lib/trace/trace_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "lib/bytes.h"
#include "lib/file.h"

struct trace_reader {
	int fd;
	char *path;
	uint64_t size; /* of the file when it was opened */
	uint64_t pos;  /* where the next chunk starts */
	uint64_t records_before;
	uint32_t chunk; /* chunks read */
	bool done;
	bool ended; /* the last record was the END mark */
	char torn[256];
	struct trace_meta meta;
	uint8_t *packed;
	size_t packed_size;
	uint8_t *raw; /* records, then strings; one byte more for the last string's NUL */
	size_t raw_size;
	uint32_t *string_at; /* where each string's length stands in raw */
	uint32_t n_records, n_strings, next;
	uint32_t strings_at, raw_len;
	struct lutra_record rec;
	char str[LUTRA_STRING_MAX + 1];
	ZSTD_DCtx *zstd;
};

struct chunk_head {
	uint32_t records, string_bytes, strings, packed, crc;
};

void trace_reader_free(struct trace_reader *r)
{
	if (!r)
		return;
	if (r->fd >= 0)
		close(r->fd);
	trace_meta_done(&r->meta);
	ZSTD_freeDCtx(r->zstd);
	free(r->path);
	free(r->packed);
	free(r->raw);
	free(r->string_at);
	free(r);
}

/* len bytes at the offset pos, or -errno; -ENODATA when the file is shorter. */
static int read_at(int fd, uint64_t pos, void *ret, size_t len)
{
	char *p = ret;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENODATA;
		p += n;
		pos += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_header(struct trace_reader *r, struct err *err)
{
	uint8_t head[TRACE_HEADER_BYTES];
	struct bytes_in in = {.data = head, .len = sizeof(head)};
	_cleanup_free_ char *json = NULL;
	struct err why = {};
	uint32_t version, len, crc;
	const char *path = r->path;

	if (read_at(r->fd, 0, head, sizeof(head)) < 0 || memcmp(head, TRACE_MAGIC, 4) != 0)
		return err_set(err, -EBADMSG, "%s: not a lutra trace: lutra record makes one",
			       path);
	in.pos = 4;
	version = bytes_u32(&in);
	len = bytes_u32(&in);
	crc = bytes_u32(&in);
	if (version > TRACE_FORMAT_VERSION)
		return err_set(err, -EBADMSG, "%s: format %u is newer than this lutra: update it",
			       path, version);
	if (version == 0 || len > TRACE_JSON_MAX)
		return err_set(err, -EBADMSG, "%s: damaged header", path);
	json = malloc(len + 1);
	if (!json)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	if (read_at(r->fd, sizeof(head), json, len) < 0 ||
	    crc32(0, (const Bytef *)json, len) != crc)
		return err_set(err, -EBADMSG, "%s: damaged header", path);
	if (trace_meta_decode(json, len, &r->meta, &why) < 0)
		return err_set(err, -EBADMSG, "%s: %s", path, why.msg);
	r->pos = sizeof(head) + len;
	return 0;
}

int trace_reader_new(struct trace_reader **ret, const char *path, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int e;

	if (!r)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	r->fd = file_open_read(AT_FDCWD, path, err);
	if (r->fd < 0)
		return r->fd == -EINVAL ? -EBADMSG : r->fd;
	if (fstat(r->fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	r->size = (uint64_t)st.st_size;
	r->path = strdup(path);
	r->zstd = ZSTD_createDCtx();
	if (!r->path || !r->zstd)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	e = read_header(r, err);
	if (e < 0)
		return e;
	*ret = TAKE_PTR(r);
	return 0;
}

const struct trace_meta *trace_reader_meta(const struct trace_reader *r)
{
	return &r->meta;
}

/* Reading ends here: why, where, and what was good. */
static int stop(struct trace_reader *r, const char *why)
{
	r->done = true;
	r->n_records = r->next = 0;
	snprintf(r->torn, sizeof(r->torn),
		 "%s at byte %llu of %llu, chunk %u; %llu records before it are kept", why,
		 (unsigned long long)r->pos, (unsigned long long)r->size, r->chunk + 1,
		 (unsigned long long)r->records_before);
	return 0;
}

static int grow(uint8_t **buf, size_t *size, size_t need)
{
	uint8_t *p;

	if (need <= *size)
		return 0;
	p = realloc(*buf, need);
	if (!p)
		return -ENOMEM;
	*buf = p;
	*size = need;
	return 0;
}

/* NULL, or what is wrong with the numbers of a chunk's header. */
static const char *check_head(const struct trace_reader *r, const struct chunk_head *h)
{
	size_t raw = (size_t)h->records * TRACE_RECORD_BYTES + h->string_bytes;

	if (h->records == 0 || h->records > TRACE_CHUNK_RECORDS ||
	    h->string_bytes > TRACE_STRINGS_MAX || h->strings > h->string_bytes / 2 ||
	    h->strings > h->records || h->packed > ZSTD_compressBound(raw))
		return "damaged chunk header";
	if (h->packed > r->size - r->pos - TRACE_CHUNK_HEADER_BYTES)
		return "cut off";
	return NULL;
}

/* Record i of the chunk, as it lies in memory too; returns the number of its string. */
static inline uint32_t record_at(const struct trace_reader *r, uint32_t i, struct lutra_record *ret)
{
	const uint8_t *at = r->raw + (size_t)i * TRACE_RECORD_BYTES;
	uint32_t number;

	_Static_assert(sizeof(*ret) + sizeof(number) == TRACE_RECORD_BYTES, "record layout");
	_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as in the file");
	memcpy(ret, at, sizeof(*ret));
	memcpy(&number, at + sizeof(*ret), sizeof(number));
	return number;
}

/* Find the strings, check that records name types and strings there are. NULL or what is wrong. */
static const char *check_chunk(struct trace_reader *r)
{
	struct bytes_in in = {.data = r->raw, .len = r->raw_len, .pos = r->strings_at};

	for (uint32_t i = 0; i < r->n_strings; i++) {
		uint16_t len;

		r->string_at[i] = (uint32_t)in.pos;
		len = bytes_u16(&in);
		bytes_get(&in, len);
		if (in.failed || len > LUTRA_STRING_MAX)
			return "damaged strings";
	}
	if (in.pos != in.len)
		return "damaged strings";
	for (uint32_t i = 0; i < r->n_records; i++) {
		struct lutra_record rec;
		uint32_t number = record_at(r, i, &rec);

		if (rec.type >= LUTRA_REC_COUNT)
			return "record of an unknown type";
		if (number != LUTRA_NO_STRING && number >= r->n_strings)
			return "record without its string";
	}
	return NULL;
}

/* The chunk's bytes into raw. 0, or -errno; *ret_why set where the file is at fault. */
static int unpack_chunk(struct trace_reader *r, const uint8_t *head, const struct chunk_head *h,
			const char **ret_why)
{
	size_t raw = (size_t)h->records * TRACE_RECORD_BYTES + h->string_bytes;
	uint32_t crc;
	size_t n;

	if (grow(&r->packed, &r->packed_size, h->packed) < 0 ||
	    grow(&r->raw, &r->raw_size, raw + 1) < 0)
		return -ENOMEM;
	if (!r->string_at)
		r->string_at = malloc(TRACE_CHUNK_RECORDS * sizeof(*r->string_at));
	if (!r->string_at)
		return -ENOMEM;
	if (read_at(r->fd, r->pos + TRACE_CHUNK_HEADER_BYTES, r->packed, h->packed) < 0) {
		*ret_why = "cut off";
		return 0;
	}
	crc = (uint32_t)crc32(0, head, TRACE_CHUNK_HEADER_BYTES - 4);
	crc = (uint32_t)crc32(crc, r->packed, h->packed);
	n = crc == h->crc ? ZSTD_decompressDCtx(r->zstd, r->raw, raw, r->packed, h->packed) : 0;
	if (crc != h->crc || ZSTD_isError(n) || n != raw) {
		*ret_why = "checksum or compression does not fit";
		return 0;
	}
	r->n_records = h->records;
	r->n_strings = h->strings;
	r->strings_at = h->records * TRACE_RECORD_BYTES;
	r->raw_len = (uint32_t)raw;
	*ret_why = check_chunk(r);
	return 0;
}

/* 1: a chunk was read, 0: none is left, or -errno. */
static int read_chunk(struct trace_reader *r)
{
	uint8_t head[TRACE_CHUNK_HEADER_BYTES];
	struct bytes_in in = {.data = head, .len = sizeof(head), .pos = 4};
	struct chunk_head h;
	const char *why;
	int e;

	if (r->pos >= r->size) {
		if (!r->ended)
			return stop(r, "no end mark");
		r->done = true;
		return 0;
	}
	if (r->size - r->pos < sizeof(head) || read_at(r->fd, r->pos, head, sizeof(head)) < 0)
		return stop(r, "cut off");
	h.records = bytes_u32(&in);
	h.string_bytes = bytes_u32(&in);
	h.strings = bytes_u32(&in);
	h.packed = bytes_u32(&in);
	h.crc = bytes_u32(&in);
	why = memcmp(head, TRACE_CHUNK_MAGIC, 4) ? "not a chunk" : check_head(r, &h);
	if (why)
		return stop(r, why);
	e = unpack_chunk(r, head, &h, &why);
	if (e < 0)
		return e;
	if (why)
		return stop(r, why);
	r->pos += sizeof(head) + h.packed;
	r->chunk++;
	r->next = 0;
	return 1;
}

/* The record's string as a NUL-terminated copy, NULL for none. */
static const char *copy_string(struct trace_reader *r, uint32_t number, size_t *ret_len)
{
	struct bytes_in in = {.data = r->raw, .len = r->raw_len};
	size_t len;

	*ret_len = 0;
	if (number == LUTRA_NO_STRING)
		return NULL;
	in.pos = r->string_at[number];
	len = bytes_u16(&in);
	bytes_copy(&in, r->str, len);
	r->str[len] = '\0';
	*ret_len = len;
	return r->str;
}

int trace_reader_next(struct trace_reader *r, const struct lutra_record **ret_rec,
		      const char **ret_str, size_t *ret_str_len)
{
	int e;

	if (r->done)
		return 0;
	if (r->next >= r->n_records) {
		e = read_chunk(r);
		if (e <= 0)
			return e;
	}
	*ret_str = copy_string(r, record_at(r, r->next, &r->rec), ret_str_len);
	*ret_rec = &r->rec;
	r->ended = r->rec.type == LUTRA_REC_MARK && r->rec.aux == LUTRA_MARK_END;
	r->next++;
	r->records_before++;
	return 1;
}

const char *trace_reader_torn(const struct trace_reader *r)
{
	return r->torn[0] ? r->torn : NULL;
}
