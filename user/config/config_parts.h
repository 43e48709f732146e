/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the configuration whose values are objects or lists. */
#ifndef LUTRA_USER_CONFIG_CONFIG_PARTS_H
#define LUTRA_USER_CONFIG_CONFIG_PARTS_H

#include <jansson.h>

#include "user/config/config.h"

/* The values, borrowed; NULL: the key is absent. */
struct config_parts {
	json_t *store, *http, *outputs, *throttle, *engines, *bundles;
	int program_stats;
};

/*
 * Reads the values; absent keys get their defaults. -EBADMSG: err names the key and its values.
 * -ENOMEM.
 */
int config_parse_parts(const struct config_parts *p, struct config *c, struct err *err);
void config_parts_done(struct config *c);

#endif
