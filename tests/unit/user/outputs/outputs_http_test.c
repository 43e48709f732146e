/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs over HTTP, to a receiver that is there, is not there, or refuses. */
#include "tests/support/made_alert.h"
#include "tests/support/receiver.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <string.h>

#include "user/sys/clock.h"
#include "user/pipeline/pipeline.h"
#include "user/http/http.h"
#include "user/incidents/incident_json.h"
#include "user/outputs/outputs.h"

#define PATIENCE_NS 60000000000ull
#define MSEC 1000000ull
#define LATENCIES 41

/* ---- outputs ---- */

struct under_test {
	struct outputs_config config;
	struct outputs *outputs;
	atomic_uint bad, good;
};

static void on_report(void *ctx, bool bad, const char *msg)
{
	struct under_test *u = ctx;

	(void)msg;
	if (bad)
		u->bad++;
	else
		u->good++;
}

static void configure_output(struct under_test *u, const char *type, unsigned port,
			     const char *more)
{
	_cleanup_free_ char *text = NULL;
	json_auto_t *list = NULL, *off = json_null();

	assert_true(asprintf(&text, "[{\"type\": \"%s\", \"url\": \"http://127.0.0.1:%u/\"%s}]",
			     type, port, more) > 0);
	list = json_loads(text, 0, NULL);
	assert_int_equal(outputs_config_parse(list, off, &u->config, NULL), 0);
}

static void start_receiver(struct under_test *u, const struct fixture *f, const char *type,
			   unsigned port, const char *more)
{
	struct sink_env env = {.state_dir = f->dir, .report = on_report, .ctx = u};

	configure_output(u, type, port, more);
	assert_int_equal(outputs_new(&u->outputs, &u->config, &env, NULL), 0);
}

static void stop_receiver(struct under_test *u)
{
	outputs_free(u->outputs);
	outputs_config_done(&u->config);
}

/* Ends the outputs and their receiver. */
static void end_outputs(struct under_test *u, struct receiver *r)
{
	stop_receiver(u);
	receiver_stop(r);
	receiver_done(r);
	free(r);
}

/* Until all that was put has been sent or lost, and nothing waits. */
static struct sink_stats wait_until_settled(struct under_test *u, uint64_t n)
{
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	const struct timespec pause = {.tv_nsec = 5000000};
	struct sink_stats s;

	do {
		nanosleep(&pause, NULL);
		outputs_stats(u->outputs, 0, &s);
	} while ((s.sent + s.lost < n || s.waiting) && clock_now_ns() < until);
	return s;
}

static json_int_t tid_of(const char *body)
{
	json_auto_t *j = json_loads(body, 0, NULL);

	return json_integer_value(
		json_object_get(json_object_get(j, "output_fields"), "thread.tid"));
}

static void webhook_gets_every_alert_once_in_order(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;

	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 300);
	assert_true(receiver_has(r, 300));
	s = wait_until_settled(&u, 300);
	assert_int_equal(s.sent, 300);
	assert_int_equal(s.lost, 0);
	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(tid_of(r->body[i]), i);
	end_outputs(&u, r);
}

static void falcosidekick_gets_what_falco_sends(void **state)
{
	static const char *const texts[] = {"time",   "rule",	"priority",
					    "source", "output", "hostname"};
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	json_auto_t *j = NULL;

	receiver_start(r, 0);
	start_receiver(&u, f, "falcosidekick", r->port, "");
	made_alert_put(f, u.outputs, 1);
	assert_true(receiver_has(r, 1));
	j = json_loads(r->body[0], 0, NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_true(json_is_string(json_object_get(j, texts[i])));
	assert_true(json_is_array(json_object_get(j, "tags")));
	assert_true(json_is_object(json_object_get(j, "output_fields")));
	end_outputs(&u, r);
}

static void webhook_with_a_body_gets_that(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};

	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, ", \"body\": [\"${thread.tid}\", \"${rule}!\"]");
	made_alert_put(f, u.outputs, 2);
	assert_true(receiver_has(r, 2));
	for (int i = 0; i < 2; i++) {
		json_auto_t *j = json_loads(r->body[i], 0, NULL);
		const char *rule = json_string_value(json_array_get(j, 1));

		assert_int_equal(json_integer_value(json_array_get(j, 0)), i);
		assert_true(strlen(rule) > 1);
		assert_null(strchr(rule, '$'));
	}
	end_outputs(&u, r);
}

/* ---- a receiver that fails ---- */

static void webhook_tries_again_and_leaves_it_time(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;

	r->failures = 3;
	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 2);
	s = wait_until_settled(&u, 2);
	assert_int_equal(s.sent, 2);
	assert_int_equal(s.lost, 0);
	assert_false(s.failing);
	assert_int_equal(r->n, 5);
	assert_true(r->at_ns[1] - r->at_ns[0] >= 500 * MSEC);
	assert_true(r->at_ns[2] - r->at_ns[1] >= 1000 * MSEC);
	assert_true(r->at_ns[3] - r->at_ns[2] >= 2000 * MSEC);
	assert_int_equal(u.bad, 1);
	assert_int_equal(u.good, 1);
	end_outputs(&u, r);
}

static void webhook_sends_after_a_restart_what_waited(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;
	unsigned port;

	receiver_start(r, 0);
	port = r->port;
	receiver_stop(r);
	start_receiver(&u, f, "webhook", port, "");
	made_alert_put(f, u.outputs, 50);
	do {
		outputs_stats(u.outputs, 0, &s);
	} while (s.waiting < 50);
	assert_true(u.bad <= 1);
	stop_receiver(&u);
	receiver_start(r, port);
	start_receiver(&u, f, "webhook", port, "");
	s = wait_until_settled(&u, 50);
	assert_int_equal(s.sent, 50);
	assert_int_equal(r->n, 50);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(tid_of(r->body[i]), i);
	end_outputs(&u, r);
}

static void webhook_counts_what_is_refused_for_good(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;

	r->status = 400;
	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 3);
	s = wait_until_settled(&u, 3);
	assert_int_equal(s.lost, 3);
	assert_int_equal(s.sent, 0);
	assert_int_equal(r->n, 3);
	end_outputs(&u, r);
}

static void webhook_bounds_what_waits_on_disk(void **state)
{
	struct fixture *f = *state;
	struct under_test u = {};
	struct sink_stats s = {};
	unsigned n = 0;

	start_receiver(&u, f, "webhook", 1, ", \"queue_mib\": 1"); /* nobody listens there */
	while (s.lost == 0 && n < 100000) {
		made_alert_put(f, u.outputs, 50);
		n += 50;
		do {
			outputs_stats(u.outputs, 0, &s);
		} while (s.waiting + s.lost < n);
	}
	assert_int_equal(s.waiting + s.lost, n);
	assert_in_range(s.waiting, 200, 2000);
	assert_int_equal(s.sent, 0);
	stop_receiver(&u);
}

/* With a disk that takes nothing an alert is sent at once. */
static void send_without_disk(struct fixture *f)
{
	_cleanup_free_ char *filler = scratch_path(f->dir, "filler");
	FILE *full = fopen(filler, "we");
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;
	char zeros[4096] = {};

	while (fwrite(zeros, sizeof(zeros), 1, full) == 1 && fflush(full) == 0)
		continue;
	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 5);
	assert_true(receiver_has(r, 5));
	s = wait_until_settled(&u, 5);
	assert_int_equal(s.sent, 5);
	assert_true(u.bad > 0);
	stop_receiver(&u);
	receiver_stop(r);
}

static void webhook_needs_no_disk(void **state)
{
	struct fixture *f = *state;

	made_alert_on_tmpfs(f, f->dir, "size=64k", send_without_disk);
}

/* ---- Elasticsearch ---- */

static void elasticsearch_gets_bulks(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	unsigned n = 0;

	r->bulk = true;
	receiver_start(r, 0);
	start_receiver(&u, f, "elasticsearch", r->port, ", \"index\": \"alerts\"");
	made_alert_put(f, u.outputs, 100);
	assert_int_equal(wait_until_settled(&u, 100).sent, 100);
	for (unsigned i = 0; i < r->n; i++) {
		char *save = NULL;

		for (char *line = strtok_r(r->body[i], "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			json_auto_t *doc = NULL;

			assert_string_equal(line, "{\"create\":{\"_index\":\"alerts\"}}");
			line = strtok_r(NULL, "\n", &save);
			doc = json_loads(line, 0, NULL);
			assert_non_null(json_object_get(doc, "output_fields"));
			assert_string_equal(json_string_value(json_object_get(doc, "@timestamp")),
					    json_string_value(json_object_get(doc, "time")));
			n++;
		}
	}
	assert_int_equal(n, 100);
	end_outputs(&u, r);
}

/* Puts alerts that differ in the members that they have, in one order or the other. */
static void put_every_kind(struct fixture *f, struct under_test *u, bool bare_first)
{
	char digest[] = "sha256:00", pod[] = "shop-0", ns[] = "default";
	struct identity bare = {}, full = f->identity;

	full.digest = digest;
	full.pod = pod;
	full.pod_namespace = ns;
	for (unsigned i = 0; i < 4; i++) {
		f->identity = (i % 2 == 0) == bare_first ? bare : full;
		f->ev.rule = i / 2 ? LUTRA_RULE_LEVEL : LUTRA_RULE_EXEC;
		f->str_len = i / 2 ? 0 : 9;
		made_alert_put(f, u->outputs, 1);
	}
}

/* The index enforces its mapping: one field of another type would lose the alert. */
static void elasticsearch_indexes_alerts_of_every_kind(void **state)
{
	struct fixture *f = *state;

	for (int all = 0; all < 2; all++) {
		struct receiver *r = calloc(1, sizeof(*r));
		struct under_test u = {};
		struct incident incident = {.container = "shop", .image = "example.org/shop:1"};
		struct alert_json *message = incident_message(&incident, all);
		struct sink_stats s;

		r->bulk = true;
		r->index = json_object();
		receiver_start(r, 0);
		start_receiver(&u, f, "elasticsearch", r->port,
			       all ? ", \"min_priority\": \"notice\""
				   : ", \"min_priority\": \"notice\", \"all\": false");
		put_every_kind(f, &u, all);
		assert_non_null(message);
		outputs_put_incident(u.outputs, f->container.cgroup, "shop", message);
		s = wait_until_settled(&u, all ? 4 : 5);
		assert_int_equal(s.sent, all ? 4 : 5);
		assert_int_equal(s.lost, 0);
		alert_json_unref(message);
		json_decref(r->index);
		end_outputs(&u, r);
	}
}

static void elasticsearch_sends_again_only_what_was_not_taken(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;
	_cleanup_free_ char *kept = NULL;
	json_auto_t *refused = NULL;
	size_t len;

	/* While it fails, all wait; then they come in one request. */
	r->failures = 1;
	r->answer = "{\"errors\": true, \"items\": [{\"create\": {\"status\": 201}}, {\"create\":"
		    " {\"status\": 400, \"error\": {\"reason\": \"no\"}}}, {\"create\":"
		    " {\"status\": 201}}]}";
	receiver_start(r, 0);
	start_receiver(&u, f, "elasticsearch", r->port, "");
	made_alert_put(f, u.outputs, 3);
	s = wait_until_settled(&u, 3);
	assert_int_equal(s.sent, 2);
	assert_int_equal(s.lost, 1);
	kept = scratch_read(f->dir, "output-elasticsearch.refused.json", &len);
	refused = json_loadb(kept, len, 0, NULL);
	assert_non_null(strstr(json_string_value(json_object_get(refused, "reason")), "no"));
	assert_non_null(json_object_get(json_object_get(refused, "alert"), "output_fields"));
	end_outputs(&u, r);
}

/* The disk of the cluster is full for a while. */
static void elasticsearch_that_blocks_its_index_gets_all_once_it_is_free(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;

	r->bulk = true;
	r->item = "{\"status\": 403, \"error\": {\"type\": \"cluster_block_exception\"}}";
	r->item_requests = 1;
	receiver_start(r, 0);
	start_receiver(&u, f, "elasticsearch", r->port, "");
	made_alert_put(f, u.outputs, 3);
	s = wait_until_settled(&u, 3);
	assert_int_equal(s.sent, 3);
	assert_int_equal(s.lost, 0);
	assert_int_equal(u.bad, 1);
	end_outputs(&u, r);
}

/* A proxy answers with a page, then lets through; each reason for a failure is said. */
static void send_through_a_proxy(struct fixture *f, const char *type, unsigned status,
				 const char *page)
{
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct sink_stats s;

	r->answer = page;
	r->status = status;
	r->failures = 1;
	receiver_start(r, 0);
	start_receiver(&u, f, type, r->port, "");
	made_alert_put(f, u.outputs, 3);
	assert_true(receiver_has(r, 2));
	outputs_stats(u.outputs, 0, &s);
	assert_int_equal(s.sent + s.lost, 0);
	r->bulk = true;
	r->status = 200;
	s = wait_until_settled(&u, 3);
	assert_int_equal(s.sent, 3);
	assert_int_equal(s.lost, 0);
	assert_int_equal(u.bad, 2);
	assert_int_equal(u.good, 1);
	end_outputs(&u, r);
}

static void receiver_s_page_takes_no_alert(void **state)
{
	static const struct {
		unsigned status;
		const char *page;
	} cases[] = {
		{200, "\n<!DOCTYPE html><title>Sign in</title>"},
		{200, "\xef\xbb\xbf<html><title>Sign in</title>"},
		{400, "<html><title>400 The plain HTTP request was sent to HTTPS port</title>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		send_through_a_proxy(*state, "elasticsearch", cases[i].status, cases[i].page);
		send_through_a_proxy(*state, "webhook", cases[i].status, cases[i].page);
	}
}

/* A page for one alert: the alert waits while nothing else arrives, and stops no other for good. */
static void send_one_that_is_disliked(struct fixture *f, const char *type)
{
	struct receiver *r = calloc(1, sizeof(*r));
	_cleanup_free_ char *name = NULL, *kept = NULL;
	struct under_test u = {};
	struct sink_stats s;
	size_t len;

	r->bulk = strcmp(type, "elasticsearch") == 0;
	r->disliked = "\"thread.tid\":1,";
	receiver_start(r, 0);
	start_receiver(&u, f, type, r->port, "");
	made_alert_put(f, u.outputs, 4);
	s = wait_until_settled(&u, 4);
	assert_int_equal(s.sent, 3);
	assert_int_equal(s.lost, 1);
	assert_true(asprintf(&name, "output-%s.refused.json", type) > 0);
	kept = scratch_read(f->dir, name, &len);
	assert_non_null(strstr(kept, "with a page of HTML, and takes others"));
	assert_non_null(strstr(kept, "\"thread.tid\": 1"));
	end_outputs(&u, r);
}

static void receiver_s_page_for_one_alert_stops_no_other(void **state)
{
	send_one_that_is_disliked(*state, "webhook");
	send_one_that_is_disliked(*state, "elasticsearch");
}

/* More tries than it takes to doubt the alert, and then a proxy that lets through. */
static void receiver_s_page_for_all_alerts_loses_none(void **state)
{
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct sink_stats s;

	r->status = 400;
	r->answer = "<html><title>Bad Gateway</title>";
	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 3);
	/* Three times the first one, then one of the others */
	while (r->n < 5 && clock_now_ns() < until)
		poll(NULL, 0, 1);
	assert_true(r->n >= 5);
	r->status = 200;
	r->answer = "";
	s = wait_until_settled(&u, 3);
	assert_int_equal(s.sent, 3);
	assert_int_equal(s.lost, 0);
	end_outputs(&u, r);
}

/* ---- a queue on disk that cannot be used ---- */

static bool has_aside(const char *dir)
{
	_cleanup_free_ char *pattern = NULL;
	glob_t found = {};
	bool has;

	assert_true(asprintf(&pattern, "%s/output-webhook.db.damaged-*", dir) > 0);
	has = glob(pattern, 0, NULL, &found) == 0;
	globfree(&found);
	return has;
}

static void webhook_sets_a_damaged_queue_aside(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "output-webhook.db");
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};

	scratch_write(path, "this is no database at all, but a text that is long enough", 58);
	receiver_start(r, 0);
	start_receiver(&u, f, "webhook", r->port, "");
	made_alert_put(f, u.outputs, 2);
	assert_int_equal(wait_until_settled(&u, 2).sent, 2);
	assert_true(has_aside(f->dir));
	assert_int_equal(u.bad, 1);
	/* Removed while it is in use: a new one begins, and that is said. */
	assert_int_equal(unlink(path), 0);
	made_alert_put(f, u.outputs, 2);
	assert_int_equal(wait_until_settled(&u, 4).sent, 4);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(u.bad, 2);
	end_outputs(&u, r);
}

/* A database, but not the queue's: a column is another one, or a row has no alert. */
static void webhook_sets_a_queue_of_another_form_aside(void **state)
{
	static const char *const forms[] = {
		"CREATE TABLE queue (id INTEGER PRIMARY KEY, text TEXT)",
		"CREATE TABLE queue (id INTEGER PRIMARY KEY, json TEXT);"
		"INSERT INTO queue (json) VALUES (NULL)",
	};
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "output-webhook.db");

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct receiver *r = calloc(1, sizeof(*r));
		struct under_test u = {};
		sqlite3 *db;

		unlink(path);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, forms[i], NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
		receiver_start(r, 0);
		start_receiver(&u, f, "webhook", r->port, "");
		made_alert_put(f, u.outputs, 2);
		wait_until_settled(&u, 2);
		made_alert_put(f, u.outputs, 2);
		wait_until_settled(&u, 4);
		assert_true(r->n >= 2);
		assert_true(has_aside(f->dir));
		end_outputs(&u, r);
	}
}

/* ---- how fast: from the kernel's evidence in the daemon's hands to the receiver's ---- */

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void webhook_hears_of_an_alert_at_once(void **state)
{
	const struct timespec apart = {.tv_nsec = 10000000};
	struct fixture *f = *state;
	struct receiver *r = calloc(1, sizeof(*r));
	struct under_test u = {};
	struct pipeline_config config = {
		.store_path = f->db, .outputs = &u.config, .env.state_dir = f->dir};
	struct pipeline *p = NULL;
	uint64_t ns[LATENCIES], median;

	receiver_start(r, 0);
	configure_output(&u, "webhook", r->port, "");
	assert_int_equal(pipeline_new(&p, &config, NULL), 0);
	for (unsigned i = 0; i < LATENCIES; i++) {
		uint64_t before = clock_now_ns();

		assert_true(pipeline_put(p, made_alert_new(f)));
		assert_true(receiver_has(r, i + 1));
		ns[i] = r->at_ns[i] - before;
		nanosleep(&apart, NULL);
	}
	qsort(ns, LATENCIES, sizeof(ns[0]), by_value);
	median = ns[LATENCIES / 2];
	print_message("# alert to webhook: median %.2f ms, longest of %d %.2f ms\n",
		      (double)median / 1e6, LATENCIES, (double)ns[LATENCIES - 1] / 1e6);
	assert_true(median < 200 * MSEC);
	pipeline_free(p);
	outputs_config_done(&u.config);
	receiver_stop(r);
	receiver_done(r);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(webhook_gets_every_alert_once_in_order),
		T(falcosidekick_gets_what_falco_sends),
		T(webhook_with_a_body_gets_that),
		T(webhook_tries_again_and_leaves_it_time),
		T(webhook_sends_after_a_restart_what_waited),
		T(webhook_counts_what_is_refused_for_good),
		T(webhook_bounds_what_waits_on_disk),
		T(webhook_needs_no_disk),
		T(elasticsearch_gets_bulks),
		T(elasticsearch_indexes_alerts_of_every_kind),
		T(elasticsearch_sends_again_only_what_was_not_taken),
		T(elasticsearch_that_blocks_its_index_gets_all_once_it_is_free),
		T(receiver_s_page_takes_no_alert),
		T(receiver_s_page_for_one_alert_stops_no_other),
		T(receiver_s_page_for_all_alerts_loses_none),
		T(webhook_sets_a_damaged_queue_aside),
		T(webhook_sets_a_queue_of_another_form_aside),
		T(webhook_hears_of_an_alert_at_once),
	};

	return cmocka_run_group_tests_name("outputs_http", tests, NULL, NULL);
}
