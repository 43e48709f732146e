/* SPDX-License-Identifier: Apache-2.0 */
/* Asks lutrad over its Unix socket. */
#include "user/cli/ask.h"

#include "user/cli/cli.h"

int ask_daemon(const char *config_file, const char *path, json_t *body, json_t **ret,
	       struct err *err)
{
	_cleanup_(config_freep) struct config *config = NULL;
	json_auto_t *owned = body;
	int r = config_load(config_file, &config, err);

	return r < 0 ? r : local_client_ask(config->socket, path, json_incref(owned), ret, err);
}

int ask_or_fail(const char *config_file, const char *path, json_t *body, json_t **ret)
{
	struct err err;

	return ask_daemon(config_file, path, body, ret, &err) < 0 ? cli_fail(&err) : 0;
}
