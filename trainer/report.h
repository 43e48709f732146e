/* SPDX-License-Identifier: Apache-2.0 */
/* The summary of a trained policy for the terminal. */
#ifndef LUTRA_TRAINER_REPORT_H
#define LUTRA_TRAINER_REPORT_H

#include <stdio.h>

#include "lib/policy/policy.h"

/*
 * Ends a command: flushes the standard output, and prints the error if r, the command's result, is
 * one. Returns the exit status.
 */
int report_exit_status(const char *command, int r, struct err *err);

/* Prints a policy in a few lines. */
void report_print_policy(const struct policy *p, FILE *out);

#endif
