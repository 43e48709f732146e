/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All outputs: what each wants, throttled per container. What is held back is counted, and told by
 * the next alert of the container that passes ("lutra.folded"), or by a line of its own a little
 * later. Called from one thread, but for the reopening and the numbers.
 */
#ifndef LUTRA_USER_OUTPUTS_OUTPUTS_H
#define LUTRA_USER_OUTPUTS_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/err.h"
#include "user/alerts/alert_fields.h"
#include "user/config/config_outputs.h"
#include "user/outputs/sink.h"

struct outputs;

/* config is borrowed for as long as they live. Errors as sink_new(). */
int outputs_new(struct outputs **ret, const struct outputs_config *config,
		const struct sink_env *env, struct err *err);
void outputs_free(struct outputs *o);
DEFINE_FREEP(struct outputs, outputs_free);

/* Hand an alert to those that want it. Does not wait for them. */
void outputs_put(struct outputs *o, const struct alert *a);
/* About every second, while it says that something waits: tell what was folded and has no heir. */
bool outputs_tick(struct outputs *o);
/* Have files opened anew. */
void outputs_reopen(struct outputs *o);

size_t outputs_count(const struct outputs *o);
/* Name and numbers of the i-th. */
const char *outputs_stats(struct outputs *o, size_t i, struct sink_stats *ret);
/* Alerts that were held back. */
uint64_t outputs_folded(struct outputs *o);

#endif
