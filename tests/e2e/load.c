/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Benign load for the notes service: a bounded, seeded mix of requests from several threads, every
 * answer checked. Each seed makes another mix, but every kind of request comes at least once.
 *
 * usage: load [-p PORT] [-s SEED] [-n REQUESTS] [-c THREADS] [-t SECONDS] [-w SECONDS]
 * Stops after REQUESTS or SECONDS, whichever is first; -w waits for the service to answer at all.
 * exit: 0 all answers were right, 1 some were not, 2 usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lutra/types.h"
#include "lib/base/cleanup.h"

#define THREADS_MAX 64
#define ANSWER_MAX 65536
#define TEXT_MAX 400

struct worker {
	pthread_t thread;
	uint64_t rng;
	uint32_t id;
	uint32_t round;
	uint32_t note;		  /* the last one it wrote, 0 before */
	char note_text[TEXT_MAX]; /* what it wrote */
	uint32_t file;		  /* the last one it uploaded, 0 before */
	char answer[ANSWER_MAX];
	char body[ANSWER_MAX / 2]; /* to send */
};

struct kind {
	const char *name;
	int (*request)(struct worker *w); /* 0, or -1 with a line on stderr */
	unsigned weight;
};

static uint16_t port = 8080;
static uint64_t deadline_ns;
static atomic_long left;
static atomic_long done;
static atomic_long failed;
static unsigned weights[32]; /* of this seed */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static uint32_t pick_number(struct worker *w, uint32_t n)
{
	return (uint32_t)(next_random(&w->rng) % n);
}

static int send_all(int fd, const char *buf, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, buf, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf += n;
		size -= (size_t)n;
	}
	return 0;
}

/* One request on a connection of its own. Returns the status code, or -1; w->answer is a string. */
static int send_http(struct worker *w, const char *method, const char *path, const char *body)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* An emulated machine beside other work may stand still for a minute. */
	struct timeval patience = {.tv_sec = 300};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char head[1024];
	size_t used = 0;
	int status;

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	snprintf(head, sizeof(head), "%s %s HTTP/1.0\r\nHost: notes\r\nContent-Length: %zu\r\n\r\n",
		 method, path, strlen(body));
	if (send_all(fd, head, strlen(head)) < 0 || send_all(fd, body, strlen(body)) < 0)
		return -1;
	while (used < sizeof(w->answer) - 1) {
		ssize_t n = recv(fd, w->answer + used, sizeof(w->answer) - 1 - used, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	w->answer[used] = '\0';
	return sscanf(w->answer, "HTTP/1.0 %d", &status) == 1 ? status : -1;
}

/* As http(), and check: the code, and that the answer contains a text (NULL: any). */
static int expect_answer(struct worker *w, const char *method, const char *path, const char *body,
			 int code, const char *text)
{
	int status = send_http(w, method, path, body);

	if (status == code && (!text || strstr(w->answer, text)))
		return 0;
	fprintf(stderr, "load: %s %s: %d instead of %d%s%s: %.200s\n", method, path, status, code,
		text ? " with " : "", text ? text : "", status < 0 ? strerror(errno) : w->answer);
	return -1;
}

static int get_index(struct worker *w)
{
	return expect_answer(w, "GET", "/", "", 200, "<h1>Notes</h1>");
}

static int post_note(struct worker *w)
{
	static const char *const words[] = {"milk", "call", "friday", "invoice", "garden", "paint"};
	size_t used = 0;
	uint32_t n = 1 + pick_number(w, 40);

	for (uint32_t i = 0; i < n && used < TEXT_MAX - 16; i++)
		used += (size_t)sprintf(w->note_text + used, "%s%u", words[pick_number(w, 6)],
					pick_number(w, 99));
	snprintf(w->body, sizeof(w->body), "text=%s", w->note_text);
	if (expect_answer(w, "POST", "/notes", w->body, 201, "note ") < 0)
		return -1;
	w->note = (uint32_t)strtoul(strstr(w->answer, "note ") + 5, NULL, 10);
	return 0;
}

static int get_note(struct worker *w)
{
	char path[64];

	if (w->note == 0)
		return post_note(w);
	snprintf(path, sizeof(path), "/note/%u", w->note);
	return expect_answer(w, "GET", path, "", 200, w->note_text);
}

static int get_note_missing(struct worker *w)
{
	return expect_answer(w, "GET", "/note/99999999", "", 404, "no such note");
}

static int get_search(struct worker *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/search?q=%s%u", pick_number(w, 2) ? "milk" : "paint",
		 pick_number(w, 99));
	return expect_answer(w, "GET", path, "", 200, " found");
}

static int post_login(struct worker *w)
{
	return expect_answer(w, "GET", "/login?user=anna", "", 200, "session=anna:");
}

static int post_upload(struct worker *w)
{
	uint32_t size = 1 + pick_number(w, sizeof(w->body) - 1), name = 1 + pick_number(w, 1000000);
	char path[64];

	for (uint32_t i = 0; i < size; i++)
		w->body[i] = (char)('a' + (i + w->id) % 26);
	w->body[size] = '\0';
	snprintf(path, sizeof(path), "/upload?name=w%uf%u", w->id, name);
	if (expect_answer(w, "POST", path, w->body, 201, " bytes") < 0)
		return -1;
	w->file = name;
	return 0;
}

static int get_file(struct worker *w)
{
	char path[64];

	if (w->file == 0)
		return post_upload(w);
	snprintf(path, sizeof(path), "/files/w%uf%u", w->id, w->file);
	return expect_answer(w, "GET", path, "", 200, "\r\n\r\n");
}

static int list_files(struct worker *w)
{
	return expect_answer(w, "GET", "/files", "", 200, NULL);
}

static int get_static(struct worker *w)
{
	static const char *const paths[] = {"/static/style.css", "/static/logo.svg",
					    "/static/about.txt"};

	return expect_answer(w, "GET", paths[pick_number(w, 3)], "", 200, NULL);
}

static int get_static_missing(struct worker *w)
{
	return expect_answer(w, "GET", "/static/favicon.ico", "", 404, "no such file");
}

static int get_lookup(struct worker *w)
{
	static const char *const hosts[] = {"localhost", "db", "cache", "mail", "backup"};
	char path[64];
	const char *host = hosts[pick_number(w, 5)];

	snprintf(path, sizeof(path), "/lookup?host=%s", host);
	return expect_answer(w, "GET", path, "", 200, host);
}

static int lookup_missing(struct worker *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/lookup?host=no%u", pick_number(w, 1000));
	return expect_answer(w, "GET", path, "", 404, NULL);
}

static int get_calc(struct worker *w)
{
	unsigned a = pick_number(w, 1000), b = pick_number(w, 1000);
	char path[64], sum[32];

	snprintf(path, sizeof(path), "/calc?expr=%u%%2B%u", a, b);
	snprintf(sum, sizeof(sum), "\r\n\r\n%u", a + b);
	return expect_answer(w, "GET", path, "", 200, sum);
}

static int get_status(struct worker *w)
{
	return expect_answer(w, "GET", "/status", "", 200, "healthz: 200, ok");
}

static int get_healthz(struct worker *w)
{
	return expect_answer(w, "GET", "/healthz", "", 200, "ok");
}

static int get_missing(struct worker *w)
{
	return expect_answer(w, "GET", "/wp-login.php", "", 404, "no such page");
}

static const struct kind kinds[] = {
	{"index", get_index, 20},
	{"post_note", post_note, 12},
	{"get_note", get_note, 12},
	{"get_note_missing", get_note_missing, 2},
	{"search", get_search, 8},
	{"login", post_login, 6},
	{"upload", post_upload, 6},
	{"get_file", get_file, 6},
	{"list_files", list_files, 3},
	{"get_static", get_static, 16},
	{"get_static_missing", get_static_missing, 3},
	{"lookup", get_lookup, 6},
	{"lookup_missing", lookup_missing, 2},
	{"calc", get_calc, 4},
	{"status", get_status, 4},
	{"healthz", get_healthz, 6},
	{"missing", get_missing, 2},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(KINDS <= sizeof(weights) / sizeof(weights[0]), "one weight a kind");

/* The first requests of a worker go through all kinds in turn, the rest by this seed's weights. */
static const struct kind *choose_kind(struct worker *w)
{
	unsigned sum = 0, x;

	if (w->round < KINDS)
		return &kinds[(w->round++ + w->id * 5) % KINDS];
	for (size_t i = 0; i < KINDS; i++)
		sum += weights[i];
	x = pick_number(w, sum);
	for (size_t i = 0; i < KINDS; i++) {
		if (x < weights[i])
			return &kinds[i];
		x -= weights[i];
	}
	return &kinds[0];
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;

	while (atomic_fetch_sub(&left, 1) > 0 && now_ns() < deadline_ns) {
		const struct kind *kind = choose_kind(w);

		if (kind->request(w) < 0)
			atomic_fetch_add(&failed, 1);
		atomic_fetch_add(&done, 1);
		if (pick_number(w, 4) == 0)
			usleep(pick_number(w, 8000));
	}
	return NULL;
}

/* Until the service answers, at most that long. */
static int wait_for_service(struct worker *w, unsigned seconds)
{
	uint64_t end_ns = now_ns() + seconds * NSEC_PER_SEC;

	while (now_ns() < end_ns) {
		if (send_http(w, "GET", "/healthz", "") == 200)
			return 0;
		usleep(20000);
	}
	fprintf(stderr, "load: no answer on port %u within %u s\n", port, seconds);
	return -1;
}

static int run_workers(uint64_t seed, unsigned threads)
{
	_cleanup_free_ struct worker *workers = calloc(threads, sizeof(*workers));
	unsigned started = 0;

	if (!workers)
		return -1;
	for (size_t i = 0; i < KINDS; i++)
		weights[i] = kinds[i].weight * (1 + (unsigned)(next_random(&seed) % 8));
	for (; started < threads; started++) {
		struct worker *w = &workers[started];

		w->id = started;
		w->rng = seed + started;
		if (pthread_create(&w->thread, NULL, run_worker, w) != 0)
			break;
	}
	for (unsigned i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return started == threads ? 0 : -1;
}

/* A number of an option, or exit with 2. */
static unsigned long parse_number(const char *s, unsigned long max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (*s >= '0' && *s <= '9' && *end == '\0' && n <= max)
		return n;
	fprintf(stderr, "load: '%s' is not a number up to %lu\n", s, max);
	exit(2);
}

int main(int argc, char **argv)
{
	unsigned long seed = 1, requests = 1000, threads = 4, seconds = 600, patience = 0;
	_cleanup_free_ struct worker *first = calloc(1, sizeof(*first));
	int opt;

	while ((opt = getopt(argc, argv, "p:s:n:c:t:w:")) != -1) {
		switch (opt) {
		case 'p':
			port = (uint16_t)parse_number(optarg, 65535);
			break;
		case 's':
			seed = parse_number(optarg, 1ul << 40);
			break;
		case 'n':
			requests = parse_number(optarg, 1ul << 30);
			break;
		case 'c':
			threads = parse_number(optarg, THREADS_MAX);
			break;
		case 't':
			seconds = parse_number(optarg, 86400);
			break;
		case 'w':
			patience = parse_number(optarg, 3600);
			break;
		default:
			return 2;
		}
	}
	if (!first || (patience > 0 && wait_for_service(first, (unsigned)patience) < 0))
		return 1;
	deadline_ns = now_ns() + seconds * NSEC_PER_SEC;
	atomic_store(&left, (long)requests);
	if (run_workers(seed * 1000003, (unsigned)threads) < 0)
		return 1;
	printf("%ld requests, %ld wrong answers\n", atomic_load(&done), atomic_load(&failed));
	return atomic_load(&failed) > 0;
}
