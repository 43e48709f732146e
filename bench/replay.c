/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures how fast a recorded run is scored on one core, by processor time. usage: replay POLICY
 * TRACE
 *
 * It scores system calls from memory; reads the trace alone; and does both, as `lutra score
 * --signals` does, without and with the object events. Each figure is the best of ROUNDS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/replay/replay.h"
#include "lib/trace/trace.h"

#define ROUNDS 9
#define RECORDS_MAX (1u << 25)

struct replay_bench {
	struct replay *replay;
	const char *path;
	struct lutra_record *records; /* system calls, forks, execs, exits */
	size_t n, calls;
	uint64_t matches; /* printed nowhere; keeps the compiler from dropping the work */
};

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef int (*block_fn)(struct replay_bench *run, const struct trace_block *b);

static int for_each_block(struct replay_bench *run, block_fn fn)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	struct trace_block block;
	struct err err = {""};
	int r = trace_reader_new(&trace, run->path, &err);

	while (r == 0 && (r = trace_reader_block(trace, &block)) > 0)
		r = fn(run, &block);
	if (r < 0)
		fprintf(stderr, "replay: %s: %s\n", run->path, *err.msg ? err.msg : strerror(-r));
	return r;
}

static int keep_syscalls(struct replay_bench *run, const struct trace_block *b)
{
	for (size_t i = 0; i < b->n && run->n < RECORDS_MAX; i++) {
		if (b->rec[i].type == LUTRA_RECORD_OBJECT)
			continue;
		run->calls += b->rec[i].type == LUTRA_RECORD_SYSCALL;
		run->records[run->n++] = b->rec[i];
	}
	return 0;
}

static int count_records(struct replay_bench *run, const struct trace_block *b)
{
	run->n += b->n;
	return 0;
}

static int score_block(struct replay_bench *run, const struct trace_block *b, bool objects)
{
	struct replay_step step;

	for (size_t i = 0; i < b->n; i++) {
		const char *str = NULL;
		size_t len = 0;
		int r;

		if (b->rec[i].type == LUTRA_RECORD_OBJECT && !objects)
			continue;
		if (b->rec[i].type != LUTRA_RECORD_SYSCALL)
			str = trace_block_string(b, i, &len);
		r = replay_next(run->replay, &b->rec[i], str, len, &step);
		if (r < 0)
			return r;
		run->matches += r && step.n_matches;
	}
	return 0;
}

static int score_calls(struct replay_bench *run, const struct trace_block *b)
{
	return score_block(run, b, false);
}

static int score_all(struct replay_bench *run, const struct trace_block *b)
{
	return score_block(run, b, true);
}

/* Returns millions a second, the best of the rounds. */
static double best_rate(struct replay_bench *run, block_fn fn, double n)
{
	double least = 1e9;

	for (int i = 0; i < ROUNDS; i++) {
		double start = cpu_seconds(), gone;

		replay_reset(run->replay);
		if (for_each_block(run, fn) < 0)
			return 0;
		gone = cpu_seconds() - start;
		least = gone < least ? gone : least;
	}
	return n / least / 1e6;
}

static double best_rate_from_memory(struct replay_bench *run)
{
	double least = 1e9;
	struct replay_step step;

	for (int i = 0; i < ROUNDS; i++) {
		double start = cpu_seconds(), gone;

		replay_reset(run->replay);
		for (size_t k = 0; k < run->n; k++)
			run->matches +=
				replay_next(run->replay, &run->records[k], NULL, 0, &step) &&
				step.n_matches;
		gone = cpu_seconds() - start;
		least = gone < least ? gone : least;
	}
	return (double)run->calls / least / 1e6;
}

int main(int argc, char **argv)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(replay_freep) struct replay *replay = NULL;
	struct replay_bench run = {.records = malloc(RECORDS_MAX * sizeof(*run.records))};
	double memory, read, both, all;
	struct err err = {""};

	if (argc != 3 || !run.records) {
		fputs("usage: replay POLICY TRACE\n", stderr);
		return 2;
	}
	if (policy_load(&policy, argv[1], &err) < 0 ||
	    replay_new(&replay, policy, LUTRA_MODE_DENY, &err) < 0) {
		fprintf(stderr, "replay: %s\n", err.msg);
		return 1;
	}
	run.replay = replay;
	run.path = argv[2];
	if (for_each_block(&run, keep_syscalls) < 0)
		return 1;
	memory = best_rate_from_memory(&run);
	run.n = 0;
	if (for_each_block(&run, count_records) < 0)
		return 1;
	read = best_rate(&run, count_records, (double)run.n);
	both = best_rate(&run, score_calls, (double)run.calls);
	all = best_rate(&run, score_all, (double)run.calls);
	printf("%.0f million calls/s scored, %.0f million records/s read, %.0f million calls/s "
	       "both, %.0f with the objects\n",
	       memory, read, both, all);
	free(run.records);
	return 0;
}
