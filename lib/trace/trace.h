/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces (.ltr): one run of one container, start to stop.
 *
 *   file   = header, chunk...
 *   header = "LTR1", u32 format version, u32 json bytes, u32 CRC-32 of the json, json (metadata)
 *   chunk  = "LTRC", u32 records, u32 raw bytes of the frame, u32 strings, u32 compressed bytes,
 *            u32 CRC-32 of these five numbers and the compressed bytes, one zstd frame
 *   frame  = columns (lib/trace/trace_columns.h), then strings x { u16 bytes, bytes }
 *
 * All little-endian. A chunk needs no other chunk: a torn or damaged tail costs only itself. A run
 * that ended in order has a MARK record with LUTRA_MARK_END as its last.
 */
#ifndef LUTRA_LIB_TRACE_TRACE_H
#define LUTRA_LIB_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "lutra/abi.h"

#define TRACE_FORMAT_VERSION 2
#define TRACE_CHUNK_RECORDS 65536 /* at most, and in a chunk that was not flushed early */

/* Where the object events came from: TRACE_SOURCE_LSM "lsm", TRACE_SOURCE_STANDIN "tracepoint". */
struct trace_meta {
	char *image;	    /* image reference, "" where unknown */
	char *container_id; /* "" where unknown */
	char *host;	    /* nodename */
	char *kernel;	    /* release */
	char *arch;	    /* machine: x86_64 */
	char *source;	    /* "lsm", "tracepoint", or the format it was imported from */
	uint64_t start_realtime_ns;
	uint64_t start_monotonic_ns;
	uint32_t ops; /* bit per enum lutra_op that this recording could see */
};

void trace_meta_done(struct trace_meta *meta); /* frees the members */

/* Do its calls carry their scalar arguments? Those of most imports do not. */
bool trace_meta_has_arguments(const struct trace_meta *meta);

struct trace_writer;

/* Say that there is a file where a trace was to be written: -EEXIST. */
int trace_exists(const char *path, struct err *err);

/*
 * Create a new trace file; an existing one is never overwritten (-EEXIST). Metadata is written
 * and synced at once; records as chunks fill, or at trace_writer_flush().
 */
int trace_writer_new(struct trace_writer **ret, const char *path, const struct trace_meta *meta,
		     struct err *err);
/* str: str_len bytes, may be NULL for none; cut at LUTRA_STRING_MAX. */
int trace_writer_add(struct trace_writer *w, const struct lutra_record *rec, const char *str,
		     size_t str_len);
/* Write what has gathered as a chunk, and sync it to disk. */
int trace_writer_flush(struct trace_writer *w);
/* Write the END mark (arg: records lost) and the last chunk. Frees w also on failure. */
int trace_writer_close(struct trace_writer *w, uint64_t lost, struct err *err);
/* Frees without an END mark: what was flushed stays on disk. NULL is fine. */
void trace_writer_free(struct trace_writer *w);

struct trace_reader;

/*
 * Open a trace. -EBADMSG: not a trace, damaged header, or of a newer format. Reading stops at the
 * first damaged chunk; trace_reader_torn() then says so.
 */
int trace_reader_new(struct trace_reader **ret, const char *path, struct err *err);
const struct trace_meta *trace_reader_meta(const struct trace_reader *r);
/* 1: a record (valid until the next call; str is NUL-terminated or NULL), 0: end, or -errno. */
int trace_reader_next(struct trace_reader *r, const struct lutra_record **ret_rec,
		      const char **ret_str, size_t *ret_str_len);

/* Records in a row. */
struct trace_string {
	const char *s; /* NUL-terminated */
	size_t len;
};

struct trace_block {
	const struct lutra_record *rec;
	const uint32_t *string; /* of each record: where in strings, or LUTRA_NO_STRING */
	const struct trace_string *strings;
	size_t n;
};

static inline const char *trace_block_string(const struct trace_block *b, size_t i, size_t *ret_len)
{
	uint32_t number = b->string[i];

	*ret_len = number == LUTRA_NO_STRING ? 0 : b->strings[number].len;
	return number == LUTRA_NO_STRING ? NULL : b->strings[number].s;
}

/*
 * The records that are left, one block after the other: what trace_reader_next() would give,
 * without a call for each. 1: a block of one record at least, valid until the next call, 0: end,
 * or -errno.
 */
int trace_reader_block(struct trace_reader *r, struct trace_block *ret);
/* After the end: NULL for a whole file, else one line on what was lost and where. */
const char *trace_reader_torn(const struct trace_reader *r);
void trace_reader_free(struct trace_reader *r);

DEFINE_FREEP(struct trace_writer, trace_writer_free);
DEFINE_FREEP(struct trace_reader, trace_reader_free);

#endif
