/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers the distinct values of a chunk, from 0 on, in the order of their first use. */
#ifndef LUTRA_LIB_TRACE_NUMBER_DICT_H
#define LUTRA_LIB_TRACE_NUMBER_DICT_H

#include <stdint.h>
#include <string.h>

#define NUMBER_DICT_MAX 65536
#define NUMBER_DICT_BITS 17 /* of buckets: at most half of them are in use */

/* A dict of zero bytes is empty. */
struct number_dict {
	uint32_t n;
	uint64_t keys[NUMBER_DICT_MAX];
	/* Open-addressed: index of the key plus one; 0: empty. */
	uint32_t buckets[1u << NUMBER_DICT_BITS];
};

static inline void number_dict_reset(struct number_dict *d)
{
	if (d->n)
		memset(d->buckets, 0, sizeof(d->buckets));
	d->n = 0;
}

/* Returns the index of key, and adds key if it is new. Holds at most NUMBER_DICT_MAX keys. */
static inline uint32_t number_dict_index(struct number_dict *d, uint64_t key)
{
	uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> (64 - NUMBER_DICT_BITS));

	for (; d->buckets[at]; at = (at + 1) & ((1u << NUMBER_DICT_BITS) - 1)) {
		if (d->keys[d->buckets[at] - 1] == key)
			return d->buckets[at] - 1;
	}
	d->keys[d->n++] = key;
	d->buckets[at] = d->n;
	return d->n - 1;
}

#endif
