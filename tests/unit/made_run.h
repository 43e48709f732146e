/* SPDX-License-Identifier: Apache-2.0 */
/* Runs made up call by call, for the trainer's tests. */
#ifndef LUTRA_TESTS_MADE_RUN_H
#define LUTRA_TESTS_MADE_RUN_H

#include <assert.h>
#include <string.h>
#include <sys/syscall.h>

#include "lutra/score.h"
#include "trainer/data/corpus.h"

#define MADE_OPS (1u << LUTRA_OP_OPEN | 1u << LUTRA_OP_EXEC | 1u << LUTRA_OP_CONNECT)
#define MADE_STEP_NS 1000000 /* between two records */

/* A run under construction; each record is a millisecond later. */
struct made {
	struct corpus *corpus;
	struct run_builder *b;
	uint64_t ts_ns;
};

static inline struct made made_new(struct corpus *c)
{
	struct made m = {.corpus = c};

	assert(run_builder_new(&m.b, &c->names) == 0);
	return m;
}

static inline int made_record(struct made *m, struct lutra_record rec, const char *path)
{
	struct err err;

	rec.ts_ns = m->ts_ns += MADE_STEP_NS;
	return run_builder_add(m->b, &rec, path, path ? strlen(path) : 0, &err);
}

static inline void made_call(struct made *m, uint32_t tid, unsigned nr)
{
	struct lutra_record r = {.type = LUTRA_RECORD_SYSCALL, .tid = tid, .nr = (uint16_t)nr};

	assert(made_record(m, r, NULL) == 0);
}

static inline void made_task(struct made *m, uint32_t tid, unsigned type, uint64_t arg)
{
	struct lutra_record r = {.type = (uint16_t)type, .tid = tid, .arg = arg};

	assert(made_record(m, r, NULL) == 0);
}

static inline void made_object(struct made *m, uint32_t tid, struct lutra_object o,
			       const char *path)
{
	struct lutra_record r = {.type = LUTRA_RECORD_OBJECT, .tid = tid};

	o.flags |= path ? LUTRA_OBJ_PATH : 0;
	lutra_object_pack(&o, &r);
	assert(made_record(m, r, path) == 0);
}

static inline void made_open(struct made *m, uint32_t tid, const char *path, bool write)
{
	struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = write ? LUTRA_OBJ_WRITE : 0};

	made_object(m, tid, o, path);
}

/* The run is the corpus's from here on. */
static inline void made_end(struct made *m, const char *file, bool heldout)
{
	struct run run;

	assert(run_builder_take(m->b, &run) == 0);
	run_builder_free(m->b);
	run.file = strdup(file);
	snprintf(run.sha256, sizeof(run.sha256), "%064d", (int)strlen(file) + file[0] * 1000);
	run.ops = MADE_OPS;
	run.heldout = heldout;
	if (!m->corpus->arch)
		m->corpus->arch = strdup("x86_64");
	assert(run.file && corpus_add(m->corpus, &run) == 0);
}

/*
 * A little service: it starts, accepts, and answers `requests` requests, each read, open of a page,
 * write, close; seed varies the pages and now and then a call.
 */
static inline void made_service(struct corpus *c, const char *file, unsigned seed,
				unsigned requests)
{
	static const unsigned start[] = {SYS_execve, SYS_brk,  SYS_openat, SYS_mmap,
					 SYS_socket, SYS_bind, SYS_listen};
	struct made m = made_new(c);
	struct lutra_object bind = {.op = LUTRA_OP_BIND, .family = 2, .addr_class = 4, .port = 80};
	char page[64];

	made_task(&m, 10, LUTRA_RECORD_ARM, 0);
	made_open(&m, 10, "/etc/service.conf", false);
	made_open(&m, 10, "/usr/lib/libc.so.6", false);
	made_object(&m, 10, bind, NULL);
	for (size_t i = 0; i < sizeof(start) / sizeof(start[0]); i++)
		made_call(&m, 10, start[i]);
	for (unsigned i = 0; i < requests; i++) {
		made_call(&m, 10, SYS_accept4);
		made_call(&m, 10, SYS_read);
		if ((i + seed) % 7 == 0)
			made_call(&m, 10, SYS_fstat);
		snprintf(page, sizeof(page), "/srv/page%u.html", (i * 31 + seed) % 40);
		made_open(&m, 10, page, false);
		made_call(&m, 10, SYS_openat);
		made_call(&m, 10, SYS_write);
		made_call(&m, 10, SYS_close);
		if ((i + seed) % 5 == 0)
			made_open(&m, 10, "/srv/data/log", true);
	}
	made_end(&m, file, false);
}

#endif
