/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where alerts go: a thread and a bounded queue each, so that one that hangs holds up no other.
 * What does not fit is counted.
 */
#ifndef LUTRA_USER_OUTPUTS_SINK_H
#define LUTRA_USER_OUTPUTS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/config/config_outputs.h"

#define SINK_QUEUE_BYTES (16u << 20)

/* An alert on its way; its texts lie behind it. */
struct message {
	struct message *next;
	size_t bytes;
	int level;	  /* syslog's */
	const char *json; /* a line, without its end */
	size_t json_len;
	const char *sentence;
	const char *container;
	const char *rule;
};

struct sink_stats {
	uint64_t sent;
	uint64_t lost;	  /* did not fit, could not be written, or was refused for good */
	uint64_t waiting; /* on disk */
	bool failing;
};

struct sink;

/* What a kind of sink does, in its thread. */
struct sink_ops {
	/*
	 * Deal with the messages, oldest first, maybe none, which stay the caller's; counts them by
	 * sink_count(). Returns in how many ms it wants to be called without any, 0: never.
	 */
	unsigned (*handle)(void *impl, const struct message *list);
	void (*reopen)(void *impl); /* NULL: nothing to reopen */
	void (*free)(void *impl);
};

struct sink_env {
	const char *state_dir;				   /* for what waits on disk */
	void (*say)(void *ctx, bool bad, const char *msg); /* from any thread */
	void *ctx;
};

/* Open and start. Errors as open(2) and socket(2), and as SQLite's: -EIO. */
int sink_new(struct sink **ret, const struct output_config *c, const struct sink_env *env,
	     struct err *err);
/* Deals with what is queued, once, and ends. */
void sink_free(struct sink *s);
DEFINE_FREEP(struct sink, sink_free);

/* Queue a copy. False: it did not fit, and is counted as lost. */
bool sink_put(struct sink *s, const struct message *m);
/* Have a file opened anew. */
void sink_reopen(struct sink *s);
void sink_stats(struct sink *s, struct sink_stats *ret);

/* ---- for the kinds ---- */

void sink_count(struct sink *s, uint64_t sent, uint64_t lost);
void sink_waiting(struct sink *s, uint64_t waiting);
/* Is the daemon about to end? */
bool sink_is_stopping(struct sink *s);
/* It fails, or works again: said when that changes. */
void sink_failing(struct sink *s, const char *why);
void sink_works(struct sink *s);

struct sink_kind {
	const struct sink_ops *ops;
	void *impl;
};

int sink_file_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   struct err *err);
int sink_syslog_open(struct sink_kind *ret, struct sink *s, struct err *err);
int sink_journal_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		      struct err *err);
int sink_http_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   const char *state_dir, struct err *err);

#endif
