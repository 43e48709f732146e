/* SPDX-License-Identifier: Apache-2.0 */
/* Those parts of the configuration that are objects or lists of their own. */
#ifndef LUTRA_USER_CONFIG_CONFIG_PARTS_H
#define LUTRA_USER_CONFIG_CONFIG_PARTS_H

#include <jansson.h>

#include "user/config/config.h"

/* Borrowed; NULL: not there. */
struct config_parts {
	json_t *store, *http, *outputs, *throttle, *engines, *bundles;
	int program_stats;
};

/* Defaults where nothing is. -EBADMSG: the message names the key and what it takes. -ENOMEM. */
int config_parse_parts(const struct config_parts *p, struct config *c, struct err *err);
void config_parts_done(struct config *c);

#endif
