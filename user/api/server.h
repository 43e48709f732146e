/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad over HTTP: the routes, and the server in the daemon's loop. */
#ifndef LUTRA_USER_API_SERVER_H
#define LUTRA_USER_API_SERVER_H

#include "lib/base/err.h"

struct daemon;
struct web;

/*
 * Serve, if the configuration asks for it; d->web is set. An address that is in use is said and
 * tried again: containers are guarded all the same. Errors as http_new() but for bind(2), and
 * http_token_read().
 */
int web_open(struct daemon *d, struct err *err);
void web_close(struct daemon *d);
/* Every second: connections that do nothing end; listen, if that could not be done so far. */
void web_check(struct daemon *d);
/* After a connection was resumed. */
void web_run(struct daemon *d);

#endif
