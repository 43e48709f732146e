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
 * A plane holds one byte of each number; the plane of the lowest bytes is the first. A record names
 * its task and its event by their indices in the lists; these take 1 plane if the list has at most
 * 256 items. string is the number of a string, or LUTRA_NO_STRING. The first `open` events have
 * argument 0 and string 0 in the list: each of their records takes argument and string from the
 * next detail. The time of a record is the time since the record before it (since 0 for the first).
 * If its highest byte is TRACE_TIME_WHOLE, the next item of times is the time instead.
 *
 * A service makes few distinct system calls, so each is stored once a chunk. Arguments with very
 * many values (the thread id of a child, a port) are not in the list of events.
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
#define TRACE_INDEX_NARROW 256 /* indices that fit in one plane */
/* The most bytes that one record takes in lists and planes. */
#define TRACE_RECORD_MAX                                                                           \
	(TRACE_TASK_BYTES + TRACE_EVENT_BYTES + TRACE_DETAIL_BYTES + TRACE_TIME_BYTES + 3 + 2 + 2)
#define TRACE_RAW_MAX                                                                              \
	(sizeof(struct trace_counts) + TRACE_CHUNK_RECORDS * TRACE_RECORD_MAX + TRACE_STRINGS_MAX)

/* The lengths of the lists; a chunk begins with them. */
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
	uint32_t n, next; /* all records; those that were taken */
	uint32_t n_strings;
	struct trace_string *strings;
	size_t strings_size, events_size, wholes_size; /* items allocated */
	struct trace_event *events;
	uint32_t open;	  /* the first `open` events have their arguments in the details */
	uint64_t *wholes; /* times, then the arguments of the details, then their strings */
	const uint64_t *times, *detail_args, *detail_strings; /* the next item of each */
	const uint8_t *tasks, *time[3], *task[2], *event[2];  /* task[1], event[1]: or NULL */
	uint64_t ts_ns;
};

void trace_decoder_done(struct trace_decoder *d);

/*
 * Starts on a chunk that was unpacked to len bytes at raw. The caller has set d->n and d->n_strings
 * from the header of the chunk. Changes raw, which has room for one byte more and is used until the
 * last record is taken. Checks all of the chunk: *ret_why is what is wrong, or NULL. Returns 0 or
 * -ENOMEM.
 */
int trace_decoder_start(struct trace_decoder *d, uint8_t *raw, size_t len, const char **ret_why);
/* Takes the next n records; at most d->n - d->next are left. */
void trace_decoder_take(struct trace_decoder *d, size_t n, struct lutra_record *ret,
			uint32_t *ret_string);

_Static_assert(TRACE_CHUNK_RECORDS <= NUMBER_DICT_MAX, "room for what each record brings");

/* The working memory of trace_encode(). It begins with zero bytes. */
struct trace_encoder {
	struct number_dict heads, args, tasks, variants; /* a variant: head, argument, string */
	struct trace_kind {
		uint32_t records, variants;
		uint32_t event;		       /* the number of its event, if it is open */
	} kinds[TRACE_CHUNK_RECORDS];	       /* by head */
	uint32_t event[TRACE_CHUNK_RECORDS];   /* of each variant: number plus one; 0: none yet */
	uint32_t variant[TRACE_CHUNK_RECORDS]; /* of each record; later the number of its event */
	uint32_t task[TRACE_CHUNK_RECORDS];    /* of each record */
	uint64_t detail_args[TRACE_CHUNK_RECORDS], detail_strings[TRACE_CHUNK_RECORDS];
	uint64_t times[TRACE_CHUNK_RECORDS];
	uint32_t n_details, n_times, n_events, n_open;
	uint8_t raw[TRACE_RAW_MAX];
};

#define TRACE_CUTS_MAX 16

/* Columns of at most TRACE_RAW_MAX bytes. Another kind of data begins at each cut. */
struct trace_encoded {
	uint8_t *raw;
	size_t len;
	size_t cut[TRACE_CUTS_MAX];
	unsigned n_cuts;
};

/* Encodes n records, at most TRACE_CHUNK_RECORDS. *ret is valid until the next call. */
void trace_encode(struct trace_encoder *e, const struct lutra_record *recs, const uint32_t *string,
		  size_t n, struct trace_encoded *ret);

#endif
