/* SPDX-License-Identifier: Apache-2.0 */
/* Lays the records of an attack behind those of its start. */
#include "trainer/eval/splice_judge.h"

#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "lutra/score.h"

void splice_run_done(struct splice_run *r)
{
	free(r->records);
	free(r->strings);
	memset(r, 0, sizeof(*r));
}

static int put_record(struct splice_run *r, const struct lutra_record *rec, uint32_t string)
{
	struct lutra_record *at;

	if (ARRAY_RESERVE(r->records, r->records_size, r->n + 1) < 0 ||
	    ARRAY_RESERVE(r->strings, r->strings_size, r->n + 1) < 0)
		return -ENOMEM;
	at = &r->records[r->n];
	*at = *rec;
	at->ts_ns = SPLICE_RUN_BEGIN_NS + r->n * SPLICE_RUN_STEP_NS;
	at->tid = at->tgid = SPLICE_RUN_TID;
	r->strings[r->n++] = string;
	return 0;
}

static int put_events(struct splice_run *r, const struct macro_event *events, size_t n)
{
	int e = 0;

	for (size_t i = 0; e == 0 && i < n; i++)
		e = put_record(r, &events[i].rec, events[i].string);
	return e;
}

int splice_run_make(struct splice_run *ret, const struct macro_set *macros,
		    const struct attack_start *start, const struct splice *splice)
{
	/* The task ran before, and is steady. */
	const struct lutra_record arm = {
		.type = LUTRA_RECORD_ARM,
		.nr = 1,
		.arg = lutra_role_pack(LUTRA_ROLE_STEADY, LUTRA_ROLE_STEADY)};
	const struct lutra_record mark = {.type = LUTRA_RECORD_MARK,
					  .aux = LUTRA_MARK_ATTACK_ONSET};
	int r = put_record(ret, &arm, LUTRA_NO_STRING);

	if (r == 0)
		r = put_events(ret, start->events, start->n);
	if (r == 0)
		r = put_record(ret, &mark, LUTRA_NO_STRING);
	if (r < 0)
		return r;
	ret->onset_ns = ret->records[ret->n - 1].ts_ns;
	for (size_t i = 0; r == 0 && i < splice->n; i++) {
		const struct macro *m = &macros->list[splice->items[i].macro];

		r = put_events(ret, macros->events + m->first, m->n);
	}
	return r;
}

/* Returns how many of the first calls of the attack do a step of the goal. */
static uint32_t count_payload(const struct splice *splice, uint64_t calls)
{
	uint32_t n = 0;

	for (size_t i = 0; i < splice->n && i < calls; i++)
		n += splice->items[i].payload;
	return n;
}

/* Copies what the detectors made of the attack. */
static void take_results(const struct run_results *results, const struct splice *splice,
			 struct splice_result *ret)
{
	ret->made = true;
	ret->calls = (uint32_t)splice->n;
	ret->payload = count_payload(splice, splice->n);
	for (unsigned i = 0; i < DETECTOR_COUNT; i++) {
		const struct detector_result *x = &results->detector[i];
		struct splice_seen *seen = &ret->detector[i];

		seen->seen = x->detected;
		seen->score = 0;
		seen->payload_done =
			(double)count_payload(splice, x->first_calls) / (double)ret->payload;
		for (size_t k = 0; k < results->n_tasks; k++)
			if (results->tasks[k].attack)
				seen->score = results->tasks[k].score[i];
	}
}

int splice_run_judge(const struct splice_run *run, const struct splice *splice,
		     const struct trace_string *strings, const struct detectors *detectors,
		     struct splice_result *ret, struct err *err)
{
	const struct trace_block block = {run->records, run->strings, strings, run->n};
	struct evaluated_run *judged = calloc(1, sizeof(*judged));
	int r;

	if (!judged)
		return err_oom(err);
	judged->labels.kind = RUN_KIND_ADAPTIVE;
	judged->labels.labelled = true;
	judged->labels.start_ns = run->records[0].ts_ns;
	judged->labels.stop_ns = run->records[run->n - 1].ts_ns;
	judged->labels.onset_ns = run->onset_ns;
	judged->labels.end_ns = UINT64_MAX;
	judged->labels.root = SPLICE_RUN_TID;
	r = evaluated_run_judge_block(judged, detectors, &block, err);
	if (r == 0)
		take_results(&judged->results, splice, ret);
	evaluated_run_done(judged);
	free(judged);
	return r;
}
