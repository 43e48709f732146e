/* SPDX-License-Identifier: Apache-2.0 */
/* Reads traces. All of a chunk is checked before its first record is returned. */
#include "lib/base/array.h"
#include "lib/trace/trace_columns.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "lib/base/file.h"

#define BLOCK 512 /* records: few enough for the first-level cache of the processor */

struct trace_reader {
	FILE *file;
	char *path;
	uint64_t size; /* bytes of the file when it was opened */
	uint64_t pos;  /* where the next chunk starts */
	uint64_t records_before;
	uint32_t chunk; /* chunks read */
	bool done;
	bool ended; /* the last record was the END mark */
	char torn[256];
	struct trace_meta meta;
	uint8_t *packed;
	size_t packed_size;
	uint8_t *raw; /* a chunk, and one byte more for the NUL of its last string */
	size_t raw_size;
	struct trace_decoder decoder;
	struct trace_block block;
	size_t next; /* index of the record that trace_reader_next() returns next */
	struct lutra_record rec[BLOCK];
	uint32_t string[BLOCK];
	ZSTD_DCtx *zstd;
};

void trace_reader_free(struct trace_reader *r)
{
	if (!r)
		return;
	fclosep(&r->file);
	trace_meta_done(&r->meta);
	ZSTD_freeDCtx(r->zstd);
	free(r->path);
	free(r->packed);
	free(r->raw);
	trace_decoder_done(&r->decoder);
	free(r);
}

/* Reads the next len bytes. Returns false if the file has no more, or cannot be read. */
static bool read_bytes(struct trace_reader *r, void *ret, size_t len)
{
	size_t n = fread(ret, 1, len, r->file);

	/* A signal may interrupt a read of a file system in userspace. */
	while (n < len && ferror(r->file) && errno == EINTR) {
		clearerr(r->file);
		n += fread((char *)ret + n, 1, len - n, r->file);
	}
	return n == len;
}

static int read_header(struct trace_reader *r, struct err *err)
{
	struct trace_head head;
	_cleanup_free_ char *json = NULL;
	struct err why = {};
	const char *path = r->path;

	if (!read_bytes(r, &head, sizeof(head)) || memcmp(head.magic, TRACE_MAGIC, 4) != 0)
		return err_set(err, -EBADMSG, "%s: not a lutra trace: lutra record makes one",
			       path);
	if (head.version > TRACE_FORMAT_VERSION)
		return err_set(err, -EBADMSG, "%s: format %u is newer than this lutra: update it",
			       path, head.version);
	if (head.version && head.version < TRACE_FORMAT_VERSION)
		return err_set(err, -EBADMSG,
			       "%s: format %u is no longer read: record the run again", path,
			       head.version);
	if (head.version == 0 || head.json_bytes > TRACE_JSON_MAX)
		return err_set(err, -EBADMSG, "%s: damaged header", path);
	json = malloc(head.json_bytes + 1);
	if (!json)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	if (!read_bytes(r, json, head.json_bytes) ||
	    crc32(0, (const Bytef *)json, head.json_bytes) != head.crc)
		return err_set(err, -EBADMSG, "%s: damaged header", path);
	if (trace_meta_decode(json, head.json_bytes, &r->meta, &why) < 0)
		return err_set(err, -EBADMSG, "%s: %s", path, why.msg);
	r->pos = sizeof(head) + head.json_bytes;
	return 0;
}

int trace_reader_new(struct trace_reader **ret, const char *path, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = calloc(1, sizeof(*r));
	_cleanup_close_ int fd = file_open_read(AT_FDCWD, path, err);
	struct stat st;
	int e;

	if (fd < 0)
		return fd == -EINVAL ? -EBADMSG : fd;
	if (fstat(fd, &st) < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!r)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	r->size = (uint64_t)st.st_size;
	r->path = strdup(path);
	r->zstd = ZSTD_createDCtx();
	r->file = fdopen(fd, "r");
	if (r->file)
		(void)TAKE_FD(fd); /* the stream closes it */
	if (!r->path || !r->zstd || !r->file)
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

/* Ends reading, and says why and where, and how many records are good. Returns 0. */
static int stop_reading(struct trace_reader *r, const char *why)
{
	r->done = true;
	snprintf(r->torn, sizeof(r->torn),
		 "%s at byte %llu of %llu, chunk %u; %llu records before it are kept", why,
		 (unsigned long long)r->pos, (unsigned long long)r->size, r->chunk + 1,
		 (unsigned long long)r->records_before);
	return 0;
}

/* Returns what is wrong with the numbers in the header of a chunk, or NULL. */
static const char *check_head(const struct trace_reader *r, struct trace_chunk_head *h)
{
	if (h->records == 0 || h->records > TRACE_CHUNK_RECORDS || h->strings > h->records ||
	    h->raw_bytes > TRACE_RAW_MAX || h->strings > h->raw_bytes / 2 ||
	    h->packed_bytes > TRACE_PACKED_MAX((size_t)h->raw_bytes))
		return "damaged chunk header";
	if (h->packed_bytes > r->size - r->pos - sizeof(*h))
		return "cut off";
	return NULL;
}

/* Unpacks a chunk to raw. Returns 0 or -errno; sets *ret_why if the file is damaged. */
static int unpack_chunk(struct trace_reader *r, const struct trace_chunk_head *h,
			const char **ret_why)
{
	uint32_t crc;
	size_t n;

	if (ARRAY_RESERVE(r->packed, r->packed_size, h->packed_bytes) < 0 ||
	    ARRAY_RESERVE(r->raw, r->raw_size, h->raw_bytes + 1) < 0)
		return -ENOMEM;
	if (!read_bytes(r, r->packed, h->packed_bytes)) {
		*ret_why = "cut off";
		return 0;
	}
	crc = (uint32_t)crc32(0, (const Bytef *)h, offsetof(struct trace_chunk_head, crc));
	crc = (uint32_t)crc32(crc, r->packed, h->packed_bytes);
	n = crc == h->crc
		    ? ZSTD_decompressDCtx(r->zstd, r->raw, h->raw_bytes, r->packed, h->packed_bytes)
		    : 0;
	if (crc != h->crc || ZSTD_isError(n) || n != h->raw_bytes) {
		*ret_why = "checksum or compression does not fit";
		return 0;
	}
	r->decoder.n = h->records;
	r->decoder.n_strings = h->strings;
	return trace_decoder_start(&r->decoder, r->raw, h->raw_bytes, ret_why);
}

/* Reads the next chunk. Returns 1, 0 if none is left, or -errno. */
static int read_chunk(struct trace_reader *r)
{
	struct trace_chunk_head h;
	const char *why;
	int e;

	if (r->pos >= r->size) {
		if (!r->ended)
			return stop_reading(r, "no end mark");
		r->done = true;
		return 0;
	}
	if (r->size - r->pos < sizeof(h) || !read_bytes(r, &h, sizeof(h)))
		return stop_reading(r, "cut off");
	why = memcmp(h.magic, TRACE_CHUNK_MAGIC, 4) ? "not a chunk" : check_head(r, &h);
	if (why)
		return stop_reading(r, why);
	e = unpack_chunk(r, &h, &why);
	if (e < 0)
		return e;
	if (why)
		return stop_reading(r, why);
	r->pos += sizeof(h) + h.packed_bytes;
	r->chunk++;
	r->records_before += h.records;
	return 1;
}

int trace_reader_block(struct trace_reader *r, struct trace_block *ret)
{
	struct trace_block *b = &r->block;
	size_t n;
	int e;

	if (r->next < b->n) { /* trace_reader_next() returned some of it */
		*ret = (struct trace_block){b->rec + r->next, b->string + r->next, b->strings,
					    b->n - r->next};
		r->next = b->n;
		return 1;
	}
	b->n = r->next = 0;
	if (r->done)
		return 0;
	if (r->decoder.next >= r->decoder.n) {
		e = read_chunk(r);
		if (e <= 0) {
			r->done = true;
			return e;
		}
	}
	n = r->decoder.n - r->decoder.next;
	n = n < BLOCK ? n : BLOCK;
	trace_decoder_take(&r->decoder, n, r->rec, r->string);
	r->ended = r->rec[n - 1].type == LUTRA_RECORD_MARK && r->rec[n - 1].aux == LUTRA_MARK_END;
	*b = (struct trace_block){r->rec, r->string, r->decoder.strings, n};
	r->next = n;
	*ret = *b;
	return 1;
}

int trace_reader_next(struct trace_reader *r, const struct lutra_record **ret_rec,
		      const char **ret_str, size_t *ret_str_len)
{
	struct trace_block block;

	if (r->next >= r->block.n) {
		int e = trace_reader_block(r, &block);

		if (e <= 0)
			return e;
		r->next = 0;
	}
	*ret_rec = &r->block.rec[r->next];
	*ret_str = trace_block_string(&r->block, r->next, ret_str_len);
	r->next++;
	return 1;
}

const char *trace_reader_torn(const struct trace_reader *r)
{
	return r->torn[0] ? r->torn : NULL;
}
