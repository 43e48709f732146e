/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the life cycle of an image for people. */
#include "user/cli/daemon/lifecycle_print.h"

#include <string.h>

#include "user/cli/cli.h"

static bool is_set(const json_t *j, const char *key)
{
	return json_is_true(json_object_get(j, key));
}

/* Returns the newest run that the trainer counted and no policy uses, or NULL. */
static const json_t *last_counted(const json_t *j)
{
	const json_t *runs = json_object_get(j, "runs");

	for (size_t k = json_array_size(runs); k > 0; k--) {
		const json_t *run = json_array_get(runs, k - 1);

		if (is_set(run, "counted") && !is_set(run, "used"))
			return run;
	}
	return NULL;
}

void lifecycle_print_progress(const json_t *j, char *buf, size_t size)
{
	const json_t *last = last_counted(j);
	long long advised = cli_json_number(j, "runs_advised");
	size_t n =
		(size_t)snprintf(buf, size, "%lld of %lld runs", cli_json_number(j, "runs_waiting"),
				 cli_json_number(j, "runs_wanted"));

	if (last && n < size)
		n += (size_t)snprintf(
			buf + n, size - n, ", the last brought %lld new calls and %lld new objects",
			cli_json_number(last, "new_calls"), cli_json_number(last, "new_objects"));
	if (n < size && advised)
		n += (size_t)snprintf(buf + n, size - n, ", %lld more advised", advised);
	if (n < size && is_set(j, "training"))
		snprintf(buf + n, size - n, ", training");
}

static void print_runs(const json_t *j, FILE *out)
{
	const json_t *run;
	size_t i;

	json_array_foreach (json_object_get(j, "runs"), i, run) {
		fprintf(out, "  %s", cli_json_text(run, "file"));
		if (is_set(run, "counted"))
			fprintf(out,
				": %.1f s, %lld calls, %lld objects; new: %lld calls, %lld objects",
				json_real_value(json_object_get(run, "seconds")),
				cli_json_number(run, "calls"), cli_json_number(run, "objects"),
				cli_json_number(run, "new_calls"),
				cli_json_number(run, "new_objects"));
		fprintf(out, "%s\n", is_set(run, "used") ? "; in the policy" : "");
	}
}

void lifecycle_print_next_step(const json_t *j, FILE *out)
{
	const char *stage = cli_json_text(j, "stage"), *policy = cli_json_text(j, "policy");

	if (is_set(j, "learning"))
		fprintf(out, "  next      start, use and stop its containers as on every day\n");
	else if (!is_set(j, "trained"))
		fprintf(out, "  next      lutra learn --image %s\n", cli_json_text(j, "image"));
	else if (strcmp(stage, "audit") != 0)
		return;
	else if (is_set(j, "gate_met"))
		fprintf(out, "  next      lutra policy set-mode %s deny (kill, without BPF LSM)\n",
			policy);
	else
		fprintf(out,
			"  next      stay in audit until the gate is met: %s. To override: "
			"lutra policy set-mode %s MODE --force\n",
			cli_json_text(j, "gate"), policy);
}

void lifecycle_print(const json_t *j, FILE *out)
{
	char progress[256];

	fprintf(out, "%s: %s%s, policy %s\n", cli_json_text(j, "image"), cli_json_text(j, "stage"),
		is_set(j, "learning") && is_set(j, "trained") ? ", learned anew" : "",
		cli_json_text(j, "policy"));
	if (is_set(j, "learning")) {
		lifecycle_print_progress(j, progress, sizeof(progress));
		fprintf(out, "  learning  %s\n", progress);
	}
	if (is_set(j, "trained"))
		fprintf(out, "  made of   %lld runs, %lld calls%s%s; %.2f hours clean in audit\n",
			cli_json_number(j, "policy_runs"), cli_json_number(j, "policy_calls"),
			*cli_json_text(j, "digest") ? ", " : "", cli_json_text(j, "digest"),
			json_real_value(json_object_get(j, "clean_hours")));
	if (*cli_json_text(j, "note"))
		fprintf(out, "  note      %s\n", cli_json_text(j, "note"));
	if (cli_json_number(j, "runs_dropped"))
		fprintf(out, "  dropped   %lld runs were not counted\n",
			cli_json_number(j, "runs_dropped"));
	print_runs(j, out);
	lifecycle_print_next_step(j, out);
}
