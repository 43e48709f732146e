/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressed table with linear probing; what is deleted closes its gap (Knuth 6.4, R). */
#include "trainer/data/task_ids.h"

#include <errno.h>

struct entry {
	uint32_t tid;
	uint32_t number; /* + 1, or 0: free */
};

struct tids {
	struct entry *slot;
	size_t n_slots; /* a power of two */
	uint32_t live, high, max;
	uint32_t *spare; /* (high): numbers to use again, the last first */
	uint32_t n_spare, spare_size;
};

int tids_new(struct tids **ret, uint32_t max)
{
	_cleanup_(tids_freep) struct tids *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->max = max;
	t->n_slots = 256;
	t->slot = calloc(t->n_slots, sizeof(*t->slot));
	if (!t->slot)
		return -ENOMEM;
	*ret = TAKE_PTR(t);
	return 0;
}

void tids_free(struct tids *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t->spare);
	free(t);
}

uint32_t tids_high(const struct tids *t)
{
	return t->high;
}

static size_t home(const struct tids *t, uint32_t tid)
{
	return (uint64_t)tid * 0x9e3779b97f4a7c15ull >> 32 & (t->n_slots - 1);
}

static size_t find(const struct tids *t, uint32_t tid)
{
	size_t i = home(t, tid);

	while (t->slot[i].number && t->slot[i].tid != tid)
		i = (i + 1) & (t->n_slots - 1);
	return i;
}

/* Room in the table, and on the pile of spare numbers, for one more task. */
static int reserve(struct tids *t)
{
	struct entry *old = t->slot;
	size_t n_old = t->n_slots;

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
	t->slot = calloc(n_old * 2, sizeof(*t->slot));
	if (!t->slot) {
		t->slot = old;
		return -ENOMEM;
	}
	t->n_slots = n_old * 2;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].number)
			t->slot[find(t, old[i].tid)] = old[i];
	free(old);
	return 0;
}

int tids_get(struct tids *t, uint32_t tid, uint32_t *ret, bool *ret_fresh)
{
	size_t i = find(t, tid);
	int r;

	*ret_fresh = !t->slot[i].number;
	if (!*ret_fresh) {
		*ret = t->slot[i].number - 1;
		return 0;
	}
	if (t->live >= t->max)
		return -E2BIG;
	r = reserve(t);
	if (r < 0)
		return r;
	*ret = t->n_spare ? t->spare[--t->n_spare] : t->high++;
	t->live++;
	t->slot[find(t, tid)] = (struct entry){tid, *ret + 1};
	return 0;
}

void tids_drop(struct tids *t, uint32_t tid)
{
	size_t mask = t->n_slots - 1, gap = find(t, tid);

	if (!t->slot[gap].number)
		return;
	t->spare[t->n_spare++] = t->slot[gap].number - 1;
	t->live--;
	for (size_t i = (gap + 1) & mask; t->slot[i].number; i = (i + 1) & mask) {
		/* An entry may move back into the gap if its home is not behind it. */
		if (((i - home(t, t->slot[i].tid)) & mask) >= ((i - gap) & mask)) {
			t->slot[gap] = t->slot[i];
			gap = i;
		}
	}
	t->slot[gap].number = 0;
}
