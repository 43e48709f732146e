/* SPDX-License-Identifier: Apache-2.0 */
/* What a person at the terminal sees in the end. */
#ifndef LUTRA_TRAINER_REPORT_H
#define LUTRA_TRAINER_REPORT_H

#include <stdio.h>

#include "lib/policy/policy.h"

/* Processors that are online: how many threads to use by default; at most REPORT_THREADS_MAX. */
#define REPORT_THREADS_MAX 64
unsigned report_processors(void);

/* A policy in a few readable lines. */
void report_policy(const struct policy *p, FILE *out);

#endif
