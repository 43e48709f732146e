/* SPDX-License-Identifier: Apache-2.0 */
/* lutra ps: prints the guarded containers, one line each. */
#include "user/cli/cli.h"

#define SHORT_ID 12

static const struct args_command command = {
	.options = cli_options,
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

	snprintf(row[NAME], CLI_TEXT, "%s", cli_json_text(c, "name"));
	snprintf(row[ENGINE], CLI_TEXT, "%s", cli_json_text(c, "engine"));
	snprintf(row[ID], CLI_TEXT, "%.*s", SHORT_ID, cli_json_text(c, "id"));
	snprintf(row[MODE], CLI_TEXT, "%s%s", cli_json_text(c, "mode"),
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

int cmd_ps(int argc, char **argv)
{
	struct cli_args a = {};
	json_auto_t *answer = NULL;
	json_t *containers;

	args_read(&command, argc, argv, &a);
	if (cli_ask_or_fail(a.config_file, "status/full", LOCAL_GET, &answer))
		return 1;
	containers = json_object_get(answer, "containers");
	if (a.json)
		return cli_print_json(json_incref(containers), true);
	print_table(containers);
	return 0;
}
