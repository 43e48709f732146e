/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a made-up run of many system calls, to measure training. usage: calls OUT.ltr CALLS SEED
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "lib/trace/trace.h"

#define TASKS 16

/* The system calls of a server's request; now and then a random one takes the place of one. */
static const uint16_t request[] = {SYS_accept4,	   SYS_read,  SYS_openat,   SYS_fstat,
				   SYS_mmap,	   SYS_read,  SYS_close,    SYS_sendto,
				   SYS_recvfrom,   SYS_futex, SYS_writev,   SYS_epoll_wait,
				   SYS_setsockopt, SYS_close, SYS_shutdown, SYS_munmap};
#define N_REQUEST (sizeof(request) / sizeof(request[0]))

int main(int argc, char **argv)
{
	char none[] = "", arch[] = "x86_64", source[] = "bench";
	const struct trace_meta meta = {none, none, none, none, arch, source, 0, 0, 0};
	struct trace_writer *w;
	uint64_t calls, rng;
	struct err err;
	int r = 0;

	if (argc != 4) {
		fputs("usage: calls OUT.ltr CALLS SEED\n", stderr);
		return 2;
	}
	calls = strtoull(argv[2], NULL, 10);
	rng = strtoull(argv[3], NULL, 10);
	if (trace_writer_new(&w, argv[1], &meta, &err) < 0) {
		fprintf(stderr, "calls: %s\n", err.msg);
		return 1;
	}
	for (uint64_t i = 0; r == 0 && i < calls; i++) {
		struct lutra_record rec = {.ts_ns = 1000000000 + i * 1000};
		uint64_t x = rng = rng * 6364136223846793005ull + 1442695040888963407ull;

		rec.tid = rec.tgid = (uint32_t)(100 + (i >> 6) % TASKS);
		rec.nr = request[(x >> 60 ? i : x >> 33) % N_REQUEST];
		r = trace_writer_add(w, &rec, NULL, 0);
	}
	if (r < 0)
		trace_writer_free(w);
	else
		r = trace_writer_close(w, 0, &err);
	return r < 0;
}
