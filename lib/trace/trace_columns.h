/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a chunk by columns:
 *
 *   u32 tasks, u32 events, u32 open, u32 details, u32 times
 *   tasks   x { u32 tid, u32 tgid }
 *   events  x { u64 arg, u16 type, u16 nr, u16 aux, u16 pad, u32 string }
 *   records x time in 3 planes, task in 1 plane or 2, event in 1 plane or 2
 *   details x arg in 8 planes, string in 4 planes
 *   times   x time in 8 planes
 *
 * A plane is one byte of each number, the lowest first. A record names its task and its event by
 * their numbers in the lists, in 1 plane where a list has at most 256. string is a string's number
 * or LUTRA_NO_STRING. The first of the events, as many as open says, have argument 0 and string 0
 * there: those of their records are the next of the details. A record's time is what has gone by
 * since the one before (0 before the first), or, where the highest byte is TRACE_TIME_WHOLE, the
 * next of the times.
 *
 * So the few distinct calls of a service are stored once a chunk, whatever their arguments; what
 * varies without end (a child's thread id, a port) stays out of the list.
 */
#ifndef LUTRA_LIB_TRACE_TRACE_COLUMNS_H
#define LUTRA_LIB_TRACE_TRACE_COLUMNS_H

#include "lib/trace/number_dict.h"
#include "lib/trace/trace_format.h"

#define TRACE_TIME_WHOLE 0xff
#define TRACE_TASK_BYTES 8
#define TRACE_EVENT_BYTES 20
#define TRACE_DETAIL_BYTES 12
#define TRACE_TIME_BYTES 8
#define TRACE_INDEX_NARROW 256 /* numbers that one plane can hold */
/* Of one record, in lists and planes, at most. */
#define TRACE_RECORD_MAX                                                                           \
	(TRACE_TASK_BYTES + TRACE_EVENT_BYTES + TRACE_DETAIL_BYTES + TRACE_TIME_BYTES + 3 + 2 + 2)
#define TRACE_RAW_MAX                                                                              \
	(sizeof(struct trace_counts) + TRACE_CHUNK_RECORDS * TRACE_RECORD_MAX + TRACE_STRINGS_MAX)

/* The lengths of a chunk's lists, as it begins with them. */
struct trace_counts {
	uint32_t tasks, events, open, details, times;
};

struct trace_event {
	uint64_t arg;
	uint64_t head; /* type, nr, aux, pad, as in memory */
	uint32_t string;
	uint32_t pad;
};

struct trace_decoder {
	uint32_t n, next; /* records, and those taken */
	uint32_t n_strings;
	struct trace_string *strings;
	size_t strings_size, events_size, wholes_size; /* items allocated */
	struct trace_event *events;
	uint32_t open;	  /* how many of them, the first, have their arguments elsewhere */
	uint64_t *wholes; /* times, then the details' arguments, then their strings */
	const uint64_t *times, *detail_args, *detail_strings; /* the next ones */
	const uint8_t *tasks, *time[3], *task[2], *event[2];  /* [1]: or NULL */
	uint64_t ts_ns;
};

void trace_decoder_done(struct trace_decoder *d);

/*
 * Start on a chunk that unpacked to len bytes at raw, which are changed, and followed by one more
 * byte; d->n and d->n_strings say what its header does. All of it is checked: *ret_why is NULL or
 * what is wrong. 0 or -ENOMEM. raw is used until the last record is taken.
 */
int trace_decoder_start(struct trace_decoder *d, uint8_t *raw, size_t len, const char **ret_why);
/* Take the next n records, of d->n - d->next. */
void trace_decoder_take(struct trace_decoder *d, size_t n, struct lutra_record *ret,
			uint32_t *ret_string);

_Static_assert(TRACE_CHUNK_RECORDS <= NUMBER_DICT_MAX, "room for what each record brings");

/* Working memory of trace_encode(). All zero bytes before the first chunk. */
struct trace_encoder {
	struct number_dict heads, args, tasks, variants; /* a variant: head, argument, string */
	struct trace_kind {
		uint32_t records, variants;
		uint32_t event;		       /* where it is open: its number */
	} kinds[TRACE_CHUNK_RECORDS];	       /* by head */
	uint32_t event[TRACE_CHUNK_RECORDS];   /* of each variant, plus one; 0: none yet */
	uint32_t variant[TRACE_CHUNK_RECORDS]; /* of each record, later its event */
	uint32_t task[TRACE_CHUNK_RECORDS];    /* of each record */
	uint64_t detail_args[TRACE_CHUNK_RECORDS], detail_strings[TRACE_CHUNK_RECORDS];
	uint64_t times[TRACE_CHUNK_RECORDS];
	uint32_t n_details, n_times, n_events, n_open;
	uint8_t raw[TRACE_RAW_MAX];
};

#define TRACE_CUTS_MAX 16

/* The columns, of TRACE_RAW_MAX bytes at most; another kind of data begins at each cut. */
struct trace_encoded {
	uint8_t *raw;
	size_t len;
	size_t cut[TRACE_CUTS_MAX];
	unsigned n_cuts;
};

/* recs, string: n of them, at most TRACE_CHUNK_RECORDS. Valid until the next. */
void trace_encode(struct trace_encoder *e, const struct lutra_record *recs, const uint32_t *string,
		  size_t n, struct trace_encoded *ret);

#endif
