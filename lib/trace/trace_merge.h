/* SPDX-License-Identifier: Apache-2.0 */
/* Several traces of one run made into one. */
#ifndef LUTRA_LIB_TRACE_TRACE_MERGE_H
#define LUTRA_LIB_TRACE_TRACE_MERGE_H

#include "lib/base/err.h"

/*
 * Write the records of n files to output, by time; records lost add up, operations are those that
 * all of them could see. -EINVAL: they are not of one run (image, container, host, kernel,
 * architecture, source, boot). -EBADMSG: one is torn. Else as trace_reader_new() and
 * trace_writer_new(). On failure there is no output.
 */
int trace_merge(const char *output, char *const files[], int n, struct err *err);

#endif
