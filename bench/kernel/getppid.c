/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the guard costs a system call, with getppid(2), which does almost nothing itself.
 * Writes getppid.json beside this program.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/kernel/states.h"

static int call_getppid(unsigned kind, const char *arg, unsigned n)
{
	(void)kind, (void)arg;
	for (unsigned i = 0; i < n; i++)
		syscall(SYS_getppid);
	return 0;
}

static const char *no_argument(unsigned kind)
{
	(void)kind;
	return "";
}

static int report_getppid(const struct bench *b, json_t *json)
{
	json_t *states = json_object();
	struct bench_figure f;

	printf("getppid   %9s %9s %9s\n", "ns", "least", "to empty");
	for (enum bench_state s = 0; s < BENCH_STATES; s++) {
		bench_figure(b, 0, s, &f);
		printf("%-9s %9.1f %9.1f %9.2f\n", bench_state_name[s], f.median, f.min, f.ratio);
		json_object_set_new(states, bench_state_name[s],
				    json_pack("{s:f, s:f, s:f}", "median_ns", f.median, "min_ns",
					      f.min, "ratio_to_empty", f.ratio));
	}
	return json_object_set_new(json, "states", states) < 0 ? -ENOMEM : 0;
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = {"getppid"};
	struct bench b = {.name = "getppid",
			  .kinds = kinds,
			  .n_kinds = 1,
			  .batch = 2000,
			  .batch_quick = 1000,
			  .operate = call_getppid,
			  .argument = no_argument,
			  .policy = bench_policy,
			  .report = report_getppid};

	return bench_main(&b, argc, argv);
}
