/* SPDX-License-Identifier: Apache-2.0 */
/* Shares, intervals and prices of spliced attacks, as JSON and as tables. */
#include "trainer/eval/report/splice_summary.h"

#include <math.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "trainer/eval/detectors/detectors.h"

#define RESAMPLES 2000
#define STREAM_BOOTSTRAP 2 /* of the seed's random numbers */
#define GROUPS (SPLICE_GOALS * SPLICE_ORDERS)

static const struct splice_filter all = {-1, -1, -1};

/* A split of the attacks, by one part of their plans. */
enum split { SPLIT_GOAL, SPLIT_ORDER, SPLIT_DILUTION, SPLITS };

static const struct {
	const char *name;
	unsigned n;
} splits[SPLITS] = {
	{"by_goal", SPLICE_GOALS}, {"by_order", SPLICE_ORDERS}, {"by_dilution", SPLICE_DILUTIONS}};

static struct splice_filter split_filter(enum split split, int i)
{
	struct splice_filter f = all;

	if (split == SPLIT_GOAL)
		f.goal = i;
	else if (split == SPLIT_ORDER)
		f.order = i;
	else
		f.dilution = i;
	return f;
}

/* Writes the name of part i of a split. */
static const char *split_name(enum split split, unsigned i, char ret[static 16])
{
	if (split == SPLIT_GOAL)
		return splice_goal_name(i);
	if (split == SPLIT_ORDER)
		return splice_order_name(i);
	snprintf(ret, 16, "%u", splice_dilution_calls(i));
	return ret;
}

static bool filter_takes(const struct splice_filter *f, const struct splice_result *x)
{
	return x->made && (f->goal < 0 || f->goal == x->plan.goal) &&
	       (f->order < 0 || f->order == x->plan.order) &&
	       (f->dilution < 0 || f->dilution == x->plan.dilution);
}

static size_t count_attacks(const struct splice_summary *s, const struct splice_filter *filter)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += filter_takes(filter, &s->list[i]);
	return n;
}

double splice_summary_seen(const struct splice_summary *s, unsigned detector,
			   const struct splice_filter *filter)
{
	size_t n = count_attacks(s, filter), seen = 0;

	for (size_t i = 0; i < s->n; i++)
		seen += filter_takes(filter, &s->list[i]) && s->list[i].detector[detector].seen;
	return n ? (double)seen / (double)n : NAN;
}

double splice_summary_price(const struct splice_summary *s, const struct splice_filter *filter)
{
	size_t n = count_attacks(s, filter);
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		if (filter_takes(filter, &s->list[i]))
			sum += (double)s->list[i].calls / (double)s->list[i].payload;
	return n ? sum / (double)n : NAN;
}

static int compare_shares(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

double splice_summary_payload_done(const struct splice_summary *s, unsigned detector)
{
	_cleanup_free_ double *done = calloc(s->n + 1, sizeof(*done));
	size_t n = 0;

	for (size_t i = 0; done && i < s->n; i++)
		if (s->list[i].made && s->list[i].detector[detector].seen)
			done[n++] = s->list[i].detector[detector].payload_done;
	if (!n)
		return NAN;
	qsort(done, n, sizeof(*done), compare_shares);
	return (done[(n - 1) / 2] + done[n / 2]) / 2;
}

/* Attacks with the same goal and order. */
struct splice_group {
	uint32_t n, seen;
};

/* Finds the groups that have attacks. Returns how many. */
static size_t find_groups(const struct splice_summary *s, unsigned detector,
			  struct splice_group ret[GROUPS])
{
	size_t n = 0;

	memset(ret, 0, GROUPS * sizeof(ret[0]));
	for (size_t i = 0; i < s->n; i++) {
		const struct splice_result *x = &s->list[i];
		struct splice_group *g = &ret[x->plan.goal * SPLICE_ORDERS + x->plan.order];

		g->n += x->made;
		g->seen += x->made && x->detector[detector].seen;
	}
	for (size_t i = 0; i < GROUPS; i++)
		if (ret[i].n)
			ret[n++] = ret[i];
	return n;
}

void splice_summary_seen_95(const struct splice_summary *s, unsigned detector, double ret[2])
{
	struct rng rng = rng_stream(s->seed, STREAM_BOOTSTRAP);
	struct splice_group groups[GROUPS];
	size_t n = find_groups(s, detector, groups);
	double share[RESAMPLES];

	ret[0] = ret[1] = NAN;
	if (!n)
		return;
	for (size_t i = 0; i < RESAMPLES; i++) {
		double attacks = 0, seen = 0;

		for (size_t k = 0; k < n; k++) {
			const struct splice_group *g = &groups[rng_u64(&rng) % n];

			attacks += g->n;
			seen += g->seen;
		}
		share[i] = seen / attacks;
	}
	qsort(share, RESAMPLES, sizeof(share[0]), compare_shares);
	ret[0] = share[RESAMPLES / 40];
	ret[1] = share[RESAMPLES - 1 - RESAMPLES / 40];
}

/* ---- JSON ---- */

/* Returns x, or null for NAN, which JSON does not have. */
static json_t *share_to_json(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

/* Returns a value for each part of a split. detector: its shares; or below 0: the prices. */
static json_t *split_to_json(const struct splice_summary *s, enum split split, int detector,
			     bool undiluted)
{
	json_t *j = json_object();

	for (unsigned i = 0; i < splits[split].n; i++) {
		struct splice_filter f = split_filter(split, (int)i);
		char name[16];

		if (undiluted)
			f.dilution = 0;
		json_object_set_new(
			j, split_name(split, i, name),
			share_to_json(detector < 0
					      ? splice_summary_price(s, &f)
					      : splice_summary_seen(s, (unsigned)detector, &f)));
	}
	return j;
}

static json_t *detector_seen_to_json(const struct splice_summary *s, unsigned detector)
{
	json_t *j = json_object();
	double interval[2];

	splice_summary_seen_95(s, detector, interval);
	json_object_set_new(j, "seen", share_to_json(splice_summary_seen(s, detector, &all)));
	json_object_set_new(
		j, "seen_95",
		json_pack("[o, o]", share_to_json(interval[0]), share_to_json(interval[1])));
	json_object_set_new(j, "payload_done_median",
			    share_to_json(splice_summary_payload_done(s, detector)));
	for (unsigned i = 0; i < SPLITS; i++)
		json_object_set_new(j, splits[i].name, split_to_json(s, i, (int)detector, false));
	return j;
}

static json_t *attack_to_json(const struct splice_summary *s, const struct splice_result *x)
{
	json_t *seen = json_object(), *scores = json_object();

	for (unsigned i = 0; i < s->n_detectors; i++) {
		if (x->detector[i].seen)
			json_object_set_new(seen, detector_name(i),
					    json_real(x->detector[i].payload_done));
		json_object_set_new(scores, detector_name(i),
				    json_real((double)x->detector[i].score));
	}
	return json_pack("{s:s, s:s, s:i, s:i, s:i, s:o, s:o}", "goal",
			 splice_goal_name(x->plan.goal), "order", splice_order_name(x->plan.order),
			 "dilution", splice_dilution_calls(x->plan.dilution), "calls", x->calls,
			 "payload", x->payload, "payload_done", seen, "score", scores);
}

static json_t *threshold_to_json(const struct splice_threshold *t)
{
	return json_pack("{s:i, s:f}", "threshold", t->threshold, "highest_in_replays", t->highest);
}

json_t *splice_summary_to_json(const struct splice_summary *s)
{
	json_t *rules = json_object(), *attacks = json_array(), *levels = json_object(),
	       *price = json_object();
	size_t n = count_attacks(s, &all);

	for (unsigned i = 0; i < s->n_detectors; i++)
		json_object_set_new(rules, detector_name(i), detector_seen_to_json(s, i));
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].made)
			json_array_append_new(attacks, attack_to_json(s, &s->list[i]));
	json_object_set_new(levels, detector_name(DETECTOR_M), threshold_to_json(&s->level_m));
	json_object_set_new(levels, detector_name(DETECTOR_N), threshold_to_json(&s->level_n));
	json_object_set_new(price, "by_order", split_to_json(s, SPLIT_ORDER, -1, true));
	json_object_set_new(price, "by_dilution", split_to_json(s, SPLIT_DILUTION, -1, false));
	return json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "seed", (json_int_t)s->seed,
			 "attacks", (json_int_t)n, "out_of_reach", (json_int_t)(s->n - n), "rules",
			 rules, "price", price, "levels", levels, "each", attacks);
}

/* ---- table ---- */

static void print_percent(double x, FILE *out)
{
	if (isfinite(x))
		fprintf(out, " %4.0f", 100 * x);
	else
		fputs("    -", out);
}

static void print_detector_seen(const struct splice_summary *s, unsigned detector, FILE *out)
{
	double interval[2];

	splice_summary_seen_95(s, detector, interval);
	fprintf(out, "%-14s", detector_name(detector));
	print_percent(splice_summary_seen(s, detector, &all), out);
	fprintf(out, " [%3.0f, %3.0f]", 100 * interval[0], 100 * interval[1]);
	print_percent(splice_summary_payload_done(s, detector), out);
	for (unsigned k = 0; k < SPLITS; k++) {
		fputs(" |", out);
		for (unsigned i = 0; i < splits[k].n; i++) {
			struct splice_filter f = split_filter(k, (int)i);

			print_percent(splice_summary_seen(s, detector, &f), out);
		}
	}
	putc('\n', out);
}

static void print_prices(const struct splice_summary *s, FILE *out)
{
	fputs("calls for each that does a step of the goal, by order, not diluted:", out);
	for (unsigned i = 0; i < SPLICE_ORDERS; i++) {
		const struct splice_filter f = {-1, (int)i, 0};

		fprintf(out, "%s %s %.1f", i ? "," : "", splice_order_name(i),
			splice_summary_price(s, &f));
	}
	putc('\n', out);
}

void splice_summary_print(const struct splice_summary *s, FILE *out)
{
	size_t n = count_attacks(s, &all);

	fprintf(out, "\nadaptive attacks made of the training runs: %zu; out of reach: %zu\n", n,
		s->n - n);
	if (!n)
		return;
	fprintf(out, "%-14s %4s %-10s %4s | exf. mass over res. |", "rule", "%", "95 %", "done");
	for (unsigned i = 0; i < SPLICE_ORDERS; i++)
		fprintf(out, " %4s", splice_order_name(i));
	fputs(" |", out);
	for (unsigned i = 0; i < SPLICE_DILUTIONS; i++)
		fprintf(out, "  1:%-2u", splice_dilution_calls(i));
	putc('\n', out);
	for (unsigned i = 0; i < s->n_detectors; i++)
		print_detector_seen(s, i, out);
	print_prices(s, out);
}
