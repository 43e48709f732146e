/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the handler of a request, and the HTTP status of its result. */
#include "user/api/routes/api.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/api/routes/api_impl.h"
#include "user/api/routes/read_thread.h"
#include "user/policy/modes.h"

#define NAME_BYTES PATH_MAX /* of a cgroup */
#define DIGITS_MAX 19
#define READ_SECONDS_MAX 5 /* of the store, for one request */

static const struct route {
	const char *method;
	const char *before, *after; /* the star stands between; after NULL: there is none */
	api_handler *run;	    /* on the main loop; NULL: in_thread does all */
	bool is_local;		    /* over the Unix socket only */
	api_handler *in_thread;	    /* where run gives no answer */
	const char *params[12];	    /* of the query, up to NULL */
} routes[] = {
	{"GET", "status", NULL, api_status, false, NULL, {}},
	{"GET", "status/full", NULL, api_full_status, false, NULL, {}},
	{"GET", "overview", NULL, api_overview, false, NULL, {"limit", "minutes"}},
	{"GET", "verdicts", NULL, api_verdicts, false, NULL, {"minutes"}},
	{"GET", "rules", NULL, api_rules, false, NULL, {}},
	{"GET",
	 "containers",
	 NULL,
	 api_containers,
	 false,
	 api_ended_containers,
	 {"limit", "offset", "state", "q"}},
	{"GET", "containers/", "/processes", api_processes, false, NULL, {}},
	{"GET", "containers/", "", api_container, false, api_ended_container, {"id"}},
	{"POST", "containers/", "/mode", api_container_mode, false, NULL, {}},
	{"POST", "containers/", "/release", api_container_release, false, NULL, {}},
	{"POST", "containers/", "/thaw", api_container_thaw, false, NULL, {}},
	{"POST", "containers/", "/freeze", api_container_freeze, false, NULL, {}},
	{"POST", "containers/", "/kill", api_container_kill, false, NULL, {}},
	{"GET",
	 "events",
	 NULL,
	 api_note_filters,
	 false,
	 api_events,
	 {"limit", "before", "since", "until", "incident", "container", "container_id", "image",
	  "verdict", "rule", "path"}},
	{"GET", "events/", "", NULL, false, api_one_event, {}},
	{"GET",
	 "incidents",
	 NULL,
	 api_note_filters,
	 false,
	 api_incidents,
	 {"limit", "before", "since", "until", "state", "container", "container_id", "image"}},
	{"GET", "incidents/", "", NULL, false, api_one_incident, {}},
	{"POST", "incidents/", "/close", api_incident_close, false, NULL, {}},
	{"POST", "incidents/", "/open", api_incident_open, false, NULL, {}},
	{"POST", "incidents/", "/note", api_incident_note, false, NULL, {}},
	{"GET",
	 "findings",
	 NULL,
	 NULL,
	 false,
	 api_findings,
	 {"limit", "before", "incident", "state", "image"}},
	{"GET", "findings/", "", NULL, false, api_one_finding, {}},
	{"GET", "maintenance", NULL, api_maintenance, false, NULL, {}},
	{"POST", "maintenance", NULL, api_maintenance_begin, false, NULL, {}},
	{"POST", "maintenance/end", NULL, api_maintenance_end, false, NULL, {}},
	{"GET", "policies", NULL, api_policies, false, api_listed_policies, {}},
	{"GET", "policies/", "", api_policy, false, api_listed_policy, {}},
	{"GET", "policies/", "/diff", NULL, false, api_policy_diff, {}},
	{"POST", "policies/", "/mode", api_policy_mode, false, NULL, {}},
	{"GET", "policies/", "/accepted", api_policy_accepted, false, NULL, {}},
	{"POST", "policies/", "/accepted", api_policy_accepted_changed, true, NULL, {}},
	{"POST", "policies/", "/revoke", api_policy_revoke, false, NULL, {}},
	{"GET", "findings/", "/readings", NULL, false, api_finding_readings, {}},
	{"POST", "findings/", "/accept", api_finding_accept, false, NULL, {}},
	{"POST", "token", NULL, api_token, false, NULL, {}},
	{"POST", "enroll", NULL, api_enroll, true, NULL, {}},
	{"POST", "release", NULL, api_release, true, NULL, {}},
	{"POST", "hook", NULL, api_hook, true, NULL, {}},
	{"GET", "learn", NULL, api_learn_status, false, NULL, {"image"}},
	{"POST", "learn", NULL, api_learn_start, true, NULL, {}},
	{"POST", "learn/stop", NULL, api_learn_stop, true, NULL, {}},
	{"POST", "learn/drop", NULL, api_learn_drop, true, NULL, {}},
	{"POST", "learn/forget", NULL, api_learn_forget, true, NULL, {}},
};
#define N_ROUTES (sizeof(routes) / sizeof(routes[0]))

/* Returns true if the path fits the route; name is the part at the star. */
static bool fits_route(const struct route *r, const char *path, char name[static NAME_BYTES])
{
	size_t before = strlen(r->before), len = strlen(path), after;

	*name = '\0';
	if (!r->after)
		return strcmp(path, r->before) == 0;
	after = strlen(r->after);
	if (strncmp(path, r->before, before) != 0 || len <= before + after ||
	    strcmp(path + len - after, r->after) != 0 || len - before - after >= NAME_BYTES)
		return false;
	memcpy(name, path + before, len - before - after);
	name[len - before - after] = '\0';
	/* The name of a container may be the path of its cgroup. */
	return strcmp(r->before, "containers/") == 0 || strchr(name, '/') == NULL;
}

static unsigned http_status(int r)
{
	switch (r) {
	case 0:
		return 200;
	case -EINVAL:
	case -EBADMSG:
		return 400;
	case -ENOENT:
	case -ESRCH:
		return 404;
	case -EPERM:
	case -EEXIST:
	case -EBUSY:
	case -EXDEV:
	case -E2BIG:
	case -ENOSPC:
	case -EKEYREJECTED:
	case -EOPNOTSUPP:
		return 409;
	case -EIO:
	case -ETIMEDOUT:
		return 503;
	default:
		return 500;
	}
}

/* The body of a POST is an object. An empty body stands for an empty object. */
static int read_body(struct api_call *c, struct err *err)
{
	json_error_t je = {.text = "out of memory"};

	if (strcmp(c->q->method, "POST") != 0)
		return 0;
	c->body = c->q->body_len
			  ? json_loadb(c->q->body, c->q->body_len, JSON_REJECT_DUPLICATES, &je)
			  : json_object();
	if (!c->body)
		return err_set(err, -EINVAL, "body: line %d: %s", je.line, je.text);
	if (!json_is_object(c->body))
		return err_set(err, -EINVAL, "body: not a JSON object");
	return 0;
}

int api_body_unpack(const struct api_call *c, size_t flags, struct err *err, const char *format,
		    ...)
{
	static const char missing[] = "Object item not found: ", left[] = "left unpacked: ";
	const char *unknown;
	json_error_t je;
	va_list ap;
	int r;

	va_start(ap, format);
	r = json_vunpack_ex(c->body, &je, flags, format, ap);
	va_end(ap);
	if (r == 0)
		return 0;
	unknown = strstr(je.text, left);
	if (unknown)
		return err_set(err, -EINVAL, "body: unknown member: %s", unknown + strlen(left));
	if (strncmp(je.text, missing, strlen(missing)) == 0)
		return err_set(err, -EINVAL, "body: %s is missing", je.text + strlen(missing));
	return err_set(err, -EINVAL, "body: a member is of the wrong type: %s", je.text);
}

int api_user(const struct api_call *c, const char **by, struct err *err)
{
	if (!c->q->is_local || !*by)
		*by = c->q->is_local ? "root" : "the page";
	if (!**by || strlen(*by) >= API_USER || text_has_control(*by))
		return err_set(err, -EINVAL, "by: not the name of a user");
	return 0;
}

#define PAGE_MAX 200
#define PAGE_DEFAULT 50

int api_page_begin(const struct api_call *c, struct api_page *ret, struct store **ret_store,
		   struct err *err)
{
	int r;

	*ret = (struct api_page){.limit = PAGE_DEFAULT};
	r = api_number(c, "limit", (uint64_t[]){1, PAGE_MAX}, &ret->limit, err);
	if (r == 0)
		r = api_store(c, ret_store, err);
	if (r < 0)
		return r;
	ret->list = json_array();
	return ret->list ? 0 : err_oom(err);
}

bool api_page_is_full(struct api_page *p)
{
	p->more |= json_array_size(p->list) == p->limit;
	return p->more;
}

int api_page_end(struct api_page *p, int r, const char *name, json_t **ret, struct err *err)
{
	if (r < 0) {
		json_decref(p->list);
		return r;
	}
	*ret = json_pack("{s:o, s:o}", name, p->list, "next",
			 p->more ? json_string(p->next) : json_null());
	return *ret ? 0 : err_oom(err);
}

/* Prints the answer of a handler. Returns 0 or -ENOMEM. */
static int print_answer(int r, json_t *answer, const struct err *err, struct http_reply *ret)
{
	unsigned status = http_status(r);

	if (answer)
		return http_json(ret, status, answer);
	return http_error(ret, status == 200 ? 500 : status, err->msg);
}

/* Runs a handler and prints its answer. Runs in the thread that reads, or on the loop without one. */
static int answer_call(struct api_call *c, api_handler *run, struct http_reply *ret)
{
	struct err err = {"out of memory"};
	json_t *answer = NULL;
	int r = run(c, &answer, &err);

	return print_answer(r, answer, &err, ret);
}

/* An unknown parameter is no filter that finds all. -EINVAL. */
static int check_query(const struct api_call *c, const struct route *route, struct err *err)
{
	const char *unknown = http_unknown_query(c->q, route->params);

	return unknown ? err_set(err, -EINVAL,
				 "%.100s: not a parameter here, given twice, or without a value",
				 unknown)
		       : 0;
}

/* Answers a call by the handlers of its route. Returns 0, HTTP_LATER or -ENOMEM. */
static int run_route(struct api_call *c, const struct route *route, struct http_reply *ret)
{
	struct err err = {"out of memory"};
	json_t *answer = NULL;
	int r = check_query(c, route, &err);

	if (r == 0)
		r = read_body(c, &err);
	if (r == 0 && route->run)
		r = route->run(c, &answer, &err);
	if (r < 0 || answer || !route->in_thread)
		return print_answer(r, answer, &err, ret);
	if (!c->api->reads)
		return answer_call(c, route->in_thread, ret);
	r = read_thread_put(c->api->reads, c, route->in_thread);
	return r < 0 ? r : HTTP_LATER;
}

int api_handle(struct api *a, const struct http_request *q, struct http_reply *ret)
{
	char name[NAME_BYTES], text[512];
	struct api_call c = {.api = a, .q = q, .config = a->parts.config, .name = name};
	const char *allow = NULL;
	int r;

	for (size_t i = 0; i < N_ROUTES; i++) {
		if (!fits_route(&routes[i], q->rest, name))
			continue;
		if (strcmp(q->method, routes[i].method) != 0) {
			allow = routes[i].method;
			continue;
		}
		if (routes[i].is_local && !q->is_local) {
			snprintf(text, sizeof(text), "use the Unix socket of lutrad: %s",
				 a->parts.config->socket);
			return http_error(ret, 403, text);
		}
		r = run_route(&c, &routes[i], ret);
		json_decref(c.body);
		json_decref(c.prepared);
		return r;
	}
	if (!allow)
		return http_error(ret, 404, "no such path");
	snprintf(text, sizeof(text), "only %s is possible here", allow);
	r = http_error(ret, 405, text);
	ret->allow = allow;
	return r;
}

int api_store(const struct api_call *c, struct store **ret, struct err *err)
{
	int r;

	if (!c->reader)
		return pipeline_reader(c->api->parts.pipeline, ret, err);
	r = pipeline_reader_open(c->api->parts.pipeline, c->reader, err);
	if (r < 0)
		return r;
	*ret = c->reader->store;
	store_limit_time(*ret, READ_SECONDS_MAX);
	return 0;
}

int api_number(const struct api_call *c, const char *name, uint64_t limits[static 2], uint64_t *ret,
	       struct err *err)
{
	const char *text = http_query(c->q, name);
	uint64_t n;

	if (!text)
		return 0;
	if (!*text || strlen(text) > DIGITS_MAX || strspn(text, "0123456789") != strlen(text))
		return err_set(err, -EINVAL, "%s: not a number", name);
	n = strtoull(text, NULL, 10);
	if (n < limits[0] || n > limits[1])
		return err_set(err, -EINVAL, "%s: %llu to %llu", name,
			       (unsigned long long)limits[0], (unsigned long long)limits[1]);
	*ret = n;
	return 0;
}

int api_mode_body(const struct api_call *c, struct asked_mode *ret, struct err *err)
{
	const char *mode, *by = NULL;
	int force = 0;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s, s?b, s?s}", "mode", &mode, "force", &force,
			    "by", &by) < 0 ||
	    api_user(c, &by, err) < 0)
		return -EINVAL;
	if (mode_parse(mode, &ret->mode) < 0 || ret->mode == LUTRA_MODE_LEARN)
		return err_set(err, -EINVAL, "mode: audit, deny, kill, kill-container or freeze");
	ret->force = force != 0;
	ret->by = by;
	return 0;
}

int api_policy_dir(const struct api_call *c, char ret[static PATH_MAX], struct err *err)
{
	const char *dir = c->config->policies_dir;

	if (snprintf(ret, PATH_MAX, "%s/%s", dir, c->name) >= PATH_MAX ||
	    !modes_policy_name(c->config, ret))
		return err_set(err, -EINVAL, "not the name of a policy");
	return 0;
}

/* ---- life ---- */

static void on_accepted_changed(void *ctx, const struct container *c)
{
	(void)c;
	api_note_accepted(ctx);
}

static void count_alert(void *ctx, struct container *c, const struct lutra_evidence *ev,
			uint64_t realtime_ns)
{
	struct api *a = ctx;

	(void)c;
	tally_add(&a->tally, realtime_ns, ev->verdict);
}

int api_new(struct api **ret, const struct api_parts *parts)
{
	_cleanup_(api_freep) struct api *a = calloc(1, sizeof(*a));

	if (!a || policy_summaries_new(&a->summaries) < 0)
		return -ENOMEM;
	a->parts = *parts;
	a->observer = (struct containers_observer){
		.on_alerted = count_alert, .on_changed = on_accepted_changed, .ctx = a};
	containers_observe(parts->containers, &a->observer);
	*ret = TAKE_PTR(a);
	return 0;
}

int api_begin_reads(struct api *a, struct loop *loop, void (*on_sent)(void *ctx), void *ctx,
		    struct err *err)
{
	const struct read_thread_parts parts = {
		.loop = loop, .answer = answer_call, .on_sent = on_sent, .ctx = ctx};

	return read_thread_new(&a->reads, &parts, err);
}

void api_end_reads(struct api *a)
{
	read_thread_free(TAKE_PTR(a->reads));
}

void api_free(struct api *a)
{
	if (!a)
		return;
	policy_summaries_free(a->summaries);
	free(a);
}

void api_add_section(struct api *a, const char *name, json_t *(*get_json)(void *ctx), void *ctx)
{
	assert(a->n_sections < API_SECTIONS_MAX);
	a->sections[a->n_sections++] = (struct api_section){name, get_json, ctx};
}

void api_put_sections(const struct api *a, json_t *j)
{
	for (unsigned i = 0; i < a->n_sections; i++)
		json_object_set_new(j, a->sections[i].name,
				    a->sections[i].get_json(a->sections[i].ctx));
}
