/* SPDX-License-Identifier: Apache-2.0 */
/* Asks lutrad over its socket. */
#include "user/cli/ask.h"

#include "user/cli/cli.h"
#include "user/http/control_client.h"

int ask_daemon(const char *config_file, json_t *request, json_t **ret, struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	json_auto_t *q = request;
	int r = config_load(config_file, &config, err);

	return r < 0 ? r : control_ask(config->socket, json_incref(q), ret, NULL, NULL, err);
}

int ask_or_fail(const char *config_file, json_t *request, json_t **ret)
{
	struct err err;

	return ask_daemon(config_file, request, ret, &err) < 0 ? cli_fail(&err) : 0;
}
