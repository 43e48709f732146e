/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws plots as SVG inside an HTML page. Colours come from the page's classes (html.c). There are
 * no scripts, and all text is escaped.
 */
#ifndef LUTRA_TRAINER_EVAL_REPORT_PLOT_H
#define LUTRA_TRAINER_EVAL_REPORT_PLOT_H

#include <stdbool.h>
#include <stdio.h>

/* A plot: values x0 to x1 from left to right and y0 to y1 from bottom to top of a box in pixels. */
struct plot {
	FILE *f;
	double left, top, width, height;
	double x0, x1, y0, y1;
};

/* Writes s with the characters of HTML markup escaped, between two strings of markup. */
void plot_escape(FILE *f, const char *before, const char *s, const char *after);

/* Begins and ends a figure of one or more plots. label: for screen readers. */
void plot_begin(FILE *f, int width, int height, const char *label);
void plot_end(FILE *f);

/* Return the pixel of a value. */
double plot_x(const struct plot *p, double x);
double plot_y(const struct plot *p, double y);

/* Writes a text. class: "" (starts at x), "mid" (centred), "end" (ends at x) or "big". */
void plot_text(FILE *f, double x, double y, const char *class, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Draws axes with names, a grid and numbers. x_numbers: false for an x axis of words. */
void plot_axes(const struct plot *p, bool x_numbers, const char *x_name, const char *y_name);

/* A line through points. A point less than half a pixel from the last one is left out. */
struct plot_line {
	const struct plot *p;
	const char *class;
	double x, y; /* the last point, in pixels */
	bool open, steps;
};

void plot_line_to(struct plot_line *l, double x, double y);
void plot_line_end(struct plot_line *l);

/* Draws a vertical line through the plot with a name at its top. */
void plot_mark(const struct plot *p, double x, const char *class, const char *name);

#endif
