/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the runs, builds the graphs, then makes and judges the attacks on all threads. */
#include "trainer/adapt.h"

#include <errno.h>
#include <string.h>

#include "trainer/model/compute/pool.h"
#include "trainer/rules/calibration/calibrate.h"

#define STARTS_TRIED 12	   /* until a goal counts as out of reach */
#define STREAM_ATTACKS 256 /* of the seed's random numbers: one for each attack */

struct adapt_job {
	const struct adapt_options *options;
	struct known_runs known;
	struct attack_starts starts;
	struct splice_source source;
	struct trace_string *strings; /* of known.macros.strings */
	struct splice_result *results;
	struct progress_pieces progress;
};

static void adapt_job_free(struct adapt_job *j)
{
	if (!j)
		return;
	splice_source_done(&j->source);
	attack_starts_done(&j->starts);
	known_runs_done(&j->known);
	free(j->strings);
	free(j);
}
DEFINE_FREEP(struct adapt_job, adapt_job_free);

static int read_adapt_runs(struct adapt_job *j, struct err *err)
{
	const struct adapt_options *o = j->options;
	const struct attack_start_source source = {.policy = o->detectors->policy,
						   .files = o->starts,
						   .n = o->n_starts,
						   .seed = o->seed};
	int r;

	progress_show(o->progress, "reading what is known", 0);
	r = known_runs_read(&j->known, o->detectors->policy, o->known, o->n_known, err);
	if (r == 0)
		r = attack_starts_read(&j->starts, &source, &j->known.macros, err);
	if (r < 0)
		return r;
	if (j->known.n == 0)
		return err_set(err, -EINVAL,
			       "no attack can be made: no task of the training runs "
			       "ever ended its start-up");
	if (j->starts.n == 0)
		return err_set(err, -EINVAL,
			       "no attack can start: no task of the other runs "
			       "received anything after its start-up");
	return 0;
}

/* Makes the list of all strings, which no longer move. */
static int list_strings(struct adapt_job *j)
{
	const struct intern *strings = j->known.macros.strings;
	uint32_t n = intern_count(strings);

	j->strings = calloc((size_t)n + 1, sizeof(*j->strings));
	if (!j->strings)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		size_t len;

		j->strings[i].s = intern_get(strings, i, &len);
		j->strings[i].len = len - 1; /* without the NUL */
	}
	return 0;
}

/* Returns plan i of ADAPT_ATTACKS. */
static struct splice_plan adapt_plan(size_t i)
{
	i /= ADAPT_REPEATS;
	return (struct splice_plan){.dilution = (uint8_t)(i % SPLICE_DILUTIONS),
				    .order = (uint8_t)(i / SPLICE_DILUTIONS % SPLICE_ORDERS),
				    .goal = (uint8_t)(i / SPLICE_DILUTIONS / SPLICE_ORDERS)};
}

/* Makes an attack at one of the starts. *ret_start: at which. Returns as splice_make(). */
static int make_attack(const struct adapt_job *j, const struct splice_plan *plan, struct rng *rng,
		       struct splice *ret, const struct attack_start **ret_start)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < STARTS_TRIED; i++) {
		splice_done(ret);
		*ret_start = &j->starts.list[rng_u64(rng) % j->starts.n];
		r = splice_make(&j->source, plan, *ret_start, rng, ret);
	}
	return r;
}

static int judge_attack(void *ctx, size_t i, struct err *err)
{
	struct adapt_job *j = ctx;
	struct splice_result *result = &j->results[i];
	struct rng rng = rng_stream(j->options->seed, STREAM_ATTACKS + i);
	_cleanup_(splice_done) struct splice splice = {0};
	_cleanup_(splice_run_done) struct splice_run run = {0};
	const struct attack_start *start;
	int r;

	memset(result, 0, sizeof(*result));
	result->plan = adapt_plan(i);
	r = make_attack(j, &result->plan, &rng, &splice, &start);
	if (r > 0)
		r = splice_run_make(&run, &j->known.macros, start, &splice);
	else if (r == 0)
		return 0;
	if (r < 0)
		return err_oom(err);
	r = splice_run_judge(&run, &splice, j->strings, j->options->detectors, result, err);
	progress_piece(&j->progress);
	return r;
}

int adapt_judge(const struct adapt_options *options, struct adapt_results *ret, struct err *err)
{
	_cleanup_(adapt_job_freep) struct adapt_job *j = calloc(1, sizeof(*j));
	const struct detectors *d = options->detectors;
	int r;

	if (!j)
		return err_oom(err);
	j->options = options;
	j->results = ret->list;
	j->progress =
		(struct progress_pieces){options->progress, "judging attacks", ADAPT_ATTACKS, 0};
	r = read_adapt_runs(j, err);
	if (r == 0)
		r = splice_source_init(&j->source, &j->known, options->seed, options->threads, err);
	if (r < 0)
		return r;
	if (list_strings(j) < 0)
		return err_oom(err);
	ret->summary = (struct splice_summary){
		.list = ret->list,
		.n = ADAPT_ATTACKS,
		.seed = options->seed,
		.n_detectors = d->baselines ? DETECTOR_COUNT : DETECTOR_POLICY,
		.level_m = {d->policy->threshold,
			    d->policy->calibration.max_level * CALIBRATE_UNITS},
		.level_n = {d->policy->novelty_threshold,
			    d->policy->calibration.max_novelty * LUTRA_N_ONE}};
	return pool_run(options->threads, judge_attack, j, ADAPT_ATTACKS, err);
}
