/* SPDX-License-Identifier: Apache-2.0 */
/* lutra ps: the containers under guard, a line each. */
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/cli/cli.h"
#include "user/http/control_client.h"

#define SHORT_ID 12

struct ps_args {
	const char *config;
	bool json;
};

static const struct argp_option options[] = {
	{"json", 'j', NULL, 0, "Print JSON", 0},
	{"config", 'c', "FILE", 0, "The daemon's configuration, for its socket", 0},
	{},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ps_args *a = state->input;

	switch (key) {
	case 'c':
		a->config = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		return args_usage(state, "takes no argument");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	options, parse, NULL, "Name the containers that the daemon guards.", NULL, NULL, NULL};

/* Columns; each as wide as its widest. */
enum { NAME, ENGINE, ID, MODE, POLICY, POD, IMAGE, COLUMNS };
static const char *const heads[COLUMNS] = {"NAME",   "ENGINE", "ID",   "MODE",
					   "POLICY", "POD",    "IMAGE"};
#define CELL 256

static const char *text(const json_t *c, const char *key)
{
	const char *s = json_string_value(json_object_get(c, key));

	return s ? s : "";
}

static void cell(const json_t *c, int column, char buf[static CELL])
{
	const char *pod = text(c, "pod"), *policy = strrchr(text(c, "policy"), '/');
	char raw[CELL];

	switch (column) {
	case ENGINE:
		snprintf(raw, sizeof(raw), "%s", text(c, "engine"));
		break;
	case ID:
		snprintf(raw, sizeof(raw), "%.*s", SHORT_ID, text(c, "id"));
		break;
	case MODE:
		snprintf(raw, sizeof(raw), "%s%s", text(c, "mode"),
			 json_is_true(json_object_get(c, "frozen")) ? ", frozen" : "");
		break;
	case POLICY:
		snprintf(raw, sizeof(raw), "%s", policy ? policy + 1 : text(c, "policy"));
		break;
	case POD:
		snprintf(raw, sizeof(raw), "%s%s%s", text(c, "pod_namespace"), *pod ? "/" : "",
			 *pod ? pod : "-");
		break;
	case IMAGE:
		snprintf(raw, sizeof(raw), "%s", text(c, "image"));
		break;
	default:
		snprintf(raw, sizeof(raw), "%s", text(c, "name"));
	}
	text_clean(raw, strlen(raw), buf, CELL);
}

static void print(const json_t *containers)
{
	int width[COLUMNS];
	char buf[CELL];
	const json_t *c;
	size_t i;

	for (int k = 0; k < COLUMNS; k++) {
		width[k] = (int)strlen(heads[k]);
		json_array_foreach (containers, i, c) {
			cell(c, k, buf);
			if ((int)strlen(buf) > width[k])
				width[k] = (int)strlen(buf);
		}
	}
	for (int k = 0; k < COLUMNS; k++)
		printf("%-*s%s", k == IMAGE ? 0 : width[k], heads[k], k == IMAGE ? "\n" : "  ");
	json_array_foreach (containers, i, c) {
		for (int k = 0; k < COLUMNS; k++) {
			cell(c, k, buf);
			printf("%-*s%s", k == IMAGE ? 0 : width[k], buf, k == IMAGE ? "\n" : "  ");
		}
	}
}

int cmd_ps(int argc, char **argv)
{
	struct ps_args a = {};
	json_auto_t *answer = NULL;
	json_t *containers;
	struct err err;

	args_parse(&argp, argc, argv, false, &a);
	if (client_ask(a.config, json_pack("{s:s}", "cmd", "status"), &answer, NULL, NULL, &err) <
	    0)
		return cli_fail(&err);
	containers = json_object_get(answer, "containers");
	if (a.json)
		return cli_print_json(json_incref(containers), true);
	print(containers);
	return 0;
}
