/* SPDX-License-Identifier: Apache-2.0 */
/* Merges traces: writes the earliest of the next records of all inputs, until none is left. */
#include "lib/trace/trace_merge.h"

#include <errno.h>
#include <string.h>

#include "lib/trace/trace.h"

#define SAME_BOOT_NS (10 * NSEC_PER_SEC) /* wall clocks are corrected now and then */

struct input {
	struct trace_reader *reader;
	const struct lutra_record *rec; /* the next record; NULL: at the end */
	const char *str;
	size_t str_len;
};

struct inputs {
	struct input *in;
	int n;
	uint64_t lost;
};

static void inputs_done(struct inputs *x)
{
	for (int i = 0; i < x->n; i++)
		trace_reader_free(x->in[i].reader);
	free(x->in);
}

/* Reads the next record that is not an END mark. Returns 0 or -errno. */
static int advance_input(struct inputs *x, struct input *in, const char *path, struct err *err)
{
	int r;

	do {
		r = trace_reader_next(in->reader, &in->rec, &in->str, &in->str_len);
		if (r < 0)
			return err_set(err, r, "%s: %s", path, strerror(-r));
		if (r == 0) {
			in->rec = NULL;
			if (trace_reader_torn(in->reader))
				return err_set(err, -EBADMSG, "%s: %s", path,
					       trace_reader_torn(in->reader));
			return 0;
		}
		if (in->rec->type != LUTRA_RECORD_MARK || in->rec->aux != LUTRA_MARK_END)
			return 0;
		x->lost += in->rec->arg;
	} while (1);
}

/* Returns the time at which the machine was booted, by the two start times of the trace. */
static uint64_t boot_ns(const struct trace_meta *m)
{
	return m->start_realtime_ns - m->start_monotonic_ns;
}

static bool one_run(const struct trace_meta *a, const struct trace_meta *b)
{
	uint64_t x = boot_ns(a), y = boot_ns(b);

	return strcmp(a->image, b->image) == 0 && strcmp(a->container_id, b->container_id) == 0 &&
	       strcmp(a->host, b->host) == 0 && strcmp(a->kernel, b->kernel) == 0 &&
	       strcmp(a->arch, b->arch) == 0 && strcmp(a->source, b->source) == 0 &&
	       (x > y ? x - y : y - x) < SAME_BOOT_NS;
}

static int open_inputs(struct inputs *x, char *const files[], struct trace_meta *ret_meta,
		       struct err *err)
{
	const struct trace_meta *m;
	int r;

	for (int i = 0; i < x->n; i++) {
		r = trace_reader_new(&x->in[i].reader, files[i], err);
		if (r < 0)
			return r;
		m = trace_reader_meta(x->in[i].reader);
		if (i == 0)
			*ret_meta = *m;
		if (!one_run(ret_meta, m))
			return err_set(err, -EINVAL,
				       "%s: not of the same run as %s: each run is a trace of its "
				       "own, merge joins parts of one",
				       files[i], files[0]);
		ret_meta->ops &= m->ops;
		if (m->start_monotonic_ns < ret_meta->start_monotonic_ns) {
			ret_meta->start_monotonic_ns = m->start_monotonic_ns;
			ret_meta->start_realtime_ns = m->start_realtime_ns;
		}
		r = advance_input(x, &x->in[i], files[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int copy_records(struct inputs *x, struct trace_writer *w, char *const files[],
			struct err *err)
{
	for (;;) {
		int first = -1, r;

		for (int i = 0; i < x->n; i++) {
			if (x->in[i].rec &&
			    (first < 0 || x->in[i].rec->ts_ns < x->in[first].rec->ts_ns))
				first = i;
		}
		if (first < 0)
			return 0;
		r = trace_writer_add(w, x->in[first].rec, x->in[first].str, x->in[first].str_len);
		if (r < 0)
			return err_set(err, r, "cannot write: %s", strerror(-r));
		r = advance_input(x, &x->in[first], files[first], err);
		if (r < 0)
			return r;
	}
}

int trace_merge(const char *output, char *const files[], int n, struct err *err)
{
	_cleanup_(trace_writer_freep) struct trace_writer *w = NULL;
	_cleanup_(inputs_done) struct inputs x = {.n = n};
	struct trace_meta meta = {};
	int r;

	x.in = calloc((size_t)n, sizeof(*x.in));
	if (!x.in) {
		x.n = 0;
		return err_oom(err);
	}
	/* meta borrows the strings of the first reader. */
	r = open_inputs(&x, files, &meta, err);
	if (r < 0)
		return r;
	r = trace_writer_new(&w, output, &meta, err);
	if (r < 0)
		return r;
	r = copy_records(&x, w, files, err);
	if (r == 0)
		r = trace_writer_close(TAKE_PTR(w), x.lost, err);
	if (r < 0)
		unlink(output);
	return r;
}
