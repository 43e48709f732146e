/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the control socket. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "lib/abi/names.h"
#include "lib/base/text.h"
#include "user/api/control_impl.h"
#include "user/containers/actions.h"
#include "user/containers/container_json.h"
#include "user/containers/enrol.h"
#include "user/discovery/discovery.h"
#include "user/http/control_protocol.h"
#include "user/learn/learn.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"

static json_t *answer_container(const struct container *c)
{
	return json_pack("{s:b, s:o}", "ok", 1, "container", container_to_json(c));
}

/* Finds the container that a request names. -ENOENT. */
static int find_named(const struct control_call *c, const char *name, struct container **ret,
		      struct err *err)
{
	*ret = containers_find(c->api->parts.containers, name);
	return *ret ? 0 : err_set(err, -ENOENT, "%.200s: not enrolled; see `lutra status`", name);
}

int control_enroll(struct control_call *c, json_t **ret, struct err *err)
{
	struct enrol_request q = {};
	struct container *enrolled;
	json_error_t je;
	const char *cmd;
	int next_exec = 0, force = 0, r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT,
			   "{s:s, s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?b}", "cmd", &cmd, "cgroup",
			   &q.cgroup, "policy", &q.policy, "mode", &q.mode, "name", &q.name,
			   "image", &q.image, "digest", &q.digest, "next_exec", &next_exec, "force",
			   &force) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (!q.policy && !q.image)
		return err_set(err, -EINVAL, "request: neither a policy nor an image");
	q.next_exec = next_exec != 0;
	q.force = force != 0;
	r = enrol_container(c->api->parts.containers, &q, &enrolled, err);
	if (r == 0)
		*ret = answer_container(enrolled);
	return r;
}

static int start_discovered(struct control_call *c, const struct identity *identity, pid_t pid,
			    json_t **ret, struct err *err)
{
	/* A hook that waited too long is gone, and its container runs. */
	const struct discovered found = {
		.identity = identity, .pid = pid, .starting = !control_client_is_gone(c->client)};
	struct container *enrolled;
	int r = discovery_enrol(c->discovery, &found, &enrolled, err);

	if (r < 0)
		return r;
	*ret = enrolled ? answer_container(enrolled)
			: json_pack("{s:b, s:n, s:o}", "ok", 1, "container", "why",
				    text_json(err->msg, strlen(err->msg)));
	return 0;
}

/* A hook tells of a container that is about to start, or has ended. */
int control_container(struct control_call *c, json_t **ret, struct err *err)
{
	_cleanup_(identity_done) struct identity identity = {};
	const char *cmd, *event;
	json_error_t je;
	json_int_t pid = 0;
	json_t *who;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s, s:o, s?I}", "cmd", &cmd,
			   "event", &event, "who", &who, "pid", &pid) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = identity_from_json(who, &identity, err);
	if (r < 0)
		return r;
	if (!identity.id || pid < 0 || pid > INT_MAX)
		return err_set(err, -EINVAL, "request: no id, or no process");
	if (strcmp(event, "start") == 0 && pid)
		return start_discovered(c, &identity, (pid_t)pid, ret, err);
	if (strcmp(event, "stop") != 0)
		return err_set(err, -EINVAL, "request: start with a pid, or stop");
	discovery_end(c->discovery, identity.id);
	*ret = json_pack("{s:b}", "ok", 1);
	return 0;
}

int control_release(struct control_call *c, json_t **ret, struct err *err)
{
	struct containers *all = c->api->parts.containers;
	const char *cmd, *name = NULL;
	struct container *one;
	json_error_t je;
	int with_all = 0, n = 1, r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s?s, s?b}", "cmd", &cmd, "name",
			   &name, "all", &with_all) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (with_all) {
		n = (int)containers_count(all);
		containers_release_all(all, true);
	} else {
		r = find_named(c, name ? name : "nothing", &one, err);
		if (r < 0)
			return r;
		container_release(one, true);
	}
	*ret = json_pack("{s:b, s:i}", "ok", 1, "released", n);
	return 0;
}

int control_mode(struct control_call *c, json_t **ret, struct err *err)
{
	const char *cmd, *name, *mode;
	struct container *one;
	json_error_t je;
	int force = 0, r;
	unsigned m;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s, s:s, s?b}", "cmd", &cmd,
			   "name", &name, "mode", &mode, "force", &force) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (mode_parse(mode, &m) < 0)
		return err_set(err, -EINVAL, "request: unknown mode");
	r = find_named(c, name, &one, err);
	if (r == 0)
		r = container_set_mode(one, m, force != 0, err);
	if (r == 0)
		*ret = answer_container(one);
	return r;
}

int control_policy_mode(struct control_call *c, json_t **ret, struct err *err)
{
	struct policy_mode_request q = {};
	const char *cmd, *mode;
	struct err overridden = {};
	json_error_t je;
	int force = 0, r;
	unsigned n;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s, s:s, s?b}", "cmd", &cmd,
			   "policy", &q.policy, "mode", &mode, "force", &force) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (mode_parse(mode, &q.mode) < 0)
		return err_set(err, -EINVAL, "request: unknown mode");
	q.force = force != 0;
	r = containers_set_policy_mode(c->api->parts.containers, &q, &n, &overridden, err);
	if (r == 0)
		*ret = json_pack("{s:b, s:i, s:o}", "ok", 1, "switched", (int)n, "overridden",
				 *overridden.msg ? text_json_keep(overridden.msg) : json_null());
	return r;
}

int control_thaw(struct control_call *c, json_t **ret, struct err *err)
{
	const char *cmd, *name;
	struct container *one;
	json_error_t je;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s}", "cmd", &cmd, "name", &name) <
	    0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = find_named(c, name, &one, err);
	if (r == 0)
		r = container_thaw(one, err);
	if (r == 0)
		*ret = answer_container(one);
	return r;
}

/* ---- learning ---- */

int control_learn(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	json_int_t runs = (json_int_t)parts->config->life.runs;
	const struct lifecycle_image *i;
	const char *cmd, *image;
	json_error_t je;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s, s?I}", "cmd", &cmd, "image",
			   &image, "runs", &runs) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = learn_start(parts->learn, image, runs < 0 ? 0 : (uint64_t)runs, &i, err);
	if (r == 0)
		*ret = json_pack("{s:b, s:o}", "ok", 1, "image", api_image_json(c->api, i));
	return r;
}

int control_learn_stop(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const struct lifecycle_image *i;
	const char *cmd, *image;
	json_error_t je;
	int r;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s:s}", "cmd", &cmd, "image",
			   &image) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	r = learn_stop(parts->learn, image, &i, err);
	if (r == 0)
		*ret = json_pack("{s:b, s:o}", "ok", 1, "image", api_image_json(c->api, i));
	return r;
}

int control_learn_status(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	const struct lifecycle_image *i;
	const char *cmd, *image = NULL;
	json_error_t je;

	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s?s}", "cmd", &cmd, "image",
			   &image) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (!image) {
		*ret = json_pack("{s:b, s:o}", "ok", 1, "images", api_learning_json(c->api));
		return 0;
	}
	i = lifecycle_find(parts->lifecycle, image);
	if (!i)
		return err_set(err, -ENOENT,
			       "%.200s: is not learned; `lutra learn` lists what is learned",
			       image);
	*ret = json_pack("{s:b, s:[o]}", "ok", 1, "images", api_image_json(c->api, i));
	return 0;
}

/* ---- status and events ---- */

int control_status(struct control_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	json_t *containers = json_array();
	struct pipeline_stats events;
	uint64_t lost;
	char time[CLOCK_TEXT];

	(void)err;
	for (struct container *one = containers_first(parts->containers); one; one = one->next)
		json_array_append_new(containers, container_to_json(one));
	pipeline_stats(parts->pipeline, &events);
	lost = events.lost_queue + events.lost_store;
	*ret = json_pack("{s:b, s:i, s:s, s:b, s:b, s:I, s:I, s:o, s:o}", "ok", 1, "pid",
			 (int)getpid(), "since", clock_format(parts->start_ns, time), "lsm",
			 guard_has_lsm(parts->guard), "store", events.open, "events_stored",
			 (json_int_t)events.stored, "events_lost", (json_int_t)lost, "life",
			 api_learning_json(c->api), "containers", containers);
	api_put_sections(c->api, *ret);
	return 0;
}

int control_top(struct control_call *c, json_t **ret, struct err *err)
{
	*ret = api_overview(c->api);
	if (!*ret)
		return err_oom(err);
	json_object_set_new(*ret, "ok", json_true());
	return 0;
}

static int put_event(void *ctx, int64_t id, const struct alert_fields *a)
{
	json_auto_t *j = alert_fields_to_json(a);

	(void)id;
	return j ? control_client_put(ctx, j) : -ENOMEM;
}

/* The answer, then a line for each stored event; with follow, also for each that comes. */
int control_events(struct control_call *c, json_t **ret, struct err *err)
{
	struct store_query all = {.oldest_first = true};
	json_int_t limit = PROTOCOL_EVENTS_DEFAULT;
	struct store *s = NULL;
	json_auto_t *ok = json_pack("{s:b}", "ok", 1);
	const char *cmd;
	json_error_t je;
	int follow = 0, r;

	(void)ret;
	if (json_unpack_ex(c->request, &je, JSON_STRICT, "{s:s, s?I, s?b}", "cmd", &cmd, "limit",
			   &limit, "follow", &follow) < 0)
		return err_set(err, -EINVAL, "request: %s", je.text);
	if (limit < 0 || limit > PROTOCOL_EVENTS_MAX)
		return err_set(err, -EINVAL, "limit: 0 to %d", PROTOCOL_EVENTS_MAX);
	r = limit ? pipeline_reader(c->api->parts.pipeline, &s, err) : 0;
	if (r < 0)
		return r;
	all.limit = (uint32_t)limit;
	r = control_client_put(c->client, ok);
	if (r == 0 && limit)
		r = store_select(s, &all, put_event, c->client, err);
	if (r == 0 && follow)
		control_client_follow(c->client);
	return r;
}
