/* SPDX-License-Identifier: Apache-2.0 */
/* lutra incidents: lists the incidents, shows one, closes one and writes a note to it. */
#include "user/cli/cli.h"

#define LIST_MAX 200 /* of the API */

enum { OPT_NOTE = 256 };

struct incidents_args {
	const char *config_file, *note;
	bool all, json;
	struct args_list args; /* the verb, the number and the text of a note */
};

static const struct args_option options[] = {
	ARGS_FLAG("all", 'a', "List closed incidents too", struct incidents_args, all),
	ARGS_STRING("note", OPT_NOTE, "TEXT", "Note to write with close", struct incidents_args,
		    note),
	CLI_OPTION_JSON(struct incidents_args),
	CLI_OPTION_CONFIG(struct incidents_args),
	{},
};

static const char *argument_at(const struct incidents_args *a, int i)
{
	return i < a->args.n ? a->args.arg[i] : "";
}

static error_t check_incidents_args(struct argp_state *state, void *ret)
{
	const struct incidents_args *a = ret;
	const char *verb = argument_at(a, 0), *id = argument_at(a, 1);
	static const struct {
		const char *verb;
		int n;
	} verbs[] = {{"", 0}, {"list", 1}, {"show", 2}, {"close", 2}, {"open", 2}, {"note", 3}};
	size_t i = 0, n = sizeof(verbs) / sizeof(verbs[0]);

	while (i < n && strcmp(verbs[i].verb, verb) != 0)
		i++;
	if (i == n)
		return args_unknown(state, "verb", verb, verbs + 1, n - 1, sizeof(verbs[0]));
	if (a->args.n != verbs[i].n)
		return args_usage(state, "show, close and open take the number of an incident, "
					 "note takes a number and a text");
	if (verbs[i].n > 1 && (!*id || strspn(id, "0123456789") != strlen(id)))
		return args_usage(state, "give the number of an incident");
	if (a->note && strcmp(verb, "close") != 0)
		return args_usage(state, "--note belongs to close");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "[list]\nshow ID\nclose ID\nopen ID\nnote ID TEXT",
	.doc = "List the incidents, show one, close it, or write a note to it."
	       "\vAn incident is what happened in one container in one piece. Without a verb, or "
	       "with list, the open incidents are listed, the newest first.",
	.max = 3,
	.list = offsetof(struct incidents_args, args),
	.check = check_incidents_args,
};

/* ---- the list ---- */

static void print_incident_row(const json_t *i)
{
	printf("%6lld  %-8s  %.19s  %-6s  %s\n", cli_json_number(i, "id"),
	       cli_json_text(i, "severity"), cli_json_text(i, "begin"), cli_json_text(i, "state"),
	       cli_json_text(i, "sentence"));
}

static int list_incidents(const struct incidents_args *a)
{
	json_auto_t *answer = NULL;
	const json_t *list, *one;
	char path[64];
	size_t i;

	snprintf(path, sizeof(path), "incidents?limit=%d%s", LIST_MAX, a->all ? "" : "&state=open");
	if (cli_ask_or_fail(a->config_file, path, LOCAL_GET, &answer))
		return 1;
	if (a->json)
		return cli_print_json(json_incref(answer), true);
	list = json_object_get(answer, "incidents");
	if (json_array_size(list) == 0) {
		printf("No %sincidents.\n", a->all ? "" : "open ");
		return 0;
	}
	printf("    ID  SEVERITY  BEGIN (UTC)          STATE   WHAT HAPPENED\n");
	json_array_foreach (list, i, one)
		print_incident_row(one);
	if (json_is_string(json_object_get(answer, "next")) && a->all)
		printf("The newest %d incidents are listed.\n", LIST_MAX);
	else if (json_is_string(json_object_get(answer, "next")))
		printf("The newest %d of %lld open incidents are listed: close those that are "
		       "done.\n",
		       LIST_MAX, cli_json_number(answer, "open"));
	return 0;
}

/* ---- one ---- */

static const json_t *find_listed_process(const json_t *list, long long pid)
{
	const json_t *p;
	size_t i;

	json_array_foreach (list, i, p)
		if (pid && cli_json_number(p, "pid") == pid)
			return p;
	return NULL;
}

/* Prints "1 event". */
static void print_event_count(long long n)
{
	printf("%lld event%s", n, n == 1 ? "" : "s");
}

/* Prints the processes below one, each two columns further right. depth bounds a damaged tree. */
static void print_processes(const json_t *list, long long parent, int depth)
{
	json_t *p;
	size_t i;

	json_array_foreach (list, i, p) {
		long long ppid = cli_json_number(p, "ppid"), pid = cli_json_number(p, "pid");

		if (parent ? ppid != parent : find_listed_process(list, ppid) != NULL)
			continue;
		printf("  %*s%s[%lld]  ", 2 * depth, "", cli_json_text(p, "name"), pid);
		print_event_count(cli_json_number(p, "events"));
		putchar('\n');
		if (depth < 16 && pid != parent)
			print_processes(list, pid, depth + 1);
	}
}

static void print_head(const json_t *i)
{
	printf("Incident %lld, %s, %s: %s\n", cli_json_number(i, "id"),
	       cli_json_text(i, "severity"), cli_json_text(i, "state"),
	       cli_json_text(i, "sentence"));
	printf("Container: %s (%s), image %s, host %s\n", cli_json_text(i, "container"),
	       cli_json_text(i, "container_id"), cli_json_text(i, "image"),
	       cli_json_text(i, "host"));
	printf("Time: %s to %s\n", cli_json_text(i, "begin"), cli_json_text(i, "end"));
	print_event_count(cli_json_number(i, "events"));
	printf(": %lld refused, %lld killed a process\n", cli_json_number(i, "refused"),
	       cli_json_number(i, "killed"));
	if (*cli_json_text(i, "note"))
		printf("Note: %s\n", cli_json_text(i, "note"));
}

static void print_incident(const json_t *i)
{
	const json_t *findings = json_object_get(i, "findings");
	const json_t *events = json_object_get(i, "events_shown");
	const json_t *processes = json_object_get(i, "processes");
	const json_t *one;
	size_t k;

	print_head(i);
	if (json_array_size(processes))
		printf("\nProcesses:\n");
	print_processes(processes, 0, 0);
	if (json_array_size(findings))
		printf("\nFindings, the newest %zu:\n", json_array_size(findings));
	json_array_foreach (findings, k, one)
		printf("  %s  %s, %s: %s, %lld time%s in all\n", cli_json_text(one, "id"),
		       cli_json_text(one, "rule"), cli_json_text(one, "program"),
		       cli_json_text(one, "what"), cli_json_number(one, "count"),
		       cli_json_number(one, "count") == 1 ? "" : "s");
	if (json_array_size(events)) {
		printf("\nThe oldest %zu of ", json_array_size(events));
		print_event_count(cli_json_number(i, "events"));
		printf(":\n");
	}
	json_array_foreach (events, k, one)
		printf("  %s %s\n", cli_json_text(one, "time"), cli_json_text(one, "output"));
}

static int show_incident(const struct incidents_args *a)
{
	json_auto_t *i = NULL;
	char path[64];

	snprintf(path, sizeof(path), "incidents/%.20s", a->args.arg[1]);
	if (cli_ask_or_fail(a->config_file, path, LOCAL_GET, &i))
		return 1;
	if (a->json)
		return cli_print_json(json_incref(i), true);
	print_incident(i);
	return 0;
}

static int change_incident(const struct incidents_args *a, const char *action, const char *note)
{
	json_t *body = note ? json_pack("{s:s}", "note", note) : json_object();
	json_auto_t *i = NULL;
	char path[64];

	snprintf(path, sizeof(path), "incidents/%.20s/%s", a->args.arg[1], action);
	if (cli_ask_or_fail(a->config_file, path, body, &i))
		return 1;
	if (a->json)
		return cli_print_json(json_incref(i), true);
	printf("incident %lld: %s%s%s\n", cli_json_number(i, "id"), cli_json_text(i, "state"),
	       *cli_json_text(i, "note") ? ", note: " : "", cli_json_text(i, "note"));
	if (strcmp(action, "close") == 0)
		printf("The same alerts are told again at the earliest 24 hours after they were "
		       "told. What is refused or killed is told each time.\n");
	return 0;
}

int cmd_incidents(int argc, char **argv)
{
	struct incidents_args a = {};
	const char *verb;

	args_read(&command, argc, argv, &a);
	verb = argument_at(&a, 0);
	if (!*verb || strcmp(verb, "list") == 0)
		return list_incidents(&a);
	if (strcmp(verb, "show") == 0)
		return show_incident(&a);
	return change_incident(&a, verb, strcmp(verb, "note") == 0 ? a.args.arg[2] : a.note);
}
