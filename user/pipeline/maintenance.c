/* SPDX-License-Identifier: Apache-2.0 */
/* The list of images under maintenance, and its file. */
#include "user/pipeline/maintenance.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "user/identity/identity.h"
#include "user/sys/clock.h"

#define FILE_BYTES_MAX (256u << 10)

struct maintained {
	char image[MAINTENANCE_REASON], by[64];
	uint64_t begin_ns;
	struct incident_maintenance m;
};

struct maintenance {
	pthread_mutex_t lock; /* of all below */
	char *path;
	unsigned n;
	struct maintained list[MAINTENANCE_MAX];
};

/* ---- the list; with the lock ---- */

static void drop_maintained(struct maintenance *m, unsigned i)
{
	m->list[i] = m->list[--m->n];
}

static void drop_ended(struct maintenance *m, uint64_t now_ns)
{
	for (unsigned i = m->n; i-- > 0;)
		if (now_ns > m->list[i].m.until_ns)
			drop_maintained(m, i);
}

static struct maintained *find_image(struct maintenance *m, const char *image)
{
	for (unsigned i = 0; i < m->n; i++)
		if (strcmp(m->list[i].image, image) == 0)
			return &m->list[i];
	return NULL;
}

/* ---- the file ---- */

static json_t *list_to_json(const struct maintenance *m)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < m->n; i++) {
		const struct maintained *x = &m->list[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "image",
						      x->image, "reason", x->m.reason, "by", x->by,
						      "begin_ns", (json_int_t)x->begin_ns,
						      "until_ns", (json_int_t)x->m.until_ns));
	}
	return list;
}

static int save_list(const struct maintenance *m, struct err *err)
{
	json_auto_t *list = list_to_json(m);
	_cleanup_free_ char *text = json_dumps(list, JSON_INDENT(1));
	int r;

	if (!m->path)
		return 0;
	if (!text)
		return err_oom(err);
	r = file_replace(m->path, 0600, text, strlen(text));
	return r < 0 ? err_set(err, r, "%s: %s", m->path, strerror(-r)) : 0;
}

static int read_maintained(json_t *j, struct maintained *ret)
{
	const char *image, *reason, *by;
	json_int_t begin, until;

	if (json_unpack(j, "{s:s, s:s, s:s, s:I, s:I}", "image", &image, "reason", &reason, "by",
			&by, "begin_ns", &begin, "until_ns", &until) < 0)
		return -EBADMSG;
	*ret = (struct maintained){.begin_ns = (uint64_t)begin, .m.until_ns = (uint64_t)until};
	TEXT_COPY(ret->image, image);
	TEXT_COPY(ret->by, by);
	TEXT_COPY(ret->m.reason, reason);
	return 0;
}

/* Reads the list. One that is damaged is renamed: the next maintenance is written to a new file. */
static int read_maintenance_list(struct maintenance *m, struct err *err)
{
	_cleanup_free_ char *text = NULL, *aside = NULL;
	json_auto_t *list = NULL;
	size_t len, i;
	json_t *j;
	int r = file_read(AT_FDCWD, m->path, FILE_BYTES_MAX, &text, &len, err);

	if (r == -ENOENT)
		return 0;
	list = r == 0 ? json_loadb(text, len, 0, NULL) : NULL;
	r = json_is_array(list) ? 0 : -EBADMSG;
	json_array_foreach (list, i, j)
		if (r == 0 && m->n < MAINTENANCE_MAX)
			r = read_maintained(j, &m->list[m->n++]);
	if (r == 0)
		return 0;
	m->n = 0;
	if (file_set_aside(m->path, NULL, &aside) < 0)
		aside = strdup(m->path);
	return err_set(err, -EBADMSG,
		       "%s: it is no list of maintenances, so none is under way: begin them again; "
		       "it is now %s",
		       m->path, aside ? aside : "kept");
}

/* ---- any thread ---- */

int maintenance_new(struct maintenance **ret, const char *path, struct err *err)
{
	struct maintenance *m = calloc(1, sizeof(*m));

	if (!m)
		return err_oom(err);
	pthread_mutex_init(&m->lock, NULL);
	m->path = path ? strdup(path) : NULL;
	if (path && !m->path) {
		maintenance_free(m);
		return err_oom(err);
	}
	*ret = m;
	return path ? read_maintenance_list(m, err) : 0;
}

void maintenance_free(struct maintenance *m)
{
	if (!m)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->path);
	free(m);
}

/* With the lock. On failure the list is as it was. */
static int begin_locked(struct maintenance *m, const struct maintenance_request *q, struct err *err)
{
	struct maintained *x = find_image(m, q->image), old = {};
	bool is_new = !x;
	int r;

	if (is_new && m->n == MAINTENANCE_MAX)
		return err_set(err, -E2BIG, "%d maintenances are under way: end one first",
			       MAINTENANCE_MAX);
	if (is_new)
		x = &m->list[m->n++];
	else
		old = *x;
	*x = (struct maintained){.begin_ns = q->now_ns, .m.until_ns = q->until_ns};
	TEXT_COPY(x->image, q->image);
	TEXT_COPY(x->by, q->by);
	TEXT_COPY(x->m.reason, q->reason);
	r = save_list(m, err);
	if (r < 0 && is_new)
		m->n--;
	else if (r < 0)
		*x = old;
	return r;
}

int maintenance_begin(struct maintenance *m, const struct maintenance_request *q, struct err *err)
{
	int r;

	if (!*q->image || strlen(q->image) >= MAINTENANCE_REASON || text_has_control(q->image))
		return err_set(err, -EINVAL, "image: must be the reference of an image");
	if (!*q->reason || strlen(q->reason) >= MAINTENANCE_REASON || text_has_control(q->reason))
		return err_set(err, -EINVAL, "reason: must be a line of 1 to %d bytes",
			       MAINTENANCE_REASON - 1);
	pthread_mutex_lock(&m->lock);
	drop_ended(m, q->now_ns);
	r = begin_locked(m, q, err);
	pthread_mutex_unlock(&m->lock);
	return r;
}

/* With the lock. On failure the list is as it was: else the next lutrad would go on with what has ended. */
static int end_locked(struct maintenance *m, const char *image, struct err *err)
{
	struct maintained *x = find_image(m, image), old;
	struct err why;
	int r;

	if (!x)
		return err_set(err, -ENOENT,
			       "%s: no maintenance is under way; see lutra maintenance", image);
	old = *x;
	drop_maintained(m, (unsigned)(x - m->list));
	r = save_list(m, &why);
	if (r == 0)
		return 0;
	m->list[m->n++] = old;
	return err_set(err, -EIO, "%s: the maintenance goes on, for its end cannot be saved: %s",
		       image, why.msg);
}

int maintenance_end(struct maintenance *m, const char *image, uint64_t now_ns, struct err *err)
{
	int r;

	pthread_mutex_lock(&m->lock);
	drop_ended(m, now_ns);
	r = end_locked(m, image, err);
	pthread_mutex_unlock(&m->lock);
	return r;
}

bool maintenance_find(struct maintenance *m, const char *image, uint64_t now_ns,
		      struct incident_maintenance *ret)
{
	char name[MAINTENANCE_REASON];
	const struct identity container = {.image = name};
	bool found = false, other;

	TEXT_COPY(name, image);
	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->n && !found && *name; i++) {
		const struct maintained *x = &m->list[i];

		found = now_ns >= x->begin_ns && now_ns <= x->m.until_ns &&
			image_match(&container, x->image, NULL, &other) != IMAGE_NO_MATCH;
		if (found)
			*ret = x->m;
	}
	pthread_mutex_unlock(&m->lock);
	return found;
}

json_t *maintenance_to_json(struct maintenance *m, uint64_t now_ns)
{
	char begin[CLOCK_TEXT], until[CLOCK_TEXT];
	json_t *list = json_array();

	pthread_mutex_lock(&m->lock);
	drop_ended(m, now_ns);
	for (unsigned i = 0; i < m->n; i++) {
		const struct maintained *x = &m->list[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "image",
						      x->image, "reason", x->m.reason, "by", x->by,
						      "begin", clock_format(x->begin_ns, begin),
						      "until", clock_format(x->m.until_ns, until)));
	}
	pthread_mutex_unlock(&m->lock);
	return list;
}
