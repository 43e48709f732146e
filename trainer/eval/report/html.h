/* SPDX-License-Identifier: Apache-2.0 */
/* The report of an evaluation: one HTML file that loads nothing. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_HTML_H
#define LUTRA_TRAINER_EVAL_REPORT_HTML_H

#include "trainer/eval/report/summary.h"

/*
 * Writes the report: a table of detectors, ROC curves, delays, the levels over time around each
 * attack with its new events, and a table of runs. Returns 0, -ENOMEM, or an error of output_write().
 */
int html_report(const struct summary *s, const char *path, bool force, struct err *err);

#endif
