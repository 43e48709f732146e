/* SPDX-License-Identifier: Apache-2.0 */
/* lutrad over HTTP, and by webhook: metrics, health, how soon an alert is reported, what idling takes.
 */
#include "tests/support/daemon/lutrad.h"
#include "tests/support/scratch.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <fcntl.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>

#include "user/http/http.h"
#include "lib/base/file.h"
#include "user/store/store_incidents.h"
#include "user/sys/clock.h"
#include "user/sys/process/cgroup.h"
#include "user/sys/process/child.h"

#define HEARD 64

/* ---- the daemon again, with HTTP ---- */

static char *log_of(const struct fixture *f)
{
	_cleanup_free_ char *path = scratch_path(f->dir, "log");
	char *text = NULL;
	size_t len;

	assert_int_equal(file_read(AT_FDCWD, path, 1 << 24, &text, &len, NULL), 0);
	return text;
}

/* The port that the last daemon said. */
static unsigned port_of(const struct fixture *f)
{
	_cleanup_free_ char *text = log_of(f);
	unsigned port = 0;

	for (const char *at = text; (at = strstr(at, ", port ")); at++)
		port = (unsigned)strtoul(at + 7, NULL, 10);
	return port;
}

static void restart_with(struct fixture *f, const char *extra)
{
	lutrad_stop(f);
	f->extra = extra;
	lutrad_write_config(f);
	f->daemon = lutrad_spawn(f);
	assert_true(lutrad_becomes(lutrad_listens, f));
}

#define READ_FREELY ", \"http\": {\"listen\": \"127.0.0.1:0\", \"read_without_token\": true}"
#define HTTP_ON ", \"http\": {\"listen\": \"127.0.0.1:0\"}"

static int setup_http(void **state)
{
	lutrad_setup(state);
	restart_with(*state, HTTP_ON);
	return 0;
}

/* Body of an answer, the caller's; *ret_status. */
static char *get_page(const struct fixture *f, const char *path, int *ret_status)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port_of(f)),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const size_t size = 4 << 20;
	_cleanup_free_ char *answer = calloc(1, size);
	char request[256], *body;
	size_t got = 0;
	ssize_t n;
	int len = snprintf(request, sizeof(request),
			   "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", path);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
	while ((n = recv(fd, answer + got, size - 1 - got, 0)) > 0)
		got += (size_t)n;
	*ret_status = (int)strtol(answer + strlen("HTTP/1.1 "), NULL, 10);
	body = strstr(answer, "\r\n\r\n");
	assert_non_null(body);
	return strdup(body + 4);
}

/* Value of a series, as it stands before the value. */
static double read_metric(const struct fixture *f, const char *series)
{
	int status;
	_cleanup_free_ char *text = get_page(f, "/metrics", &status), *line = NULL;
	const char *at;

	assert_true(asprintf(&line, "\n%s ", series) > 0);
	at = strstr(text, line);
	return at ? strtod(at + strlen(line), NULL) : -1;
}

/* ---- in the container ---- */

/* Returns the status that a process below the container's cgroup gets, which executes nothing. */
static int ask_from_container(struct fixture *f, const char *path)
{
	_cleanup_free_ char *inner = scratch_path(f->cgroup, "inner");
	pid_t pid;

	assert_int_equal(mkdir(inner, 0755), 0);
	pid = fork();
	if (pid == 0) {
		int status = 0;

		if (cgroup_write(inner, "cgroup.procs", "0") == 0)
			free(get_page(f, path, &status));
		_exit(status / 100);
	}
	return lutrad_exit_code(pid) * 100;
}

static void lutrad_answers_no_process_of_a_guarded_container(void **state)
{
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	int status;

	free(get_page(f, "/healthz", &status));
	assert_int_equal(status, 200);
	answer = lutrad_enroll(f, "shop", NULL);
	assert_non_null(answer);
	assert_int_equal(ask_from_container(f, "/healthz"), 400);
	free(get_page(f, "/healthz", &status));
	assert_int_equal(status, 200);
}

static bool tells_without_token(struct fixture *f)
{
	int status;

	free(get_page(f, "/api/v1/policies", &status));
	return status == 200;
}

static void lutrad_takes_on_sighup_who_may_ask(void **state)
{
	struct fixture *f = *state;

	assert_false(tells_without_token(f));
	f->extra = READ_FREELY;
	lutrad_write_config(f);
	kill(f->daemon, SIGHUP);
	assert_true(lutrad_becomes(tells_without_token, f));
}

static void lutrad_tells_policies_and_events_to_who_has_a_token(void **state)
{
	static const char *const paths[] = {"/api/v1/policies", "/api/v1/events",
					    "/api/v1/containers", "/api/v1/stream"};
	struct fixture *f = *state;
	int status;

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		free(get_page(f, paths[i], &status));
		assert_int_equal(status, 401);
	}
	restart_with(f, READ_FREELY);
	free(get_page(f, "/api/v1/policies", &status));
	assert_int_equal(status, 200);
}

static void run_in(struct fixture *f, const char *script)
{
	char shell[] = "/bin/sh", c[] = "-c";
	_cleanup_free_ char *copy = strdup(script);
	char *const argv[] = {shell, c, copy, NULL};
	sigset_t none;

	sigemptyset(&none);
	assert_int_equal(child_start(argv, f->cgroup, &none, &f->child, NULL), 0);
	lutrad_exit_code(f->child);
	f->child = 0;
}

#define KILLS "lutra_verdicts_total{image=\"example.org/shop:1\",action=\"kill\"}"

static bool counts_kills(struct fixture *f)
{
	return read_metric(f, KILLS) >= 1;
}

static void lutrad_exports_metrics_that_a_strict_reader_takes(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = scratch_path(f->dir, "metrics"), *text = NULL;
	json_auto_t *answer = lutrad_enroll(f, "shop \"\\\n1", NULL), *gone = NULL;
	char command[512];
	double kills;
	int status;

	assert_non_null(answer);
	run_in(f, "/bin/cat /etc/shadow; exec sleep 300");
	assert_true(lutrad_becomes(counts_kills, f));
	assert_true(read_metric(f, "lutra_events_scored_total{kind=\"call\"}") > 0);
	assert_true(read_metric(f, "lutra_containers") == 1);
	text = get_page(f, "/metrics", &status);
	assert_int_equal(status, 200);
	scratch_write(path, text, strlen(text));
	snprintf(command, sizeof(command),
		 "tests/metrics %s dashboards/grafana.json dashboards/prometheus-rules.yml >&2",
		 path);
	assert_int_equal(system(command), 0);
	/* What a container did stays counted when it goes. */
	kills = read_metric(f, KILLS);
	gone = lutrad_ask(f, "release", json_pack("{s:s}", "name", f->cgroup), NULL);
	assert_non_null(gone);
	assert_true(read_metric(f, "lutra_containers") == 0);
	assert_true(read_metric(f, KILLS) >= kills);
}

static void lutrad_says_that_it_is_well(void **state)
{
	int status;
	_cleanup_free_ char *text = get_page(*state, "/healthz", &status);

	assert_int_equal(status, 200);
	assert_non_null(strstr(text, "\"ok\":true"));
}

static void lutrad_goes_on_when_the_port_is_taken(void **state)
{
	struct fixture *f = *state;
	char extra[128];
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	_cleanup_free_ char *log = NULL;

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	snprintf(extra, sizeof(extra), ", \"http\": {\"listen\": \"127.0.0.1:%u\"}",
		 ntohs(a.sin_port));
	restart_with(f, extra);
	log = log_of(f);
	assert_non_null(strstr(log, "in use"));
	f->extra = "";
}

/* ---- filters ---- */

/* What nobody knows is no empty list. */
static void filter_that_cannot_be_is_refused(void **state)
{
	static const struct {
		const char *path, *why;
	} cases[] = {
		{"events?container=nobody", "nobody: no guarded container"},
		{"events?container=", "no guarded container"},
		{"events?image=no/such:1", "no/such:1: no guarded container"},
		{"events?path=", "path"},
		{"events?since=2&until=1", "since"},
		{"events?verdict", "verdict"},
		{"events?verdict=killed", "verdict"},
		{"incidents?container=nobody", "nobody: no guarded container"},
		{"incidents?image=no/such:1", "no/such:1: no guarded container"},
		{"incidents?since=2&until=1", "since"},
		{"stream?verdict=kill", "parameters"},
	};
	struct fixture *f = *state;
	json_auto_t *enrolled = lutrad_enroll(f, "web", NULL), *known = NULL, *events = NULL;

	assert_non_null(enrolled);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_auto_t *j = NULL;
		struct err err = {};

		print_message("# %s\n", cases[i].path);
		j = lutrad_ask(f, cases[i].path, NULL, &err);
		assert_null(j);
		assert_non_null(strstr(err.msg, cases[i].why));
	}
	/* A container that is guarded may have no event yet. */
	known = lutrad_ask(f, "events?container=web", NULL, NULL);
	assert_true(json_is_array(json_object_get(known, "events")));
	events = lutrad_ask(f, "events?limit=1", NULL, NULL);
	assert_non_null(events);
}

/* Stores a closed incident of a container that is not guarded and has no event. */
static void store_closed_incident(const struct fixture *f, const char *container, const char *image)
{
	const uint64_t now_ns = clock_realtime_ns();
	const struct incident_row row = {.id = 7,
					 .begin_ns = now_ns,
					 .end_ns = now_ns,
					 .events = 1,
					 .container = container,
					 .container_id = "c0ffee",
					 .image = image,
					 .state = "closed",
					 .severity = "low",
					 .sentence = "it happened",
					 .kinds = "[]",
					 .processes = "[]"};
	_cleanup_free_ char *path = scratch_path(f->dir, "state/events.db");
	_cleanup_(store_freep) struct store *s = NULL;

	assert_int_equal(store_new(&s, path, NULL), 0);
	assert_int_equal(store_put_incident(s, &row, NULL, NULL), 0);
	assert_int_equal(store_commit(s, NULL, NULL), 0);
}

/* Events are displaced before incidents: a container of an incident alone is known. */
static void filter_knows_containers_and_images_of_incidents(void **state)
{
	static const struct {
		const char *path, *list;
		size_t n;
	} cases[] = {
		{"incidents?container=gone", "incidents", 1},
		{"incidents?container=gone&state=open", "incidents", 0},
		{"incidents?image=gone:1&state=open", "incidents", 0},
		{"events?container=gone", "events", 0},
		{"events?image=gone:1", "events", 0},
	};
	struct fixture *f = *state;

	lutrad_stop(f);
	store_closed_incident(f, "gone", "gone:1");
	restart_with(f, f->extra);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {};
		json_auto_t *j = lutrad_ask(f, cases[i].path, NULL, &err);

		if (!j)
			fail_msg("%s: %s", cases[i].path, err.msg);
		assert_int_equal(json_array_size(json_object_get(j, cases[i].list)), cases[i].n);
	}
}

/* A container's name is the container's choice: it must not steer a terminal. */
static void policy_list_prints_no_control_characters(void **state)
{
	struct fixture *f = *state;
	json_auto_t *enrolled = lutrad_enroll(f, "web\033[31m", NULL);
	char command[512], out[4096] = "";
	FILE *p;

	assert_non_null(enrolled);
	snprintf(command, sizeof(command), "build/bin/lutra policy list -c %s", f->config);
	p = popen(command, "r");
	assert_non_null(p);
	assert_true(fread(out, 1, sizeof(out) - 1, p) > 0);
	assert_int_equal(pclose(p), 0);
	assert_non_null(strstr(out, "guards web\\x1b[31m"));
	assert_null(strchr(out, '\033'));
}

/* ---- a container by its id ---- */

static bool has_stored(struct fixture *f)
{
	json_auto_t *j = lutrad_ask(f, "events?container=web&limit=1", NULL, NULL);

	return json_array_size(json_object_get(j, "events")) == 1;
}

static void enroll_as_web(const struct fixture *f, const char *cgroup)
{
	json_auto_t *answer =
		lutrad_ask(f, "enroll",
			   json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", cgroup, "policy",
				     "shop", "name", "web", "mode", "audit", "next_exec", 1),
			   NULL);

	assert_non_null(answer);
}

/* Returns true if the container of that id, "" for any, is shown as one that has ended. */
static bool is_shown_as_ended(const struct fixture *f, const char *id)
{
	_cleanup_free_ char *path = NULL;
	json_auto_t *j = NULL;

	assert_true(asprintf(&path, "containers/web%s%s", *id ? "?id=" : "", id) > 0);
	j = lutrad_ask(f, path, NULL, NULL);
	assert_non_null(j);
	assert_string_equal(json_string_value(json_object_get(j, "name")), "web");
	return json_is_true(json_object_get(j, "ended"));
}

/* Returns how many of a list the API has for the container of an id. */
static size_t count_of(const struct fixture *f, const char *what, const char *id)
{
	json_auto_t *answer = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s?container=web&container_id=%s", what, id);
	answer = lutrad_ask(f, path, NULL, NULL);
	return json_array_size(json_object_get(answer, what));
}

static const char *awaited_id; /* of has_both() */

/* Returns true if the container of an id has an event and an incident. */
static bool has_both(struct fixture *f)
{
	return count_of(f, "events", awaited_id) && count_of(f, "incidents", awaited_id);
}

/* script: has the container do what no other one did before, so that an incident is told. */
static char *enroll_web_and_alert(struct fixture *f, const char *cgroup, const char *script)
{
	json_auto_t *c = NULL;
	char *id;

	enroll_as_web(f, cgroup);
	c = lutrad_ask(f, "containers/web", NULL, NULL);
	id = strdup(json_string_value(json_object_get(c, "id")));
	run_in(f, script);
	awaited_id = id;
	if (!lutrad_becomes(has_both, f))
		fail_msg("%zu events and %zu incidents of %s", count_of(f, "events", id),
			 count_of(f, "incidents", id), id);
	return id;
}

/* Removed and made again with the same name: each has what it did, and both are listed. */
static void lutrad_keeps_containers_of_one_name_apart(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *cgroup = strdup(f->cgroup), *next = NULL, *one = NULL, *two = NULL;
	json_auto_t *gone = NULL, *again = NULL;
	size_t events, incidents;

	one = enroll_web_and_alert(f, f->cgroup, "/bin/cat /etc/passwd >/dev/null");
	gone = lutrad_ask(f, "release", json_pack("{s:s}", "name", "web"), NULL);
	assert_non_null(gone);
	events = count_of(f, "events", one);
	incidents = count_of(f, "incidents", one);
	assert_true(asprintf(&next, "%s/next", cgroup) > 0);
	assert_int_equal(mkdir(next, 0755), 0);
	free(f->cgroup);
	f->cgroup = strdup(next);
	two = enroll_web_and_alert(f, next, "/usr/bin/id >/dev/null");
	assert_string_not_equal(one, two);
	assert_int_equal(count_of(f, "events", one), events);
	assert_int_equal(count_of(f, "incidents", one), incidents);
	assert_true(is_shown_as_ended(f, one));
	assert_false(is_shown_as_ended(f, two));
	again = lutrad_ask(f, "release", json_pack("{s:s}", "name", "web"), NULL);
	assert_non_null(again);
	assert_true(is_shown_as_ended(f, one));
	assert_true(is_shown_as_ended(f, two));
	rmdir(next);
	free(f->cgroup);
	f->cgroup = TAKE_PTR(cgroup);
}

static void lutrad_shows_a_container_that_ended_by_its_id(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *next = NULL, *id = NULL;
	json_auto_t *first = NULL, *gone = NULL, *refused = NULL, *frozen = NULL, *ours = NULL;
	struct err err = {};

	enroll_as_web(f, f->cgroup);
	first = lutrad_ask(f, "containers/web", NULL, NULL);
	id = strdup(json_string_value(json_object_get(first, "id")));
	assert_false(is_shown_as_ended(f, id));
	assert_null(lutrad_ask(f, "containers/web?id=other", NULL, &err));
	run_in(f, "/bin/true; /bin/cat /etc/passwd >/dev/null");
	assert_true(lutrad_becomes(has_stored, f));
	gone = lutrad_ask(f, "release", json_pack("{s:s}", "name", "web"), NULL);
	assert_non_null(gone);
	assert_true(is_shown_as_ended(f, ""));
	/* Another container takes the name: the page of the first one is still the first one's. */
	assert_true(asprintf(&next, "%s/next", f->cgroup) > 0);
	assert_int_equal(mkdir(next, 0755), 0);
	enroll_as_web(f, next);
	assert_false(is_shown_as_ended(f, ""));
	assert_true(is_shown_as_ended(f, id));
	refused = lutrad_ask(f, "containers/web/freeze", json_pack("{s:s}", "id", id), &err);
	assert_null(refused);
	assert_non_null(strstr(err.msg, "another one has its name"));
	ours = lutrad_ask(f, "containers/web", NULL, NULL);
	frozen = lutrad_ask(f, "containers/web/freeze",
			    json_pack("{s:O}", "id", json_object_get(ours, "id")), &err);
	assert_true(json_is_true(json_object_get(frozen, "frozen")));
	json_decref(lutrad_ask(f, "containers/web/release", json_object(), NULL));
	rmdir(next);
}

/* ---- a webhook ---- */

struct webhook {
	struct http *http;
	pthread_t thread;
	atomic_bool stop;
	atomic_uint n;
	uint64_t took_ns[HEARD]; /* from the verdict in the kernel */
};

static int on_post(void *ctx, const struct http_request *q, struct http_reply *ret)
{
	json_auto_t *j = json_loadb(q->body, q->body_len, 0, NULL);
	const json_t *time = json_object_get(json_object_get(j, "output_fields"), "evt.time");
	struct webhook *w = ctx;

	if (w->n < HEARD && time) {
		w->took_ns[w->n] = clock_realtime_ns() - (uint64_t)json_integer_value(time);
		w->n++;
	}
	return http_text(ret, 200, "text/plain", "", 0);
}

static const struct http_route routes[] = {
	{"POST", "/hook", 0, on_post},
	{},
};

static void *serve_webhook(void *ctx)
{
	struct webhook *w = ctx;
	struct pollfd p = {.fd = http_epoll_fd(w->http), .events = POLLIN};

	while (!w->stop) {
		poll(&p, 1, 10);
		http_run(w->http);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void lutrad_tells_a_webhook_of_a_verdict_at_once(void **state)
{
	const struct http_config config = {.listen = "127.0.0.1:0"};
	const uint64_t until = clock_now_ns() + PATIENCE_NS;
	struct fixture *f = *state;
	json_auto_t *answer = NULL;
	struct webhook w = {};
	uint64_t median;
	char extra[512];

	assert_int_equal(http_new(&w.http, &config, routes, &w, NULL), 0);
	assert_int_equal(pthread_create(&w.thread, NULL, serve_webhook, &w), 0);
	snprintf(extra, sizeof(extra),
		 HTTP_ON ", \"throttle\": null, \"outputs\": [{\"type\": \"webhook\","
			 " \"url\": \"http://127.0.0.1:%u/hook\", \"min_priority\": "
			 "\"notice\",\"all\": true}]",
		 http_port(w.http));
	restart_with(f, extra);
	answer = lutrad_ask(f, "enroll",
			    json_pack("{s:s, s:s, s:s, s:s, s:b}", "cgroup", f->cgroup, "policy",
				      "shop", "name", "shop", "mode", "audit", "next_exec", 1),
			    NULL);
	assert_non_null(answer);
	while (w.n < HEARD && clock_now_ns() < until)
		run_in(f, "/bin/true; /bin/cat /etc/passwd >/dev/null");
	assert_int_equal(w.n, HEARD);
	qsort(w.took_ns, HEARD, sizeof(w.took_ns[0]), by_value);
	median = w.took_ns[HEARD / 2];
	print_message("# verdict to webhook: median %.1f ms, longest of %d %.1f ms\n",
		      (double)median / 1e6, HEARD, (double)w.took_ns[HEARD - 1] / 1e6);
	assert_true(median < 200000000);
	lutrad_stop(f);
	w.stop = true;
	pthread_join(w.thread, NULL);
	http_free(w.http);
	f->extra = "";
}

/* ---- idling ---- */

/* Of a process; files of /proc have no size. */
static void proc_read(pid_t pid, const char *name, char text[static 4096])
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, 4095);
	assert_true(n > 0);
	text[n] = '\0';
}

static double cpu_seconds(pid_t pid)
{
	unsigned long user, system;
	char text[4096], *at;

	proc_read(pid, "stat", text);
	at = strrchr(text, ')');
	assert_int_equal(
		sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system),
		2);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/*
 * Its share of what is resident: of a page that others map too, a part; of the rings, which libbpf
 * maps twice in a row, each page once.
 */
static double proportional_mib(pid_t pid)
{
	char text[4096], *at;

	proc_read(pid, "smaps_rollup", text);
	at = strstr(text, "\nPss:");
	assert_non_null(at);
	return strtod(at + strlen("\nPss:"), NULL) / 1024;
}

static void lutrad_idles_at_half_a_percent_and_forty_mib(void **state)
{
	const struct timespec while_idle = {.tv_sec = 8};
	struct fixture *f = *state;
	double before, used, mib;

	before = cpu_seconds(f->daemon);
	nanosleep(&while_idle, NULL); /* what is measured is that nothing happens meanwhile */
	used = (cpu_seconds(f->daemon) - before) / 8;
	mib = proportional_mib(f->daemon);
	print_message("# idle: %.2f %% of a core, %.1f MiB\n", used * 100, mib);
	assert_true(used <= 0.005);
	assert_true(mib <= 40);
}

#define H(f) cmocka_unit_test_setup_teardown(f, setup_http, lutrad_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		H(lutrad_exports_metrics_that_a_strict_reader_takes),
		H(lutrad_says_that_it_is_well),
		H(lutrad_answers_no_process_of_a_guarded_container),
		H(lutrad_takes_on_sighup_who_may_ask),
		H(lutrad_tells_policies_and_events_to_who_has_a_token),
		H(lutrad_goes_on_when_the_port_is_taken),
		H(filter_that_cannot_be_is_refused),
		H(filter_knows_containers_and_images_of_incidents),
		H(policy_list_prints_no_control_characters),
		H(lutrad_shows_a_container_that_ended_by_its_id),
		H(lutrad_keeps_containers_of_one_name_apart),
		H(lutrad_tells_a_webhook_of_a_verdict_at_once),
		H(lutrad_idles_at_half_a_percent_and_forty_mib),
	};
	int r = lutrad_cannot_run();

	return r ? r : cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
