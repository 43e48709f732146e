/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the APIs of Docker and Podman for containers: those that run when lutrad connects, and from
 * then on those that start and end.
 */
#ifndef LUTRA_USER_DISCOVERY_ENGINES_H
#define LUTRA_USER_DISCOVERY_ENGINES_H

#include "user/discovery/discovery.h"

struct engines;

struct engines_parts {
	struct loop *loop;
	const struct config *config;
	struct containers *containers;
	struct discovery *discovery;
};

/* Asks each engine of the configuration. Returns 0, -ENOMEM or as http_client_new(). */
int engines_new(struct engines **ret, const struct engines_parts *parts, struct err *err);
void engines_free(struct engines *all);
/* To be called every second: asks again the engines that do not answer. */
void engines_check(struct engines *all);
/* For the status: [{"socket", "engine", "connected"}]. */
json_t *engines_to_json(void *engines);

#endif
