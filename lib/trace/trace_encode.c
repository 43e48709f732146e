/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes the records of a chunk into columns. */
#include "lib/trace/trace_columns.h"

#include <assert.h>

#include "lib/base/bytes.h"

/*
 * A head (type, number, aux) has its arguments and strings in the list of events if it has at most
 * VARIANTS_MAX of them, and at least VARIANT_RECORDS records for each. VARIANTS_ANYWAY of them are
 * always in the list. Else the head is an open event.
 */
#define VARIANTS_MAX 64
#define VARIANT_RECORDS 4
#define VARIANTS_ANYWAY 2

/* A variant is an event with its argument and string. head and arg are numbers in the dicts. */
union variant {
	struct {
		uint16_t head, arg;
		uint32_t string;
	};
	uint64_t key;
};

/* Numbers the distinct tasks, heads and variants, and counts the records of each head. */
static void gather_numbers(struct trace_encoder *e, const struct lutra_record *recs,
			   const uint32_t *string, size_t n)
{
	number_dict_reset(&e->heads);
	number_dict_reset(&e->args);
	number_dict_reset(&e->tasks);
	number_dict_reset(&e->variants);
	for (size_t i = 0; i < n; i++) {
		uint32_t head, heads = e->heads.n, variants = e->variants.n;
		union variant v;
		uint64_t key;

		memcpy(&key, &recs[i].type, sizeof(key));
		head = number_dict_index(&e->heads, key);
		if (head == heads)
			e->kinds[head] = (struct trace_kind){0};
		memcpy(&key, &recs[i].tid, sizeof(key));
		e->task[i] = number_dict_index(&e->tasks, key);
		v.head = (uint16_t)head;
		v.arg = (uint16_t)number_dict_index(&e->args, recs[i].arg);
		v.string = string[i];
		e->variant[i] = number_dict_index(&e->variants, v.key);
		e->kinds[head].records++;
		if (e->variant[i] == variants) {
			e->event[variants] = 0;
			e->kinds[head].variants++;
		}
	}
}

static bool in_list(const struct trace_kind *k)
{
	return k->variants <= VARIANTS_ANYWAY ||
	       (k->variants <= VARIANTS_MAX && k->variants * VARIANT_RECORDS <= k->records);
}

/* Appends an event to the list. Returns its number. */
static uint32_t add_event(struct trace_encoder *e, struct bytes_out *out, uint64_t arg,
			  uint64_t head, uint32_t string)
{
	bytes_put_u64(out, arg);
	bytes_put_u64(out, head);
	bytes_put_u32(out, string);
	return e->n_events++;
}

/* Writes the list of events, open ones first, and puts the event of each record into e->variant. */
static void number_events(struct trace_encoder *e, struct bytes_out *out, size_t n)
{
	for (uint32_t head = 0; head < e->heads.n; head++) {
		if (!in_list(&e->kinds[head]))
			e->kinds[head].event = add_event(e, out, 0, e->heads.keys[head], 0);
	}
	e->n_open = e->n_events;
	for (size_t i = 0; i < n; i++) {
		uint32_t *number = &e->event[e->variant[i]];
		union variant v = {.key = e->variants.keys[e->variant[i]]};
		uint64_t arg = e->args.keys[v.arg];

		if (!in_list(&e->kinds[v.head])) {
			e->detail_args[e->n_details] = arg;
			e->detail_strings[e->n_details++] = v.string;
			e->variant[i] = e->kinds[v.head].event;
			continue;
		}
		if (!*number)
			*number = add_event(e, out, arg, e->heads.keys[v.head], v.string) + 1;
		e->variant[i] = *number - 1;
	}
}

static void put_planes(struct bytes_out *out, const uint64_t *x, size_t n, unsigned planes)
{
	for (unsigned p = 0; p < planes; p++) {
		for (size_t i = 0; i < n; i++)
			bytes_put_u8(out, (uint8_t)(x[i] >> 8 * p));
	}
}

static void end_part(struct trace_encoded *ret, const struct bytes_out *out)
{
	assert(ret->n_cuts < TRACE_CUTS_MAX && !out->failed);
	ret->cut[ret->n_cuts++] = out->len;
}

/*
 * Writes the planes of the times between records, and puts times that are too long into e->times.
 */
static void put_times(struct trace_encoder *e, const struct lutra_record *recs, size_t n,
		      struct bytes_out *out, struct trace_encoded *ret)
{
	uint64_t last = 0;
	uint8_t *plane[3];

	for (int p = 0; p < 3; p++) {
		plane[p] = out->data + out->len;
		out->len += n;
		end_part(ret, out);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t gone = recs[i].ts_ns - last;

		last = recs[i].ts_ns;
		if (gone >= (uint64_t)TRACE_TIME_WHOLE << 16) {
			gone = (uint64_t)TRACE_TIME_WHOLE << 16;
			e->times[e->n_times++] = last;
		}
		for (int p = 0; p < 3; p++)
			plane[p][i] = (uint8_t)(gone >> 8 * p);
	}
}

static void put_index(struct bytes_out *out, const uint32_t *x, size_t n, uint32_t of,
		      struct trace_encoded *ret)
{
	for (unsigned p = 0; p < (of > TRACE_INDEX_NARROW ? 2 : 1); p++) {
		for (size_t i = 0; i < n; i++)
			bytes_put_u8(out, (uint8_t)(x[i] >> 8 * p));
		end_part(ret, out);
	}
}

void trace_encode(struct trace_encoder *e, const struct lutra_record *recs, const uint32_t *string,
		  size_t n, struct trace_encoded *ret)
{
	struct trace_counts counts;
	struct bytes_out out = {.data = e->raw, .size = TRACE_RAW_MAX, .len = sizeof(counts)};

	*ret = (struct trace_encoded){.raw = e->raw};
	e->n_events = e->n_details = e->n_times = 0;
	gather_numbers(e, recs, string, n);
	for (uint32_t i = 0; i < e->tasks.n; i++)
		bytes_put_u64(&out, e->tasks.keys[i]);
	number_events(e, &out, n);
	end_part(ret, &out);
	put_times(e, recs, n, &out, ret);
	put_index(&out, e->task, n, e->tasks.n, ret);
	put_index(&out, e->variant, n, e->n_events, ret);
	put_planes(&out, e->detail_args, e->n_details, 8);
	put_planes(&out, e->detail_strings, e->n_details, 4);
	put_planes(&out, e->times, e->n_times, 8);
	end_part(ret, &out);
	counts =
		(struct trace_counts){e->tasks.n, e->n_events, e->n_open, e->n_details, e->n_times};
	memcpy(e->raw, &counts, sizeof(counts));
	ret->len = out.len;
}
