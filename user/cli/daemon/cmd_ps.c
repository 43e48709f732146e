/* SPDX-License-Identifier: Apache-2.0 */
/* lutra ps: prints the guarded containers, one line each. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/cli/cli.h"
#include "user/cli/ask.h"

#define SHORT_ID 12
#define CELL_BYTES 256

struct ps_args {
	const char *config_file;
	bool json;
};

static const struct args_option options[] = {
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

static void write_cell(const json_t *c, int column, char buf[static CELL_BYTES])
{
	const char *pod = cli_json_text(c, "pod"), *policy = cli_json_text(c, "policy");
	const char *slash = strrchr(policy, '/');
	char raw[CELL_BYTES];

	switch (column) {
	case ENGINE:
		snprintf(raw, sizeof(raw), "%s", cli_json_text(c, "engine"));
		break;
	case ID:
		snprintf(raw, sizeof(raw), "%.*s", SHORT_ID, cli_json_text(c, "id"));
		break;
	case MODE:
		snprintf(raw, sizeof(raw), "%s%s", cli_json_text(c, "mode"),
			 json_is_true(json_object_get(c, "frozen")) ? ", frozen" : "");
		break;
	case POLICY:
		snprintf(raw, sizeof(raw), "%s", slash ? slash + 1 : policy);
		break;
	case POD:
		snprintf(raw, sizeof(raw), "%s%s%s", cli_json_text(c, "pod_namespace"),
			 *pod ? "/" : "", *pod ? pod : "-");
		break;
	case IMAGE:
		snprintf(raw, sizeof(raw), "%s", cli_json_text(c, "image"));
		break;
	default:
		snprintf(raw, sizeof(raw), "%s", cli_json_text(c, "name"));
	}
	text_clean(raw, strlen(raw), buf, CELL_BYTES);
}

static void print_table(const json_t *containers)
{
	int width[COLUMNS];
	char buf[CELL_BYTES];
	const json_t *c;
	size_t i;

	for (int k = 0; k < COLUMNS; k++) {
		width[k] = (int)strlen(heads[k]);
		json_array_foreach (containers, i, c) {
			write_cell(c, k, buf);
			if ((int)strlen(buf) > width[k])
				width[k] = (int)strlen(buf);
		}
	}
	for (int k = 0; k < COLUMNS; k++)
		printf("%-*s%s", k == IMAGE ? 0 : width[k], heads[k], k == IMAGE ? "\n" : "  ");
	json_array_foreach (containers, i, c) {
		for (int k = 0; k < COLUMNS; k++) {
			write_cell(c, k, buf);
			printf("%-*s%s", k == IMAGE ? 0 : width[k], buf, k == IMAGE ? "\n" : "  ");
		}
	}
}

int cmd_ps(int argc, char **argv)
{
	struct ps_args a = {};
	json_auto_t *answer = NULL;
	json_t *containers;

	args_read(&command, argc, argv, &a);
	if (ask_or_fail(a.config_file, "status/full", NULL, &answer))
		return 1;
	containers = json_object_get(answer, "containers");
	if (a.json)
		return cli_print_json(json_incref(containers), true);
	print_table(containers);
	return 0;
}
