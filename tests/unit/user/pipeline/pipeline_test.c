/* SPDX-License-Identifier: Apache-2.0 */
/* The pipeline: what it stores, hands on and counts; a full disk, a kill, a flood. */
#include "tests/support/made_alert.h"
#include "tests/support/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>
#include <string.h>

#include "lib/base/file.h"
#include "user/sys/clock.h"
#include "user/sys/rate_limit.h"
#include "user/pipeline/pipeline.h"

#define PATIENCE_NS (60 * NSEC_PER_SEC)

static void pause_ns(uint64_t ns)
{
	const struct timespec t = {(time_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};

	nanosleep(&t, NULL);
}

static int64_t count_rows(const char *db)
{
	return made_alert_query(db, "SELECT count(*) FROM events");
}

/* What the pipeline reports. */
struct heard {
	pthread_mutex_t lock;
	unsigned bad, good;
	char last_bad[512], last_good[512];
};

static void on_report(void *ctx, bool bad, const char *msg)
{
	struct heard *h = ctx;

	pthread_mutex_lock(&h->lock);
	h->bad += bad;
	h->good += !bad;
	snprintf(bad ? h->last_bad : h->last_good, sizeof(h->last_bad), "%s", msg);
	pthread_mutex_unlock(&h->lock);
}

static struct pipeline *start_pipeline(const char *db, struct heard *h)
{
	const struct pipeline_config config = {.store_path = db,
					       .env = {.report = on_report, .ctx = h}};
	struct pipeline *p = NULL;

	pthread_mutex_init(&h->lock, NULL);
	assert_int_equal(pipeline_new(&p, &config, NULL), 0);
	return p;
}

static void pipeline_stores_what_is_put(void **state)
{
	struct fixture *f = *state;
	struct pipeline_stats stats;
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);

	for (int i = 0; i < 5000; i++)
		assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
	pipeline_stats(p, &stats);
	assert_true(stats.open);
	assert_int_equal(stats.put, 5000);
	assert_int_equal(stats.stored, 5000);
	assert_int_equal(stats.lost_queue + stats.lost_store, 0);
	assert_int_equal(stats.queue_bytes, 0);
	assert_int_equal(h.bad, 0);
	pipeline_free(p);
	assert_int_equal(count_rows(f->db), 5000);
}

static void pipeline_writes_what_is_queued_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);

	for (int i = 0; i < 3000; i++)
		assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_free(p);
	assert_int_equal(count_rows(f->db), 3000);
}

/* Alerts come faster than the thread stores them. */
static void pipeline_counts_what_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct pipeline_stats stats;
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);
	uint64_t put = 0, refused = 0;

	while (refused < 100) {
		put++;
		refused += !pipeline_put(p, made_alert_new(f));
	}
	pipeline_stats(p, &stats);
	assert_true(stats.queue_bytes <= PIPELINE_QUEUE_BYTES);
	assert_int_equal(stats.lost_queue, 100);
	pipeline_sync(p);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.put, put);
	assert_int_equal(stats.stored, put - 100);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "events could not be stored"));
	pipeline_free(p);
	assert_int_equal(count_rows(f->db), put - 100);
}

static void pipeline_goes_on_without_a_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *db = scratch_path(f->dir, "none/events.db");
	struct pipeline_stats stats;
	struct heard h = {};
	struct pipeline *p = start_pipeline(db, &h);

	assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
	pipeline_stats(p, &stats);
	assert_false(stats.open);
	assert_int_equal(stats.lost_store, 1);
	assert_true(h.bad > 0);
	pipeline_free(p);
}

/* Five alerts of the process before are settled, two were taken only. */
static void pipeline_counts_what_one_that_was_killed_had_not_stored(void **state)
{
	struct fixture *f = *state;
	uint64_t taken = 7, settled = 5;
	struct heard h = {.lock = PTHREAD_MUTEX_INITIALIZER};
	const struct pipeline_config config = {.store_path = f->db,
					       .taken = &taken,
					       .settled = &settled,
					       .env = {.report = on_report, .ctx = &h}};
	struct pipeline_stats stats;
	struct pipeline *p = NULL;

	assert_int_equal(pipeline_new(&p, &config, NULL), 0);
	pipeline_stats(p, &stats);
	assert_int_equal(stats.lost_kill, 2);
	assert_int_equal(pipeline_lost(&stats), 2);
	assert_non_null(strstr(h.last_bad, "up to 2 events"));
	for (int i = 0; i < 3; i++)
		assert_true(pipeline_put(p, made_alert_new(f)));
	assert_false(pipeline_put(p, NULL));
	pipeline_sync(p);
	assert_int_equal(taken, 11);
	assert_int_equal(settled, 11);
	pipeline_free(p);
}

static void pipeline_new_fails_without_a_store_that_is_needed(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *db = scratch_path(f->dir, "none/events.db");
	const struct pipeline_config config = {.store_path = db, .need_store = true};
	struct pipeline *p = NULL;

	assert_int_equal(pipeline_new(&p, &config, NULL), -EIO);
	assert_null(p);
}

/* ---- subscribers ---- */

struct follower {
	struct subscriber subscriber;
	unsigned n;
	uint64_t folded;
	char *last; /* JSON */
};

static void on_alert(void *ctx, struct alert_json *a, uint64_t folded)
{
	struct follower *to = ctx;

	to->n++;
	to->folded += folded;
	free(to->last);
	to->last = strdup(a->text);
}

static void follow_alerts(struct pipeline *p, struct follower *to, bool active)
{
	to->subscriber.on_alert = on_alert;
	to->subscriber.ctx = to;
	to->subscriber.active = active;
	subscribers_add(pipeline_subscribers(p), &to->subscriber);
}

static void pipeline_subscribers_get_alerts_while_they_are_active(void **state)
{
	struct fixture *f = *state;
	struct heard h = {};
	struct follower all = {}, none = {}, few = {.subscriber.rate = {1, 2}};
	struct pipeline *p = start_pipeline(f->db, &h);
	struct pollfd ready = {.fd = subscribers_fd(pipeline_subscribers(p)), .events = POLLIN};

	follow_alerts(p, &all, true);
	follow_alerts(p, &none, false);
	follow_alerts(p, &few, true);
	assert_int_equal(poll(&ready, 1, 0), 0);
	for (int i = 0; i < 50; i++)
		assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
	assert_int_equal(poll(&ready, 1, 0), 1);
	subscribers_dispatch(pipeline_subscribers(p));
	assert_int_equal(poll(&ready, 1, 0), 0);
	assert_int_equal(all.n, 50);
	assert_int_equal(all.folded, 0);
	assert_int_equal(none.n, 0);
	assert_in_range(few.n, 2, 10);
	assert_string_equal(few.last, all.last);
	assert_int_equal(few.n + few.folded + few.subscriber.limits[1].folded, 50);
	free(all.last);
	free(few.last);
	pipeline_free(p);
}

static void pipeline_alert_has_every_field_of_its_event(void **state)
{
	static char engine_s_id[] = "c0ffee", name[] = "shop-1", image[] = "example.org/shop:1",
		    image_id[] = "sha256:1111", digest[] = "sha256:2222", pod[] = "till-1",
		    pod_namespace[] = "shops", pod_uid[] = "3333", pod_container[] = "till";
	struct fixture *f = *state;
	json_auto_t *got = NULL, *wanted = NULL;
	struct follower to = {};
	struct alert_fields fields;
	struct heard h = {};
	struct pipeline *p;

	f->identity = (struct identity){
		.engine = ENGINE_PODMAN,
		.id = engine_s_id,
		.name = name,
		.image = image,
		.image_id = image_id,
		.digest = digest,
		.pod = pod,
		.pod_namespace = pod_namespace,
		.pod_uid = pod_uid,
		.pod_container = pod_container,
	};
	f->container.policy_dir = "/etc/lutra/policies.d/shop";
	f->ev.verdict = LUTRA_VERDICT_ALLOW; /* ancestors are not read then */
	made_alert_fields(f, &fields);
	alert_fields_put(&fields, ALERT_ANCESTORS, "py\033thon[10] < [1]");
	/* The package is of an updated program alone; the fields from ALERT_FINDING on are optional. */
	for (int i = 0; i < ALERT_FIELDS; i++)
		assert_true(i == ALERT_PACKAGE || i >= ALERT_FINDING ||
			    alert_field_table[i].type != ALERT_TYPE_TEXT || fields.text[i]);
	wanted = alert_fields_to_json(&fields);
	p = start_pipeline(f->db, &h);
	follow_alerts(p, &to, true);
	assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
	subscribers_dispatch(pipeline_subscribers(p));
	pipeline_free(p);
	got = json_loads(to.last, 0, NULL);
	assert_true(json_equal(got, wanted));
	free(to.last);
	assert_int_equal(made_alert_query(f->db,
					  "SELECT engine = 'podman' AND digest = 'sha256:2222'"
					  " AND pod = 'till-1' AND pod_namespace = 'shops'"
					  " FROM events"),
			 1);
}

/* ---- a full disk: a file system of 3 MiB, in a mount namespace of a process of its own ---- */

static void fill_disk(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char zeros[4096] = {};

	assert_true(fd >= 0);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		continue;
	close(fd);
}

static void lose_and_resume(struct fixture *f)
{
	_cleanup_free_ char *filler = scratch_path(f->dir, "filler");
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);
	struct pipeline_stats stats = {};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	uint64_t put = 0;

	for (; put < 100; put++)
		assert_true(pipeline_put(p, made_alert_new(f)));
	pipeline_sync(p);
	fill_disk(filler);
	while (stats.lost_store == 0 && put < 100000) {
		put += pipeline_put(p, made_alert_new(f));
		pipeline_sync(p);
		pipeline_stats(p, &stats);
	}
	assert_true(stats.lost_store > 0);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "full"));
	unlink(filler);
	while (h.good == 0 && clock_now_ns() < until) {
		put += pipeline_put(p, made_alert_new(f));
		pipeline_sync(p);
		pause_ns(NSEC_PER_SEC / 10);
	}
	assert_int_equal(h.good, 1);
	assert_non_null(strstr(h.last_good, "stored again"));
	pipeline_stats(p, &stats);
	assert_int_equal(stats.put, put);
	assert_int_equal(stats.stored + stats.lost_store + stats.lost_queue, put);
	pipeline_free(p);
	assert_int_equal(count_rows(f->db), stats.stored);
}

static void pipeline_loses_counts_and_resumes_on_a_full_disk(void **state)
{
	struct fixture *f = *state;

	made_alert_on_tmpfs(f, f->dir, "size=3m", lose_and_resume);
}

/* ---- SIGKILL ---- */

/* Puts without end, and writes how many are stored to a pipe. */
static void put_for_ever(struct fixture *f, int fd)
{
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);
	struct pipeline_stats stats;

	for (;;) {
		for (int i = 0; i < 200; i++)
			pipeline_put(p, made_alert_new(f));
		pipeline_stats(p, &stats);
		if (write(fd, &stats.stored, sizeof(stats.stored)) != sizeof(stats.stored))
			_exit(1);
	}
}

static void pipeline_keeps_what_was_committed_when_it_is_killed(void **state)
{
	struct fixture *f = *state;
	uint64_t stored = 0, n;
	int fd[2];
	pid_t pid;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		put_for_ever(f, fd[1]);
	close(fd[1]);
	while (stored < 20000)
		assert_int_equal(read(fd[0], &stored, sizeof(stored)), sizeof(stored));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	while (read(fd[0], &n, sizeof(n)) == sizeof(n))
		stored = n;
	close(fd[0]);
	assert_int_equal(
		made_alert_query(f->db,
				 "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
		1);
	assert_true((uint64_t)count_rows(f->db) >= stored);
}

/* ---- a flood ---- */

static void pipeline_takes_twenty_thousand_a_second_or_says_what_it_lost(void **state)
{
	const uint64_t rate = 20000, seconds = 2, start_ns = clock_now_ns();
	struct fixture *f = *state;
	struct pipeline_stats stats;
	struct heard h = {};
	struct pipeline *p = start_pipeline(f->db, &h);

	for (uint64_t i = 0; i < rate * seconds; i++) {
		while (clock_now_ns() - start_ns < i * NSEC_PER_SEC / rate)
			pause_ns(NSEC_PER_SEC / 1000);
		pipeline_put(p, made_alert_new(f));
	}
	pipeline_sync(p);
	pipeline_stats(p, &stats);
	print_message("# %" PRIu64 " stored, %" PRIu64 " lost, in %.2f s\n", stats.stored,
		      stats.lost_queue + stats.lost_store,
		      (double)(clock_now_ns() - start_ns) / 1e9);
	assert_int_equal(stats.put, rate * seconds);
	assert_int_equal(stats.stored + stats.lost_queue + stats.lost_store, stats.put);
	pipeline_free(p);
	assert_int_equal(count_rows(f->db), stats.stored);
	assert_int_equal(h.bad > 0, stats.stored < stats.put);
}

/* ---- throttle ---- */

static void rate_limit_passes_a_burst_then_the_rate_and_counts_the_rest(void **state)
{
	const struct throttle_rate rate = {.per_second = 10, .burst = 5};
	struct throttle t = {};
	uint64_t folded = 99, passed = 0, held = 0;

	(void)state;
	for (uint64_t now = NSEC_PER_SEC; now < 3 * NSEC_PER_SEC; now += NSEC_PER_SEC / 100) {
		if (throttle_pass(&t, &rate, now, &folded)) {
			passed++;
			held += folded;
		}
	}
	assert_in_range(passed, 5 + 19, 5 + 20);
	assert_int_equal(passed + held + t.folded, 200);
}

static void rate_limit_without_a_rate_passes_all(void **state)
{
	const struct throttle_rate rate = {.per_second = 0, .burst = 1};
	struct throttle t = {};
	uint64_t folded;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_true(throttle_pass(&t, &rate, NSEC_PER_SEC, &folded));
		assert_int_equal(folded, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pipeline_stores_what_is_put),
		T(pipeline_writes_what_is_queued_at_its_end),
		T(pipeline_counts_what_does_not_fit),
		T(pipeline_goes_on_without_a_store),
		T(pipeline_counts_what_one_that_was_killed_had_not_stored),
		T(pipeline_new_fails_without_a_store_that_is_needed),
		T(pipeline_subscribers_get_alerts_while_they_are_active),
		T(pipeline_alert_has_every_field_of_its_event),
		T(pipeline_loses_counts_and_resumes_on_a_full_disk),
		T(pipeline_keeps_what_was_committed_when_it_is_killed),
		T(pipeline_takes_twenty_thousand_a_second_or_says_what_it_lost),
		cmocka_unit_test(rate_limit_passes_a_burst_then_the_rate_and_counts_the_rest),
		cmocka_unit_test(rate_limit_without_a_rate_passes_all),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
