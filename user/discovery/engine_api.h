/* SPDX-License-Identifier: Apache-2.0 */
/* Reads answers of the Docker Engine API, which Podman has too. */
#ifndef LUTRA_USER_DISCOVERY_ENGINE_API_H
#define LUTRA_USER_DISCOVERY_ENGINE_API_H

#include <sys/types.h>

#include "user/identity/identity.h"

#define ENGINE_ID_BYTES 65 /* 64 hexadecimal digits */

/* Called for each running container of GET /containers/json. */
typedef void engine_each(void *ctx, const char id[static ENGINE_ID_BYTES]);

/*
 * Reads GET /containers/json. Containers without an id of 64 digits are left out. -EBADMSG: not
 * such an answer; then each was not called.
 */
int engine_list_parse(const char *text, size_t len, engine_each *each, void *ctx, struct err *err);

/*
 * Reads GET /containers/ID/json. *ret_pid: the first process; 0: the container does not run.
 * -EBADMSG: not such an answer, or one about another container than id.
 */
int engine_container_parse(const char *text, size_t len, const char *id, struct identity *ret,
			   pid_t *ret_pid, struct err *err);

/* Reads the digest from GET /images/ID/json into w, if there is one. -EBADMSG, -ENOMEM. */
int engine_image_parse(const char *text, size_t len, struct identity *w, struct err *err);

struct engine_event {
	char id[ENGINE_ID_BYTES];
	bool started; /* false: it has ended */
};

/* Reads a line of GET /events. -ENOENT: it is about something else. -EBADMSG: not an event. */
int engine_event_parse(const char *text, size_t len, struct engine_event *ret, struct err *err);

#endif
