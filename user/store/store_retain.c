/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deletes what is over the limits of the event store. Events that are too old go first. While the store
 * is too large, events go of the container that has the most, of the image that has the most: a flood in
 * one container displaces its own events, not those of others.
 */
#include <errno.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/text.h"
#include "user/store/store_impl.h"

#define DELETE_CHUNK 4000
#define FINDINGS_MAX "50000"
#define FINDINGS_IMAGE_MAX "10000" /* of one image: a flood in its containers displaces no others */
#define INCIDENTS_MAX "50000"
/* A store that is full is emptied down to this part of its size: the rows of containers are counted less often. */
#define KEEP_OF_16 15

/* ---- findings and incidents ---- */

/*
 * Deletes the oldest of what is over a number of rows, and links without an incident or a finding.
 * Findings that a person accepted, or by which something was stopped, go last.
 */
#define BOUND                                                                                      \
	"DELETE FROM findings WHERE (SELECT count(*) FROM findings) > " FINDINGS_IMAGE_MAX         \
	" AND id IN (SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY image"             \
	" ORDER BY state = 'accepted' OR verdict IN ('deny', 'kill') DESC, last_ns DESC) AS n"     \
	" FROM findings) WHERE n > " FINDINGS_IMAGE_MAX ");"                                       \
	"DELETE FROM findings WHERE id IN (SELECT id FROM findings ORDER BY last_ns DESC"          \
	" LIMIT -1 OFFSET " FINDINGS_MAX ");"                                                      \
	"DELETE FROM incidents WHERE id <= (SELECT id FROM incidents ORDER BY id DESC"             \
	" LIMIT 1 OFFSET " INCIDENTS_MAX ");"                                                      \
	"DELETE FROM incident_findings WHERE incident NOT IN (SELECT id FROM incidents)"           \
	" OR finding NOT IN (SELECT id FROM findings);"

/* Deletes findings and incidents that are older than a time, and those over the limits of number. */
static int delete_incidents(struct store *s, uint64_t before_ns, struct err *err)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM findings WHERE last_ns < %lld;"
		 "DELETE FROM incidents WHERE end_ns < %lld;",
		 (long long)before_ns, (long long)before_ns);
	return store_exec(s, sql, err) < 0 ? -EIO : store_exec(s, BOUND, err);
}

/* ---- by age ---- */

/* Deletes the rows that a statement chooses, and adds their number to *deleted. Returns it or -errno. */
static int delete_rows(struct store *s, sqlite3_stmt *q, uint64_t *deleted, struct err *err)
{
	int n;

	if (sqlite3_step(q) != SQLITE_DONE)
		return store_fail(s, err);
	n = sqlite3_changes(s->db);
	*deleted += (uint64_t)n;
	return n;
}

/* Deletes a chunk of the rows before a time. Returns how many, or -errno. */
static int delete_aged(struct store *s, uint64_t before_ns, uint64_t *deleted, struct err *err)
{
	static const char sql[] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
				  " WHERE time_ns < ?1 ORDER BY time_ns LIMIT ?2)";
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return store_fail(s, err);
	sqlite3_bind_int64(q, 1, before_ns > INT64_MAX ? INT64_MAX : (int64_t)before_ns);
	sqlite3_bind_int(q, 2, DELETE_CHUNK);
	return delete_rows(s, q, deleted, err);
}

/* ---- by size ---- */

/* A container with events. */
struct holder {
	char *container; /* NULL: the events have none */
	unsigned image;	 /* its number in holders.image_rows */
	uint64_t rows, deleted;
};

/* The containers with events, those of an image one behind the other. */
struct holders {
	struct holder *list;
	size_t n, size;
	uint64_t *image_rows;
	size_t n_images, images_size;
};

static void holders_done(struct holders *h)
{
	for (size_t i = 0; i < h->n; i++)
		free(h->list[i].container);
	free(h->list);
	free(h->image_rows);
}

static int add_holder(struct holders *h, const char *container, bool same_image, uint64_t rows)
{
	char *copy = container ? strdup(container) : NULL;

	if ((container && !copy) || ARRAY_RESERVE(h->list, h->size, h->n + 1) < 0 ||
	    ARRAY_RESERVE(h->image_rows, h->images_size, h->n_images + 1) < 0) {
		free(copy);
		return -ENOMEM;
	}
	if (!same_image || !h->n_images)
		h->image_rows[h->n_images++] = 0;
	h->image_rows[h->n_images - 1] += rows;
	h->list[h->n++] = (struct holder){
		.container = copy, .image = (unsigned)h->n_images - 1, .rows = rows};
	return 0;
}

/* Counts the rows of each container by an index; the image is that of one of its events. */
static int count_holders(struct store *s, struct holders *h, struct err *err)
{
	static const char sql[] =
		"SELECT container, n, (SELECT image FROM events WHERE container IS c.container"
		" LIMIT 1) AS image FROM (SELECT container, count(*) AS n FROM events"
		" GROUP BY container) AS c ORDER BY image";
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;
	_cleanup_free_ char *last = NULL;
	int step = SQLITE_DONE, r = 0;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return store_fail(s, err);
	while (r == 0 && (step = sqlite3_step(q)) == SQLITE_ROW) {
		const char *image = (const char *)sqlite3_column_text(q, 2);
		bool same = last && strcmp(last, image ? image : "") == 0;

		r = add_holder(h, (const char *)sqlite3_column_text(q, 0), same,
			       (uint64_t)sqlite3_column_int64(q, 1));
		if (r == 0 && !same) {
			free(last);
			last = strdup(image ? image : "");
			r = last ? 0 : -ENOMEM;
		}
	}
	if (r < 0)
		return err_oom(err);
	return step == SQLITE_DONE ? 0 : store_fail(s, err);
}

/* Returns the container with the most rows, of the image with the most rows. NULL: no row is left. */
static struct holder *choose_holder(const struct holders *h)
{
	struct holder *most = NULL;
	size_t image = 0;

	for (size_t i = 1; i < h->n_images; i++)
		if (h->image_rows[i] > h->image_rows[image])
			image = i;
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].image == image && h->list[i].rows &&
		    (!most || h->list[i].rows > most->rows))
			most = &h->list[i];
	return most;
}

/* Deletes the oldest quarter of a container's rows, a chunk at most. Returns how many, or -errno. */
static int delete_of_holder(struct store *s, struct holders *h, struct holder *of,
			    uint64_t *deleted, struct err *err)
{
	static const char sql[] = "DELETE FROM events WHERE id IN (SELECT id FROM events"
				  " WHERE container IS ?1 ORDER BY time_ns LIMIT ?2)";
	uint64_t limit = (of->rows + 3) / 4;
	_cleanup_(sqlite3_finalizep) sqlite3_stmt *q = NULL;
	int n;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return store_fail(s, err);
	sqlite3_bind_text(q, 1, of->container, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (int64_t)(limit < DELETE_CHUNK ? limit : DELETE_CHUNK));
	n = delete_rows(s, q, deleted, err);
	if (n < 0)
		return n;
	/* A container of which no row was found is not looked at again. */
	h->image_rows[of->image] -= n ? (uint64_t)n : of->rows;
	of->rows -= n ? (uint64_t)n : of->rows;
	of->deleted += (uint64_t)n;
	return n;
}

/* Notes which container lost the most rows. */
static void note_most(const struct holders *h, struct store_retained *ret)
{
	for (size_t i = 0; i < h->n; i++) {
		if (h->list[i].deleted <= ret->of_container)
			continue;
		ret->of_container = h->list[i].deleted;
		TEXT_COPY(ret->container, h->list[i].container ? h->list[i].container : "");
	}
}

/* Makes room once the store is larger than max_bytes. */
static int displace_rows(struct store *s, uint64_t max_bytes, struct store_retained *ret,
			 struct err *err)
{
	_cleanup_(holders_done) struct holders h = {};
	uint64_t bytes = 0, keep = max_bytes / 16 * KEEP_OF_16;
	struct holder *of;
	int r = store_bytes(s, &bytes, err);

	if (r < 0 || bytes <= max_bytes)
		return r;
	r = count_holders(s, &h, err);
	while (r == 0 && h.image_rows && bytes > keep && (of = choose_holder(&h))) {
		r = delete_of_holder(s, &h, of, &ret->displaced, err);
		r = r < 0 ? r : store_bytes(s, &bytes, err);
	}
	note_most(&h, ret);
	return r;
}

/* ---- all limits ---- */

int store_retain(struct store *s, const struct store_limits *limits, uint64_t now_ns,
		 struct store_retained *ret, struct err *err)
{
	bool has_age = limits->max_age_ns && now_ns > limits->max_age_ns;
	uint64_t before_ns = has_age ? now_ns - limits->max_age_ns : 0;
	int r = has_age;

	*ret = (struct store_retained){};
	while (r > 0)
		r = delete_aged(s, before_ns, &ret->expired, err);
	if (r == 0)
		r = delete_incidents(s, before_ns, err);
	if (r == 0 && limits->max_bytes)
		r = displace_rows(s, limits->max_bytes, ret, err);
	return r;
}
