/* SPDX-License-Identifier: Apache-2.0 */
/* The worker: order, limits, counters, and what its end does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "user/sys/worker.h"

#define ITEMS 100
#define ITEM_BYTES 10

struct number {
	struct worker_item item;
	unsigned n;
};

/* What the thread was given; read after worker_sync() or worker_free(). */
struct seen {
	unsigned n[ITEMS];
	unsigned count, calls, empty_calls, longest;
};

static unsigned on_items(void *ctx, struct worker_item *items)
{
	struct seen *s = ctx;
	unsigned len = 0;

	s->calls++;
	s->empty_calls += !items;
	for (; items; items = items->next, len++)
		s->n[s->count++] = ((struct number *)items)->n;
	if (len > s->longest)
		s->longest = len;
	return 0;
}

static struct worker *make_worker(struct seen *s, size_t max_bytes, size_t max_items)
{
	const struct worker_config config = {.name = "test",
					     .max_bytes = max_bytes,
					     .max_items = max_items,
					     .on_items = on_items,
					     .ctx = s};
	struct worker *w = NULL;

	assert_int_equal(worker_new(&w, &config), 0);
	return w;
}

static bool put_number(struct worker *w, unsigned n)
{
	struct number *i = calloc(1, sizeof(*i));

	assert_non_null(i);
	i->item.bytes = ITEM_BYTES;
	i->n = n;
	return worker_put(w, &i->item);
}

static void assert_numbers(const struct seen *s, unsigned count)
{
	assert_int_equal(s->count, count);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(s->n[i], i);
}

static void worker_handles_items_in_order(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, ITEMS * ITEM_BYTES, 0);

	(void)state;
	assert_int_equal(worker_start(w), 0);
	for (unsigned i = 0; i < ITEMS; i++)
		assert_true(put_number(w, i));
	worker_sync(w);
	assert_numbers(&s, ITEMS);
	worker_free(w);
	assert_true(s.empty_calls >= 2);
}

static void worker_counts_and_drops_what_does_not_fit(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, 2 * ITEM_BYTES, 0);
	struct worker_stats stats;

	(void)state;
	assert_true(put_number(w, 0));
	assert_true(put_number(w, 1));
	assert_false(put_number(w, 2));
	assert_false(worker_put(w, NULL));
	worker_stats(w, &stats);
	assert_int_equal(stats.put, 4);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.bytes, 2 * ITEM_BYTES);
	assert_int_equal(worker_start(w), 0);
	worker_sync(w);
	worker_stats(w, &stats);
	assert_int_equal(stats.bytes, 0);
	worker_free(w);
	assert_numbers(&s, 2);
}

static void worker_has_more_room_for_reserved_items(void **state)
{
	struct seen s = {};
	const struct worker_config config = {.name = "test",
					     .max_bytes = 2 * ITEM_BYTES,
					     .reserve_bytes = ITEM_BYTES,
					     .on_items = on_items,
					     .ctx = &s};
	struct number *i = calloc(1, sizeof(*i)), *j = calloc(1, sizeof(*j));
	struct worker *w = NULL;

	(void)state;
	assert_non_null(i);
	assert_non_null(j);
	i->item = j->item = (struct worker_item){.bytes = ITEM_BYTES, .reserved = true};
	i->n = 2;
	assert_int_equal(worker_new(&w, &config), 0);
	assert_true(put_number(w, 0));
	assert_true(put_number(w, 1));
	assert_false(put_number(w, 9));
	assert_true(worker_put(w, &i->item));
	assert_false(worker_put(w, &j->item));
	assert_int_equal(worker_start(w), 0);
	worker_free(w);
	assert_numbers(&s, 3);
}

static void worker_hands_over_max_items_at_a_time(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, ITEMS * ITEM_BYTES, 3);

	(void)state;
	for (unsigned i = 0; i < ITEMS; i++)
		assert_true(put_number(w, i));
	assert_int_equal(worker_start(w), 0);
	worker_sync(w);
	assert_numbers(&s, ITEMS);
	assert_int_equal(s.longest, 3);
	worker_free(w);
}

static void worker_free_handles_what_is_queued(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, ITEMS * ITEM_BYTES, 1);

	(void)state;
	for (unsigned i = 0; i < ITEMS; i++)
		assert_true(put_number(w, i));
	assert_int_equal(worker_start(w), 0);
	worker_free(w);
	assert_numbers(&s, ITEMS);
}

static void worker_free_of_one_never_started_drops_what_is_queued(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, ITEMS * ITEM_BYTES, 0);

	(void)state;
	assert_true(put_number(w, 0));
	worker_free(w);
	assert_int_equal(s.calls, 0);
}

static void worker_wake_calls_without_items(void **state)
{
	struct seen s = {};
	struct worker *w = make_worker(&s, ITEM_BYTES, 0);
	unsigned calls;

	(void)state;
	assert_int_equal(worker_start(w), 0);
	worker_sync(w);
	calls = s.empty_calls;
	worker_wake(w);
	assert_true(put_number(w, 0));
	worker_sync(w);
	worker_free(w);
	assert_numbers(&s, 1);
	assert_true(s.calls > calls + 1);
}

/* Asks to be called again each ms, ten times. */
static unsigned on_tick(void *ctx, struct worker_item *items)
{
	unsigned *calls = ctx;

	(void)items;
	return ++*calls < 10 ? 1 : 0;
}

static void worker_calls_again_after_the_time_asked_for(void **state)
{
	unsigned calls = 0;
	const struct worker_config config = {.name = "test", .on_items = on_tick, .ctx = &calls};
	struct worker *w = NULL;

	(void)state;
	assert_int_equal(worker_new(&w, &config), 0);
	assert_int_equal(worker_start(w), 0);
	while (__atomic_load_n(&calls, __ATOMIC_RELAXED) < 10)
		worker_sync(w);
	worker_free(w);
	assert_int_equal(calls, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker_handles_items_in_order),
		cmocka_unit_test(worker_counts_and_drops_what_does_not_fit),
		cmocka_unit_test(worker_has_more_room_for_reserved_items),
		cmocka_unit_test(worker_hands_over_max_items_at_a_time),
		cmocka_unit_test(worker_free_handles_what_is_queued),
		cmocka_unit_test(worker_free_of_one_never_started_drops_what_is_queued),
		cmocka_unit_test(worker_wake_calls_without_items),
		cmocka_unit_test(worker_calls_again_after_the_time_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
