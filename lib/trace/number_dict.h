/* SPDX-License-Identifier: Apache-2.0 */
/* The distinct numbers of a chunk, in the order in which they were met first. */
#ifndef LUTRA_LIB_TRACE_NUMBER_DICT_H
#define LUTRA_LIB_TRACE_NUMBER_DICT_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DICT_MAX 65536
#define DICT_BITS 17 /* of the slots: never more than half full */

struct dict {
	uint32_t n;
	uint64_t *keys;	 /* DICT_MAX */
	uint32_t *slots; /* open-addressed; key's index plus one, 0: empty */
};

static inline int dict_init(struct dict *d)
{
	d->keys = malloc(DICT_MAX * sizeof(*d->keys));
	d->slots = calloc(1u << DICT_BITS, sizeof(*d->slots));
	return d->keys && d->slots ? 0 : -ENOMEM;
}

static inline void dict_done(struct dict *d)
{
	free(d->keys);
	free(d->slots);
}

static inline void dict_reset(struct dict *d)
{
	if (d->n)
		memset(d->slots, 0, (1u << DICT_BITS) * sizeof(*d->slots));
	d->n = 0;
}

/* The index of key, which is added if it is new; at most DICT_MAX are. */
static inline uint32_t dict_index(struct dict *d, uint64_t key)
{
	uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> (64 - DICT_BITS));

	for (; d->slots[at]; at = (at + 1) & ((1u << DICT_BITS) - 1)) {
		if (d->keys[d->slots[at] - 1] == key)
			return d->slots[at] - 1;
	}
	d->keys[d->n++] = key;
	d->slots[at] = d->n;
	return d->n - 1;
}

#endif
