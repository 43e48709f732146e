/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of pages. A container or an image that nobody knows is a mistake, not an empty list. The main
 * loop knows those that are guarded, the thread that reads knows those of stored events.
 */
#include <errno.h>
#include <string.h>

#include "user/api/routes/api_impl.h"

static bool has_image(const struct containers *all, const char *image)
{
	for (const struct container *c = containers_first(all); c; c = c->next)
		if (c->identity.image && strcmp(c->identity.image, image) == 0)
			return true;
	return false;
}

int api_note_filters(struct api_call *c, json_t **ret, struct err *err)
{
	const struct containers *all = c->api->parts.containers;
	const char *container = http_query(c->q, "container"), *image = http_query(c->q, "image");
	struct container *found;

	(void)ret;
	if (!container && !image)
		return 0;
	c->prepared = json_pack("{s:b, s:b}", "container",
				container && containers_match(all, container, &found) != -ENOENT,
				"image", image && has_image(all, image));
	return c->prepared ? 0 : err_oom(err);
}

static int note_row(void *ctx, int64_t id, const struct alert_fields *f)
{
	bool *found = ctx;

	(void)id;
	(void)f;
	*found = true;
	return 0;
}

/* Fails if no event has what the query asks for. */
static int need_event(struct store *s, const struct store_query *q, const char *what,
		      const char *value, struct err *err)
{
	bool found = false;
	int r = store_select(s, q, note_row, &found, err);

	if (r < 0 || found)
		return r;
	return err_set(err, -EINVAL, "%s: %.200s: no guarded container has it, and no stored event",
		       what, value);
}

/* Checks the name of a container, or the beginning of its id. */
static int check_container(struct store *s, const char *container, struct err *err)
{
	_cleanup_free_ char *id = NULL;
	struct store_query q = {.limit = 1};
	int r = store_find_container_id(s, container, CONTAINERS_ID_MIN, &id, err);

	if (r < 0)
		return r == -ENOTUNIQ ? -EINVAL : r;
	if (id && *id)
		return 0;
	q.container = container;
	return need_event(s, &q, "container", container, err);
}

int api_check_filters(struct api_call *c, struct store *s, struct err *err)
{
	const char *container = http_query(c->q, "container"), *image = http_query(c->q, "image");
	struct store_query q = {.image = image, .limit = 1};
	int r = 0;

	if (container && !json_is_true(json_object_get(c->prepared, "container")))
		r = check_container(s, container, err);
	if (r == 0 && image && !json_is_true(json_object_get(c->prepared, "image")))
		r = need_event(s, &q, "image", image, err);
	return r;
}

int api_check_times(uint64_t since_ns, uint64_t until_ns, struct err *err)
{
	return since_ns && until_ns && since_ns > until_ns
		       ? err_set(err, -EINVAL, "since: later than until")
		       : 0;
}
