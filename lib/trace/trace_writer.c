/* SPDX-License-Identifier: Apache-2.0 */
/* Writes traces. A chunk is gathered in memory, written by one write, and synced. */
#include "lib/trace/trace_columns.h"

#include <errno.h>
#include <fcntl.h>
#include <zlib.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"

#define ZSTD_LEVEL 3
#define INDEX_SLOTS (2 * TRACE_CHUNK_RECORDS) /* of strings; at most half of them are in use */

struct trace_writer {
	int fd;
	int failed; /* the first error: nothing is written after it; 0: none */
	char *path;
	off_t good; /* bytes of the file up to the end of its last chunk */
	uint64_t last_ts_ns;
	uint32_t n_records;
	uint32_t n_strings;
	size_t strings_len;
	struct lutra_record records[TRACE_CHUNK_RECORDS];
	uint32_t string[TRACE_CHUNK_RECORDS]; /* of each record: number of its string */
	uint8_t strings[TRACE_STRINGS_MAX];
	struct trace_encoder encoder;
	struct {
		struct trace_chunk_head head;
		uint8_t frame[TRACE_PACKED_MAX(TRACE_RAW_MAX)];
	} chunk; /* in the form in which it is written */
	/* Open-addressed. Each slot has the place of a string in strings, and its number. */
	struct string_slot {
		uint32_t at; /* the place of its length, plus one; 0: empty */
		uint32_t number;
	} index[INDEX_SLOTS];
	ZSTD_CCtx *zstd;
};

void trace_writer_free(struct trace_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	ZSTD_freeCCtx(w->zstd);
	free(w->path);
	free(w);
}

static int write_header(struct trace_writer *w, const struct trace_meta *meta)
{
	struct trace_head head = {.magic = TRACE_MAGIC, .version = TRACE_FORMAT_VERSION};
	_cleanup_free_ char *json = NULL;
	size_t len;
	int r;

	r = trace_meta_encode(meta, &json, &len);
	if (r < 0)
		return r;
	head.json_bytes = (uint32_t)len;
	head.crc = (uint32_t)crc32(0, (const Bytef *)json, (uInt)len);
	r = file_write_all(w->fd, &head, sizeof(head));
	if (r == 0)
		r = file_write_all(w->fd, json, len);
	if (r == 0 && fsync(w->fd) < 0)
		r = -errno;
	if (r == 0)
		r = file_sync_parent(w->path);
	w->good = (off_t)(sizeof(head) + len);
	return r;
}

int trace_exists(const char *path, struct err *err)
{
	return err_set(err, -EEXIST, "%s exists: a trace is never overwritten, name another file",
		       path);
}

/* Makes a writer that has no file yet. */
static struct trace_writer *writer_alloc(const char *path)
{
	_cleanup_(trace_writer_freep) struct trace_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->fd = -1;
	w->path = strdup(path);
	w->zstd = ZSTD_createCCtx();
	return w->path && w->zstd ? TAKE_PTR(w) : NULL;
}

int trace_writer_new(struct trace_writer **ret, const char *path, const struct trace_meta *meta,
		     struct err *err)
{
	_cleanup_(trace_writer_freep) struct trace_writer *w = writer_alloc(path);
	int r;

	if (!w)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (w->fd < 0 && errno == EEXIST)
		return trace_exists(path, err);
	if (w->fd < 0)
		return err_set(err, -errno, "%s: cannot create: %s", path, strerror(errno));
	r = write_header(w, meta);
	if (r < 0) {
		unlink(path);
		return err_set(err, r, "%s: cannot write the header: %s", path, strerror(-r));
	}
	*ret = TAKE_PTR(w);
	return 0;
}

int trace_writer_append(struct trace_writer **ret, const char *path, uint64_t bytes,
			uint64_t last_ts_ns, struct err *err)
{
	_cleanup_(trace_writer_freep) struct trace_writer *w = writer_alloc(path);
	off_t size;

	if (!w)
		return err_set(err, -ENOMEM, "%s: out of memory", path);
	w->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size = w->fd < 0 ? -1 : lseek(w->fd, 0, SEEK_END);
	if (size < 0)
		return err_set(err, -errno, "%s: cannot go on with it: %s", path, strerror(errno));
	if ((uint64_t)size < bytes)
		return err_set(err, -EBADMSG, "%s: is cut off: %llu of %llu bytes are left", path,
			       (unsigned long long)size, (unsigned long long)bytes);
	w->good = (off_t)bytes;
	w->last_ts_ns = last_ts_ns;
	if (ftruncate(w->fd, w->good) < 0 || lseek(w->fd, w->good, SEEK_SET) < 0)
		return err_set(err, -errno, "%s: cannot go on with it: %s", path, strerror(errno));
	*ret = TAKE_PTR(w);
	return 0;
}

uint64_t trace_writer_bytes(const struct trace_writer *w)
{
	return (uint64_t)w->good;
}

/* Compresses data into blocks of its own in the frame. last: ends the frame. Returns 0 or -EIO. */
static int pack_data(struct trace_writer *w, const void *data, size_t len, ZSTD_outBuffer *out,
		     bool last)
{
	ZSTD_inBuffer in = {data, len, 0};
	size_t left;

	do {
		left = ZSTD_compressStream2(w->zstd, out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
		if (ZSTD_isError(left) || (left && out->pos == out->size))
			return -EIO;
	} while (left);
	return 0;
}

/* Compresses a chunk into a frame in which each kind of data has blocks of its own. */
static int compress_chunk(struct trace_writer *w, const struct trace_encoded *columns,
			  size_t *ret_len)
{
	ZSTD_outBuffer out = {w->chunk.frame, sizeof(w->chunk.frame), 0};
	size_t at = 0;
	int r = 0;

	ZSTD_CCtx_reset(w->zstd, ZSTD_reset_session_only);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	ZSTD_CCtx_setPledgedSrcSize(w->zstd, columns->len + w->strings_len);
	for (unsigned i = 0; r == 0 && i < columns->n_cuts; i++) {
		r = pack_data(w, columns->raw + at, columns->cut[i] - at, &out, false);
		at = columns->cut[i];
	}
	if (r == 0)
		r = pack_data(w, w->strings, w->strings_len, &out, true);
	*ret_len = out.pos;
	return r;
}

static int write_chunk(struct trace_writer *w)
{
	struct trace_chunk_head *head = &w->chunk.head;
	struct trace_encoded columns;
	size_t frame, len;
	uint32_t crc;
	int r;

	trace_encode(&w->encoder, w->records, w->string, w->n_records, &columns);
	r = compress_chunk(w, &columns, &frame);
	if (r < 0)
		return r;
	*head = (struct trace_chunk_head){
		.magic = TRACE_CHUNK_MAGIC,
		.records = w->n_records,
		.raw_bytes = (uint32_t)(columns.len + w->strings_len),
		.strings = w->n_strings,
		.packed_bytes = (uint32_t)frame,
	};
	crc = (uint32_t)crc32(0, (const Bytef *)head, offsetof(struct trace_chunk_head, crc));
	head->crc = (uint32_t)crc32(crc, w->chunk.frame, (uInt)frame);
	len = sizeof(*head) + frame;
	r = file_write_all(w->fd, &w->chunk, len);
	if (r == 0 && fdatasync(w->fd) < 0)
		r = -errno;
	if (r < 0) {
		/* If this fails too, readers skip the damaged tail. */
		(void)!ftruncate(w->fd, w->good);
		return r;
	}
	w->good += (off_t)len;
	return 0;
}

int trace_writer_flush(struct trace_writer *w)
{
	if (w->failed)
		return w->failed;
	if (w->n_records == 0)
		return 0;
	w->failed = write_chunk(w);
	if (w->failed)
		return w->failed;
	if (w->n_strings)
		memset(w->index, 0, sizeof(w->index));
	w->n_records = 0;
	w->n_strings = 0;
	w->strings_len = 0;
	return 0;
}

/* FNV-1a. Strings with the same hash are compared. */
static uint32_t hash_string(const char *s, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Returns the number of a string in this chunk, and adds it if it is new. There is room for it. */
static uint32_t string_number(struct trace_writer *w, const char *str, size_t len)
{
	uint32_t at = hash_string(str, len) & (INDEX_SLOTS - 1);
	struct bytes_out out;

	for (; w->index[at].at; at = (at + 1) & (INDEX_SLOTS - 1)) {
		const uint8_t *s = w->strings + w->index[at].at - 1;
		uint16_t have;

		memcpy(&have, s, sizeof(have));
		if (have == len && memcmp(s + 2, str, len) == 0)
			return w->index[at].number;
	}
	w->index[at].at = (uint32_t)w->strings_len + 1;
	w->index[at].number = w->n_strings;
	out = (struct bytes_out){w->strings, TRACE_STRINGS_MAX, w->strings_len, false};
	bytes_put_u16(&out, (uint16_t)len);
	bytes_put(&out, str, len);
	w->strings_len = out.len;
	return w->n_strings++;
}

int trace_writer_add(struct trace_writer *w, const struct lutra_record *rec, const char *str,
		     size_t str_len)
{
	uint32_t number = LUTRA_NO_STRING;
	int r;

	if (str_len > LUTRA_STRING_MAX)
		str_len = LUTRA_STRING_MAX;
	if (w->failed)
		return w->failed;
	if (w->n_records == TRACE_CHUNK_RECORDS ||
	    w->strings_len + str_len + 2 > TRACE_STRINGS_MAX) {
		r = trace_writer_flush(w);
		if (r < 0)
			return r;
	}
	if (str)
		number = string_number(w, str, str_len);
	w->records[w->n_records] = *rec;
	w->string[w->n_records] = number;
	w->n_records++;
	w->last_ts_ns = rec->ts_ns;
	return 0;
}

int trace_writer_close(struct trace_writer *writer, uint64_t lost, struct err *err)
{
	_cleanup_(trace_writer_freep) struct trace_writer *w = writer;
	struct lutra_record end = {
		.ts_ns = w->last_ts_ns,
		.arg = lost,
		.type = LUTRA_RECORD_MARK,
		.aux = LUTRA_MARK_END,
	};
	int r;

	r = trace_writer_add(w, &end, NULL, 0);
	if (r == 0)
		r = trace_writer_flush(w);
	if (r < 0)
		return err_set(err, r, "%s: cannot write: %s; what was written before is kept",
			       w->path, strerror(-r));
	return 0;
}
