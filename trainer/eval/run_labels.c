/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the labels of a run, in a pass of its own: judging must know the onset from the start. */
#include "trainer/eval/run_labels.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/trace/trace.h"

#define BEFORE_NS 100000000ull /* before the onset: no longer benign */
#define AFTER_NS 1500000000ull /* after the attack's end: still the attack */

const char *const run_kind_names[RUN_KINDS] = {"normal", "attack", "adaptive"};

static void add_harm_label(struct run_labels *l, const struct lutra_record *rec, const char *name)
{
	/* The kernel itself refuses the first; the others are the service's own objects. */
	static const char *const others[] = {"shadow", "own", "connect_own"};
	struct harm_label *h = &l->harm[l->n_harm];

	if (l->n_harm == HARM_LABELS_MAX)
		return;
	l->n_harm++;
	h->ns = rec->ts_ns;
	h->counts = true;
	snprintf(h->name, sizeof(h->name), "%s", name ? name : "");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		h->counts &= strcmp(h->name, others[i]) != 0;
}

static void add_label(struct run_labels *l, const struct lutra_record *rec, const char *str)
{
	switch (rec->aux) {
	case LUTRA_MARK_ATTACK_ONSET:
		l->labelled = true;
		l->onset_ns = rec->ts_ns;
		l->root = rec->tid;
		break;
	case LUTRA_MARK_ATTACK_END:
		l->end_ns = rec->ts_ns + AFTER_NS;
		break;
	case LUTRA_MARK_HARM:
		add_harm_label(l, rec, str);
		break;
	default:
		break;
	}
}

int run_labels_read(struct run_labels *ret, const char *file, enum run_kind kind, struct err *err)
{
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	const struct lutra_record *rec;
	const char *str;
	size_t len;
	int r = trace_reader_new(&trace, file, err);

	if (r < 0)
		return r;
	memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	ret->end_ns = UINT64_MAX;
	while ((r = trace_reader_next(trace, &rec, &str, &len)) > 0) {
		ret->start_ns = ret->start_ns ? ret->start_ns : rec->ts_ns;
		ret->stop_ns = rec->ts_ns > ret->stop_ns ? rec->ts_ns : ret->stop_ns;
		if (rec->type == LUTRA_RECORD_MARK)
			add_label(ret, rec, str);
	}
	if (r < 0)
		return err_set(err, r, "%s: %s", file, strerror(-r));
	if (ret->labelled && kind == RUN_KIND_NORMAL)
		return err_set(err, -EINVAL, "%s has a labelled attack: give it as --attack", file);
	if (!ret->labelled)
		ret->onset_ns = kind == RUN_KIND_NORMAL ? UINT64_MAX : ret->start_ns;
	return 0;
}

bool run_labels_is_benign(const struct run_labels *l, uint64_t ts_ns)
{
	return l->onset_ns == UINT64_MAX || ts_ns + BEFORE_NS < l->onset_ns;
}

double run_labels_benign_hours(const struct run_labels *l)
{
	uint64_t until = l->stop_ns;

	if (l->kind != RUN_KIND_NORMAL)
		until = l->onset_ns > BEFORE_NS ? l->onset_ns - BEFORE_NS : 0;
	return until > l->start_ns ? (double)(until - l->start_ns) / 3.6e12 : 0;
}
