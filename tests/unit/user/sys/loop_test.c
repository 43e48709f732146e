/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: what is called, when, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "user/sys/loop.h"

struct fixture {
	struct loop *loop;
	struct loop_watch a, b;
	struct loop_idle idle;
	char order[16]; /* a letter a call */
	unsigned n;
};

static void note_call(struct fixture *f, char letter)
{
	if (f->n < sizeof(f->order) - 1)
		f->order[f->n++] = letter;
}

static int make_fixture(void **state)
{
	static struct fixture f;

	f = (struct fixture){.a.fd = eventfd(0, EFD_CLOEXEC), .b.fd = eventfd(0, EFD_CLOEXEC)};
	f.a.ctx = f.b.ctx = f.idle.ctx = &f;
	assert_int_equal(loop_new(&f.loop), 0);
	*state = &f;
	return 0;
}

static int free_fixture(void **state)
{
	struct fixture *f = *state;

	if (f->a.fd >= 0)
		close(f->a.fd);
	if (f->b.fd >= 0)
		close(f->b.fd);
	loop_free(f->loop);
	return 0;
}

static void on_a_stop(void *ctx)
{
	struct fixture *f = ctx;

	note_call(f, 'a');
	loop_stop(f->loop);
}

/* The first of two that are ready closes the other. */
static void on_either(struct fixture *f, char letter, struct loop_watch *own,
		      struct loop_watch *other)
{
	uint64_t n;

	note_call(f, letter);
	assert_int_equal(read(own->fd, &n, sizeof(n)), sizeof(n));
	loop_unwatch(f->loop, other);
	loop_stop(f->loop);
}

static void on_a_close_b(void *ctx)
{
	struct fixture *f = ctx;

	on_either(f, 'a', &f->a, &f->b);
}

static void on_b_close_a(void *ctx)
{
	struct fixture *f = ctx;

	on_either(f, 'b', &f->b, &f->a);
}

static void on_idle(void *ctx)
{
	note_call(ctx, 'i');
}

static void on_a_request_idle(void *ctx)
{
	struct fixture *f = ctx;
	uint64_t n;

	note_call(f, 'a');
	assert_int_equal(read(f->a.fd, &n, sizeof(n)), sizeof(n));
	loop_when_idle(f->loop, &f->idle);
	loop_when_idle(f->loop, &f->idle);
	if (f->n >= 3)
		loop_stop(f->loop);
}

static void loop_calls_the_handler_of_a_ready_descriptor(void **state)
{
	struct fixture *f = *state;

	f->a.on_ready = on_a_stop;
	f->b.on_ready = on_b_close_a;
	assert_int_equal(loop_watch(f->loop, &f->a, EPOLLIN, NULL), 0);
	assert_int_equal(loop_watch(f->loop, &f->b, EPOLLIN, NULL), 0);
	assert_int_equal(eventfd_write(f->a.fd, 1), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "a");
}

static void loop_does_not_call_a_watch_that_a_handler_closed(void **state)
{
	struct fixture *f = *state;

	f->a.on_ready = on_a_close_b;
	f->b.on_ready = on_b_close_a;
	assert_int_equal(loop_watch(f->loop, &f->a, EPOLLIN, NULL), 0);
	assert_int_equal(loop_watch(f->loop, &f->b, EPOLLIN, NULL), 0);
	assert_int_equal(eventfd_write(f->a.fd, 1), 0);
	assert_int_equal(eventfd_write(f->b.fd, 1), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->n, 1);
}

static void loop_unwatch_ends_a_watch_though_another_descriptor_is_open(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int copy = -1;

	f->a.on_ready = on_a_close_b;
	f->b.on_ready = on_b_close_a;
	assert_int_equal(loop_watch(f->loop, &f->a, EPOLLIN, NULL), 0);
	assert_int_equal(loop_watch(f->loop, &f->b, EPOLLIN, NULL), 0);
	copy = dup(f->b.fd);
	assert_int_equal(eventfd_write(copy, 1), 0);
	loop_unwatch(f->loop, &f->b);
	assert_int_equal(f->b.fd, -1);
	assert_int_equal(eventfd_write(f->a.fd, 1), 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "a");
}

/* Writes an event, so that the loop goes on. */
static void on_idle_again(void *ctx)
{
	struct fixture *f = ctx;

	note_call(f, 'i');
	if (f->n < 3)
		assert_int_equal(eventfd_write(f->a.fd, 1), 0);
}

static void loop_runs_idle_work_once_for_all_requests(void **state)
{
	struct fixture *f = *state;

	f->a.on_ready = on_a_request_idle;
	f->idle.on_idle = on_idle_again;
	f->idle.delay_ns = UINT64_MAX;
	assert_int_equal(loop_watch(f->loop, &f->a, EPOLLIN, NULL), 0);
	assert_int_equal(eventfd_write(f->a.fd, 1), 0);
	loop_when_idle(f->loop, &f->idle);
	/* The last request is served as loop_run() ends. */
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "aiai");
}

static void loop_runs_idle_work_after_its_delay_though_events_come(void **state)
{
	struct fixture *f = *state;

	f->a.on_ready = on_a_stop;
	f->idle.on_idle = on_idle;
	f->idle.delay_ns = 0;
	assert_int_equal(loop_watch(f->loop, &f->a, EPOLLIN, NULL), 0);
	assert_int_equal(eventfd_write(f->a.fd, 1), 0);
	loop_when_idle(f->loop, &f->idle);
	assert_int_equal(loop_run(f->loop), 0);
	assert_string_equal(f->order, "ai");
	assert_int_equal(f->idle.since_ns, 0);
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, make_fixture, free_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(loop_calls_the_handler_of_a_ready_descriptor),
		LOOP_TEST(loop_does_not_call_a_watch_that_a_handler_closed),
		LOOP_TEST(loop_unwatch_ends_a_watch_though_another_descriptor_is_open),
		LOOP_TEST(loop_runs_idle_work_once_for_all_requests),
		LOOP_TEST(loop_runs_idle_work_after_its_delay_though_events_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
