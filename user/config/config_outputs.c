/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configuration of the outputs and of the throttle. */
#include "user/config/config_outputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/syslog.h>

#define PER_SECOND 10
#define BURST 50
#define NUMBER_MAX 1000000
#define LINES_NAME "events_jsonl"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

#define KEY_PATH 0x1
#define KEY_HTTP 0x2 /* url, ca_file, headers, timeout_s, queue_mib */
#define KEY_INDEX 0x4

static const struct {
	const char *name;
	unsigned keys, needs;
} types[OUTPUT_TYPES] = {
	[OUTPUT_STDOUT] = {"stdout", 0, 0},
	[OUTPUT_FILE] = {"file", KEY_PATH, KEY_PATH},
	[OUTPUT_SYSLOG] = {"syslog", 0, 0},
	[OUTPUT_JOURNAL] = {"journal", KEY_PATH, 0},
	[OUTPUT_WEBHOOK] = {"webhook", KEY_HTTP, KEY_HTTP},
	[OUTPUT_FALCOSIDEKICK] = {"falcosidekick", KEY_HTTP, KEY_HTTP},
	[OUTPUT_ELASTICSEARCH] = {"elasticsearch", KEY_HTTP | KEY_INDEX, KEY_HTTP},
};

const char *output_type_name(enum output_type type)
{
	return types[type].name;
}

static void output_done(struct output_config *o)
{
	free(o->name);
	free(o->path);
	free(o->url);
	free(o->index);
	free(o->ca_file);
	for (size_t i = 0; i < o->n_headers; i++)
		free(o->header[i]);
}

void outputs_config_done(struct outputs_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		output_done(&c->output[i]);
	free(c->output);
	*c = (struct outputs_config){};
}

/* ---- one function per key; where is the name of the output in messages ---- */

static int report_wrong(struct err *err, const char *where, const char *key, const char *must)
{
	return err_set(err, -EBADMSG, "%s%s: must be %s", where, key, must);
}

static int copy_value(char **at, const char *s, struct err *err)
{
	*at = strdup(s);
	return *at ? 0 : err_oom(err);
}

/* Reads an absolute path; an absent key is no error. */
static int parse_path(const json_t *v, const char *where, const char *key, char **at,
		      struct err *err)
{
	const char *s = json_string_value(v);

	if (!v)
		return 0;
	if (!s || s[0] != '/' || strlen(s) > 2048)
		return report_wrong(err, where, key, "an absolute path");
	return copy_value(at, s, err);
}

static int parse_type(const json_t *v, const char *where, enum output_type *ret, struct err *err)
{
	for (int t = 0; json_is_string(v) && t < OUTPUT_TYPES; t++) {
		if (strcmp(types[t].name, json_string_value(v)) == 0) {
			*ret = t;
			return 0;
		}
	}
	return report_wrong(
		err, where, ".type",
		"stdout, file, syslog, journal, webhook, falcosidekick or elasticsearch");
}

static int parse_name(const json_t *v, const char *where, struct output_config *o, struct err *err)
{
	const char *s = v ? json_string_value(v) : types[o->type].name;

	if (!s || !*s || strlen(s) > OUTPUT_NAME_MAX || s[strspn(s, NAME_CHARACTERS)])
		return report_wrong(err, where, ".name", "1 to 32 of a-z, 0-9, - and _");
	if (strcmp(s, LINES_NAME) == 0)
		return report_wrong(err, where, ".name", "another than " LINES_NAME);
	return copy_value(&o->name, s, err);
}

static int parse_priority(const json_t *v, const char *where, int *ret, struct err *err)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {{"notice", LOG_NOTICE}, {"warning", LOG_WARNING}, {"critical", LOG_CRIT}};

	*ret = LOG_WARNING;
	if (!v)
		return 0;
	for (size_t i = 0; json_is_string(v) && i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].name, json_string_value(v)) == 0) {
			*ret = levels[i].level;
			return 0;
		}
	}
	return report_wrong(err, where, ".min_priority", "notice, warning or critical");
}

static int parse_url(const json_t *v, const char *where, struct output_config *o, struct err *err)
{
	const char *s = json_string_value(v);

	if (!s || strlen(s) > 2048 || s[strcspn(s, " \t\r\n")] ||
	    (strncasecmp(s, "http://", 7) != 0 && strncasecmp(s, "https://", 8) != 0))
		return report_wrong(err, where, ".url", "an http:// or https:// address");
	return copy_value(&o->url, s, err);
}

static int parse_unsigned(const json_t *v, const char *where, unsigned *ret, struct err *err)
{
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > NUMBER_MAX)
		return report_wrong(err, where, "", "a whole number from 1 to 1000000");
	*ret = (unsigned)json_integer_value(v);
	return 0;
}

static int parse_index(const json_t *v, const char *where, struct output_config *o, struct err *err)
{
	const char *s = v ? json_string_value(v) : "lutra";

	if (!s || !*s || strlen(s) > 255 || s[strspn(s, NAME_CHARACTERS ".")] || *s == '-' ||
	    *s == '_' || *s == '.')
		return report_wrong(err, where, ".index",
				    "the name of an index: a-z, 0-9, -, _ and .");
	return copy_value(&o->index, s, err);
}

static int parse_headers(json_t *j, const char *where, struct output_config *o, struct err *err)
{
	const char *name;
	json_t *v;

	if (j && (!json_is_object(j) || json_object_size(j) > OUTPUT_HEADERS_MAX))
		return report_wrong(err, where, ".headers",
				    "an object of at most 16 names and values");
	json_object_foreach (j, name, v) {
		const char *s = json_string_value(v);

		if (!s || !*name || name[strcspn(name, ": \r\n")] || s[strcspn(s, "\r\n")])
			return report_wrong(err, where, ".headers",
					    "names and values of a line each");
		if (asprintf(&o->header[o->n_headers], "%s: %s", name, s) < 0)
			return err_oom(err);
		o->n_headers++;
	}
	return 0;
}

/* ---- an output ---- */

/* The values of an output's object, borrowed from it; NULL: the key is absent. */
struct raw {
	json_t *type, *name, *level, *all, *path, *url, *ca, *headers, *timeout, *queue, *index;
};

static int check_keys(const struct raw *r, const char *where, const struct output_config *o,
		      struct err *err)
{
	const unsigned has =
		(r->path ? KEY_PATH : 0) | (r->index ? KEY_INDEX : 0) |
		(r->url || r->ca || r->headers || r->timeout || r->queue ? KEY_HTTP : 0);
	const unsigned keys = types[o->type].keys, needs = types[o->type].needs;

	if (has & ~keys)
		return err_set(err, -EBADMSG, "%s: an output of type %s takes no %s", where,
			       types[o->type].name,
			       has & ~keys & KEY_PATH	 ? "path"
			       : has & ~keys & KEY_INDEX ? "index"
							 : "url, ca_file, headers, timeout_s or "
							   "queue_mib");
	if (needs & KEY_PATH && !r->path)
		return report_wrong(err, where, ".path", "given");
	return 0;
}

static int parse_http_keys(const struct raw *r, const char *where, struct output_config *o,
			   struct err *err)
{
	char key[64];
	int ret = parse_url(r->url, where, o, err);

	if (ret == 0)
		ret = parse_path(r->ca, where, ".ca_file", &o->ca_file, err);
	if (ret == 0)
		ret = parse_headers(r->headers, where, o, err);
	snprintf(key, sizeof(key), "%s.timeout_s", where);
	o->timeout_s = 10;
	if (ret == 0)
		ret = parse_unsigned(r->timeout, key, &o->timeout_s, err);
	snprintf(key, sizeof(key), "%s.queue_mib", where);
	o->queue_mib = 64;
	return ret < 0 ? ret : parse_unsigned(r->queue, key, &o->queue_mib, err);
}

static int parse_output(json_t *j, const char *where, struct output_config *o, struct err *err)
{
	struct raw r = {};
	json_error_t je;
	int ret;

	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o}", "type",
			   &r.type, "name", &r.name, "min_priority", &r.level, "all", &r.all,
			   "path", &r.path, "url", &r.url, "ca_file", &r.ca, "headers", &r.headers,
			   "timeout_s", &r.timeout, "queue_mib", &r.queue, "index", &r.index) < 0)
		return err_set(err, -EBADMSG, "%s: %s", where, je.text);
	ret = parse_type(r.type, where, &o->type, err);
	if (ret == 0)
		ret = check_keys(&r, where, o, err);
	if (ret == 0)
		ret = parse_name(r.name, where, o, err);
	if (ret == 0)
		ret = parse_priority(r.level, where, &o->level, err);
	if (ret == 0 && r.all && !json_is_boolean(r.all))
		ret = report_wrong(err, where, ".all", "true or false");
	o->all = json_is_true(r.all);
	if (ret == 0)
		ret = parse_path(r.path, where, ".path", &o->path, err);
	if (ret == 0 && o->type == OUTPUT_JOURNAL && !o->path)
		ret = copy_value(&o->path, JOURNAL_SOCKET, err);
	if (ret == 0 && types[o->type].keys & KEY_HTTP)
		ret = parse_http_keys(&r, where, o, err);
	if (ret == 0 && types[o->type].keys & KEY_INDEX)
		ret = parse_index(r.index, where, o, err);
	return ret;
}

/* ---- all of them ---- */

static int parse_throttle(json_t *j, struct throttle_rate *ret, struct err *err)
{
	json_t *rate = NULL, *burst = NULL;
	json_error_t je;
	int r;

	*ret = (struct throttle_rate){.per_second = PER_SECOND, .burst = BURST};
	if (json_is_null(j)) {
		ret->per_second = 0;
		return 0;
	}
	if (j && json_unpack_ex(j, &je, JSON_STRICT, "{s?o, s?o}", "per_second", &rate, "burst",
				&burst) < 0)
		return err_set(err, -EBADMSG, "throttle: %s", je.text);
	r = parse_unsigned(rate, "throttle.per_second", &ret->per_second, err);
	return r < 0 ? r : parse_unsigned(burst, "throttle.burst", &ret->burst, err);
}

/* Returns true if an output before i has the same name. */
static bool is_taken(const struct outputs_config *c, size_t i)
{
	const char *name = c->output[i].name;

	for (size_t k = 0; name && k < i; k++)
		if (strcmp(c->output[k].name, name) == 0)
			return true;
	return false;
}

static int parse_list(const json_t *list, struct outputs_config *c, struct err *err)
{
	char where[32];
	json_t *j;
	size_t i;

	if (list && (!json_is_array(list) || json_array_size(list) > OUTPUTS_MAX))
		return err_set(err, -EBADMSG, "outputs: must be a list of at most %d objects",
			       OUTPUTS_MAX);
	c->output = calloc(OUTPUTS_MAX + 1, sizeof(*c->output));
	if (!c->output)
		return err_oom(err);
	json_array_foreach (list, i, j) {
		int r;

		snprintf(where, sizeof(where), "outputs[%zu]", i);
		c->n = i + 1;
		r = parse_output(j, where, &c->output[i], err);
		if (r == 0 && is_taken(c, i))
			r = report_wrong(err, where, ".name", "different from the names before it");
		if (r < 0)
			return r;
	}
	return 0;
}

int outputs_config_parse(const json_t *list, json_t *throttle, struct outputs_config *ret,
			 struct err *err)
{
	struct outputs_config c = {};
	int r = parse_throttle(throttle, &c.rate, err);

	if (r == 0)
		r = parse_list(list, &c, err);
	if (r < 0) {
		outputs_config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int outputs_config_add_lines(struct outputs_config *c, const char *path)
{
	struct output_config *o = reallocarray(c->output, c->n + 1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	c->output = o;
	o = &c->output[c->n];
	*o = (struct output_config){.type = strcmp(path, "-") == 0 ? OUTPUT_STDOUT : OUTPUT_FILE,
				    .name = strdup(LINES_NAME),
				    .path = strdup(path),
				    .level = LOG_NOTICE,
				    .all = true};
	c->n++;
	return o->name && o->path ? 0 : -ENOMEM;
}
