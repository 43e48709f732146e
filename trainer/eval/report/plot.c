/* SPDX-License-Identifier: Apache-2.0 */
/* Axes, lines and marks. */
#include "trainer/eval/report/plot.h"

#include <math.h>
#include <stdarg.h>

void plot_escape(FILE *f, const char *before, const char *s, const char *after)
{
	static const char *const escaped[256] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"};

	fputs(before, f);
	for (; *s; s++) {
		if (escaped[(unsigned char)*s])
			fputs(escaped[(unsigned char)*s], f);
		else
			putc(*s, f);
	}
	fputs(after, f);
}

void plot_begin(FILE *f, int width, int height, const char *label)
{
	fprintf(f,
		"<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
		"aria-label=\"",
		width, height, width, height);
	plot_escape(f, "", label, "\">\n");
}

void plot_end(FILE *f)
{
	fputs("</svg>\n", f);
}

double plot_x(const struct plot *p, double x)
{
	return p->left + (x - p->x0) / (p->x1 - p->x0) * p->width;
}

double plot_y(const struct plot *p, double y)
{
	return p->top + p->height - (y - p->y0) / (p->y1 - p->y0) * p->height;
}

void plot_text(FILE *f, double x, double y, const char *class, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class);
	plot_escape(f, "", text, "</text>\n");
}

/* Returns a round step between the numbers of an axis, which then has about n of them. */
static double axis_step(double length, double n)
{
	double unit = pow(10, floor(log10(length / n))), times = length / n / unit;

	return unit * (times < 1.5 ? 1 : times < 3.5 ? 2 : times < 7.5 ? 5 : 10);
}

static void put_line(FILE *f, const char *class, double x0, double y0, double x1, double y1)
{
	fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x0, y0,
		x1, y1, class);
}

static void put_axis_number(FILE *f, double x, double y, const char *class, double value)
{
	plot_text(f, x, y, class, "%.6g", fabs(value) < 1e-9 ? 0 : value);
}

void plot_axes(const struct plot *p, bool x_numbers, const char *x_name, const char *y_name)
{
	double bottom = p->top + p->height, right = p->left + p->width;
	double dx = axis_step(p->x1 - p->x0, p->width / 80);
	double dy = axis_step(p->y1 - p->y0, p->height / 45);
	double x = ceil(p->x0 / dx - 1e-6) * dx, y = ceil(p->y0 / dy - 1e-6) * dy;

	for (int i = 0; y + i * dy <= p->y1 + dy * 1e-6; i++) {
		double at = plot_y(p, y + i * dy);

		put_line(p->f, "grid", p->left, at, right, at);
		put_axis_number(p->f, p->left - 6, at + 4, "end", y + i * dy);
	}
	for (int i = 0; x_numbers && x + i * dx <= p->x1 + dx * 1e-6; i++) {
		double at = plot_x(p, x + i * dx);

		put_line(p->f, "grid", at, p->top, at, bottom);
		put_axis_number(p->f, at, bottom + 16, "mid", x + i * dx);
	}
	put_line(p->f, "axis", p->left, bottom, right, bottom);
	put_line(p->f, "axis", p->left, p->top, p->left, bottom);
	plot_text(p->f, p->left + p->width / 2, bottom + 34, "mid", "%s", x_name);
	fprintf(p->f, "<g transform=\"translate(%.1f %.1f) rotate(-90)\">", p->left - 38,
		p->top + p->height / 2);
	plot_text(p->f, 0, 0, "mid", "%s", y_name);
	fputs("</g>\n", p->f);
}

void plot_line_to(struct plot_line *l, double x, double y)
{
	FILE *f = l->p->f;

	x = round(plot_x(l->p, x) * 10) / 10;
	y = round(plot_y(l->p, y) * 10) / 10;
	if (!l->open)
		fprintf(f, "<path class=\"%s\" d=\"M%.1f %.1f", l->class, x, y);
	else if (fabs(x - l->x) < .5 && fabs(y - l->y) < .5)
		return;
	else if (l->steps)
		fprintf(f, "H%.1fV%.1f", x, y);
	else
		fprintf(f, "L%.1f %.1f", x, y);
	l->open = true;
	l->x = x;
	l->y = y;
}

void plot_line_end(struct plot_line *l)
{
	if (l->open)
		fputs("\"/>\n", l->p->f);
	l->open = false;
}

void plot_mark(const struct plot *p, double x, const char *class, const char *name)
{
	double at = plot_x(p, x);

	put_line(p->f, class, at, p->top, at, p->top + p->height);
	plot_text(p->f, at + 3, p->top - 4, "", "%s", name);
}
