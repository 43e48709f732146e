/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the life cycle of an image for people. */
#include "user/cli/daemon/lifecycle_print.h"

#include "lib/base/number.h"
#include "lib/policy/policy_unseen.h"
#include "user/cli/cli.h"

/* Returns the newest run that the trainer counted and no policy uses, or NULL. */
static const json_t *last_counted(const json_t *j)
{
	const json_t *runs = json_object_get(j, "runs");

	for (size_t k = json_array_size(runs); k > 0; k--) {
		const json_t *run = json_array_get(runs, k - 1);

		if (cli_json_is(run, "counted") && !cli_json_is(run, "used"))
			return run;
	}
	return NULL;
}

/* Prints when learning ends that has no number of runs to end with. */
static void print_end(const json_t *j, FILE *out)
{
	double per_day = json_real_value(json_object_get(j, "new_per_day"));
	double hours = json_real_value(json_object_get(j, "hours_more"));
	long long runs = cli_json_number(j, "runs_wanted") - cli_json_number(j, "runs_waiting");
	const char *sep = ", at least ";
	char rate[80], buf[NUMBER_TEXT];

	policy_unseen_rate_text(per_day / 24, "new thing", "new things", rate, sizeof(rate));
	fprintf(out, "; goes on until %s", rate);
	if (runs > 0) {
		fprintf(out, "%s%lld run%s", sep, runs, runs > 1 ? "s" : "");
		sep = " and ";
	}
	if (hours > 0)
		fprintf(out, "%s%s h of runs", sep, number_text(hours, 3, buf));
	if (runs > 0 || hours > 0)
		fputs(" more", out);
	fprintf(out, ", for %.0f h at most", json_real_value(json_object_get(j, "hours_left")));
}

static void print_unseen(const json_t *j, FILE *out)
{
	char text[POLICY_UNSEEN_TEXT];
	struct policy_unseen u;

	if (policy_unseen_decode(json_object_get(j, "unseen"), &u, NULL) < 0 || !u.runs)
		return;
	policy_unseen_text(&u, text);
	fprintf(out, "; %s", text);
}

void lifecycle_print_progress(const json_t *j, FILE *out)
{
	const json_t *last = last_counted(j);
	bool by_runs = cli_json_is(j, "by_runs");
	char buf[NUMBER_TEXT];

	if (by_runs)
		fprintf(out, "%lld of %lld runs", cli_json_number(j, "runs_waiting"),
			cli_json_number(j, "runs_wanted"));
	else
		fprintf(out, "%lld runs, %s h", cli_json_number(j, "runs_waiting"),
			number_text(json_real_value(json_object_get(j, "hours_recorded")), 3, buf));
	if (last)
		fprintf(out, ", the last brought %lld new calls and %lld new objects",
			cli_json_number(last, "new_calls"), cli_json_number(last, "new_objects"));
	print_unseen(j, out);
	if (!by_runs)
		print_end(j, out);
	if (cli_json_is(j, "training"))
		fputs(", training", out);
}

static void print_runs(const json_t *j)
{
	const json_t *run;
	size_t i;

	json_array_foreach (json_object_get(j, "runs"), i, run) {
		printf("  %s", cli_json_text(run, "file"));
		if (cli_json_is(run, "counted"))
			printf(": %.1f s, %lld calls, %lld objects; new: %lld calls, %lld objects",
			       json_real_value(json_object_get(run, "seconds")),
			       cli_json_number(run, "calls"), cli_json_number(run, "objects"),
			       cli_json_number(run, "new_calls"),
			       cli_json_number(run, "new_objects"));
		printf("%s\n", cli_json_is(run, "used") ? "; in the policy" : "");
	}
}

static void print_next_step(const json_t *j)
{
	const char *stage = cli_json_text(j, "stage"), *policy = cli_json_text(j, "policy");

	if (cli_json_is(j, "learning"))
		printf("  next      use its containers as on every day\n");
	else if (!cli_json_is(j, "trained"))
		printf("  next      lutra learn --image %s\n", cli_json_text(j, "image"));
	else if (strcmp(stage, "audit") != 0)
		return;
	else if (cli_json_is(j, "gate_met"))
		printf("  next      lutra policy set-mode %s deny (kill, without BPF LSM)\n",
		       policy);
	else
		printf("  next      stay in audit until the gate is met: %s. To override: "
		       "lutra policy set-mode %s MODE --force\n",
		       cli_json_text(j, "gate"), policy);
}

/* Returns what to add if the image has a policy already and is learned again. */
static const char *learning_words(const json_t *j)
{
	if (!cli_json_is(j, "learning") || !cli_json_is(j, "trained"))
		return "";
	return cli_json_is(j, "anew") ? ", learned anew" : ", updated";
}

void lifecycle_print(const json_t *j)
{
	printf("%s: %s%s, policy %s\n", cli_json_text(j, "image"), cli_json_text(j, "stage"),
	       learning_words(j), cli_json_text(j, "policy"));
	if (cli_json_is(j, "learning")) {
		printf("  learning  ");
		lifecycle_print_progress(j, stdout);
		putchar('\n');
	}
	if (cli_json_is(j, "trained"))
		printf("  made of   %lld runs, %lld calls%s%s; %.2f hours clean in audit\n",
		       cli_json_number(j, "policy_runs"), cli_json_number(j, "policy_calls"),
		       *cli_json_text(j, "digest") ? ", " : "", cli_json_text(j, "digest"),
		       json_real_value(json_object_get(j, "clean_hours")));
	if (cli_json_is(j, "trained") && !cli_json_number(j, "policy_starts"))
		puts("  start     no run saw a container start: what only a start does will be "
		     "alerted or refused");
	if (*cli_json_text(j, "note"))
		printf("  note      %s\n", cli_json_text(j, "note"));
	if (cli_json_number(j, "runs_dropped"))
		printf("  dropped   %lld runs were not counted\n",
		       cli_json_number(j, "runs_dropped"));
	print_runs(j);
	print_next_step(j);
}
