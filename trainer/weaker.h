/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides whether an update may make a policy weaker: `--accept-new` takes everything over, a person at
 * a terminal is asked, and else the policy stays as strict as it was. Keeps a list for the report.
 */
#ifndef LUTRA_TRAINER_WEAKER_H
#define LUTRA_TRAINER_WEAKER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lib/base/command/progress_bar.h"

struct weaker {
	bool accept;		  /* everything is taken over */
	bool ask;		  /* a person at the terminal is asked */
	struct progress_bar *bar; /* cleared before a question */
	json_t *accepted, *kept;  /* sentences: what was taken over, and what was not */
};

/* bar must outlive w. The caller ends it with weaker_done(). */
void weaker_init(struct weaker *w, bool accept, struct progress_bar *bar);
void weaker_done(struct weaker *w);

/* Returns true if the policy may become weaker in one point, which text names. ctx: a struct weaker. */
bool weaker_may(void *ctx, const char *text);

/* Prints what was taken over and what was not, a line each. */
void weaker_print(const struct weaker *w, FILE *out);

#endif
