/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the parts of a program at sys_enter cost by themselves, with warm caches: the least
 * ns of many loops. The cost of a scored getppid(2) is made of these parts.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lutra/types.h"
#include "bench/kernel/parts.h"
#include "bench/kernel/parts.skel.h"

#define LOOPS 200
#define TURNS 2000

static const char *const parts_name[PARTS_COUNT] = {
	[PARTS_NOTHING] = "an empty turn",	[PARTS_FUNCTION] = "a call of a function",
	[PARTS_TASK] = "the current task",	[PARTS_STORAGE] = "a task's storage",
	[PARTS_ARRAY] = "a look into an array", [PARTS_TIME] = "the time",
};

/* Returns the ns of a turn, or -errno. */
static double measure_part(int prog, enum parts_part part)
{
	double least = 1e9;

	for (int i = 0; i < LOOPS; i++) {
		struct parts_run run = {.part = part, .n = TURNS};
		LIBBPF_OPTS(bpf_test_run_opts, o, .ctx_in = &run, .ctx_size_in = sizeof(run));
		int r = bpf_prog_test_run_opts(prog, &o);

		if (r < 0)
			return r;
		if ((double)run.ns / TURNS < least)
			least = (double)run.ns / TURNS;
	}
	return least;
}

int main(void)
{
	struct parts_bpf *skel = parts_bpf__open_and_load();
	double empty = 0;
	int r = 0;

	if (!skel) {
		fprintf(stderr, "parts: the program does not load: %s\n", strerror(errno));
		return 1;
	}
	printf("a part of a program, warm %13s\n", "ns");
	for (enum parts_part p = 0; p < PARTS_COUNT && r == 0; p++) {
		double ns = measure_part(bpf_program__fd(skel->progs.run_parts), p);

		if (ns < 0)
			r = fprintf(stderr, "parts: %s\n", strerror((int)-ns));
		else
			printf("%-25s %13.1f\n", parts_name[p],
			       p == PARTS_NOTHING ? ns : ns - empty);
		empty = p == PARTS_NOTHING ? ns : empty;
	}
	parts_bpf__destroy(skel);
	return r != 0;
}
