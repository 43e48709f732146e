/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the trace reader on any bytes. The first one tells what is made of the rest: a whole
 * file, or a header that is right followed by a chunk whose checksum is made to fit (FRAME), and
 * whose frame is made of the bytes that it is to unpack to (RAW), so that the checks behind these
 * are reached.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/bytes.h"
#include "lib/base/file.h"
#include "lib/trace/trace_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char json[] =
	"{\"image\":\"\",\"container_id\":\"\",\"host\":\"\",\"kernel\":\"\",\"arch\":\"x86_64\","
	"\"source\":\"lsm\",\"start_realtime_ns\":1,\"start_monotonic_ns\":1,\"ops\":[\"open\"]}";

enum { FRAME = 1, RAW = 2 };

static void write_header(int fd, uint32_t version)
{
	uint8_t head[sizeof(struct trace_head)];
	struct bytes_out out = {.data = head, .size = sizeof(head)};

	bytes_put(&out, TRACE_MAGIC, 4);
	bytes_put_u32(&out, version);
	bytes_put_u32(&out, sizeof(json) - 1);
	bytes_put_u32(&out, (uint32_t)crc32(0, (const Bytef *)json, sizeof(json) - 1));
	if (file_write_all(fd, head, sizeof(head)) < 0 ||
	    file_write_all(fd, json, sizeof(json) - 1) < 0)
		abort();
}

/* data: 12 bytes of numbers, to which the packed size is added, then the frame. */
static void write_chunk(int fd, const uint8_t *data, size_t len)
{
	uint8_t head[sizeof(struct trace_chunk_head)];
	struct bytes_out out = {.data = head, .size = sizeof(head)};
	uint32_t crc;

	bytes_put(&out, TRACE_CHUNK_MAGIC, 4);
	bytes_put(&out, data, 12);
	bytes_put_u32(&out, (uint32_t)(len - 12));
	crc = (uint32_t)crc32(0, head, (uInt)out.len);
	bytes_put_u32(&out, (uint32_t)crc32(crc, data + 12, (uInt)(len - 12)));
	if (file_write_all(fd, head, sizeof(head)) < 0 ||
	    file_write_all(fd, data + 12, len - 12) < 0)
		abort();
}

/* data: 12 bytes of numbers, then what the frame unpacks to, whose size the second one becomes. */
static void write_raw(int fd, const uint8_t *data, size_t len)
{
	size_t size = ZSTD_compressBound(len), packed;
	_cleanup_free_ uint8_t *chunk = malloc(12 + size);
	uint32_t raw = (uint32_t)(len - 12);

	if (!chunk)
		abort();
	memcpy(chunk, data, 12);
	memcpy(chunk + 4, &raw, sizeof(raw));
	packed = ZSTD_compress(chunk + 12, size, data + 12, len - 12, 1);
	if (ZSTD_isError(packed))
		abort();
	write_chunk(fd, chunk, 12 + packed);
}

static void read_all(struct trace_reader *r)
{
	struct trace_block b;
	size_t len;

	while (trace_reader_block(r, &b) == 1) {
		for (size_t i = 0; i < b.n; i++) {
			const char *s = trace_block_string(&b, i, &len);

			if (b.rec[i].type >= LUTRA_RECORD_COUNT || (s && s[len]))
				abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	_cleanup_close_ int fd = memfd_create("trace", MFD_CLOEXEC);
	char path[64];

	if (len < 1 || fd < 0)
		return 0;
	if (data[0] & FRAME && len > 13) {
		write_header(fd, TRACE_FORMAT_VERSION);
		if (data[0] & RAW)
			write_raw(fd, data + 1, len - 1);
		else
			write_chunk(fd, data + 1, len - 1);
	} else if (file_write_all(fd, data + 1, len - 1) < 0) {
		abort();
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trace_reader_new(&r, path, NULL) < 0)
		return 0;
	read_all(r);
	return 0;
}
