/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters of pages. A container or an image that nobody knows is a mistake, not an empty list. The main
 * loop knows those that are guarded, the thread that reads knows those of stored events and incidents.
 */
#include <errno.h>
#include <string.h>

#include "user/api/routes/api_impl.h"
#include "user/store/store_incidents.h"

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

static int note_incident(void *ctx, const struct incident_row *row)
{
	bool *found = ctx;

	(void)row;
	*found = true;
	return 0;
}

/*
 * Fails if no event and no incident is of the container, or of the image; one of them is NULL. Incidents
 * may outlive their events.
 */
static int need_stored(struct store *s, const char *container, const char *image, struct err *err)
{
	const struct store_query events = {.container = container, .image = image, .limit = 1};
	const struct store_incident_query incidents = {
		.container = container, .image = image, .limit = 1};
	bool found = false;
	int r = store_select(s, &events, note_row, &found, err);

	if (r == 0 && !found)
		r = store_select_incidents(s, &incidents, note_incident, &found, err);
	if (r < 0 || found)
		return r;
	return err_set(err, -EINVAL,
		       "%s: %.200s: no guarded container has it, no stored event and no incident",
		       container ? "container" : "image", container ? container : image);
}

/* Checks the name of a container, or the beginning of its id. */
static int check_container(struct store *s, const char *container, struct err *err)
{
	_cleanup_free_ char *id = NULL;
	int r = store_find_container_id(s, container, CONTAINERS_ID_MIN, &id, err);

	if (r < 0)
		return r == -ENOTUNIQ ? -EINVAL : r;
	return id && *id ? 0 : need_stored(s, container, NULL, err);
}

int api_check_filters(struct api_call *c, struct store *s, struct err *err)
{
	const char *container = http_query(c->q, "container"), *image = http_query(c->q, "image");
	int r = 0;

	if (container && !json_is_true(json_object_get(c->prepared, "container")))
		r = check_container(s, container, err);
	if (r == 0 && image && !json_is_true(json_object_get(c->prepared, "image")))
		r = need_stored(s, NULL, image, err);
	return r;
}

int api_check_times(uint64_t since_ns, uint64_t until_ns, struct err *err)
{
	return since_ns && until_ns && since_ns > until_ns
		       ? err_set(err, -EINVAL, "since: later than until")
		       : 0;
}
