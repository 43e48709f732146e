/* SPDX-License-Identifier: Apache-2.0 */
/* The report of an evaluation: one HTML file that loads nothing. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_HTML_H
#define LUTRA_TRAINER_EVAL_REPORT_HTML_H

#include "trainer/eval/report/summary.h"

/*
 * Writes the report: a table of detectors, ROC curves, delays, the levels over time around each
 * attack with its new events, and a table of runs. Replaces an existing file; after a failure it is
 * as before.
 * Returns 0, -ENOMEM, or an error of fopen(3), fclose(3) or rename(2).
 */
int html_report(const struct summary *s, const char *path, struct err *err);

#endif
