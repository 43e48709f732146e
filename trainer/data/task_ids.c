/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressed table with linear probing; what is deleted closes its gap (Knuth 6.4, R). */
#include "trainer/data/task_ids.h"

#include <errno.h>

struct entry {
	uint32_t tid;
	uint32_t number; /* + 1, or 0: free */
};

struct task_ids {
	struct entry *bucket;
	size_t n_buckets; /* a power of two */
	uint32_t live, high, max;
	uint32_t *spare; /* (high): numbers to use again, the last first */
	uint32_t n_spare, spare_size;
};

int task_ids_new(struct task_ids **ret, uint32_t max)
{
	_cleanup_(task_ids_freep) struct task_ids *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->n_buckets = 256;
	t->bucket = calloc(t->n_buckets, sizeof(*t->bucket));
	if (!t->bucket)
		return -ENOMEM;
	*ret = TAKE_PTR(t);
	return 0;
}

void task_ids_free(struct task_ids *t)
{
	if (!t)
		return;
	free(t->bucket);
	free(t->spare);
	free(t);
}

uint32_t task_ids_high(const struct task_ids *t)
{
	return t->high;
}

static size_t home_bucket(const struct task_ids *t, uint32_t tid)
{
	return (uint64_t)tid * 0x9e3779b97f4a7c15ull >> 32 & (t->n_buckets - 1);
}

static size_t find_entry(const struct task_ids *t, uint32_t tid)
{
	size_t i = home_bucket(t, tid);

	while (t->bucket[i].number && t->bucket[i].tid != tid)
		i = (i + 1) & (t->n_buckets - 1);
	return i;
}

/* Room in the table, and on the pile of spare numbers, for one more task. */
static int reserve_entry(struct task_ids *t)
{
	struct entry *old = t->bucket;
	size_t n_old = t->n_buckets;

	if (t->high == t->spare_size) {
		uint32_t size = t->spare_size ? t->spare_size * 2 : 256;
		uint32_t *spare = realloc(t->spare, size * sizeof(*spare));

		if (!spare)
			return -ENOMEM;
		t->spare = spare;
		t->spare_size = size;
	}
	if ((size_t)t->live * 2 < n_old)
		return 0;
	t->bucket = calloc(n_old * 2, sizeof(*t->bucket));
	if (!t->bucket) {
		t->bucket = old;
		return -ENOMEM;
	}
	t->n_buckets = n_old * 2;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].number)
			t->bucket[find_entry(t, old[i].tid)] = old[i];
	free(old);
	return 0;
}

int task_ids_get(struct task_ids *t, uint32_t tid, uint32_t *ret, bool *ret_fresh)
{
	size_t i = find_entry(t, tid);
	int r;

	*ret_fresh = !t->bucket[i].number;
	if (!*ret_fresh) {
		*ret = t->bucket[i].number - 1;
		return 0;
	}
	if (t->live >= t->max)
		return -E2BIG;
	r = reserve_entry(t);
	if (r < 0)
		return r;
	*ret = t->n_spare ? t->spare[--t->n_spare] : t->high++;
	t->live++;
	t->bucket[find_entry(t, tid)] = (struct entry){tid, *ret + 1};
	return 0;
}

void task_ids_drop(struct task_ids *t, uint32_t tid)
{
	size_t mask = t->n_buckets - 1, gap = find_entry(t, tid);

	if (!t->bucket[gap].number)
		return;
	t->spare[t->n_spare++] = t->bucket[gap].number - 1;
	t->live--;
	for (size_t i = (gap + 1) & mask; t->bucket[i].number; i = (i + 1) & mask) {
		/* An entry may move back into the gap if its home is not behind it. */
		if (((i - home_bucket(t, t->bucket[i].tid)) & mask) >= ((i - gap) & mask)) {
			t->bucket[gap] = t->bucket[i];
			gap = i;
		}
	}
	t->bucket[gap].number = 0;
}
