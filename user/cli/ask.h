/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of commands to lutrad's HTTP API, over its Unix socket. */
#ifndef LUTRA_USER_CLI_ASK_H
#define LUTRA_USER_CLI_ASK_H

#include "user/http/local_client.h"

/*
 * local_client_ask() on the socket of the configuration config_file (NULL: the default file). Errors
 * as local_client_ask() and config_load().
 */
int ask_daemon(const char *config_file, const char *path, json_t *body, json_t **ret,
	       struct err *err);

/* ask_daemon() that reports a failure on stderr. Returns the exit code. */
int ask_or_fail(const char *config_file, const char *path, json_t *body, json_t **ret);

#endif
