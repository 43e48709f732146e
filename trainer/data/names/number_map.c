/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table with linear probing. The hash is the last step of SplitMix64 (model/compute/num.h). */
#include "trainer/data/names/number_map.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"

int number_map_init(struct number_map *m)
{
	*m = (struct number_map){.n_buckets = 1024};
	if (sodium_init() < 0)
		return -ENOMEM;
	randombytes_buf(&m->seed, sizeof(m->seed));
	m->bucket = calloc(m->n_buckets, sizeof(*m->bucket));
	return m->bucket ? 0 : -ENOMEM;
}

void number_map_done(struct number_map *m)
{
	free(m->number);
	free(m->bucket);
	memset(m, 0, sizeof(*m));
}

/* Returns the bucket that holds the number, or the free one where it belongs. */
static size_t probe_bucket(const struct number_map *m, uint64_t number)
{
	uint64_t z = number ^ m->seed;
	size_t i;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	i = (z ^ z >> 31) & (m->n_buckets - 1);
	while (m->bucket[i] && m->number[m->bucket[i] - 1] != number)
		i = (i + 1) & (m->n_buckets - 1);
	return i;
}

bool number_map_find(const struct number_map *m, uint64_t number, uint32_t *ret)
{
	uint32_t at = m->bucket[probe_bucket(m, number)];

	*ret = at - 1;
	return at != 0;
}

static int double_buckets(struct number_map *m)
{
	size_t n = m->n_buckets * 2;
	uint32_t *bucket;

	assert(n > 0);
	bucket = calloc(n, sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	free(m->bucket);
	m->bucket = bucket;
	m->n_buckets = n;
	for (size_t i = 0; i < m->n; i++)
		m->bucket[probe_bucket(m, m->number[i])] = (uint32_t)i + 1;
	return 0;
}

int number_map_add(struct number_map *m, uint64_t number, uint32_t *ret)
{
	size_t at = probe_bucket(m, number);
	int r;

	if (m->bucket[at]) {
		*ret = m->bucket[at] - 1;
		return 0;
	}
	if (m->n == NUMBER_MAP_MAX)
		return -E2BIG;
	if (ARRAY_RESERVE(m->number, m->size, m->n + 1) < 0)
		return -ENOMEM;
	if (2 * (m->n + 1) >= m->n_buckets) {
		r = double_buckets(m);
		if (r < 0)
			return r;
		at = probe_bucket(m, number);
	}
	m->number[m->n++] = number;
	m->bucket[at] = (uint32_t)m->n;
	*ret = (uint32_t)m->n - 1;
	return 0;
}
