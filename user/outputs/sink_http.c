/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output by HTTP POST: one alert a request to a webhook or falcosidekick, up to SEND_MAX alerts a
 * request to Elasticsearch's bulk API. An alert is first added to a bounded queue on disk, and
 * removed when the receiver has taken it. A receiver that is down gets the alert later, also after
 * a restart of lutrad, and may get it twice.
 *
 * Fails: an alert is lost and counted if the receiver refuses it for good (400, 413, 422; with a page
 * of HTML only if the receiver takes a later alert), if the queue is full or damaged, or if it can neither be queued nor sent at once. The last alert that was
 * refused is kept in a file.
 */
#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/file.h"
#include "lib/base/text.h"
#include "user/outputs/alert_shapes.h"
#include "user/config/body_template.h"
#include "user/outputs/elastic.h"
#include "user/outputs/sink.h"
#include "user/outputs/spool.h"
#include "user/sys/clock.h"

#define SEND_MAX 200
#define ANSWER_MAX (1u << 20)
#define CONNECT_S 3L
#define RETRY_MS 500
#define RETRY_MAX_MS 60000
#define PAGE_TRIES                                                                                 \
	3 /* so often a page is taken for one of a proxy, before later alerts are tried */
#define MSEC 1000000ull

struct http_sink {
	struct sink *sink;
	const struct output_config *config;
	struct spool *spool; /* NULL: not open yet, because the disk is full or not writable */
	char *spool_path, *refused_path;
	CURL *curl;
	struct curl_slist *headers;
	bool bulk;
	unsigned retry_ms;  /* pause after the next failure */
	uint64_t resume_ns; /* CLOCK_MONOTONIC, end of the present pause */
	int64_t paged_id;   /* of the oldest alert that was answered with PAGE */
	unsigned paged;	    /* how often it was, in succession; 0: there is none */
	char *answer;
	size_t answer_len, answer_size;
	char why[CURL_ERROR_SIZE + 64];
};

/* ---- a request ---- */

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
	struct http_sink *h = ctx;
	size_t len = size * n;

	if (h->answer_len + len > ANSWER_MAX ||
	    ARRAY_RESERVE(h->answer, h->answer_size, h->answer_len + len) < 0)
		return 0;
	memcpy(h->answer + h->answer_len, data, len);
	h->answer_len += len;
	return len;
}

/*
 * Returns true if the answer is a page of HTML, as a proxy gives it that asks for a password or takes no
 * plain HTTP. The type alone does not tell: Slack answers "ok" as text/html.
 */
static bool is_page(const struct http_sink *h)
{
	static const char *const begins[] = {"<!doctype html", "<html", "<head"};
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
	size_t i = h->answer_len >= 3 && memcmp(h->answer, mark, 3) == 0 ? 3 : 0;
	const char *type = NULL;

	while (i < h->answer_len && strchr(" \t\r\n", h->answer[i]))
		i++;
	for (size_t k = 0; k < sizeof(begins) / sizeof(begins[0]); k++)
		if (h->answer_len - i >= strlen(begins[k]) &&
		    strncasecmp(h->answer + i, begins[k], strlen(begins[k])) == 0)
			return true;
	curl_easy_getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type);
	return i < h->answer_len && h->answer[i] == '<' && type &&
	       (strncasecmp(type, "text/html", 9) == 0 ||
		strncasecmp(type, "application/xhtml", 17) == 0);
}

static enum outcome post_body(struct http_sink *h, const char *body, size_t len)
{
	char reason[CURL_ERROR_SIZE] = "";
	CURLcode code;
	long status = 0;

	h->answer_len = 0;
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, reason);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body);
	code = curl_easy_perform(h->curl);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK) {
		snprintf(h->why, sizeof(h->why), "%s",
			 reason[0] ? reason : curl_easy_strerror(code));
		return AGAIN;
	}
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	/* A page is about the way to the receiver, but for a body that a proxy finds too large. */
	if (((status >= 200 && status < 300) || status == 400 || status == 422) && is_page(h)) {
		snprintf(h->why, sizeof(h->why),
			 "the receiver answers %ld with a page: does url lead to a proxy, or does "
			 "it want https?",
			 status);
		return status == 400 || status == 422 ? PAGE : AGAIN;
	}
	if (status >= 200 && status < 300)
		return ARRIVED;
	snprintf(h->why, sizeof(h->why), "the receiver answers %ld", status);
	return status == 400 || status == 413 || status == 422 ? REFUSED : AGAIN;
}

/* Posts one alert in the shape that the receiver wants. */
static enum outcome post_alert(struct http_sink *h, const struct spooled *one)
{
	_cleanup_free_ char *shaped = NULL;
	enum outcome outcome;

	if (h->config->type == OUTPUT_FALCOSIDEKICK)
		shaped = alert_shape_falco(one->json);
	else if (h->config->body)
		shaped = body_template_fill(h->config->body, one->json);
	else
		return post_body(h, one->json, one->len);
	if (!shaped)
		snprintf(h->why, sizeof(h->why), "no memory for the request");
	outcome = shaped ? post_body(h, shaped, strlen(shaped)) : AGAIN;
	return outcome;
}

/* ---- sending ---- */

/* Sends all in one request. A request that is refused, for its size or for one alert, is halved. */
static void send_bulk(struct http_sink *h, struct spooled *list, size_t n)
{
	size_t len = 0;
	_cleanup_free_ char *body = elastic_request(h->config->index, list, n, &len);
	enum outcome all = body ? post_body(h, body, len) : AGAIN;

	if (all == REFUSED && n > 1) {
		send_bulk(h, list, n / 2);
		send_bulk(h, list + n / 2, n - n / 2);
		return;
	}
	for (size_t i = 0; i < n; i++)
		list[i].outcome = all;
	if (all == ARRIVED) {
		struct err why = {};

		elastic_read_answer(h->answer, h->answer_len, list, n, &why);
		if (*why.msg)
			snprintf(h->why, sizeof(h->why), "%.300s", why.msg);
	}
}

static void send_one(struct http_sink *h, struct spooled *one)
{
	if (h->bulk)
		send_bulk(h, one, 1);
	else
		one->outcome = post_alert(h, one);
}

/*
 * Sends alerts again that were answered with PAGE before a later one arrived. A page that comes now, too,
 * is about the alert. Returns false if an alert has to be sent again for another reason.
 */
static bool confirm_pages(struct http_sink *h, struct spooled *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i].outcome != PAGE)
			continue;
		send_one(h, &list[i]);
		if (list[i].outcome == AGAIN)
			return false;
		if (list[i].outcome != PAGE)
			continue;
		list[i].outcome = REFUSED;
		snprintf(h->why, sizeof(h->why),
			 "the receiver answers an alert with a page of HTML, and takes others");
	}
	return true;
}

/* Sends each alert alone, also after one that is answered with PAGE. */
static void send_past_pages(struct http_sink *h, struct spooled *list, size_t n)
{
	size_t confirmed = 0;

	for (size_t i = 0; i < n; i++) {
		send_one(h, &list[i]);
		if (list[i].outcome == AGAIN)
			return;
		if (list[i].outcome != ARRIVED)
			continue;
		if (!confirm_pages(h, list + confirmed, i - confirmed))
			return;
		confirmed = i;
	}
}

/* Counts how often the oldest alert was answered with PAGE. Such alerts have to be sent again. */
static void count_pages(struct http_sink *h, struct spooled *list, size_t n)
{
	const struct spooled *oldest = NULL;
	bool arrived = false;

	for (size_t i = 0; i < n; i++) {
		arrived = arrived || list[i].outcome == ARRIVED;
		if (list[i].outcome != PAGE)
			continue;
		list[i].outcome = AGAIN;
		oldest = oldest ? oldest : &list[i];
	}
	if (oldest) {
		h->paged = h->paged && oldest->id == h->paged_id ? h->paged + 1 : 1;
		h->paged_id = oldest->id;
	} else if (arrived) {
		h->paged = 0;
	}
}

/* Sends the alerts and sets their outcomes; stops at the first that has to be sent again. */
static void send_list(struct http_sink *h, struct spooled *list, size_t n)
{
	if (h->paged >= PAGE_TRIES) {
		send_past_pages(h, list, n);
	} else if (h->bulk) {
		send_bulk(h, list, n);
	} else {
		for (size_t i = 0; i < n; i++) {
			list[i].outcome = post_alert(h, &list[i]);
			if (list[i].outcome == AGAIN || list[i].outcome == PAGE)
				break;
		}
	}
	count_pages(h, list, n);
}

/* Pauses before the next request, twice as long each time. */
static void start_pause(struct http_sink *h)
{
	char msg[sizeof(h->why) + 128];

	h->resume_ns = clock_now_ns() + h->retry_ms * MSEC;
	h->retry_ms = h->retry_ms * 2 < RETRY_MAX_MS ? h->retry_ms * 2 : RETRY_MAX_MS;
	snprintf(msg, sizeof(msg), "%s; alerts wait on disk and will be sent again", h->why);
	sink_set_failing(h->sink, msg);
}

/* Keeps the last alert that was refused for good, with the reason, for a person to look at. */
static void keep_refused(const struct http_sink *h, const struct spooled *one)
{
	json_auto_t *alert = json_loads(one->json, 0, NULL);
	json_auto_t *j = json_pack("{s:o, s:O?}", "reason", text_json_keep(h->why), "alert", alert);
	_cleanup_free_ char *text = json_dumps(j, JSON_INDENT(1));

	if (text)
		file_replace(h->refused_path, 0600, text, strlen(text));
}

/* Counts the outcomes. Returns true if some alerts have to be sent again. */
static bool count_outcomes(struct http_sink *h, const struct spooled *list, size_t n)
{
	const struct spooled *last = NULL;
	uint64_t sent = 0, refused = 0;

	for (size_t i = 0; i < n; i++) {
		sent += list[i].outcome == ARRIVED;
		refused += list[i].outcome == REFUSED;
		if (list[i].outcome == REFUSED)
			last = &list[i];
	}
	if (last)
		keep_refused(h, last);
	sink_count(h->sink, sent, refused);
	if (sent || refused)
		sink_set_failing(h->sink, refused ? h->why : NULL);
	return sent + refused < n;
}

/* Sends the oldest alerts on disk. */
static void send_spooled(struct http_sink *h)
{
	struct spooled list[SEND_MAX];
	bool again = false;
	size_t n = 0;
	struct err err;
	int r = spool_oldest(h->spool, list, SEND_MAX, &n, &err);

	if (r == 0 && n > 0) {
		send_list(h, list, n);
		again = count_outcomes(h, list, n);
		r = spool_remove(h->spool, list, n, &err);
	}
	if (r < 0)
		snprintf(h->why, sizeof(h->why), "%.200s", err.msg);
	for (size_t i = 0; i < n; i++)
		free(list[i].json);
	if (again || r < 0)
		start_pause(h);
	else
		h->retry_ms = RETRY_MS;
}

/* Sends alerts that could not be queued on disk; what does not arrive now is lost. */
static void send_unqueued(struct http_sink *h, const struct sink_item *items)
{
	for (const struct sink_item *i = items; i; i = sink_item_next(i)) {
		struct spooled one = {.json = i->alert->text, .len = i->alert->len};

		if (clock_now_ns() >= h->resume_ns)
			send_list(h, &one, 1);
		if (count_outcomes(h, &one, 1)) {
			sink_count(h->sink, 0, 1);
			start_pause(h);
		}
	}
}

/* Sets a damaged queue aside, so that the next call begins a new one. What waited in it is lost. */
static void drop_spool(struct http_sink *h, bool damaged)
{
	static const char *const also[] = {"-wal", "-shm", NULL};
	_cleanup_free_ char *aside = NULL;
	uint64_t waited = h->spool ? spool_count(h->spool) : 0;
	char msg[700];

	spool_free(TAKE_PTR(h->spool));
	sink_count(h->sink, 0, waited);
	if (damaged && file_set_aside(h->spool_path, also, &aside) < 0)
		return;
	snprintf(msg, sizeof(msg), "the queue %.300s %s%.300s; a new one begins, %llu alerts lost",
		 h->spool_path, damaged ? "is damaged: it is now " : "was removed",
		 aside ? aside : "", (unsigned long long)waited);
	sink_report(h->sink, msg);
}

/*
 * Opens the queue if it is not open, or was removed or damaged. lutrad also starts with a full
 * disk.
 */
static bool open_spool(struct http_sink *h, struct err *err)
{
	uint64_t max_bytes = (uint64_t)h->config->queue_mib << 20;
	int r;

	if (h->spool && spool_is_damaged(h->spool))
		drop_spool(h, true);
	else if (h->spool && spool_is_gone(h->spool))
		drop_spool(h, false);
	if (h->spool)
		return true;
	r = spool_new(&h->spool, h->spool_path, max_bytes, err);
	if (r == -EBADMSG) {
		drop_spool(h, true);
		r = spool_new(&h->spool, h->spool_path, max_bytes, err);
	}
	return r == 0;
}

static unsigned send_items(void *impl, const struct sink_item *items)
{
	struct http_sink *h = impl;
	uint64_t full = 0, waiting, now;
	struct err err;

	if (!open_spool(h, &err) || (items && spool_put(h->spool, items, &full, &err) < 0)) {
		sink_set_failing(h->sink, err.msg);
		send_unqueued(h, items);
	}
	if (!h->spool)
		return 0;
	if (full) {
		sink_count(h->sink, 0, full);
		sink_set_failing(h->sink, "the queue on disk is full: new alerts are lost");
	}
	if (clock_now_ns() >= h->resume_ns)
		send_spooled(h);
	waiting = spool_count(h->spool);
	sink_set_waiting(h->sink, waiting);
	now = clock_now_ns();
	if (waiting == 0)
		return 0;
	return now < h->resume_ns ? (unsigned)((h->resume_ns - now) / MSEC) + 1 : 1;
}

/* ---- life ---- */

static void free_http_sink(void *impl)
{
	struct http_sink *h = impl;

	if (!h)
		return;
	if (h->curl)
		curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	spool_free(h->spool);
	free(h->spool_path);
	free(h->refused_path);
	free(h->answer);
	free(h);
}

DEFINE_FREEP(struct http_sink, free_http_sink);

/* Aborts a request when the daemon ends; the next daemon sends it again. */
static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct http_sink *h = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return sink_is_stopping(h->sink);
}

static int set_headers(struct http_sink *h, const struct output_config *c)
{
	const char *type =
		h->bulk ? "Content-Type: application/x-ndjson" : "Content-Type: application/json";
	struct curl_slist *list = curl_slist_append(NULL, type), *longer;

	/* Without "Expect: 100-continue": curl waits a second for servers that do not answer it. */
	longer = list ? curl_slist_append(list, "Expect:") : NULL;
	for (size_t i = 0; longer && i < c->n_headers; i++)
		longer = curl_slist_append(list, c->header[i]);
	h->headers = list;
	return longer ? 0 : -ENOMEM;
}

static void set_options(struct http_sink *h, const struct output_config *c)
{
	curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "lutra");
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT, (long)c->timeout_s);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_answer);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
	if (c->ca_file)
		curl_easy_setopt(h->curl, CURLOPT_CAINFO, c->ca_file);
}

/* The bulk API of Elasticsearch lies below the configured address. */
static int set_url(struct http_sink *h, const struct output_config *c)
{
	_cleanup_free_ char *url = NULL;
	size_t len = strlen(c->url);

	while (h->bulk && len > 0 && c->url[len - 1] == '/')
		len--;
	if (asprintf(&url, "%.*s%s", (int)len, c->url, h->bulk ? "/_bulk" : "") < 0)
		return -ENOMEM;
	return curl_easy_setopt(h->curl, CURLOPT_URL, url) == CURLE_OK ? 0 : -ENOMEM;
}

int sink_http_open(struct sink_kind *ret, struct sink *s, const struct output_config *c,
		   const char *state_dir, struct err *err)
{
	_cleanup_(free_http_sinkp) struct http_sink *h = calloc(1, sizeof(*h));

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_oom(err);
	h->sink = s;
	h->config = c;
	h->bulk = c->type == OUTPUT_ELASTICSEARCH;
	h->retry_ms = RETRY_MS;
	h->curl = curl_easy_init();
	if (!h->curl || set_url(h, c) < 0 || set_headers(h, c) < 0 ||
	    asprintf(&h->spool_path, "%s/output-%s.db", state_dir, c->name) < 0 ||
	    asprintf(&h->refused_path, "%s/output-%s.refused.json", state_dir, c->name) < 0)
		return err_oom(err);
	set_options(h, c);
	*ret = (struct sink_kind){
		.impl = TAKE_PTR(h), .handle = send_items, .free = free_http_sink};
	return 0;
}
