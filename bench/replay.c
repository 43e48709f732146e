/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast a recorded run is scored on one core, in the time that the core worked: replay POLICY
 * TRACE. Scored: as `lutra score` does it, from memory; read: from the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/replay.h"
#include "lib/trace/trace.h"

#define ROUNDS 5
#define RECORDS_MAX (1u << 25)

struct run {
	struct lutra_record *records; /* calls, forks, execs, exits */
	size_t n, calls;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int read_run(const char *path, struct run *ret, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r = trace_reader_new(&trace, path, err);

	if (r < 0)
		return r;
	ret->n = ret->calls = 0;
	while (ret->n < RECORDS_MAX && trace_reader_next(trace, &rec, &str, &len) > 0) {
		if (rec->type == LUTRA_REC_OBJECT)
			continue;
		ret->calls += rec->type == LUTRA_REC_CALL;
		ret->records[ret->n++] = *rec;
	}
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(replay_freep) struct replay *replay = NULL;
	struct run run = {.records = malloc(RECORDS_MAX * sizeof(*run.records))};
	double reading = 1e9, scoring = 1e9;
	struct replay_step step;
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
	for (int i = 0; i < ROUNDS; i++) {
		double start = now(), read;

		if (read_run(argv[2], &run, &err) < 0) {
			fprintf(stderr, "replay: %s\n", err.msg);
			return 1;
		}
		read = now();
		replay_reset(replay);
		for (size_t k = 0; k < run.n; k++)
			(void)replay_next(replay, &run.records[k], NULL, 0, &step);
		scoring = now() - read < scoring ? now() - read : scoring;
		reading = read - start < reading ? read - start : reading;
	}
	printf("%.0f million calls/s scored, %.0f million records/s read, %.0f million calls/s "
	       "both\n",
	       (double)run.calls / scoring / 1e6, (double)run.n / reading / 1e6,
	       (double)run.calls / (scoring + reading) / 1e6);
	free(run.records);
	return 0;
}
