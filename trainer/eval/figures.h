/* SPDX-License-Identifier: Apache-2.0 */
/* Figures of an evaluation as SVG, drawn by gnuplot. */
#ifndef LUTRA_TRAINER_EVAL_FIGURES_H
#define LUTRA_TRAINER_EVAL_FIGURES_H

#include "trainer/eval/outcome.h"

/* figure[0]: ROC curves; [1]: delays; [2 + i]: levels of trial i, NULL where there are none. */
struct figures {
	char **svg;
	size_t n;
};

#define FIGURE_ROC 0
#define FIGURE_DELAYS 1
#define FIGURE_TRIALS 2

void figures_done(struct figures *f);

/*
 * Draw them all. ret is the caller's to figures_done(), also on failure. -ENOENT: no gnuplot; -EIO:
 * it failed; -ENOMEM, or as mkdtemp(3), fopen(3).
 */
int figures_draw(const struct outcome *o, struct figures *ret, struct err *err);

#endif
