/* SPDX-License-Identifier: Apache-2.0 */
/* Merges several traces of one run into one. */
#ifndef LUTRA_LIB_TRACE_TRACE_MERGE_H
#define LUTRA_LIB_TRACE_TRACE_MERGE_H

#include "lib/base/err.h"

/*
 * Writes the records of n files to output, in the order of time. The counts of lost records are
 * added up. The operations of the output are those that all inputs could see. On failure there is
 * no output. Returns 0 or -errno. -EINVAL: the traces are not of one run (image, container, host,
 * kernel, architecture, source, boot). -EBADMSG: one is damaged. trace_reader_new() and
 * trace_writer_new() have the other errors.
 */
int trace_merge(const char *output, char *const files[], int n, struct err *err);

#endif
