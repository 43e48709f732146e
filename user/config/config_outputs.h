/* SPDX-License-Identifier: Apache-2.0 */
/* The keys "outputs" and "throttle" of config.json: where lutrad sends alerts, and how many. */
#ifndef LUTRA_USER_CONFIG_CONFIG_OUTPUTS_H
#define LUTRA_USER_CONFIG_CONFIG_OUTPUTS_H

#include <jansson.h>

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

/* The strings belong to the struct; NULL: the key is absent. */
struct output_config {
	enum output_type type;
	char *name; /* [a-z0-9_-], unique; default: the type */
	char *path; /* the file, or the journal's socket; default JOURNAL_SOCKET */
	char *url;
	char *index;			  /* elasticsearch; default "lutra" */
	char *ca_file;			  /* certificates to trust in place of the system's */
	char *header[OUTPUT_HEADERS_MAX]; /* "Name: value" */
	size_t n_headers;
	json_t *body;	    /* of a webhook's request: body_template.h; NULL: the alert as it is */
	unsigned timeout_s; /* limit of one request; default 10 */
	unsigned queue_mib; /* limit of the alerts that wait on disk; default 64 */
	int level;	    /* syslog level: sends this and graver alerts; default LOG_WARNING */
	bool all;	    /* the throttle does not apply; default false */
};

/* Returns true if both describe the same output. */
bool output_config_equal(const struct output_config *a, const struct output_config *b);
/* Makes a copy with strings of its own. -ENOMEM. */
int output_config_copy(const struct output_config *from, struct output_config *ret);
void output_config_done(struct output_config *o);
/* Returns true for an output over HTTP: its alerts wait in a queue on disk. */
bool output_config_has_queue(const struct output_config *o);

struct outputs_config {
	struct output_config *output;
	size_t n;
	struct throttle_rate rate; /* of one container; default 10 a second after 50 */
};

/*
 * Reads both keys; NULL: the key is absent. -EBADMSG: err names the key and the values that it
 * takes. -ENOMEM.
 */
int outputs_config_parse(const json_t *list, json_t *throttle, struct outputs_config *ret,
			 struct err *err);
/* Adds an output of all alerts as JSON lines to the file path ("-": stdout). -ENOMEM. */
int outputs_config_add_lines(struct outputs_config *c, const char *path);
void outputs_config_done(struct outputs_config *c);

#endif
