/* SPDX-License-Identifier: Apache-2.0 */
/* An io_uring that the service has from its start, and its forked children with it. */
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/e2e/escapes/techniques/technique.h"

#define ENTRIES 4u

static struct io_uring_params params;
static struct io_uring_sqe *sqes;
static char *sq, *cq;
static int ring = -1;

int ring_open(void)
{
	ring = (int)syscall(SYS_io_uring_setup, ENTRIES, &params);
	if (ring < 0)
		return -1;
	sq = mmap(NULL, params.sq_off.array + ENTRIES * sizeof(unsigned), PROT_READ | PROT_WRITE,
		  MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, params.cq_off.cqes + 2 * ENTRIES * sizeof(struct io_uring_cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, ENTRIES * sizeof(*sqes), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		    IORING_OFF_SQES);
	return sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqes == MAP_FAILED ? -1 : 0;
}

static unsigned *ring_word(char *base, unsigned offset)
{
	return (unsigned *)(void *)(base + offset);
}

/* The completion of that operation, if it is there; what others left, who died over theirs, is
 * taken out. */
static bool is_completed(unsigned long long id, int *ret)
{
	unsigned head = *ring_word(cq, params.cq_off.head);
	bool found = false;

	while (!found &&
	       head != __atomic_load_n(ring_word(cq, params.cq_off.tail), __ATOMIC_ACQUIRE)) {
		const struct io_uring_cqe *all = (void *)(cq + params.cq_off.cqes);
		const struct io_uring_cqe *c = &all[head & (params.cq_entries - 1)];

		found = c->user_data == id;
		*ret = c->res;
		head++;
	}
	__atomic_store_n(ring_word(cq, params.cq_off.head), head, __ATOMIC_RELEASE);
	return found;
}

int ring_do(const struct io_uring_sqe *op)
{
	unsigned long long id = __builtin_ia32_rdtsc();
	unsigned tail, at, submit = 1;
	int r = 0;

	if (ring < 0)
		return -ENOSYS;
	tail = *ring_word(sq, params.sq_off.tail);
	at = tail & (ENTRIES - 1);
	sqes[at] = *op;
	sqes[at].user_data = id;
	ring_word(sq, params.sq_off.array)[at] = at;
	__atomic_store_n(ring_word(sq, params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	do {
		if (syscall(SYS_io_uring_enter, ring, submit, 1, IORING_ENTER_GETEVENTS, NULL, 0) <
		    0)
			return -errno;
		submit = 0;
	} while (!is_completed(id, &r));
	return r;
}
