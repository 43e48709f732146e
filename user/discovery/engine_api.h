/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of the Docker Engine API, which Podman gives too. Text in, what we need of it out. */
#ifndef LUTRA_USER_DISCOVERY_ENGINE_API_H
#define LUTRA_USER_DISCOVERY_ENGINE_API_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "user/identity/identity.h"

#define API_ID 65 /* 64 hexadecimal digits */

/* Called for each running container of GET /containers/json. */
typedef void api_each(void *ctx, const char id[static API_ID]);

/* -EBADMSG: no such answer; then each was not called. What has no id of 64 digits is left out. */
int api_list(const char *text, size_t len, api_each *each, void *ctx, struct err *err);

/*
 * GET /containers/ID/json. *ret_pid: its first process; 0: it does not run. -EBADMSG: no such
 * answer, or of another container than id. *ret is all of it, or untouched.
 */
int api_inspect(const char *text, size_t len, const char *id, struct identity *ret, pid_t *ret_pid,
		struct err *err);

/* GET /images/ID/json: the digest under which it was pulled, if any. -EBADMSG. */
int api_image(const char *text, size_t len, struct identity *w, struct err *err);

struct api_event {
	char id[API_ID];
	bool started; /* else it has ended */
};

/* A line of GET /events. -ENOENT: of something else. -EBADMSG. */
int api_event(const char *text, size_t len, struct api_event *ret, struct err *err);

#endif
