/* SPDX-License-Identifier: Apache-2.0 */
/* What the trace's writer and reader share: sizes, limits, and the metadata's JSON. */
#ifndef LUTRA_LIB_TRACE_TRACE_FORMAT_H
#define LUTRA_LIB_TRACE_TRACE_FORMAT_H

#include <zstd.h>

#include "lib/trace/trace.h"

#define TRACE_MAGIC "LTR1"
#define TRACE_CHUNK_MAGIC "LTRC"
#define TRACE_JSON_MAX 65536
/* A chunk is flushed before its strings, lengths included, pass this. */
#define TRACE_STRINGS_MAX (4u << 20)

/* A file begins with the one, a chunk with the other: see trace.h. */
struct trace_head {
	char magic[4];
	uint32_t version, json_bytes, crc;
};

struct trace_chunk_head {
	char magic[4];
	uint32_t records, raw_bytes, strings, packed_bytes, crc;
};

/* Bytes of a frame that unpacks to raw bytes, in blocks that may end early. */
#define TRACE_PACKED_MAX(raw) (ZSTD_COMPRESSBOUND(raw) + 64)

/* The metadata as JSON text, the caller's to free. -ENOMEM, -EINVAL: too long. */
int trace_meta_encode(const struct trace_meta *meta, char **ret, size_t *ret_len);
/* -EBADMSG with one line: not JSON, unknown or missing keys. */
int trace_meta_decode(const char *json, size_t len, struct trace_meta *ret, struct err *err);

#endif
