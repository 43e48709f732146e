/* SPDX-License-Identifier: Apache-2.0 */
/* Copies a trace and adds the marks of an attack to it. */
#ifndef LUTRA_BENCH_DATASET_MARK_TRACE_H
#define LUTRA_BENCH_DATASET_MARK_TRACE_H

#include "bench/dataset/traces/harms.h"

#define HARM_AFTER_NS 2000000000ull /* after the attack's end: a harm may still be its own */

/*
 * Copies trace `in` to `out`, which must not exist, with marks of the attack in the order of time: its
 * onset and its end, both of thread 0, which stands for all tasks of the container; and before each
 * operation from begin_ns to HARM_AFTER_NS after end_ns that a pattern finds a mark of harm that has
 * the pattern's text for its name. The first HARM_MARKS_MAX operations of a pattern are marked.
 *
 * Counts the marks in a->harm[].marked. On failure there is no `out`.
 * Returns 0; -EBADMSG if the trace is not complete; -EEXIST if it has marks of an attack already, or
 * `out` exists; -ERANGE if the attack lies outside the trace; or an error of the trace's reader or
 * writer.
 */
int mark_trace(const char *in, const char *out, struct attack *a, struct err *err);

#endif
