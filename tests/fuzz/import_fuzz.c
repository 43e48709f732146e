/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer: the formats that are text, on any bytes. The first one chooses the format. What was
 * taken must be a whole trace whose times do not go back; what was refused must leave nothing.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/file.h"
#include "user/import/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_trace(const char *path)
{
	_cleanup_(trace_reader_freep) struct trace_reader *r = NULL;
	const struct lutra_record *rec;
	uint64_t before = 0;
	const char *s;
	size_t s_len;

	if (trace_reader_new(&r, path, NULL) < 0)
		abort();
	while (trace_reader_next(r, &rec, &s, &s_len) == 1) {
		if (rec->type != LUTRA_RECORD_MARK && rec->ts_ns < before)
			abort();
		before = rec->type == LUTRA_RECORD_MARK ? before : rec->ts_ns;
	}
	if (trace_reader_torn(r))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const formats[] = {"adfa-ld", "unm",	  "strace",
					      "lid-ds",	 "falco", "perf"};
	_cleanup_close_ int fd = memfd_create("recording", MFD_CLOEXEC);
	char in[64], out[64];
	const char *paths = in;
	struct import_options o = {.paths = &paths, .n = 1, .output = out, .image = ""};
	struct import_result result;
	struct err err = {""};

	if (len < 1 || fd < 0 || file_write_all(fd, data + 1, len - 1) < 0)
		return 0;
	snprintf(in, sizeof(in), "/proc/self/fd/%d", fd);
	snprintf(out, sizeof(out), "/dev/shm/lutra-import-fuzz.%d", (int)getpid());
	if (import_trace(import_find(formats[data[0] % 6]), &o, &result, &err) == 0)
		check_trace(out);
	else if (!err.msg[0] || strchr(err.msg, '\n') || access(out, F_OK) == 0)
		abort();
	unlink(out);
	return 0;
}
