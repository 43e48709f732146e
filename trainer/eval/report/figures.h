/* SPDX-License-Identifier: Apache-2.0 */
/* The figures of an evaluation's report, as SVG inside HTML. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_FIGURES_H
#define LUTRA_TRAINER_EVAL_REPORT_FIGURES_H

#include "trainer/eval/report/summary.h"

/* Draws ROC curves by task, whole and enlarged for few false alarms. Returns 0 or -ENOMEM. */
int figure_roc(FILE *f, const struct summary *s);

/* Draws how many attacks had their first alarm after which time. */
void figure_delays(FILE *f, const struct summary *s);

/*
 * Draws the levels around an attack that has a timeline: each task's as shares of the thresholds,
 * the harmful system calls, and the events that have a text, numbered in the order of
 * figure_events().
 */
void figure_levels(FILE *f, const struct summary *s, const struct evaluated_run *run);

/*
 * Finds the first events of an attack that have a text, at most max: ret gets their indices in the
 * timeline. Returns how many there are.
 */
size_t figure_events(const struct evaluated_run *run, size_t max, size_t *ret);

#define FIGURE_EVENTS 24 /* events that figure_levels() numbers */

#endif
