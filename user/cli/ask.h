/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of commands to lutrad. */
#ifndef LUTRA_USER_CLI_ASK_H
#define LUTRA_USER_CLI_ASK_H

#include <jansson.h>

#include "lib/base/err.h"

/*
 * Sends a request, whose reference it takes over, to the socket of the configuration config_file
 * (NULL: the default file). Blocks until lutrad answers. The caller frees *ret. Errors as
 * control_ask() and config_load().
 */
int ask_daemon(const char *config_file, json_t *request, json_t **ret, struct err *err);

/* ask_daemon() that reports a failure on stderr. Returns the exit code. */
int ask_or_fail(const char *config_file, json_t *request, json_t **ret);

#endif
