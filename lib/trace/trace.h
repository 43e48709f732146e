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
 * All numbers are little-endian. A chunk needs no other chunk, so a damaged chunk does not affect
 * the chunks before it. The last record of a complete run is a MARK with LUTRA_MARK_END.
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
#define TRACE_CHUNK_RECORDS 65536 /* the most of a chunk; fewer where it was flushed early */

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

/* Returns true if system calls carry their scalar arguments. Those of most imports do not. */
bool trace_meta_has_arguments(const struct trace_meta *meta);

struct trace_writer;

/* Sets err to say that the file exists and is not overwritten. Returns -EEXIST. */
int trace_exists(const char *path, struct err *err);

/*
 * Creates a trace file, and writes and syncs its metadata. Records are written when a chunk is
 * full, or by trace_writer_flush(). Returns 0 or -errno; -EEXIST: an existing file is never
 * overwritten.
 */
int trace_writer_new(struct trace_writer **ret, const char *path, const struct trace_meta *meta,
		     struct err *err);
/*
 * Opens a trace that has no END mark, to go on with it. bytes: as trace_writer_bytes() told after a
 * flush; what the file has behind them is cut off. last_ts_ns: of the last record before. Returns 0
 * or -errno; -EBADMSG: the file is shorter. On failure the file is as it was.
 */
int trace_writer_append(struct trace_writer **ret, const char *path, uint64_t bytes,
			uint64_t last_ts_ns, struct err *err);
/* Returns the bytes of the file up to the end of its last chunk. */
uint64_t trace_writer_bytes(const struct trace_writer *w);
/*
 * Adds a record. str: str_len bytes, cut at LUTRA_STRING_MAX; NULL: none. Returns 0 or -errno;
 * after an error nothing more is written.
 */
int trace_writer_add(struct trace_writer *w, const struct lutra_record *rec, const char *str,
		     size_t str_len);
/* Writes the gathered records as a chunk and syncs it to disk. Blocks. Returns 0 or -errno. */
int trace_writer_flush(struct trace_writer *w);
/* Writes the END mark (arg: records lost) and the last chunk. Frees w also on failure. */
int trace_writer_close(struct trace_writer *w, uint64_t lost, struct err *err);
/* Frees w without an END mark. Flushed chunks stay on disk. w may be NULL. */
void trace_writer_free(struct trace_writer *w);

struct trace_reader;

/*
 * Opens a trace. Returns 0 or -errno; -EBADMSG: the file is not a trace, its header is damaged, or
 * its format is newer. Reading stops at the first damaged chunk; trace_reader_torn() then returns
 * why.
 */
int trace_reader_new(struct trace_reader **ret, const char *path, struct err *err);
const struct trace_meta *trace_reader_meta(const struct trace_reader *r);
/*
 * Reads a record. Returns 1 with the record, which is valid until the next call, 0 at the end, or
 * -errno. The string is NUL-terminated, or NULL.
 */
int trace_reader_next(struct trace_reader *r, const struct lutra_record **ret_rec,
		      const char **ret_str, size_t *ret_str_len);

struct trace_string {
	const char *s; /* NUL-terminated */
	size_t len;
};

/* Consecutive records. */
struct trace_block {
	const struct lutra_record *rec;
	const uint32_t *string; /* of each record: its index in strings, or LUTRA_NO_STRING */
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
 * Reads many records at once, beginning behind the last one that trace_reader_next() returned.
 * Returns 1 with a block of at least one record, which is valid until the next call, 0 at the end,
 * or -errno.
 */
int trace_reader_block(struct trace_reader *r, struct trace_block *ret);
/* Returns, after the end, NULL for a whole file, else one line: what is damaged, and where. */
const char *trace_reader_torn(const struct trace_reader *r);
void trace_reader_free(struct trace_reader *r);

DEFINE_FREEP(struct trace_writer, trace_writer_free);
DEFINE_FREEP(struct trace_reader, trace_reader_free);

#endif
