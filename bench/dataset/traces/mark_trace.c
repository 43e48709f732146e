/* SPDX-License-Identifier: Apache-2.0 */
/* Copies a trace record by record, and puts the marks of an attack between them. */
#include "bench/dataset/traces/mark_trace.h"

#include <errno.h>
#include <string.h>

#include "lib/trace/trace.h"

/* A copy under way. */
struct marking {
	struct attack *attack;
	struct trace_writer *out;
	const char *arch;
	bool begun, ended; /* the marks of onset and end are written */
	bool complete;	   /* the run ended in order */
	uint64_t lost;	   /* records, as the trace says */
	uint64_t last_ns;
};

static int add_mark(struct marking *m, enum lutra_mark mark, uint64_t ts_ns, uint32_t tid,
		    const char *name)
{
	const struct lutra_record rec = {.ts_ns = ts_ns,
					 .tid = tid,
					 .tgid = tid,
					 .type = LUTRA_RECORD_MARK,
					 .aux = (uint16_t)mark};

	return trace_writer_add(m->out, &rec, name, name ? strlen(name) : 0);
}

/* Writes the marks of onset and end that lie before a moment. */
static int add_times(struct marking *m, uint64_t until_ns)
{
	const struct attack *a = m->attack;
	int r = 0;

	if (!m->begun && until_ns >= a->begin_ns) {
		m->begun = true;
		r = add_mark(m, LUTRA_MARK_ATTACK_ONSET, a->begin_ns, 0, a->name);
	}
	if (r == 0 && !m->ended && until_ns > a->end_ns) {
		m->ended = true;
		r = add_mark(m, LUTRA_MARK_ATTACK_END, a->end_ns, 0, NULL);
	}
	return r;
}

static int add_harms(struct marking *m, const struct lutra_record *rec, const char *str)
{
	struct attack *a = m->attack;
	int r = 0;

	if (rec->ts_ns < a->begin_ns || rec->ts_ns > a->end_ns + HARM_AFTER_NS)
		return 0;
	for (size_t i = 0; r == 0 && i < a->n_harms; i++) {
		struct harm *h = &a->harm[i];

		if (h->marked == HARM_MARKS_MAX || !harm_matches(h, m->arch, rec, str))
			continue;
		h->marked++;
		r = add_mark(m, LUTRA_MARK_HARM, rec->ts_ns, rec->tid, h->text);
	}
	return r;
}

static int copy_record(struct marking *m, const struct lutra_record *rec, const char *str,
		       size_t len)
{
	int r;

	if (rec->type == LUTRA_RECORD_MARK && rec->aux == LUTRA_MARK_END) {
		m->complete = true;
		m->lost += rec->arg;
		return 0;
	}
	if (rec->type == LUTRA_RECORD_MARK)
		return -EEXIST;
	m->last_ns = rec->ts_ns > m->last_ns ? rec->ts_ns : m->last_ns;
	r = add_times(m, rec->ts_ns);
	if (r == 0)
		r = add_harms(m, rec, str);
	return r < 0 ? r : trace_writer_add(m->out, rec, str, len);
}

static int copy_records(struct marking *m, struct trace_reader *in, const char *path,
			struct err *err)
{
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r;

	while ((r = trace_reader_next(in, &rec, &str, &len)) > 0) {
		r = copy_record(m, rec, str, len);
		if (r < 0)
			break;
	}
	if (r == -EEXIST)
		return err_set(err, r, "%s: has marks already: label the recording itself", path);
	if (r < 0)
		return err_set(err, r, "%s: %s", path, strerror(-r));
	if (!m->complete)
		return err_set(err, -EBADMSG, "%s: the recording did not end in order: %s", path,
			       trace_reader_torn(in) ?: "it has no mark of its end");
	if (!m->begun)
		return err_set(
			err, -ERANGE,
			"%s: the attack begins after the last record: are its times those of "
			"CLOCK_MONOTONIC?",
			path);
	r = m->ended ? 0 : add_mark(m, LUTRA_MARK_ATTACK_END, m->attack->end_ns, 0, NULL);
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int mark_trace(const char *in, const char *out, struct attack *a, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *reader = NULL;
	struct marking m = {.attack = a};
	int r = trace_reader_new(&reader, in, err);

	if (r == 0)
		r = trace_writer_new(&m.out, out, trace_reader_meta(reader), err);
	if (r < 0)
		return r;
	m.arch = trace_reader_meta(reader)->arch;
	r = copy_records(&m, reader, in, err);
	if (r < 0)
		trace_writer_free(m.out);
	else
		r = trace_writer_close(m.out, m.lost, err);
	if (r < 0)
		unlink(out);
	return r;
}
