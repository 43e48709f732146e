/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with linear probing. Deleting an entry closes its gap (Knuth, The Art of Computer
 * Programming 3, section 6.4, algorithm R).
 */
#include "trainer/data/task_ids.h"

#include <errno.h>

#include "lib/base/array.h"

struct task_entry {
	uint32_t tid;
	uint32_t number; /* the thread's number + 1, or 0 if the bucket is free */
};

struct task_ids {
	struct task_entry *bucket;
	size_t n_buckets; /* a power of two */
	uint32_t live;	  /* threads in the map */
	uint32_t high;	  /* numbers given so far are below */
	uint32_t max;	  /* of live */
	uint32_t *spare;  /* (n_spare): numbers to use again, the last first */
	uint32_t n_spare;
	size_t spare_size;
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

/* Makes room for one more thread in the table, and for all numbers among the spare ones. */
static int reserve_entry(struct task_ids *t)
{
	struct task_entry *old = t->bucket;
	size_t n_old = t->n_buckets;

	if (ARRAY_RESERVE(t->spare, t->spare_size, t->high + 1) < 0)
		return -ENOMEM;
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
	t->bucket[find_entry(t, tid)] = (struct task_entry){tid, *ret + 1};
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
		/* An entry moves back into the gap unless its home bucket lies after the gap. */
		if (((i - home_bucket(t, t->bucket[i].tid)) & mask) >= ((i - gap) & mask)) {
			t->bucket[gap] = t->bucket[i];
			gap = i;
		}
	}
	t->bucket[gap].number = 0;
}
