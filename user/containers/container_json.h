/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of a container, as all commands and routes show it. */
#ifndef LUTRA_USER_CONTAINERS_CONTAINER_JSON_H
#define LUTRA_USER_CONTAINERS_CONTAINER_JSON_H

#include <jansson.h>

#include "user/containers/containers.h"

/* Returns {"name", "image", "cgroup", "policy", "mode", …, "counters": {}}; NULL: out of memory. */
json_t *container_to_json(const struct container *c);

#endif
