/* SPDX-License-Identifier: Apache-2.0 */
/* Stored incidents and findings: pages of them, one with its events, and what a person changes. */
#include <errno.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/api/routes/api_impl.h"
#include "user/store/store_incidents.h"

#define EVENTS_SHOWN 50
#define FINDINGS_SHOWN 200

/* Reads a number that stands for the whole text. -EINVAL. */
static int read_id(const char *text, uint64_t *ret)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > 18 || text[digits])
		return -EINVAL;
	*ret = strtoull(text, NULL, 10);
	return *ret ? 0 : -EINVAL;
}

/* Reads a state from the query. NULL: any. -EINVAL: it is none of the two. */
static int read_state(const struct api_call *c, const char *a, const char *b, const char **ret,
		      struct err *err)
{
	*ret = http_query(c->q, "state");
	if (*ret && strcmp(*ret, a) != 0 && strcmp(*ret, b) != 0)
		return err_set(err, -EINVAL, "state: must be %s or %s", a, b);
	return 0;
}

/* ---- incidents ---- */

static int add_incident(void *ctx, const struct incident_row *row)
{
	struct api_page *p = ctx;

	if (api_page_is_full(p))
		return 0;
	snprintf(p->next, sizeof(p->next), "%llu", (unsigned long long)row->id);
	return json_array_append_new(p->list, incident_row_to_json(row)) < 0 ? -ENOMEM : 0;
}

static int read_incident_query(const struct api_call *c, struct store_incident_query *q,
			       struct err *err)
{
	uint64_t any[2] = {0, INT64_MAX}, id[2] = {1, INT64_MAX};
	int r = api_number(c, "since", any, &q->since_ns, err);

	if (r == 0)
		r = api_number(c, "until", any, &q->until_ns, err);
	if (r == 0)
		r = api_number(c, "before", id, &q->before_id, err);
	if (r == 0)
		r = read_state(c, "open", "closed", &q->state, err);
	q->container = http_query(c->q, "container");
	q->container_id = http_query(c->q, "container_id");
	q->image = http_query(c->q, "image");
	return r < 0 ? r : api_check_times(q->since_ns, q->until_ns, err);
}

int api_incidents(struct api_call *c, json_t **ret, struct err *err)
{
	struct store_incident_query q = {};
	struct store *s = NULL;
	struct api_page p = {};
	uint64_t open = 0;
	int r = read_incident_query(c, &q, err);

	if (r == 0)
		r = api_page_begin(c, &p, &s, err);
	if (r < 0)
		return r;
	q.limit = (uint32_t)p.limit + 1;
	r = store_select_incidents(s, &q, add_incident, &p, err);
	if (r == 0 && json_array_size(p.list) == 0)
		r = api_check_filters(c, s, err);
	if (r == 0)
		r = store_count_open(s, &open, err);
	r = api_page_end(&p, r, "incidents", ret, err);
	if (r == 0)
		json_object_set_new(*ret, "open", json_integer((json_int_t)open));
	return r;
}

/* One incident of the store, without its findings and events. */
struct chosen {
	json_t *incident;
	uint64_t id;
};

static int take_incident(void *ctx, const struct incident_row *row)
{
	struct chosen *w = ctx;

	w->incident = incident_row_to_json(row);
	json_object_set_new(w->incident, "processes", incident_json_text(row->processes));
	return 0;
}

/* Finds the incident that the path names. -EINVAL, -ENOENT, or as api_store(). */
static int find_named_incident(struct api_call *c, struct store **ret_store, struct chosen *ret,
			       struct err *err)
{
	struct store_incident_query q = {.limit = 1};
	int r = 0;

	*ret = (struct chosen){};
	if (read_id(c->name, &q.id) < 0)
		return err_set(err, -EINVAL, "not the number of an incident");
	ret->id = q.id;
	r = api_store(c, ret_store, err);
	if (r == 0)
		r = store_select_incidents(*ret_store, &q, take_incident, ret, err);
	if (r == 0 && !ret->incident)
		r = err_set(err, -ENOENT, "no such incident: it is not written yet, or expired");
	return r;
}

static int add_finding(void *ctx, const struct finding *x)
{
	struct api_page *p = ctx;

	if (api_page_is_full(p))
		return 0;
	snprintf(p->next, sizeof(p->next), "%llu.%s", (unsigned long long)x->last_ns, x->id);
	return json_array_append_new(p->list, finding_to_json(x)) < 0 ? -ENOMEM : 0;
}

int api_one_incident(struct api_call *c, json_t **ret, struct err *err)
{
	struct store_finding_query q = {.limit = FINDINGS_SHOWN};
	struct api_page p = {.limit = FINDINGS_SHOWN};
	struct store *s = NULL;
	char host[256] = "";
	json_t *events;
	struct chosen w;
	int r = find_named_incident(c, &s, &w, err);

	if (r < 0)
		return r;
	q.incident = w.id;
	p.list = json_array();
	json_object_set_new(w.incident, "findings", p.list);
	r = store_select_findings(s, &q, add_finding, &p, err);
	events = r == 0 ? api_incident_events(s, w.id, EVENTS_SHOWN, err) : NULL;
	if (!events) {
		json_decref(w.incident);
		return r < 0 ? r : -EIO;
	}
	gethostname(host, sizeof(host) - 1);
	json_object_set_new(w.incident, "events_shown", events);
	json_object_set_new(w.incident, "host", text_json(host, strlen(host)));
	*ret = w.incident;
	return 0;
}

/* Has an incident changed, and returns it as it will be. note NULL: the note stays. */
static int change_named_incident(struct api_call *c, const char *state, const char *note,
				 json_t **ret, struct err *err)
{
	struct store *s = NULL;
	struct chosen w;
	int r;

	if (note && (strlen(note) >= INCIDENT_TEXT || text_has_control(note)))
		return err_set(err, -EINVAL, "note: must be a line of at most %d bytes",
			       INCIDENT_TEXT - 1);
	r = find_named_incident(c, &s, &w, err);
	if (r < 0)
		return r;
	r = pipeline_set_incident(c->api->parts.pipeline, w.id, state, note);
	if (r < 0) {
		json_decref(w.incident);
		return err_set(err, r, "too many changes wait for the store: try again");
	}
	json_object_del(w.incident, "processes");
	if (state)
		json_object_set_new(w.incident, "state", json_string(state));
	if (note)
		json_object_set_new(w.incident, "note", *note ? json_string(note) : json_null());
	*ret = w.incident;
	return 0;
}

int api_incident_close(struct api_call *c, json_t **ret, struct err *err)
{
	const char *note = NULL;

	if (api_body_unpack(c, JSON_STRICT, err, "{s?s}", "note", &note) < 0)
		return -EINVAL;
	return change_named_incident(c, "closed", note, ret, err);
}

int api_incident_open(struct api_call *c, json_t **ret, struct err *err)
{
	if (api_body_unpack(c, JSON_STRICT, err, "{}") < 0)
		return -EINVAL;
	return change_named_incident(c, "open", NULL, ret, err);
}

int api_incident_note(struct api_call *c, json_t **ret, struct err *err)
{
	const char *note;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s}", "note", &note) < 0)
		return -EINVAL;
	return change_named_incident(c, NULL, note, ret, err);
}

/* ---- findings ---- */

/* Reads "TIME.ID", the cursor of a page of findings. -EINVAL. */
static int read_cursor(const struct api_call *c, struct store_finding_query *q, char id[static 32])
{
	const char *text = http_query(c->q, "before");
	size_t digits;

	if (!text)
		return 0;
	digits = strspn(text, "0123456789");
	if (!digits || digits > 19 || text[digits] != '.' || strlen(text + digits + 1) >= 32)
		return -EINVAL;
	q->before_ns = strtoull(text, NULL, 10);
	if (q->before_ns > INT64_MAX)
		return -EINVAL;
	text_copy(id, 32, text + digits + 1);
	q->before_id = id;
	return q->before_ns ? 0 : -EINVAL;
}

int api_findings(struct api_call *c, json_t **ret, struct err *err)
{
	struct store_finding_query q = {.image = http_query(c->q, "image")};
	struct store *s = NULL;
	struct api_page p = {};
	char id[32];
	int r = api_number(c, "incident", (uint64_t[]){1, INT64_MAX}, &q.incident, err);

	if (r == 0)
		r = read_state(c, "new", "accepted", &q.state, err);
	if (r == 0 && read_cursor(c, &q, id) < 0)
		r = err_set(err, -EINVAL, "before: not the next of an answer");
	if (r == 0)
		r = api_page_begin(c, &p, &s, err);
	if (r < 0)
		return r;
	q.limit = (uint32_t)p.limit + 1;
	r = store_select_findings(s, &q, add_finding, &p, err);
	return api_page_end(&p, r, "findings", ret, err);
}

int api_one_finding(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_free_ struct finding *x = calloc(1, sizeof(*x));
	struct store *s = NULL;
	int r = x ? api_store(c, &s, err) : err_oom(err);

	if (r == 0)
		r = store_get_finding(s, c->name, x, err);
	if (r == 0)
		*ret = finding_to_json(x);
	return r;
}
