/* SPDX-License-Identifier: Apache-2.0 */
/* lutra ps: prints the guarded containers, one line each, and with --all those without a guard. */
#include "user/cli/cli.h"

#define SHORT_ID 12

struct ps_args {
	const char *config_file;
	bool all, json;
};

static const struct args_option options[] = {
	ARGS_FLAG("all", 'a', "List running containers without a guard too, and why",
		  struct ps_args, all),
	CLI_OPTION_JSON(struct ps_args),
	CLI_OPTION_CONFIG(struct ps_args),
	{},
};

static const struct args_command command = {
	.options = options,
	.doc = "List the containers that lutrad guards.",
};

/* Columns; each is as wide as its widest cell. */
enum { NAME, ENGINE, ID, MODE, POLICY, POD, IMAGE, COLUMNS };
static const char *const heads[COLUMNS] = {"NAME",   "ENGINE", "ID",   "MODE",
					   "POLICY", "POD",    "IMAGE"};

static void write_row(const json_t *c, char row[COLUMNS][CLI_TEXT])
{
	const char *pod = cli_json_text(c, "pod"), *policy = cli_json_text(c, "policy");
	const char *slash = strrchr(policy, '/');
	size_t audited = json_array_size(json_object_get(c, "audited_rules"));
	char rules[64] = "";

	snprintf(row[NAME], CLI_TEXT, "%s", cli_json_text(c, "name"));
	snprintf(row[ENGINE], CLI_TEXT, "%s", cli_json_text(c, "engine"));
	snprintf(row[ID], CLI_TEXT, "%.*s", SHORT_ID, cli_json_text(c, "id"));
	/* After a fallback, and in the first hours of a release. */
	if (audited)
		snprintf(rules, sizeof(rules), ", %zu rule%s in audit", audited,
			 audited == 1 ? "" : "s");
	/* A container without a guard has no mode. */
	snprintf(row[MODE], CLI_TEXT, "%s%s%s",
		 json_object_get(c, "mode") ? cli_json_text(c, "mode") : "UNGUARDED", rules,
		 cli_json_is(c, "frozen") ? ", frozen" : "");
	snprintf(row[POLICY], CLI_TEXT, "%s", slash ? slash + 1 : policy);
	snprintf(row[POD], CLI_TEXT, "%s%s%s", cli_json_text(c, "pod_namespace"), *pod ? "/" : "",
		 *pod ? pod : "-");
	snprintf(row[IMAGE], CLI_TEXT, "%s", cli_json_text(c, "image"));
}

static void print_table(const json_t *containers)
{
	char row[COLUMNS][CLI_TEXT];
	int width[COLUMNS];
	const json_t *c;
	size_t i;

	for (int k = 0; k < COLUMNS; k++)
		width[k] = (int)strlen(heads[k]);
	json_array_foreach (containers, i, c) {
		write_row(c, row);
		for (int k = 0; k < COLUMNS; k++)
			width[k] = (int)strlen(row[k]) > width[k] ? (int)strlen(row[k]) : width[k];
	}
	for (int k = 0; k < COLUMNS; k++)
		printf("%-*s%s", k == IMAGE ? 0 : width[k], heads[k], k == IMAGE ? "\n" : "  ");
	json_array_foreach (containers, i, c) {
		write_row(c, row);
		for (int k = 0; k < COLUMNS; k++)
			printf("%-*s%s", k == IMAGE ? 0 : width[k], row[k],
			       k == IMAGE ? "\n" : "  ");
	}
}

/*
 * Adds the containers that were found and are not guarded. Returns 0, or 1 with a message printed.
 */
static int add_unguarded(const char *config_file, json_t *containers)
{
	json_auto_t *answer = NULL;
	const json_t *unguarded;
	long long more;

	if (cli_ask_or_fail(config_file, "overview?limit=0", LOCAL_GET, &answer))
		return 1;
	unguarded = json_object_get(answer, "unguarded");
	json_array_extend(containers, json_object_get(unguarded, "containers"));
	more = cli_json_number(unguarded, "total") -
	       (long long)json_array_size(json_object_get(unguarded, "containers"));
	if (more > 0)
		fprintf(stderr, "lutra: and %lld more without a guard\n", more);
	return 0;
}

/* Says for each container without a guard why. */
static void print_reasons(const json_t *containers)
{
	const json_t *c;
	size_t i;

	json_array_foreach (containers, i, c)
		if (!json_object_get(c, "mode"))
			printf("%.*s: not guarded: %s\n", SHORT_ID, cli_json_text(c, "id"),
			       cli_json_text(c, "why"));
}

/* Prints which containers have no level M, why, and what to do. */
static void print_levels_off(const json_t *containers)
{
	const json_t *c;
	size_t i;

	json_array_foreach (containers, i, c)
		if (cli_json_is(c, "level_off"))
			printf("%s: level M is off: an older lutra made its policy; make it anew "
			       "with lutra learn --image %s --anew\n",
			       cli_json_text(c, "name"), cli_json_text(c, "image"));
}

/* Prints which containers slow every system call of the host, and what to do. */
static void print_unfiltered(const json_t *containers)
{
	const json_t *c;
	size_t i;

	json_array_foreach (containers, i, c)
		if (cli_json_is(c, "unfiltered"))
			printf("%s: a task has no seccomp filter, so every system call of the "
			       "host costs more: run it with a seccomp profile\n",
			       cli_json_text(c, "name"));
}

int cmd_ps(int argc, char **argv)
{
	struct ps_args a = {};
	json_auto_t *answer = NULL;
	json_t *containers;

	args_read(&command, argc, argv, &a);
	if (cli_ask_or_fail(a.config_file, "status/full", LOCAL_GET, &answer))
		return 1;
	containers = json_object_get(answer, "containers");
	if (a.all && add_unguarded(a.config_file, containers))
		return 1;
	if (a.json)
		return cli_print_json(json_incref(containers), true);
	print_table(containers);
	print_levels_off(containers);
	print_unfiltered(containers);
	if (a.all)
		print_reasons(containers);
	return 0;
}
