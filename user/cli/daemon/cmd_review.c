/* SPDX-License-Identifier: Apache-2.0 */
/* lutra review: walks through the findings that nobody has accepted, and accepts those that are fine. */
#include <errno.h>

#include "user/cli/policy/policy_accept.h"

#define LINE_MAX_BYTES 600
#define NEXT_BYTES 128 /* where a page of findings begins */

struct review_args {
	const char *config_file;
	const char *key;
	struct args_list image;
};

static const struct args_option options[] = {
	ARGS_STRING("key", 'k', "FILE", "Secret key, where policy_keys are set", struct review_args,
		    key),
	CLI_OPTION_CONFIG(struct review_args),
	{},
};

static const struct args_command command = {
	.options = options,
	.usage = "[IMAGE]",
	.doc = "Walk through the findings that nobody has accepted yet, and accept those that are "
	       "fine."
	       "\vFor each finding the command offers readings, from narrow to wide, and waits for "
	       "a line: the number of a reading accepts it, s or an empty line skips the finding, "
	       "q ends. A reading that is dangerous is accepted only after a yes.",
	.max = 1,
	.list = offsetof(struct review_args, image),
};

/* Asks for a line. Returns false at the end of the input. */
static bool ask_line(const char *question, char ret[static LINE_MAX_BYTES])
{
	printf("%s", question);
	fflush(stdout);
	if (!fgets(ret, LINE_MAX_BYTES, stdin)) {
		putchar('\n');
		return false;
	}
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

static void print_finding(const json_t *finding, const json_t *readings)
{
	const char *example = cli_json_text(finding, "example"),
		   *what = cli_json_text(finding, "what"),
		   *accepted = cli_json_text(finding, "accepted");
	const json_t *r;
	size_t i;

	printf("\n%s  %s\n  %s: %s\n  by %s, role %s%s; %lld time%s, last %s; %s%s%s\n",
	       cli_json_text(finding, "id"), cli_json_text(finding, "image"),
	       cli_json_text(finding, "title"), *example ? example : what,
	       cli_json_text(finding, "program"), cli_json_text(finding, "role"),
	       cli_json_is(finding, "exec_session") ? ", in an exec session" : "",
	       cli_json_number(finding, "count"), cli_json_number(finding, "count") == 1 ? "" : "s",
	       cli_json_text(finding, "last"), cli_json_text(finding, "verdict"),
	       *accepted ? "; in part accepted: " : "", accepted);
	json_array_foreach (json_object_get(readings, "readings"), i, r) {
		const char *danger = cli_json_text(r, "danger");

		printf("  %zu  %-10s %s%s%s\n", i + 1, cli_json_text(r, "scope"),
		       cli_json_text(r, "text"), *danger ? "\n                dangerous: " : "",
		       danger);
	}
}

/* Accepts a reading after the questions that it needs. Returns 0, or -errno with err. */
static int accept_reading(const struct policy_args *base, const json_t *finding,
			  const json_t *reading, struct err *err)
{
	struct policy_args a = *base;
	char reason[LINE_MAX_BYTES], sure[LINE_MAX_BYTES];

	a.scope = cli_json_text(reading, "scope");
	a.text = cli_json_text(reading, "text");
	if (*cli_json_text(reading, "danger")) {
		if (!ask_line("this is dangerous; type yes to accept it: ", sure) ||
		    strcmp(sure, "yes") != 0) {
			puts("not accepted");
			return 0;
		}
		a.force = true;
	}
	if (ask_line("reason (may be empty): ", reason) && *reason)
		a.reason = reason;
	return policy_accept_finding(&a, cli_json_text(finding, "id"), err);
}

/* Asks about a finding. Returns false to end. */
static bool review_finding(const struct policy_args *a, const json_t *finding)
{
	char path[LOCAL_CLIENT_PATH], line[LINE_MAX_BYTES];
	json_auto_t *readings = NULL;
	struct err err;
	size_t n, chosen;
	char *end;

	local_client_path(path, "findings", cli_json_text(finding, "id"), "readings");
	if (cli_ask(a->config_file, path, LOCAL_GET, &readings, &err) < 0) {
		print_finding(finding, NULL);
		printf("  cannot be accepted: %s\n", err.msg);
		return true;
	}
	print_finding(finding, readings);
	n = json_array_size(json_object_get(readings, "readings"));
	for (;;) {
		if (!ask_line("number, s to skip, q to end: ", line) || strcmp(line, "q") == 0)
			return false;
		if (!*line || strcmp(line, "s") == 0)
			return true;
		chosen = strtoul(line, &end, 10);
		if (chosen >= 1 && chosen <= n && !*end)
			break;
	}
	if (accept_reading(a, finding,
			   json_array_get(json_object_get(readings, "readings"), chosen - 1),
			   &err) < 0)
		printf("not accepted: %s\n", err.msg);
	return true;
}

/*
 * Asks about a page of findings. next: where the page begins, "": with the newest; becomes where the
 * next one does, "" after the last. Returns how many there were, -ECANCELED to end, or -1: it cannot
 * be read, which is reported.
 */
static int review_page(const struct policy_args *a, const char *image, char next[static NEXT_BYTES])
{
	char path[LOCAL_CLIENT_PATH];
	json_auto_t *answer = NULL;
	const json_t *finding;
	size_t i;

	local_client_query(path, "findings", "state", "new");
	local_client_add(path, "limit", "200");
	local_client_add(path, "image", image);
	local_client_add(path, "before", *next ? next : NULL);
	if (cli_ask_or_fail(a->config_file, path, LOCAL_GET, &answer))
		return -1;
	json_array_foreach (json_object_get(answer, "findings"), i, finding)
		if (!review_finding(a, finding))
			return -ECANCELED;
	snprintf(next, NEXT_BYTES, "%s", cli_json_text(answer, "next"));
	return (int)i;
}

int cmd_review(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct review_args review = {};
	struct policy_args a = {};
	char next[NEXT_BYTES] = "";
	const char *image;
	struct err err;
	int n, all = 0;

	args_read(&command, argc, argv, &review);
	if (cli_config(review.config_file, &config, &err) < 0)
		return cli_fail(&err);
	a.config = config;
	a.config_file = review.config_file;
	a.key = review.key;
	image = review.image.n ? review.image.arg[0] : NULL;
	do {
		n = review_page(&a, image, next);
		all += n;
	} while (n >= 0 && *next);
	if (n < 0)
		return n == -ECANCELED ? 0 : 1;
	printf("%s\n", all ? "that was the last finding" : "no finding waits for an answer");
	return 0;
}
