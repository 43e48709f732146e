/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that writes events: what it counts, a full disk, a kill in its midst, a flood. */
#include "tests/unit/made_event.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

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

static int64_t rows(const char *db)
{
	return query_number(db, "SELECT count(*) FROM events");
}

/* What the thread says and does; a test that gives no permits stops it at each alert. */
struct heard {
	sem_t permits;
	bool held;
	pthread_mutex_t lock;
	unsigned bad, good;
	char last_bad[512], last_good[512];
};

static void on_alert(void *ctx, const struct alert *a)
{
	struct heard *h = ctx;

	(void)a;
	if (h->held)
		sem_wait(&h->permits);
}

static void on_say(void *ctx, bool bad, const char *msg)
{
	struct heard *h = ctx;

	pthread_mutex_lock(&h->lock);
	h->bad += bad;
	h->good += !bad;
	snprintf(bad ? h->last_bad : h->last_good, sizeof(h->last_bad), "%s", msg);
	pthread_mutex_unlock(&h->lock);
}

static struct writer *start(const char *db, struct heard *h)
{
	const struct writer_config config = {
		.path = db, .alert = on_alert, .say = on_say, .ctx = h};
	struct writer *w = NULL;

	pthread_mutex_init(&h->lock, NULL);
	sem_init(&h->permits, 0, 0);
	assert_int_equal(writer_new(&w, &config, NULL), 0);
	return w;
}

static void writer_stores_what_is_put(void **state)
{
	struct fixture *f = *state;
	struct writer_stats stats;
	struct heard h = {};
	struct writer *w = start(f->db, &h);

	for (int i = 0; i < 5000; i++)
		assert_true(writer_put(w, &f->e));
	writer_sync(w);
	writer_stats(w, &stats);
	assert_true(stats.open);
	assert_int_equal(stats.put, 5000);
	assert_int_equal(stats.stored, 5000);
	assert_int_equal(stats.lost_queue + stats.lost_store, 0);
	assert_int_equal(stats.queue_bytes, 0);
	assert_int_equal(h.bad, 0);
	writer_free(w);
	assert_int_equal(rows(f->db), 5000);
}

static void writer_writes_what_is_queued_at_its_end(void **state)
{
	struct fixture *f = *state;
	struct heard h = {};
	struct writer *w = start(f->db, &h);

	for (int i = 0; i < 3000; i++)
		assert_true(writer_put(w, &f->e));
	writer_free(w);
	assert_int_equal(rows(f->db), 3000);
}

static void writer_counts_what_does_not_fit(void **state)
{
	struct fixture *f = *state;
	struct writer_stats stats;
	struct heard h = {.held = true};
	struct writer *w = start(f->db, &h);
	uint64_t put = 0, refused = 0;

	while (refused < 100) {
		put++;
		refused += !writer_put(w, &f->e);
	}
	writer_stats(w, &stats);
	assert_true(stats.queue_bytes <= WRITER_QUEUE_BYTES);
	assert_int_equal(stats.lost_queue, 100);
	for (uint64_t i = 0; i < put; i++)
		sem_post(&h.permits);
	writer_sync(w);
	writer_stats(w, &stats);
	assert_int_equal(stats.put, put);
	assert_int_equal(stats.stored, put - 100);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "100 events could not be kept"));
	writer_free(w);
	assert_int_equal(rows(f->db), put - 100);
}

static void writer_goes_on_without_a_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *db = sample_path(f->dir, "none/events.db");
	struct writer_stats stats;
	struct heard h = {};
	struct writer *w = start(db, &h);

	assert_true(writer_put(w, &f->e));
	writer_sync(w);
	writer_stats(w, &stats);
	assert_false(stats.open);
	assert_int_equal(stats.lost_store, 1);
	assert_true(h.bad > 0);
	writer_free(w);
}

/* ---- what an alert says after the queue ---- */

static void alert_copy(void *ctx, const struct alert *a)
{
	*(json_t **)ctx = alert_json(a);
}

static void writer_alert_has_every_field_of_its_event(void **state)
{
	static char engine_s_id[] = "c0ffee", name[] = "shop-1", image[] = "example.org/shop:1",
		    image_id[] = "sha256:1111", digest[] = "sha256:2222", pod[] = "till-1",
		    pod_namespace[] = "shops", pod_uid[] = "3333", pod_container[] = "till";
	const struct identity who = {
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
	struct fixture *f = *state;
	json_auto_t *got = NULL, *wanted = NULL;
	const struct writer_config config = {.path = f->db, .alert = alert_copy, .ctx = &got};
	struct alert *a = calloc(1, sizeof(*a));
	struct writer *w = NULL;

	f->e.who = &who;
	f->e.policy = "/etc/lutra/policies.d/shop";
	f->e.lineage = "sh[12] < python3[10]";
	alert_set(a, &f->e);
	for (int i = 0; i < ALERT_FIELDS; i++)
		assert_true(!alert_is_text(i) || a->text[i]);
	wanted = alert_json(a);
	assert_int_equal(writer_new(&w, &config, NULL), 0);
	assert_true(writer_put(w, &f->e));
	writer_free(w);
	assert_true(json_equal(got, wanted));
	assert_int_equal(query_number(f->db, "SELECT engine = 'podman' AND digest = 'sha256:2222'"
					     " AND pod = 'till-1' AND pod_namespace = 'shops'"
					     " FROM events"),
			 1);
	free(a);
}

/* ---- a full disk: a file system of 3 MiB, in a mount namespace of a process of its own ---- */

static void fill(const char *path)
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
	_cleanup_free_ char *filler = sample_path(f->dir, "filler");
	struct heard h = {};
	struct writer *w = start(f->db, &h);
	struct writer_stats stats = {};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	uint64_t put = 0;

	for (; put < 100; put++)
		assert_true(writer_put(w, &f->e));
	writer_sync(w);
	fill(filler);
	while (stats.lost_store == 0 && put < 100000) {
		put += writer_put(w, &f->e);
		writer_sync(w);
		writer_stats(w, &stats);
	}
	assert_true(stats.lost_store > 0);
	assert_int_equal(h.bad, 1);
	assert_non_null(strstr(h.last_bad, "full"));
	unlink(filler);
	while (h.good == 0 && clock_now_ns() < until) {
		put += writer_put(w, &f->e);
		writer_sync(w);
		pause_ns(NSEC_PER_SEC / 10);
	}
	assert_int_equal(h.good, 1);
	assert_non_null(strstr(h.last_good, "kept again"));
	writer_stats(w, &stats);
	assert_int_equal(stats.put, put);
	assert_int_equal(stats.stored + stats.lost_store + stats.lost_queue, put);
	writer_free(w);
	assert_int_equal(rows(f->db), stats.stored);
}

static void writer_loses_counts_and_resumes_on_a_full_disk(void **state)
{
	struct fixture *f = *state;

	with_tmpfs(f, f->dir, "size=3m", lose_and_resume);
}

/* ---- SIGKILL ---- */

/* Puts without end, and writes how many are stored to a pipe. */
static void put_for_ever(struct fixture *f, int fd)
{
	struct heard h = {};
	struct writer *w = start(f->db, &h);
	struct writer_stats stats;

	for (;;) {
		for (int i = 0; i < 200; i++)
			writer_put(w, &f->e);
		writer_stats(w, &stats);
		if (write(fd, &stats.stored, sizeof(stats.stored)) != sizeof(stats.stored))
			_exit(1);
	}
}

static void writer_keeps_what_was_committed_when_it_is_killed(void **state)
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
		query_number(f->db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
		1);
	assert_true((uint64_t)rows(f->db) >= stored);
}

/* ---- a flood ---- */

static void writer_takes_twenty_thousand_a_second_or_says_what_it_lost(void **state)
{
	const uint64_t rate = 20000, seconds = 2, start_ns = clock_now_ns();
	struct fixture *f = *state;
	struct writer_stats stats;
	struct heard h = {};
	struct writer *w = start(f->db, &h);

	for (uint64_t i = 0; i < rate * seconds; i++) {
		while (clock_now_ns() - start_ns < i * NSEC_PER_SEC / rate)
			pause_ns(NSEC_PER_SEC / 1000);
		writer_put(w, &f->e);
	}
	writer_sync(w);
	writer_stats(w, &stats);
	print_message("# %" PRIu64 " stored, %" PRIu64 " lost, in %.2f s\n", stats.stored,
		      stats.lost_queue + stats.lost_store,
		      (double)(clock_now_ns() - start_ns) / 1e9);
	assert_int_equal(stats.put, rate * seconds);
	assert_int_equal(stats.stored + stats.lost_queue + stats.lost_store, stats.put);
	writer_free(w);
	assert_int_equal(rows(f->db), stats.stored);
	assert_int_equal(h.bad > 0, stats.stored < stats.put);
}

/* ---- throttle ---- */

static void throttle_passes_a_burst_then_the_rate_and_counts_the_rest(void **state)
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

static void throttle_without_a_rate_passes_all(void **state)
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
		T(writer_stores_what_is_put),
		T(writer_writes_what_is_queued_at_its_end),
		T(writer_counts_what_does_not_fit),
		T(writer_goes_on_without_a_store),
		T(writer_alert_has_every_field_of_its_event),
		T(writer_loses_counts_and_resumes_on_a_full_disk),
		T(writer_keeps_what_was_committed_when_it_is_killed),
		T(writer_takes_twenty_thousand_a_second_or_says_what_it_lost),
		cmocka_unit_test(throttle_passes_a_burst_then_the_rate_and_counts_the_rest),
		cmocka_unit_test(throttle_without_a_rate_passes_all),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
