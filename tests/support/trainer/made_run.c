/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/trainer/made_run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "lib/abi/syscall_traits.h"
#include "lutra/score.h"

int made_corpus_setup(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));

	*state = c;
	return c ? corpus_init(c) : -1;
}

int made_corpus_teardown(void **state)
{
	corpus_done(*state);
	free(*state);
	return 0;
}

struct made_run made_run_new(struct corpus *c)
{
	struct made_run m = {.corpus = c};

	assert(run_builder_new(&m.b, &c->names, c->n_runs) == 0);
	return m;
}

struct lutra_policy *made_run_roles(void)
{
	struct lutra_policy *roles = calloc(1, sizeof(*roles));
	uint64_t steady[LUTRA_NR / 64];

	assert(roles);
	syscall_mask(NULL, SYSCALL_ACCEPTS, steady);
	memcpy(roles->steady, steady, sizeof(steady));
	roles->ops = UINT32_MAX;
	return roles;
}

int made_run_record(struct made_run *m, struct lutra_record rec, const char *path)
{
	struct err err;

	rec.ts_ns = m->ts_ns += MADE_STEP_NS;
	return run_builder_add(m->b, &rec, path, path ? strlen(path) : 0, &err);
}

void made_run_syscall(struct made_run *m, uint32_t tid, unsigned nr)
{
	struct lutra_record r = {.type = LUTRA_RECORD_SYSCALL, .tid = tid, .nr = (uint16_t)nr};

	assert(made_run_record(m, r, NULL) == 0);
}

void made_run_task(struct made_run *m, uint32_t tid, unsigned type, uint64_t arg)
{
	struct lutra_record r = {.type = (uint16_t)type, .tid = tid, .arg = arg};

	assert(made_run_record(m, r, NULL) == 0);
}

void made_run_object(struct made_run *m, uint32_t tid, struct lutra_object o, const char *path)
{
	struct lutra_record r = {.type = LUTRA_RECORD_OBJECT, .tid = tid};

	o.flags |= path ? LUTRA_OBJ_PATH : 0;
	lutra_object_pack(&o, &r);
	assert(made_run_record(m, r, path) == 0);
}

void made_run_open(struct made_run *m, uint32_t tid, const char *path, bool write)
{
	struct lutra_object o = {
		.op = LUTRA_OP_OPEN, .mode = 0100644, .flags = write ? LUTRA_OBJ_WRITE : 0};

	made_run_object(m, tid, o, path);
}

void made_run_end(struct made_run *m, const char *file, bool heldout)
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

void made_run_service(struct corpus *c, const char *file, unsigned seed, unsigned requests)
{
	static const unsigned start[] = {SYS_execve, SYS_brk,  SYS_openat, SYS_mmap,
					 SYS_socket, SYS_bind, SYS_listen};
	struct made_run m = made_run_new(c);
	struct lutra_object bind = {.op = LUTRA_OP_BIND, .family = 2, .addr_class = 4, .port = 80};
	char page[64];

	made_run_task(&m, 10, LUTRA_RECORD_ARM, 0);
	made_run_open(&m, 10, "/etc/service.conf", false);
	made_run_open(&m, 10, "/usr/lib/libc.so.6", false);
	made_run_object(&m, 10, bind, NULL);
	for (size_t i = 0; i < sizeof(start) / sizeof(start[0]); i++)
		made_run_syscall(&m, 10, start[i]);
	for (unsigned i = 0; i < requests; i++) {
		made_run_syscall(&m, 10, SYS_accept4);
		made_run_syscall(&m, 10, SYS_read);
		if ((i + seed) % 7 == 0)
			made_run_syscall(&m, 10, SYS_fstat);
		snprintf(page, sizeof(page), "/srv/page%u.html", (i * 31 + seed) % 40);
		made_run_open(&m, 10, page, false);
		made_run_syscall(&m, 10, SYS_openat);
		made_run_syscall(&m, 10, SYS_write);
		made_run_syscall(&m, 10, SYS_close);
		if ((i + seed) % 5 == 0)
			made_run_open(&m, 10, "/srv/data/log", true);
	}
	made_run_end(&m, file, false);
}

void made_run_odd_one_out(struct corpus *c)
{
	for (unsigned r = 0; r < 4; r++) {
		char name[16];
		struct made_run m = made_run_new(c);

		snprintf(name, sizeof(name), "%.*s", (int)r + 1, "abcdef");
		for (int i = 0; i < 50; i++) {
			made_run_syscall(&m, 1, SYS_read);
			made_run_syscall(&m, 1, SYS_accept);
			made_run_open(&m, 1, "/etc/conf", false);
		}
		for (int i = 0; i < 2 && r == 3; i++) {
			m.ts_ns += 2000ull * 1000000;
			made_run_syscall(&m, 1, SYS_uname);
			made_run_syscall(&m, 1, SYS_socket);
			made_run_open(&m, 1, "/etc/secret", false);
		}
		made_run_end(&m, name, false);
	}
}
