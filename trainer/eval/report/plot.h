/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plots in SVG that stand in a page: colours are the page's (classes, see html.c), no scripts, no
 * text that is not escaped.
 */
#ifndef LUTRA_TRAINER_EVAL_REPORT_PLOT_H
#define LUTRA_TRAINER_EVAL_REPORT_PLOT_H

#include <stdbool.h>
#include <stdio.h>

/* Where values lie: x0 to x1 from left to right, y0 to y1 from bottom to top, in pixels. */
struct plot {
	FILE *f;
	double left, top, width, height;
	double x0, x1, y0, y1;
};

/* s with what HTML would take for markup escaped. */
void plot_escape(FILE *f, const char *s);

/* The figure around plots; label is what a reader who cannot see it hears. */
void plot_begin(FILE *f, int width, int height, const char *label);
void plot_end(FILE *f);

double plot_x(const struct plot *p, double x);
double plot_y(const struct plot *p, double y);

/* A text; class: how it is set, "" or "mid" (centred on x), "end", "big". */
void plot_text(FILE *f, double x, double y, const char *class, const char *text);

/* Frame, grid, numbers at both axes, names of both. x_numbers: false for an axis of words. */
void plot_axes(const struct plot *p, bool x_numbers, const char *x_name, const char *y_name);

/* A line of several points; one that goes nowhere a pixel is left out. */
struct plot_line {
	const struct plot *p;
	const char *class;
	double x, y; /* the last point, in pixels */
	bool open, steps;
};

void plot_line_to(struct plot_line *l, double x, double y);
void plot_line_end(struct plot_line *l);

/* A vertical line from top to bottom with a name beside its top. */
void plot_mark(const struct plot *p, double x, const char *class, const char *name);

#endif
