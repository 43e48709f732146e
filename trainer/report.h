/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a trained policy for the terminal. */
#ifndef LUTRA_TRAINER_REPORT_H
#define LUTRA_TRAINER_REPORT_H

#include <stdio.h>

#include "lib/policy/policy.h"

/* Prints a policy in a few lines. */
void report_print_policy(const struct policy *p, FILE *out);

#endif
