/* SPDX-License-Identifier: Apache-2.0 */
/* An outcome as one HTML file that needs nothing else to be read. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_HTML_H
#define LUTRA_TRAINER_EVAL_REPORT_HTML_H

#include "trainer/eval/report/summary.h"

/*
 * Write the report: rules in a table, ROC curves, how long detection took, the levels over time
 * around each attack with the events that were new, and every run. An existing file is replaced, or
 * left as it is on failure. -ENOMEM; else as open(2), write(2).
 */
int html_report(const struct summary *o, const char *path, struct err *err);

#endif
