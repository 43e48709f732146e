/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The strings lie end to end in one buffer; a hash table with linear probing finds their numbers.
 * The hash has a random key, so file names chosen by a container cannot make the table slow. The
 * numbers do not depend on the key.
 */
#include "trainer/data/names/intern.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "lib/base/array.h"

struct intern {
	uint8_t key[crypto_shorthash_KEYBYTES];
	char *bytes;
	size_t n_bytes, bytes_size;
	size_t *end; /* (count): where string i ends in bytes */
	size_t end_size;
	uint32_t count;
	uint32_t *bucket; /* (n_buckets): number + 1, or 0 if free */
	size_t n_buckets; /* a power of two, above count * 2 */
};

int intern_new(struct intern **ret)
{
	_cleanup_(intern_freep) struct intern *t = calloc(1, sizeof(*t));

	if (!t || sodium_init() < 0)
		return -ENOMEM;
	randombytes_buf(t->key, sizeof(t->key));
	t->n_buckets = 1024;
	t->bucket = calloc(t->n_buckets, sizeof(*t->bucket));
	if (!t->bucket)
		return -ENOMEM;
	*ret = TAKE_PTR(t);
	return 0;
}

void intern_free(struct intern *t)
{
	if (!t)
		return;
	free(t->bytes);
	free(t->end);
	free(t->bucket);
	free(t);
}

uint32_t intern_count(const struct intern *t)
{
	return t->count;
}

const void *intern_get(const struct intern *t, uint32_t i, size_t *ret_len)
{
	size_t start = i ? t->end[i - 1] : 0;

	*ret_len = t->end[i] - start;
	return t->bytes + start;
}

/* The slot that holds the string, or the free one where it belongs. */
static size_t find_bucket(const struct intern *t, const void *data, size_t len)
{
	uint64_t h;
	size_t i;

	crypto_shorthash((uint8_t *)&h, data, len, t->key);
	for (i = h & (t->n_buckets - 1); t->bucket[i]; i = (i + 1) & (t->n_buckets - 1)) {
		size_t have_len;
		const void *have = intern_get(t, t->bucket[i] - 1, &have_len);

		if (have_len == len && (len == 0 || memcmp(have, data, len) == 0))
			break;
	}
	return i;
}

bool intern_find(const struct intern *t, const void *data, size_t len, uint32_t *ret)
{
	uint32_t at = t->bucket[find_bucket(t, data, len)];

	*ret = at - 1;
	return at != 0;
}

static int grow_buckets(struct intern *t)
{
	size_t n = t->n_buckets * 2;
	uint32_t *bucket;

	assert(n > 0);
	bucket = calloc(n, sizeof(*bucket));
	if (!bucket)
		return -ENOMEM;
	free(t->bucket);
	t->bucket = bucket;
	t->n_buckets = n;
	for (uint32_t i = 0; i < t->count; i++) {
		size_t len;
		const void *data = intern_get(t, i, &len);

		t->bucket[find_bucket(t, data, len)] = i + 1;
	}
	return 0;
}

int intern_add(struct intern *t, const void *data, size_t len, uint32_t *ret)
{
	size_t bucket = find_bucket(t, data, len);

	if (t->bucket[bucket]) {
		*ret = t->bucket[bucket] - 1;
		return 0;
	}
	if (t->count >= INTERN_MAX)
		return -E2BIG;
	if (ARRAY_RESERVE(t->bytes, t->bytes_size, t->n_bytes + len) < 0 ||
	    ARRAY_RESERVE(t->end, t->end_size, t->count + 1) < 0 ||
	    ((size_t)t->count * 2 >= t->n_buckets && grow_buckets(t) < 0))
		return -ENOMEM;
	if (len)
		memcpy(t->bytes + t->n_bytes, data, len);
	t->n_bytes += len;
	bucket = find_bucket(t, data, len);
	t->end[t->count] = t->n_bytes;
	t->bucket[bucket] = ++t->count;
	*ret = t->count - 1;
	return 0;
}
