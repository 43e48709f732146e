/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs that a reload adds, removes and changes: no alert is lost, and none comes twice. */
#include "tests/support/made_alert.h"
#include "tests/support/receiver.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "lib/base/file.h"
#include "user/outputs/outputs.h"
#include "user/sys/clock.h"

#define PATIENCE_NS 60000000000ull
#define ALL ", \"all\": true"

/* ---- outputs with a configuration that changes ---- */

struct under_test {
	struct sink_env env;
	struct outputs *outputs;
	pthread_mutex_t lock; /* of said */
	char said[8192];      /* what was reported */
};

static void on_report(void *ctx, bool bad, const char *msg)
{
	struct under_test *u = ctx;
	size_t len;

	pthread_mutex_lock(&u->lock);
	len = strlen(u->said);
	snprintf(u->said + len, sizeof(u->said) - len, "%s%s\n", bad ? "bad: " : "", msg);
	pthread_mutex_unlock(&u->lock);
}

/* Returns true if a part of a report was said. */
static bool is_said(struct under_test *u, const char *part)
{
	bool is;

	pthread_mutex_lock(&u->lock);
	is = strstr(u->said, part) != NULL;
	pthread_mutex_unlock(&u->lock);
	return is;
}

/* Gives the outputs a list, which is JSON. Returns as outputs_set(). */
static int set_outputs(struct under_test *u, const char *list, struct err *err)
{
	json_auto_t *j = json_loads(list, 0, NULL), *off = json_null();
	struct outputs_config config;
	int r;

	assert_int_equal(outputs_config_parse(j, off, &config, NULL), 0);
	r = u->outputs ? outputs_set(u->outputs, &config, err)
		       : outputs_new(&u->outputs, &config, &u->env, err);
	/* The outputs borrow nothing of it. */
	outputs_config_done(&config);
	return r;
}

static void begin_outputs(struct under_test *u, const struct fixture *f, const char *list)
{
	u->env = (struct sink_env){.state_dir = f->dir, .report = on_report, .ctx = u};
	pthread_mutex_init(&u->lock, NULL);
	assert_int_equal(set_outputs(u, list, NULL), 0);
}

/* The caller frees the text. name: of the output; more: members, each behind a comma. */
static char *webhook_at(const char *name, unsigned port, const char *more)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "[{\"type\": \"webhook\", \"name\": \"%s\", \"url\": "
			     "\"http://127.0.0.1:%u/\"" ALL "%s}]",
			     name, port, more) > 0);
	return text;
}

/* The same of a file. */
static char *file_at(const char *name, const char *path, const char *more)
{
	char *text = NULL;

	assert_true(asprintf(&text,
			     "[{\"type\": \"file\", \"name\": \"%s\", \"path\": \"%s\"" ALL "%s}]",
			     name, path, more) > 0);
	return text;
}

/* Waits until the first output has sent and lost n alerts, and until so many wait. */
static struct sink_stats wait_until(struct under_test *u, uint64_t n, uint64_t waiting)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 2000000};
	struct sink_stats s;

	do {
		nanosleep(&pause, NULL);
		outputs_stats(u->outputs, 0, &s);
	} while ((s.sent + s.lost != n || s.waiting != waiting) && clock_now_ns() < until);
	assert_int_equal(s.sent + s.lost, n);
	assert_int_equal(s.waiting, waiting);
	return s;
}

/* Waits until all outputs that were removed have ended. */
static void wait_for_removed(struct under_test *u)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 2000000};

	while (outputs_tick(u->outputs) && clock_now_ns() < until)
		nanosleep(&pause, NULL);
	assert_false(outputs_tick(u->outputs));
}

static json_int_t thread_of(const char *text)
{
	json_auto_t *j = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);

	return json_integer_value(
		json_object_get(json_object_get(j, "output_fields"), "thread.tid"));
}

/* Checks that a file has n lines of alerts, 0 to each-1 again and again. */
static void assert_lines(const char *path, unsigned n, unsigned each)
{
	_cleanup_free_ char *text = NULL;
	unsigned i = 0;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 64 << 20, &text, &len, NULL), 0);
	for (const char *p = text; *p; p = strchr(p, '\n') + 1)
		assert_int_equal(thread_of(p), i++ % each);
	assert_int_equal(i, n);
}

/* Returns a port that nobody listens on, and that a receiver can have later. */
static unsigned closed_port(struct receiver *r)
{
	unsigned port;

	receiver_start(r, 0);
	port = r->port;
	receiver_stop(r);
	return port;
}

static void end_both(struct under_test *u, struct receiver *r)
{
	outputs_free(u->outputs);
	receiver_stop(r);
	receiver_done(r);
	free(r);
	pthread_mutex_destroy(&u->lock);
}

/* ---- webhooks ---- */

static void sinks_that_stay_keep_what_they_have(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	unsigned port = closed_port(r);
	_cleanup_free_ char *one = webhook_at("hook", port, ""), *two = NULL;
	struct under_test u = {};
	struct sink_stats s;

	begin_outputs(&u, f, one);
	made_alert_put(f, u.outputs, 20);
	wait_until(&u, 0, 20);
	/* The same in other words, and one more */
	assert_true(asprintf(&two,
			     "[{\"all\": true, \"name\": \"hook\", \"url\": "
			     "\"http://127.0.0.1:%u/\", \"timeout_s\": 10, \"type\": \"webhook\"}, "
			     "{\"type\": \"file\", \"path\": \"%s/lines\"" ALL "}]",
			     port, f->dir) > 0);
	assert_int_equal(set_outputs(&u, two, NULL), 0);
	assert_int_equal(outputs_count(u.outputs), 2);
	outputs_stats(u.outputs, 0, &s);
	assert_int_equal(s.waiting, 20);
	assert_true(s.failing);
	receiver_start(r, port);
	s = wait_until(&u, 20, 0);
	assert_int_equal(s.sent, 20);
	assert_int_equal(r->n, 20);
	assert_false(outputs_tick(u.outputs));
	end_both(&u, r);
}

static void sinks_that_change_hand_over_what_waits(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r)), *first = calloc(1, sizeof(*r));
	struct under_test u = {};
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct sink_stats s;

	receiver_start(first, 0);
	before = webhook_at("hook", first->port, "");
	begin_outputs(&u, f, before);
	made_alert_put(f, u.outputs, 3);
	wait_until(&u, 3, 0);
	receiver_stop(first);
	made_alert_put(f, u.outputs, 30);
	wait_until(&u, 3, 30);
	receiver_start(r, 0);
	after = webhook_at("hook", r->port, "");
	assert_int_equal(set_outputs(&u, after, NULL), 0);
	/* It goes on at once, without the pause of the one before, and so do its counters. */
	made_alert_put(f, u.outputs, 5);
	s = wait_until(&u, 38, 0);
	assert_int_equal(s.sent, 38);
	assert_int_equal(r->n, 35);
	for (unsigned i = 0; i < 35; i++)
		assert_int_equal(thread_of(r->body[i]), i < 30 ? i : i - 30);
	receiver_done(first);
	free(first);
	end_both(&u, r);
}

/* A removed output has 10 s: few alerts, which fit into that on any machine. */
static void sinks_that_are_removed_send_what_waits(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	_cleanup_free_ char *list = NULL;

	receiver_start(r, 0);
	list = webhook_at("hook", r->port, "");
	begin_outputs(&u, f, list);
	made_alert_put(f, u.outputs, 20);
	assert_int_equal(set_outputs(&u, "[]", NULL), 0);
	assert_int_equal(outputs_count(u.outputs), 0);
	made_alert_put(f, u.outputs, 1);
	wait_for_removed(&u);
	assert_true(is_said(&u, "output hook was removed: 20 alerts sent, 0 lost"));
	assert_int_equal(r->n, 20);
	end_both(&u, r);
}

static void sinks_that_are_removed_say_what_stays_and_may_come_again(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	unsigned port = closed_port(r);
	_cleanup_free_ char *list = webhook_at("hook", port, ""), *other = NULL;
	struct under_test u = {};

	begin_outputs(&u, f, list);
	made_alert_put(f, u.outputs, 4);
	wait_until(&u, 0, 4);
	assert_int_equal(set_outputs(&u, "[]", NULL), 0);
	/* The next one takes over from it. */
	assert_int_equal(set_outputs(&u, list, NULL), 0);
	wait_until(&u, 0, 4);
	assert_false(outputs_tick(u.outputs));
	assert_int_equal(set_outputs(&u, "[]", NULL), 0);
	outputs_free(u.outputs);
	u.outputs = NULL;
	assert_true(is_said(&u, "bad: output hook was removed: 0 alerts sent, 0 lost; 4 wait in"));
	assert_true(is_said(&u, "/output-hook.db for an output of that name"));
	receiver_start(r, 0);
	other = webhook_at("hook", r->port, "");
	assert_int_equal(set_outputs(&u, other, NULL), 0);
	wait_until(&u, 4, 0);
	end_both(&u, r);
}

static void sinks_lost_counts_outputs_that_were_removed(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	_cleanup_free_ char *list = NULL;

	r->status = 400;
	receiver_start(r, 0);
	list = webhook_at("hook", r->port, "");
	begin_outputs(&u, f, list);
	made_alert_put(f, u.outputs, 7);
	assert_int_equal(wait_until(&u, 7, 0).lost, 7);
	assert_int_equal(outputs_lost(u.outputs), 7);
	assert_int_equal(set_outputs(&u, "[]", NULL), 0);
	assert_int_equal(outputs_lost(u.outputs), 7);
	wait_for_removed(&u);
	assert_int_equal(outputs_lost(u.outputs), 7);
	assert_true(is_said(&u, "output hook was removed: 0 alerts sent, 7 lost"));
	end_both(&u, r);
}

/* The queue is not for a file: it waits for a webhook of that name. */
static void sinks_of_another_type_take_over_no_queue(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	_cleanup_free_ char *path = scratch_path(f->dir, "lines"), *other = NULL;
	_cleanup_free_ char *list = webhook_at("it", closed_port(r), ""), *file = NULL;
	struct under_test u = {};

	begin_outputs(&u, f, list);
	made_alert_put(f, u.outputs, 6);
	wait_until(&u, 0, 6);
	file = file_at("it", path, "");
	assert_int_equal(set_outputs(&u, file, NULL), 0);
	made_alert_put(f, u.outputs, 2);
	assert_int_equal(wait_until(&u, 2, 0).sent, 2);
	assert_lines(path, 2, 2);
	receiver_start(r, 0);
	other = webhook_at("it", r->port, "");
	assert_int_equal(set_outputs(&u, other, NULL), 0);
	wait_until(&u, 6, 0);
	assert_int_equal(r->n, 6);
	wait_for_removed(&u);
	end_both(&u, r);
}

/* ---- files ---- */

static void sinks_that_change_write_in_order(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "lines");
	_cleanup_free_ char *one = file_at("file", path, "");
	_cleanup_free_ char *two = file_at("file", path, ", \"min_priority\": \"notice\"");
	struct under_test u = {};

	begin_outputs(&u, f, one);
	for (unsigned i = 0; i < 10; i++) {
		made_alert_put(f, u.outputs, 500);
		assert_int_equal(set_outputs(&u, i % 2 ? one : two, NULL), 0);
	}
	made_alert_put(f, u.outputs, 500);
	assert_int_equal(wait_until(&u, 5500, 0).sent, 5500);
	outputs_free(u.outputs);
	assert_lines(path, 5500, 500);
}

static void sinks_that_cannot_be_opened_change_nothing(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "lines");
	_cleanup_free_ char *list = file_at("file", path, ""), *two = NULL;
	struct under_test u = {};
	struct err err;

	begin_outputs(&u, f, list);
	assert_true(asprintf(&two,
			     "[{\"type\": \"syslog\"}, {\"type\": \"file\", \"name\": \"file\", "
			     "\"path\": \"%s/none/lines\"" ALL "}]",
			     f->dir) > 0);
	assert_int_equal(set_outputs(&u, two, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/none/lines"));
	assert_int_equal(outputs_count(u.outputs), 1);
	made_alert_put(f, u.outputs, 3);
	assert_int_equal(wait_until(&u, 3, 0).sent, 3);
	outputs_free(u.outputs);
	assert_lines(path, 3, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sinks_that_stay_keep_what_they_have),
		T(sinks_that_change_hand_over_what_waits),
		T(sinks_that_are_removed_send_what_waits),
		T(sinks_that_are_removed_say_what_stays_and_may_come_again),
		T(sinks_lost_counts_outputs_that_were_removed),
		T(sinks_of_another_type_take_over_no_queue),
		T(sinks_that_change_write_in_order),
		T(sinks_that_cannot_be_opened_change_nothing),
	};

	return cmocka_run_group_tests_name("sinks", tests, NULL, NULL);
}
