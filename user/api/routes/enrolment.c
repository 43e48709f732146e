/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of commands and of the OCI hook: enrol, release, and the full status. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/base/text.h"
#include "user/api/routes/api_impl.h"
#include "user/containers/containers.h"
#include "user/discovery/discovery.h"
#include "user/pipeline/pipeline.h"
#include "user/sys/clock.h"

#define REPEATS_MAX 3 /* repeated alerts that are listed of each container */

int api_enroll(struct api_call *c, json_t **ret, struct err *err)
{
	struct enrol_request q = {};
	struct container *enrolled;
	int next_exec = 0, force = 0, r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?b}",
			    "cgroup", &q.cgroup, "policy", &q.policy, "mode", &q.mode, "name",
			    &q.name, "image", &q.image, "digest", &q.digest, "next_exec",
			    &next_exec, "force", &force) < 0)
		return -EINVAL;
	if (!q.policy && !q.image)
		return err_set(err, -EINVAL, "body: neither a policy nor an image");
	q.next_exec = next_exec != 0;
	q.force = force != 0;
	r = enrol_container(c->api->parts.containers, &q, &enrolled, err);
	if (r == 0)
		*ret = container_to_json(enrolled);
	return r;
}

static int start_discovered(struct api_call *c, const struct identity *identity, pid_t pid,
			    json_t **ret, struct err *err)
{
	/* A hook that waited too long is gone, and its container runs. */
	const struct discovered found = {
		.identity = identity, .pid = pid, .starting = !http_is_gone(c->q)};
	struct container *enrolled;
	int r = discovery_enrol(c->api->parts.discovery, &found, &enrolled, err);

	if (r < 0)
		return r;
	*ret = enrolled ? json_pack("{s:o}", "container", container_to_json(enrolled))
			: json_pack("{s:n, s:o}", "container", "why",
				    text_json(err->msg, strlen(err->msg)));
	return 0;
}

/*
 * The OCI hook reports a container that is about to start, or has ended. The hook may be of a newer
 * version: members that this version does not know are ignored.
 */
int api_hook(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_(identity_done) struct identity identity = {};
	const char *event;
	json_int_t pid = 0;
	json_t *who;
	int r;

	if (api_body_unpack(c, 0, err, "{s:s, s:o, s?I}", "event", &event, "who", &who, "pid",
			    &pid) < 0)
		return -EINVAL;
	r = identity_from_json(who, true, &identity, err);
	if (r < 0)
		return r;
	if (!identity.id || pid < 0 || pid > INT_MAX)
		return err_set(err, -EINVAL, "body: no id, or no process");
	if (strcmp(event, "start") == 0 && pid)
		return start_discovered(c, &identity, (pid_t)pid, ret, err);
	if (strcmp(event, "stop") != 0)
		return err_set(err, -EINVAL, "body: event must be start with a pid, or stop");
	discovery_end(c->api->parts.discovery, identity.id);
	*ret = json_object();
	return 0;
}

int api_release(struct api_call *c, json_t **ret, struct err *err)
{
	struct containers *all = c->api->parts.containers;
	const char *name = NULL;
	struct container *one;
	int with_all = 0, n = 1, r;

	if (api_body_unpack(c, JSON_STRICT, err, "{s?s, s?b}", "name", &name, "all", &with_all) < 0)
		return -EINVAL;
	if (!name && !with_all)
		return err_set(err, -EINVAL, "body: neither name nor all");
	if (with_all) {
		n = (int)containers_count(all);
		containers_release_all(all, true);
	} else {
		r = api_find_container(c, name, &one, err);
		if (r < 0)
			return r;
		container_release(one, true);
	}
	*ret = json_pack("{s:i}", "released", n);
	return 0;
}

/* Everything that `lutra status` shows: lutrad, its parts, all images and all containers. */
int api_full_status(struct api_call *c, json_t **ret, struct err *err)
{
	const struct api_parts *parts = &c->api->parts;
	json_t *containers = json_array();
	struct guard_syscalls calls = guard_syscalls(parts->guard);
	struct pipeline_stats events;
	char time[CLOCK_TEXT];

	(void)err;
	for (struct container *one = containers_first(parts->containers); one; one = one->next) {
		json_t *j = container_to_json(one);

		json_object_set_new(j, "repeats", container_repeats_to_json(one, REPEATS_MAX));
		json_array_append_new(containers, j);
	}
	pipeline_stats(parts->pipeline, &events);
	*ret = json_pack("{s:i, s:s, s:b, s:{s:b, s:b, s:s, s:I}, s:b, s:I, s:I, s:o, s:o}", "pid",
			 (int)getpid(), "since", clock_format(parts->start_ns, time), "lsm",
			 guard_has_lsm(parts->guard), "calls", "at_filter", calls.at_filter != NULL,
			 "at_sys_enter", calls.at_enter, "why", calls.why, "missed",
			 (json_int_t)guard_missed(parts->guard), "store", events.open,
			 "events_stored", (json_int_t)events.stored, "events_lost",
			 (json_int_t)pipeline_lost(&events), "life", api_learning_json(c->api),
			 "containers", containers);
	api_put_sections(c->api, *ret);
	return 0;
}
