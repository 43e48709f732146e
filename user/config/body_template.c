/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the strings of a JSON value in with fields of an alert. */
#include "user/config/body_template.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "user/sys/clock.h"

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define NAME_MAX_LENGTH 64
#define ESCAPED "$${"
#define NSEC 1000000000ull
#define MSEC 1000000ull

static const char *const filters[] = {"", "html", "lower"};
enum { FILTER_NONE, FILTER_HTML, FILTER_LOWER, FILTERS };

/* A field in a string: "${NAME}" or "${NAME|FILTER}". */
struct field {
	char name[NAME_MAX_LENGTH + 1];
	unsigned filter;
	size_t len; /* in the string, with its marks */
};

/* ---- fields in strings ---- */

/* Reads the field at s, which begins with "${". Returns false if it has another form. */
static bool read_field(const char *s, struct field *ret)
{
	const char *name = s + 2, *filter;
	size_t len = strspn(name, NAME_CHARACTERS), filter_len;

	*ret = (struct field){};
	if (len == 0 || len > NAME_MAX_LENGTH)
		return false;
	memcpy(ret->name, name, len);
	filter = name + len;
	if (*filter == '}') {
		ret->len = len + 3;
		return true;
	}
	if (*filter++ != '|')
		return false;
	filter_len = strcspn(filter, "}");
	for (ret->filter = 1; ret->filter < FILTERS; ret->filter++)
		if (strlen(filters[ret->filter]) == filter_len &&
		    strncmp(filters[ret->filter], filter, filter_len) == 0)
			break;
	ret->len = len + filter_len + 4;
	return ret->filter < FILTERS && filter[filter_len] == '}';
}

static int check_text(const char *s, struct err *err)
{
	const char *at = s;
	struct field f;

	while ((at = strstr(at, "${"))) {
		if (at > s && at[-1] == '$') {
			at += 2;
			continue;
		}
		if (!read_field(at, &f))
			return err_set(
				err, -EBADMSG,
				"\"%.80s\": after ${ comes a name of at most %d letters, "
				"digits, dots, - and _, then }, |html} or |lower}; $${ stands "
				"for ${ itself",
				at, NAME_MAX_LENGTH);
		at += f.len;
	}
	return 0;
}

static int check_value(json_t *v, unsigned depth, struct err *err)
{
	const char *key;
	json_t *member;
	size_t i;
	int r = 0;

	if (depth > BODY_TEMPLATE_DEPTH)
		return err_set(err, -EBADMSG, "more than %d lists and objects in each other",
			       BODY_TEMPLATE_DEPTH);
	if (json_is_string(v))
		return check_text(json_string_value(v), err);
	json_array_foreach (v, i, member)
		if (r == 0)
			r = check_value(member, depth + 1, err);
	json_object_foreach (v, key, member)
		if (r == 0)
			r = check_value(member, depth + 1, err);
	return r;
}

int body_template_check(json_t *template, struct err *err)
{
	return check_value(template, 0, err);
}

/* ---- fields of an alert ---- */

struct source {
	const char *json; /* the alert as text */
	json_t *alert;
};

static json_t *time_in(const struct source *from, uint64_t unit_ns)
{
	const json_t *time =
		json_object_get(json_object_get(from->alert, "output_fields"), "evt.time");
	uint64_t ns =
		json_is_integer(time) ? (uint64_t)json_integer_value(time) : clock_realtime_ns();
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, ns / unit_ns);
	return json_string(text);
}

/* Returns a new reference. Out of memory, or the alert has no such field: NULL. */
static json_t *field_value(const struct source *from, const char *name)
{
	json_t *v = json_object_get(json_object_get(from->alert, "output_fields"), name);

	if (!v)
		v = json_object_get(from->alert, name);
	if (v)
		return json_incref(v);
	if (strcmp(name, "alert") == 0)
		return json_string(from->json);
	if (strcmp(name, "time_s") == 0)
		return time_in(from, NSEC);
	if (strcmp(name, "time_ms") == 0)
		return time_in(from, MSEC);
	return strcmp(name, "time_ns") == 0 ? time_in(from, 1) : NULL;
}

static void print_filtered(FILE *to, const char *s, unsigned filter)
{
	for (; *s; s++) {
		const char *entity = *s == '&'	 ? "&amp;"
				     : *s == '<' ? "&lt;"
				     : *s == '>' ? "&gt;"
						 : NULL;

		if (filter == FILTER_HTML && entity)
			fputs(entity, to);
		else
			fputc(filter == FILTER_LOWER ? tolower((unsigned char)*s) : *s, to);
	}
}

static void print_field(FILE *to, const struct source *from, const struct field *f)
{
	json_auto_t *v = field_value(from, f->name);
	_cleanup_free_ char *other = NULL;

	if (!v || json_is_null(v))
		return;
	if (!json_is_string(v))
		other = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
	print_filtered(to,
		       json_is_string(v) ? json_string_value(v)
		       : other		 ? other
					 : "",
		       f->filter);
}

/* ---- filling in ---- */

static json_t *fill_text(const char *s, const struct source *from)
{
	_cleanup_free_ char *text = NULL;
	json_t *ret = NULL;
	struct field f;
	size_t len = 0;
	FILE *to;

	if (strncmp(s, "${", 2) == 0 && read_field(s, &f) && !s[f.len] && !f.filter) {
		ret = field_value(from, f.name);
		return ret ? ret : json_string("");
	}
	to = open_memstream(&text, &len);
	if (!to)
		return NULL;
	while (*s) {
		if (strncmp(s, ESCAPED, strlen(ESCAPED)) == 0) {
			fputs("${", to);
			s += strlen(ESCAPED);
		} else if (strncmp(s, "${", 2) == 0 && read_field(s, &f)) {
			print_field(to, from, &f);
			s += f.len;
		} else {
			fputc(*s++, to);
		}
	}
	return fclose(to) == 0 ? json_stringn(text, len) : NULL;
}

static json_t *fill_value(json_t *v, const struct source *from);

static json_t *fill_list(json_t *v, const struct source *from)
{
	json_auto_t *to = json_array();
	json_t *member;
	size_t i;

	json_array_foreach (v, i, member)
		if (json_array_append_new(to, fill_value(member, from)) < 0)
			return NULL;
	return json_incref(to);
}

static json_t *fill_object(json_t *v, const struct source *from)
{
	json_auto_t *to = json_object();
	const char *key;
	json_t *member;

	json_object_foreach (v, key, member)
		if (json_object_set_new(to, key, fill_value(member, from)) < 0)
			return NULL;
	return json_incref(to);
}

static json_t *fill_value(json_t *v, const struct source *from)
{
	if (json_is_string(v))
		return fill_text(json_string_value(v), from);
	if (json_is_array(v))
		return fill_list(v, from);
	return json_is_object(v) ? fill_object(v, from) : json_incref(v);
}

char *body_template_fill(json_t *template, const char *json)
{
	json_auto_t *alert = json_loads(json, 0, NULL), *body = NULL;
	const struct source from = {json, alert};

	if (!alert)
		return NULL;
	body = fill_value(template, &from);
	return body ? json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12))
		    : NULL;
}
