/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes the records of a chunk from its columns. */
#include "lib/base/array.h"
#include "lib/trace/trace_columns.h"

#include <errno.h>

#include "lib/base/bytes.h"

void trace_decoder_done(struct trace_decoder *d)
{
	free(d->strings);
	free(d->events);
	free(d->wholes);
	memset(d, 0, sizeof(*d));
}

/*
 * Reads the strings, to the end of raw, and ends each with a NUL. Returns what is wrong, or NULL.
 */
static const char *start_strings(struct trace_decoder *d, struct bytes_in *in, uint8_t *raw)
{
	for (uint32_t i = 0; i < d->n_strings; i++) {
		size_t at = in->pos;
		uint16_t len = bytes_u16(in);

		d->strings[i] = (struct trace_string){bytes_get(in, len), len};
		if (in->failed || len > LUTRA_STRING_MAX)
			return "damaged strings";
		raw[at] = 0; /* ends the string before this one */
	}
	if (in->pos != in->len)
		return "damaged strings";
	raw[in->len] = 0;
	return NULL;
}

static bool string_exists(const struct trace_decoder *d, uint64_t number)
{
	return number < d->n_strings || number == LUTRA_NO_STRING;
}

/* Reads n numbers from planes. */
static void read_planes(struct bytes_in *in, uint64_t *ret, size_t n, unsigned planes)
{
	memset(ret, 0, n * sizeof(*ret));
	for (unsigned p = 0; p < planes; p++) {
		const uint8_t *plane = bytes_get(in, n);

		for (size_t i = 0; plane && i < n; i++)
			ret[i] |= (uint64_t)plane[i] << 8 * p;
	}
}

static const char *start_lists(struct trace_decoder *d, struct bytes_in *in,
			       const struct trace_counts *n)
{
	d->tasks = bytes_get(in, (size_t)n->tasks * TRACE_TASK_BYTES);
	for (uint32_t i = 0; i < n->events; i++) {
		struct trace_event *e = &d->events[i];

		e->arg = bytes_u64(in);
		e->head = bytes_u64(in);
		e->string = bytes_u32(in);
		if ((e->head & 0xffff) >= LUTRA_RECORD_COUNT)
			return "record of an unknown type";
		if (i < n->open ? e->arg || e->string : !string_exists(d, e->string))
			return "record without its string";
	}
	d->open = n->open;
	return in->failed ? "damaged lists" : NULL;
}

/*
 * Reads the whole times, and arguments and strings of the details. Returns what is wrong, or NULL.
 */
static const char *start_wholes(struct trace_decoder *d, struct bytes_in *in,
				const struct trace_counts *n)
{
	uint64_t *times = d->wholes, *args = times + n->times, *strings = args + n->details + 1;

	read_planes(in, args, n->details, 8);
	args[n->details] = 0;
	read_planes(in, strings, n->details, 4);
	strings[n->details] = 0;
	read_planes(in, times, n->times, 8);
	for (uint32_t i = 0; i < n->details; i++) {
		if (!string_exists(d, strings[i]))
			return "record without its string";
	}
	d->times = times;
	d->detail_args = args;
	d->detail_strings = strings;
	return in->failed ? "damaged lists" : NULL;
}

/* Returns the index of record i, from one plane or two. */
static inline uint32_t index_at(const uint8_t *const plane[2], size_t i)
{
	return plane[0][i] | (plane[1] ? (uint32_t)plane[1][i] << 8 : 0);
}

static uint32_t highest_number(const uint8_t *const plane[2], size_t n)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < n; i++)
		highest = index_at(plane, i) > highest ? index_at(plane, i) : highest;
	return highest;
}

static size_t count_wholes(const uint8_t *plane, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += plane[i] == TRACE_TIME_WHOLE;
	return count;
}

/* Returns how many of the indices are less than limit. */
static size_t count_below(const uint8_t *const plane[2], size_t n, uint32_t limit)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += index_at(plane, i) < limit;
	return count;
}

static const char *start_planes(struct trace_decoder *d, struct bytes_in *in,
				const struct trace_counts *n)
{
	for (int i = 0; i < 3; i++)
		d->time[i] = bytes_get(in, d->n);
	d->task[0] = bytes_get(in, d->n);
	d->task[1] = n->tasks > TRACE_INDEX_NARROW ? bytes_get(in, d->n) : NULL;
	d->event[0] = bytes_get(in, d->n);
	d->event[1] = n->events > TRACE_INDEX_NARROW ? bytes_get(in, d->n) : NULL;
	if (in->failed)
		return "damaged columns";
	if (highest_number(d->task, d->n) >= n->tasks ||
	    highest_number(d->event, d->n) >= n->events)
		return "record without its task or event";
	if (count_wholes(d->time[2], d->n) != n->times ||
	    count_below(d->event, d->n, n->open) != n->details)
		return "damaged lists";
	return NULL;
}

static int start_columns(struct trace_decoder *d, struct bytes_in *in, const char **ret_why)
{
	struct trace_counts n;
	size_t wholes;

	bytes_copy(in, &n, sizeof(n));
	if (n.tasks > d->n || n.events > d->n || n.open > n.events || n.details > d->n ||
	    n.times > d->n) {
		*ret_why = "damaged lists";
		return 0;
	}
	/* take_records() reads one detail behind the last one. */
	wholes = (size_t)n.times + 2 * ((size_t)n.details + 1);
	if (ARRAY_RESERVE(d->events, d->events_size, n.events) < 0 ||
	    ARRAY_RESERVE(d->wholes, d->wholes_size, wholes) < 0)
		return -ENOMEM;
	d->ts_ns = 0;
	*ret_why = start_lists(d, in, &n);
	if (!*ret_why)
		*ret_why = start_planes(d, in, &n);
	if (!*ret_why)
		*ret_why = start_wholes(d, in, &n);
	return 0;
}

int trace_decoder_start(struct trace_decoder *d, uint8_t *raw, size_t len, const char **ret_why)
{
	struct bytes_in in = {.data = raw, .len = len};
	int r;

	if (ARRAY_RESERVE(d->strings, d->strings_size, (size_t)d->n_strings + 1) < 0)
		return -ENOMEM;
	d->next = 0;
	r = start_columns(d, &in, ret_why);
	if (r == 0 && !*ret_why)
		*ret_why = start_strings(d, &in, raw);
	return r;
}

/* wide_task, wide_event: the indices have a second plane. */
static inline __attribute__((__always_inline__)) void
take_records(struct trace_decoder *d, size_t n, bool wide_task, bool wide_event,
	     struct lutra_record *restrict ret, uint32_t *restrict ret_string)
{
	const uint8_t *lo = d->time[0] + d->next, *mid = d->time[1] + d->next,
		      *hi = d->time[2] + d->next;
	const uint64_t *args = d->detail_args, *strings = d->detail_strings;
	uint64_t ts_ns = d->ts_ns;
	const uint32_t open = d->open;

	for (size_t i = 0; i < n; i++) {
		size_t task = d->task[0][d->next + i], event = d->event[0][d->next + i];
		const struct trace_event *e;
		uint64_t is_open;

		if (wide_task)
			task |= (size_t)d->task[1][d->next + i] << 8;
		if (wide_event)
			event |= (size_t)d->event[1][d->next + i] << 8;
		e = &d->events[event];
		if (hi[i] == TRACE_TIME_WHOLE)
			ts_ns = *d->times++;
		else
			ts_ns += lo[i] | (uint32_t)mid[i] << 8 | (uint32_t)hi[i] << 16;
		ret[i].ts_ns = ts_ns;
		/* No branch: the processor cannot predict which events are open. */
		is_open = -(uint64_t)(event < open);
		ret[i].arg = e->arg | (*args & is_open);
		ret_string[i] = e->string | (uint32_t)(*strings & is_open);
		args -= (int64_t)is_open;
		strings -= (int64_t)is_open;
		memcpy(&ret[i].tid, d->tasks + task * TRACE_TASK_BYTES, TRACE_TASK_BYTES);
		memcpy(&ret[i].type, &e->head, sizeof(e->head));
	}
	d->detail_args = args;
	d->detail_strings = strings;
	d->ts_ns = ts_ns;
}

void trace_decoder_take(struct trace_decoder *d, size_t n, struct lutra_record *ret,
			uint32_t *ret_string)
{
	if (!d->task[1] && !d->event[1])
		take_records(d, n, false, false, ret, ret_string);
	else
		take_records(d, n, d->task[1] != NULL, d->event[1] != NULL, ret, ret_string);
	d->next += (uint32_t)n;
}
