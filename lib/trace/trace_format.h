/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer and the reader of traces share: sizes, limits, and the JSON of the metadata. */
#ifndef LUTRA_LIB_TRACE_TRACE_FORMAT_H
#define LUTRA_LIB_TRACE_TRACE_FORMAT_H

#include <zstd.h>

#include "lib/trace/trace.h"

#define TRACE_MAGIC "LTR1"
#define TRACE_CHUNK_MAGIC "LTRC"
#define TRACE_JSON_MAX 65536
/* The most bytes of the strings of a chunk, with their lengths. A fuller chunk is flushed early. */
#define TRACE_STRINGS_MAX (4u << 20)

/* A file begins with a trace_head, a chunk with a trace_chunk_head: see trace.h. */
struct trace_head {
	char magic[4];
	uint32_t version, json_bytes, crc;
};

struct trace_chunk_head {
	char magic[4];
	uint32_t records, raw_bytes, strings, packed_bytes, crc;
};

/* The most bytes of a frame that unpacks to `raw` bytes, with a block for each kind of data. */
#define TRACE_PACKED_MAX(raw) (ZSTD_COMPRESSBOUND(raw) + 64)

/*
 * Encodes the metadata as JSON text, which the caller frees. Returns 0, -ENOMEM, or -EINVAL if the
 * text is too long.
 */
int trace_meta_encode(const struct trace_meta *meta, char **ret, size_t *ret_len);
/* Decodes the metadata. Returns 0 or -EBADMSG: it is not JSON, or keys are unknown or missing. */
int trace_meta_decode(const char *json, size_t len, struct trace_meta *ret, struct err *err);

#endif
