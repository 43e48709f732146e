/* SPDX-License-Identifier: Apache-2.0 */
/* What a person at the terminal sees in the end. */
#ifndef LUTRA_TRAINER_REPORT_H
#define LUTRA_TRAINER_REPORT_H

#include <stdio.h>

#include "lib/policy/policy.h"

/* A policy in a few readable lines. */
void report_print_policy(const struct policy *p, FILE *out);

#endif
