/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows https://www.elastic.co/docs/manage-data/data-store/mapping/dynamic-field-mapping and
 * https://www.elastic.co/docs/reference/ecs/ecs-field-reference.
 */
#include "tests/support/elastic_index.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS "output_fields." /* alerts have their fields below this one */
#define PATH_MAX_BYTES 512

/*
 * Fields of the Elastic Common Schema that alerts have, or could have. All others of a set are
 * objects.
 */
static const struct {
	const char *field, *type;
} ecs[] = {
	{"@timestamp", "date"},
	{"container.id", "keyword"},
	{"container.image.hash.all", "keyword"},
	{"container.image.name", "keyword"},
	{"container.image.tag", "keyword"},
	{"container.name", "keyword"},
	{"container.runtime", "keyword"},
	{"host.name", "keyword"},
	{"process.name", "keyword"},
	{"process.pid", "long"},
	{"tags", "keyword"},
	{"user.id", "keyword"},
	{"user.name", "keyword"},
};

/* Returns the type that the schema has for a field, "object" for what fields are below, or NULL. */
static const char *schema_type(const char *path)
{
	const char *name =
		strncmp(path, FIELDS, strlen(FIELDS)) == 0 ? path + strlen(FIELDS) : path;
	size_t len = strlen(name);

	for (size_t i = 0; i < sizeof(ecs) / sizeof(ecs[0]); i++) {
		if (strcmp(ecs[i].field, name) == 0)
			return ecs[i].type;
		if (strncmp(ecs[i].field, name, len) == 0 && ecs[i].field[len] == '.')
			return "object";
	}
	return NULL;
}

/* Returns true for a text such as 2027-01-31T12:00:00Z, which dynamic mapping takes for a date. */
static bool is_date(const char *s)
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t i = 0;

	for (; form[i]; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)s[i]) : s[i] != form[i])
			return false;
	return s[i] == '.' || s[i] == 'Z' || s[i] == '+';
}

static bool is_number(const json_t *v)
{
	const char *s = json_string_value(v);
	char *end = NULL;

	if (json_is_number(v))
		return true;
	if (s && *s)
		strtod(s, &end);
	return end && !*end;
}

/* Returns the type that a value gives a new field. */
static const char *dynamic_type(const json_t *v)
{
	if (json_is_boolean(v))
		return "boolean";
	if (json_is_integer(v))
		return "long";
	if (json_is_real(v))
		return "float";
	return is_date(json_string_value(v)) ? "date" : "text";
}

/* Returns true if a field of a type takes a value that is no object. */
static bool takes_value(const char *type, const json_t *v)
{
	const char *s = json_string_value(v);

	if (strcmp(type, "date") == 0)
		return json_is_integer(v) || (s && is_date(s));
	if (strcmp(type, "boolean") == 0)
		return json_is_boolean(v) ||
		       (s && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0));
	if (strcmp(type, "long") == 0 || strcmp(type, "float") == 0)
		return is_number(v);
	return strcmp(type, "object") != 0;
}

/* Returns the type of a field: what it has, what the schema says, or first. */
static const char *settle_type(json_t *index, const char *path, const char *first)
{
	const char *type = json_string_value(json_object_get(index, path));

	if (type)
		return type;
	type = schema_type(path);
	json_object_set_new(index, path, json_string(type ? type : first));
	return json_string_value(json_object_get(index, path));
}

static int add_object_field(json_t *index, const char *path, struct err *err)
{
	const char *type = settle_type(index, path, "object");

	return strcmp(type, "object") == 0
		       ? 0
		       : err_set(err, -EBADMSG,
				 "failed to parse field [%s] of type [%s]: can't get text on a "
				 "START_OBJECT",
				 path, type);
}

static int add_plain_field(json_t *index, const char *path, const json_t *v, struct err *err)
{
	const char *type = settle_type(index, path, dynamic_type(v));

	if (strcmp(type, "object") == 0)
		return err_set(err, -EBADMSG,
			       "object mapping for [%s] tried to parse field as object, but found "
			       "a concrete value",
			       path);
	return takes_value(type, v)
		       ? 0
		       : err_set(err, -EBADMSG, "failed to parse field [%s] of type [%s]", path,
				 type);
}

static int add_value(json_t *index, const char *path, json_t *v, struct err *err);

/* Adds the members of an object. A dot in a name stands for an object, too. */
static int add_members(json_t *index, const char *path, json_t *object, struct err *err)
{
	char field[PATH_MAX_BYTES];
	const char *name;
	json_t *v;
	int r = 0;

	json_object_foreach (object, name, v) {
		snprintf(field, sizeof(field), "%s%s%s", path, *path ? "." : "", name);
		for (char *dot = strchr(field + strlen(path) + (*path ? 1 : 0), '.'); dot && r == 0;
		     dot = strchr(dot + 1, '.')) {
			*dot = '\0';
			r = add_object_field(index, field, err);
			*dot = '.';
		}
		if (r == 0)
			r = add_value(index, field, v, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the document, which a test made */
static int add_value(json_t *index, const char *path, json_t *v, struct err *err)
{
	json_t *one;
	size_t i;
	int r;

	if (json_is_null(v))
		return 0;
	if (json_is_array(v)) {
		json_array_foreach (v, i, one) {
			r = add_value(index, path, one, err);
			if (r < 0)
				return r;
		}
		return 0;
	}
	if (!json_is_object(v))
		return add_plain_field(index, path, v, err);
	r = add_object_field(index, path, err);
	return r < 0 ? r : add_members(index, path, v, err);
}

int elastic_index_add(json_t *index, const char *document, struct err *err)
{
	json_auto_t *doc = json_loads(document, 0, NULL), *now = json_deep_copy(index);
	int r;

	if (!json_is_object(doc))
		return err_set(err, -EBADMSG, "failed to parse");
	r = add_members(now, "", doc, err);
	return r < 0 ? r : json_object_update(index, now);
}
