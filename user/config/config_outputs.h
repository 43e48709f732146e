/* SPDX-License-Identifier: Apache-2.0 */
/* Which outputs there are, as config.json says: "outputs", a list of objects, and "throttle". */
#ifndef LUTRA_USER_CONFIG_CONFIG_OUTPUTS_H
#define LUTRA_USER_CONFIG_CONFIG_OUTPUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/sys/rate_limit.h"

#define OUTPUTS_MAX 16
#define OUTPUT_HEADERS_MAX 16
#define OUTPUT_NAME_MAX 32
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

enum output_type {
	OUTPUT_STDOUT = 0,
	OUTPUT_FILE,
	OUTPUT_SYSLOG,
	OUTPUT_JOURNAL,
	OUTPUT_WEBHOOK,
	OUTPUT_FALCOSIDEKICK,
	OUTPUT_ELASTICSEARCH,
	OUTPUT_TYPES
};

/* Strings are owned; NULL: not given. */
struct output_config {
	enum output_type type;
	char *name; /* [a-z0-9_-], no two alike; default: the type */
	char *path; /* of a file; of the journal's socket, default JOURNAL_SOCKET */
	char *url;
	char *index;			  /* elasticsearch; default "lutra" */
	char *ca_file;			  /* instead of the system's authorities */
	char *header[OUTPUT_HEADERS_MAX]; /* "Name: value" */
	size_t n_headers;
	unsigned timeout_s; /* a request; default 10 */
	unsigned queue_mib; /* waiting on disk at most; default 64 */
	int level;	    /* syslog's: this and worse; default LOG_WARNING */
	bool all;	    /* is not throttled; default false */
};

struct outputs_config {
	struct output_config *output;
	size_t n;
	struct throttle_rate rate; /* a container; default 10 a second after 50 */
};

/*
 * list, throttle: NULL where the keys are not there. -EBADMSG: the message names the key and what
 * it takes. -ENOMEM.
 */
int outputs_config_parse(const json_t *list, json_t *throttle, struct outputs_config *ret,
			 struct err *err);
/* One more that writes JSON lines to path ("-": stdout), all of them. -ENOMEM. */
int outputs_config_add_lines(struct outputs_config *c, const char *path);
void outputs_config_done(struct outputs_config *c);

const char *output_type_name(enum output_type type);

#endif
