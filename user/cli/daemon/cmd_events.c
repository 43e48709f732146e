/* SPDX-License-Identifier: Apache-2.0 */
/* lutra events: prints events of the store, and with -f the ones that follow. */
#include <stdio.h>

#include "user/cli/cli.h"
#include "user/http/control_client.h"
#include "user/http/control_protocol.h"

struct events_args {
	const char *config_file;
	uint64_t limit;
	bool follow, json;
};

static const struct args_option options[] = {
	ARGS_FLAG("follow", 'f', "Wait for new events until interrupted", struct events_args,
		  follow),
	ARGS_NUMBER("limit", 'l', "N", "Number of stored events to print; default: 50", 0,
		    PROTOCOL_EVENTS_MAX, struct events_args, limit),
	ARGS_FLAG("json", 'j', "Print JSON lines in the form of Falco", struct events_args, json),
	CLI_OPTION_CONFIG(struct events_args),
	{},
};

static const struct args_command command = {
	.options = options,
	.doc = "Print events of guarded containers.",
};

static int print_event(void *ctx, const char *line)
{
	const struct events_args *a = ctx;
	json_auto_t *j = NULL;

	if (a->json) {
		puts(line);
	} else {
		j = json_loads(line, 0, NULL);
		printf("%s %s\n", cli_json_text(j, "time"), cli_json_text(j, "output"));
	}
	return fflush(stdout) != 0;
}

int cmd_events(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct events_args a = {.limit = PROTOCOL_EVENTS_DEFAULT};
	json_auto_t *answer = NULL;
	struct err err;
	json_t *q;

	args_read(&command, argc, argv, &a);
	if (config_load(a.config_file, &config, &err) < 0)
		return cli_fail(&err);
	q = json_pack("{s:s, s:I, s:b}", "cmd", "events", "limit", (json_int_t)a.limit, "follow",
		      (int)a.follow);
	if (control_ask(config->socket, q, &answer, print_event, &a, &err) < 0)
		return cli_fail(&err);
	return 0;
}
