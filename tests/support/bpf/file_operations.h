/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker does with files, as the test tells it: a list of operations with ";" between them. */
#ifndef LUTRA_TESTS_SUPPORT_BPF_FILE_OPERATIONS_H
#define LUTRA_TESTS_SUPPORT_BPF_FILE_OPERATIONS_H

#include <stdbool.h>

#define OPERATIONS 512 /* bytes of a list */

/* Writes what is in a file to another one. flags: of open(2), to O_WRONLY. */
bool write_program(const char *from, const char *to, int flags);

/*
 * Does the operations of a list, which it changes: a letter and paths each, see the .c file. program:
 * what is written where an operation names no other file. Returns how many went wrong.
 */
int do_operations(const char *program, char *list);

#endif
