/* SPDX-License-Identifier: Apache-2.0 */
/* The life cycle of an image in words. */
#include "user/cli/daemon/lifecycle_print.h"

#include <string.h>

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

static bool is(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* The newest run that the trainer has looked at; NULL: none. */
static const json_t *last_counted(const json_t *j)
{
	const json_t *runs = json_object_get(j, "runs");

	for (size_t k = json_array_size(runs); k > 0; k--) {
		const json_t *run = json_array_get(runs, k - 1);

		if (is(run, "counted") && !is(run, "used"))
			return run;
	}
	return NULL;
}

void lifecycle_print_progress(const json_t *j, char *buf, size_t size)
{
	const json_t *last = last_counted(j);
	long long advised = number(j, "runs_advised");
	size_t n = (size_t)snprintf(buf, size, "%lld of %lld runs", number(j, "runs_waiting"),
				    number(j, "runs_wanted"));

	if (last && n < size)
		n += (size_t)snprintf(buf + n, size - n,
				      ", the last brought %lld new calls and %lld new objects",
				      number(last, "new_calls"), number(last, "new_objects"));
	if (n < size && advised)
		n += (size_t)snprintf(buf + n, size - n, ", %lld more advised", advised);
	if (n < size && is(j, "training"))
		snprintf(buf + n, size - n, ", training");
}

static void print_runs(const json_t *j, FILE *out)
{
	const json_t *run;
	size_t i;

	json_array_foreach (json_object_get(j, "runs"), i, run) {
		fprintf(out, "  %s", text(run, "file"));
		if (is(run, "counted"))
			fprintf(out,
				": %.1f s, %lld calls, %lld objects; new: %lld calls, %lld objects",
				json_real_value(json_object_get(run, "seconds")),
				number(run, "calls"), number(run, "objects"),
				number(run, "new_calls"), number(run, "new_objects"));
		fprintf(out, "%s\n", is(run, "used") ? "; in the policy" : "");
	}
}

void lifecycle_print_next_step(const json_t *j, FILE *out)
{
	const char *stage = text(j, "stage"), *policy = text(j, "policy");

	if (is(j, "learning"))
		fprintf(out, "  next      start and stop its containers as they work every day\n");
	else if (!is(j, "trained"))
		fprintf(out, "  next      lutra learn --image %s\n", text(j, "image"));
	else if (strcmp(stage, "audit") != 0)
		return;
	else if (is(j, "gate_met"))
		fprintf(out, "  next      lutra policy set-mode %s deny (kill, without BPF LSM)\n",
			policy);
	else
		fprintf(out,
			"  next      it may refuse when the gate is met; until then: %s. By hand: "
			"lutra policy set-mode %s MODE --force\n",
			text(j, "gate"), policy);
}

void lifecycle_print(const json_t *j, FILE *out)
{
	char progress[256];

	fprintf(out, "%s: %s%s, policy %s\n", text(j, "image"), text(j, "stage"),
		is(j, "learning") && is(j, "trained") ? ", learned anew" : "", text(j, "policy"));
	if (is(j, "learning")) {
		lifecycle_print_progress(j, progress, sizeof(progress));
		fprintf(out, "  learning  %s\n", progress);
	}
	if (is(j, "trained"))
		fprintf(out, "  made of   %lld runs, %lld calls%s%s; %.2f hours clean in audit\n",
			number(j, "policy_runs"), number(j, "policy_calls"),
			*text(j, "digest") ? ", " : "", text(j, "digest"),
			json_real_value(json_object_get(j, "clean_hours")));
	if (*text(j, "note"))
		fprintf(out, "  note      %s\n", text(j, "note"));
	if (number(j, "runs_dropped"))
		fprintf(out, "  dropped   %lld runs were not counted\n", number(j, "runs_dropped"));
	print_runs(j, out);
	lifecycle_print_next_step(j, out);
}
