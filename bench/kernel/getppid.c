/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the guard costs a system call, with getppid(2), which does almost nothing itself:
 * alone, and in turn with getpid(2). Writes getppid.json beside this program.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/kernel/states.h"

static const char *const kinds[] = {"getppid", "in turn"};

static int call_getppid(unsigned kind, const char *arg, unsigned n)
{
	(void)arg;
	if (kind == 1)
		return bench_call_in_turn(n);
	for (unsigned i = 0; i < n; i++)
		syscall(SYS_getppid);
	return 0;
}

static const char *no_argument(unsigned kind)
{
	(void)kind;
	return "";
}

/* Prints the figures of a kind. Returns them, for the caller to release. */
static json_t *report_kind(const struct bench *b, unsigned kind)
{
	json_t *states = json_object();
	struct bench_figure f;

	printf("%-9s %9s %9s %9s\n", kinds[kind], "ns", "least", "to empty");
	for (enum bench_state s = 0; s < BENCH_STATES; s++) {
		bench_figure(b, kind, s, &f);
		printf("%-9s %9.1f %9.1f %9.2f\n", bench_state_name[s], f.median, f.min, f.ratio);
		json_object_set_new(states, bench_state_name[s],
				    json_pack("{s:f, s:f, s:f}", "median_ns", f.median, "min_ns",
					      f.min, "ratio_to_empty", f.ratio));
	}
	return states;
}

static int report_getppid(const struct bench *b, json_t *json)
{
	int r = json_object_set_new(json, "states", report_kind(b, 0));

	r |= json_object_set_new(json, "states_in_turn", report_kind(b, 1));
	return r < 0 ? -ENOMEM : 0;
}

int main(int argc, char **argv)
{
	struct bench b = {.name = "getppid",
			  .kinds = kinds,
			  .n_kinds = sizeof(kinds) / sizeof(kinds[0]),
			  .batch = 2000,
			  .batch_quick = 1000,
			  .operate = call_getppid,
			  .argument = no_argument,
			  .policy = bench_policy,
			  .report = report_getppid};

	return bench_main(&b, argc, argv);
}
