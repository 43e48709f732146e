/* SPDX-License-Identifier: Apache-2.0 */
/* Renames fields of alerts: https://www.elastic.co/docs/reference/ecs/ecs-container, falco.org. */
#include "user/outputs/alert_shapes.h"

#include <jansson.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define FIELDS "output_fields"

/* Adds a field of an alert under the names that a receiver has for it. Returns 0 or -1. */
typedef int add_field(json_t *to, const char *key, json_t *value);

static int add_elastic_field(json_t *to, const char *key, json_t *value)
{
	if (strcmp(key, "container.image") == 0)
		return json_object_set(to, "container.image.name", value);
	if (strcmp(key, "container.engine") == 0)
		return json_object_set(to, "container.runtime", value);
	if (strcmp(key, "container.image.digest") == 0)
		return json_object_set_new(to, "container.image.hash.all",
					   json_is_null(value) ? json_null()
							       : json_pack("[O]", value));
	return json_object_set(to, key, value);
}

/* An image's reference in two parts: REPOSITORY and TAG, without a digest. */
static int add_falco_image(json_t *to, const char *image)
{
	size_t len = strcspn(image, "@");
	const char *slash = memrchr(image, '/', len), *name = slash ? slash : image;
	const char *colon = memchr(name, ':', len - (size_t)(name - image));
	size_t repository = colon ? (size_t)(colon - image) : len;

	if (json_object_set_new(to, "container.image.repository", json_stringn(image, repository)) <
	    0)
		return -1;
	return json_object_set_new(to, "container.image.tag",
				   colon ? json_stringn(colon + 1, len - repository - 1)
					 : json_string(""));
}

static int add_falco_field(json_t *to, const char *key, json_t *value)
{
	if (strcmp(key, "container.image") == 0 && json_is_string(value))
		return add_falco_image(to, json_string_value(value));
	if (strcmp(key, "container.image") == 0)
		return json_object_set(to, "container.image.repository", value);
	if (strcmp(key, "container.engine") == 0)
		return json_object_set(to, "container.type", value);
	return json_object_set(to, key, value);
}

/* Returns an alert with its fields renamed; NULL: out of memory, or json is no alert. */
static json_t *rename_fields(const char *json, add_field *add)
{
	json_auto_t *alert = json_loads(json, 0, NULL), *to = json_object();
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(alert, FIELDS), key, value)
		if (add(to, key, value) < 0)
			return NULL;
	if (json_object_get(alert, FIELDS) && json_object_set(alert, FIELDS, to) < 0)
		return NULL;
	return json_incref(alert);
}

char *alert_shape_elastic(const char *json)
{
	json_auto_t *alert = rename_fields(json, add_elastic_field), *doc = json_object();
	json_t *time = json_object_get(alert, "time");

	if (!alert || (time && json_object_set(doc, "@timestamp", time) < 0) ||
	    json_object_update(doc, alert) < 0)
		return NULL;
	return json_dumps(doc, JSON_COMPACT);
}

char *alert_shape_falco(const char *json)
{
	json_auto_t *alert = rename_fields(json, add_falco_field);

	return alert ? json_dumps(alert, JSON_COMPACT) : NULL;
}
