/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of an evaluation, SVG in a page. */
#ifndef LUTRA_TRAINER_EVAL_REPORT_FIGURES_H
#define LUTRA_TRAINER_EVAL_REPORT_FIGURES_H

#include "trainer/eval/report/summary.h"

/* ROC curves by task, whole and where few benign tasks alarm. -ENOMEM. */
int figure_roc(FILE *f, const struct summary *o);

/* How long the rules took to the first alarm of each attack. */
void figure_delays(FILE *f, const struct summary *o);

/*
 * The levels around an attack that has points: each task's as shares of the thresholds, harmful
 * calls, and the named events numbered as figure_events() has them.
 */
void figure_levels(FILE *f, const struct summary *o, const struct evaluated_run *t);

/* The first named events of an attack, at most max: their numbers in its points. Returns how many.
 */
size_t figure_events(const struct evaluated_run *t, size_t max, size_t *ret);

#define FIGURE_EVENTS 24 /* that a figure numbers */

#endif
