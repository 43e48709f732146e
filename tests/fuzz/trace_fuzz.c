/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the trace reader on any bytes. The first one tells what is made of the rest: a whole
 * file, or a header that is right followed by a chunk whose checksum is made to fit, so that the
 * checks behind it are reached.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/bytes.h"
#include "lib/file.h"
#include "lib/trace/trace_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char json[] =
	"{\"image\":\"\",\"container_id\":\"\",\"host\":\"\",\"kernel\":\"\",\"arch\":\"x86_64\","
	"\"source\":\"lsm\",\"start_realtime_ns\":1,\"start_monotonic_ns\":1,\"ops\":[\"open\"]}";

static void write_header(int fd)
{
	uint8_t head[TRACE_HEADER_BYTES];
	struct bytes_out out = {.data = head, .size = sizeof(head)};

	bytes_put(&out, TRACE_MAGIC, 4);
	bytes_put_u32(&out, TRACE_FORMAT_VERSION);
	bytes_put_u32(&out, sizeof(json) - 1);
	bytes_put_u32(&out, (uint32_t)crc32(0, (const Bytef *)json, sizeof(json) - 1));
	if (file_write_all(fd, head, sizeof(head)) < 0 ||
	    file_write_all(fd, json, sizeof(json) - 1) < 0)
		abort();
}

/* data: 16 bytes of numbers, of which the packed size is put right, then the frame. */
static void write_chunk(int fd, const uint8_t *data, size_t len)
{
	uint8_t head[TRACE_CHUNK_HEADER_BYTES];
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	_cleanup_close_ int fd = memfd_create("trace", MFD_CLOEXEC);
	const struct lutra_record *rec;
	char path[64];
	const char *s;
	size_t s_len;

	if (len < 1 || fd < 0)
		return 0;
	if (data[0] & 1 && len > 13) {
		write_header(fd);
		write_chunk(fd, data + 1, len - 1);
	} else if (file_write_all(fd, data + 1, len - 1) < 0) {
		abort();
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (trace_reader_new(&r, path, NULL) < 0)
		return 0;
	while (trace_reader_next(r, &rec, &s, &s_len) == 1) {
		if (rec->type >= LUTRA_REC_COUNT || (s && s[s_len]))
			abort();
	}
	return 0;
}
