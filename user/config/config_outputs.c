/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the configuration of the outputs and of the throttle. */
#include "user/config/config_outputs.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/syslog.h>

#include "user/config/config_keys.h"
#include "user/config/body_template.h"

#define PER_SECOND 10
#define BURST 50
#define NUMBER_MAX 1000000
#define LINES_NAME "events_jsonl"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-_"

#define KEY_PATH 0x1
#define KEY_HTTP 0x2
#define KEY_INDEX 0x4
#define KEY_BODY 0x8

/* The keys that some types of outputs take and others do not. */
static const struct {
	const char *key;
	unsigned bit;
} special[] = {
	{"path", KEY_PATH},	 {"index", KEY_INDEX},	{"url", KEY_HTTP},
	{"ca_file", KEY_HTTP},	 {"headers", KEY_HTTP}, {"timeout_s", KEY_HTTP},
	{"queue_mib", KEY_HTTP}, {"body", KEY_BODY},
};

static const struct {
	unsigned keys, needs;
} types[OUTPUT_TYPES] = {
	[OUTPUT_FILE] = {KEY_PATH, KEY_PATH},
	[OUTPUT_JOURNAL] = {KEY_PATH, 0},
	[OUTPUT_WEBHOOK] = {KEY_HTTP | KEY_BODY, KEY_HTTP},
	[OUTPUT_FALCOSIDEKICK] = {KEY_HTTP, KEY_HTTP},
	[OUTPUT_ELASTICSEARCH] = {KEY_HTTP | KEY_INDEX, KEY_HTTP},
};

/* ---- an output ---- */

static bool is_output_name(const char *s)
{
	return *s && strlen(s) <= OUTPUT_NAME_MAX && !s[strspn(s, NAME_CHARACTERS)];
}

static bool is_http_url(const char *s)
{
	return strlen(s) <= 2048 && !s[strcspn(s, " \t\r\n")] &&
	       (strncasecmp(s, "http://", 7) == 0 || strncasecmp(s, "https://", 8) == 0);
}

static bool is_index_name(const char *s)
{
	return *s && strlen(s) <= 255 && !s[strspn(s, NAME_CHARACTERS ".")] && !strchr("-_.", *s);
}

#define AT(member) offsetof(struct output_config, member)

static const char *const type_names[] = {"stdout",  "file",	     "syslog",	      "journal",
					 "webhook", "falcosidekick", "elasticsearch", NULL};
static const char *const level_names[] = {"notice", "warning", "critical", NULL};
static const int levels[] = {LOG_NOTICE, LOG_WARNING, LOG_CRIT};

static const struct config_key keys[] = {
	{"type", CONFIG_CHOICE, AT(type), .names = type_names,
	 .must = "stdout, file, syslog, journal, webhook, falcosidekick or elasticsearch"},
	{"name", CONFIG_TEXT, AT(name), .is_valid = is_output_name,
	 .must = "1 to 32 of a-z, 0-9, - and _"},
	{"min_priority", CONFIG_CHOICE, AT(level), .text = "warning", .names = level_names,
	 .must = "notice, warning or critical"},
	{.key = "all", .type = CONFIG_BOOL, .at = AT(all)},
	{.key = "path", .type = CONFIG_PATH, .at = AT(path)},
	{"url", CONFIG_TEXT, AT(url), .is_valid = is_http_url,
	 .must = "an http:// or https:// address"},
	{.key = "ca_file", .type = CONFIG_PATH, .at = AT(ca_file)},
	{.key = "headers", .type = CONFIG_CUSTOM},
	{.key = "body", .type = CONFIG_CUSTOM},
	{"timeout_s", CONFIG_NUMBER32, AT(timeout_s), .initial = 10, .min = 1, .max = NUMBER_MAX},
	{"queue_mib", CONFIG_NUMBER32, AT(queue_mib), .initial = 64, .min = 1, .max = NUMBER_MAX},
	{"index", CONFIG_TEXT, AT(index), .is_valid = is_index_name,
	 .must = "the name of an index: a-z, 0-9, -, _ and ."},
	{},
};

void output_config_done(struct output_config *o)
{
	config_keys_done(keys, o);
	for (size_t i = 0; i < o->n_headers; i++)
		free(o->header[i]);
	json_decref(o->body);
	*o = (struct output_config){};
}

bool output_config_equal(const struct output_config *a, const struct output_config *b)
{
	if (!config_keys_equal(keys, a, b) || a->n_headers != b->n_headers || !a->body != !b->body)
		return false;
	for (size_t i = 0; i < a->n_headers; i++)
		if (strcmp(a->header[i], b->header[i]) != 0)
			return false;
	return !a->body || json_equal(a->body, b->body);
}

int output_config_copy(const struct output_config *from, struct output_config *ret)
{
	struct output_config c = *from;
	int r;

	c.n_headers = 0;
	c.body = json_deep_copy(from->body);
	r = config_keys_copy(keys, &c);
	if (from->body && !c.body)
		r = -ENOMEM;
	for (; c.n_headers < from->n_headers; c.n_headers++) {
		c.header[c.n_headers] = strdup(from->header[c.n_headers]);
		if (!c.header[c.n_headers])
			r = -ENOMEM;
	}
	if (r < 0)
		output_config_done(&c);
	else
		*ret = c;
	return r;
}

bool output_config_has_queue(const struct output_config *o)
{
	return types[o->type].keys & KEY_HTTP;
}

void outputs_config_done(struct outputs_config *c)
{
	for (size_t i = 0; i < c->n; i++)
		output_config_done(&c->output[i]);
	free(c->output);
	*c = (struct outputs_config){};
}

static int parse_headers(json_t *j, const char *where, struct output_config *o, struct err *err)
{
	const char *name;
	json_t *v;

	if (j && (!json_is_object(j) || json_object_size(j) > OUTPUT_HEADERS_MAX))
		return config_wrong(err, where, "headers",
				    "an object of at most 16 names and values");
	json_object_foreach (j, name, v) {
		const char *s = json_string_value(v);

		if (!s || !*name || name[strcspn(name, ": \r\n")] || s[strcspn(s, "\r\n")])
			return config_wrong(err, where, "headers",
					    "names and values of a line each");
		if (asprintf(&o->header[o->n_headers], "%s: %s", name, s) < 0)
			return err_oom(err);
		o->n_headers++;
	}
	return 0;
}

static int parse_body(json_t *j, const char *where, struct output_config *o, struct err *err)
{
	struct err why = {};

	if (json_is_null(j))
		return 0;
	if (j && body_template_check(j, &why) < 0)
		return config_wrong(err, where, "body", "a template of JSON: %s", why.msg);
	o->body = json_incref(j);
	return 0;
}

/* Checks that the type of the output takes the keys of j, and that it has those that it needs. */
static int check_keys(const json_t *j, const char *where, const struct output_config *o,
		      struct err *err)
{
	const unsigned takes = types[o->type].keys, needs = types[o->type].needs;

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (json_object_get(j, special[i].key) && !(takes & special[i].bit))
			return err_set(err, -EBADMSG, "%s: an output of type %s takes no %s", where,
				       type_names[o->type], special[i].key);
	if (needs & KEY_PATH && !o->path)
		return config_wrong(err, where, "path", "given");
	if (needs & KEY_HTTP && !o->url)
		return config_wrong(err, where, "url", "an http:// or https:// address");
	return 0;
}

static int set_default(char **at, const char *value, struct err *err)
{
	if (!*at)
		*at = strdup(value);
	return *at ? 0 : err_oom(err);
}

/* Fills in what depends on the type. A store of documents gets each alert, unless told otherwise. */
static int complete_output(const json_t *j, struct output_config *o, struct err *err)
{
	int r = set_default(&o->name, type_names[o->type], err);

	if (o->type == OUTPUT_ELASTICSEARCH && !json_object_get(j, "all"))
		o->all = true;
	o->level = levels[o->level];
	if (r == 0 && o->type == OUTPUT_JOURNAL)
		r = set_default(&o->path, JOURNAL_SOCKET, err);
	if (r == 0 && o->type == OUTPUT_ELASTICSEARCH)
		r = set_default(&o->index, "lutra", err);
	return r;
}

static int parse_output(json_t *j, const char *where, struct output_config *o, struct err *err)
{
	int r = config_keys_parse(keys, j, where, o, err);

	if (r == 0)
		r = check_keys(j, where, o, err);
	if (r == 0)
		r = parse_headers(json_object_get(j, "headers"), where, o, err);
	if (r == 0)
		r = parse_body(json_object_get(j, "body"), where, o, err);
	return r < 0 ? r : complete_output(j, o, err);
}

/* ---- all of them ---- */

static const struct config_key throttle_keys[] = {
	{"per_second", CONFIG_NUMBER32, offsetof(struct throttle_rate, per_second),
	 .initial = PER_SECOND, .min = 1, .max = NUMBER_MAX},
	{"burst", CONFIG_NUMBER32, offsetof(struct throttle_rate, burst), .initial = BURST,
	 .min = 1, .max = NUMBER_MAX},
	{},
};

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
		if (r == 0 && strcmp(c->output[i].name, LINES_NAME) == 0)
			r = config_wrong(err, where, "name", "another than " LINES_NAME);
		if (r == 0 && is_taken(c, i))
			r = config_wrong(err, where, "name", "different from the names before it");
		if (r < 0)
			return r;
	}
	return 0;
}

int outputs_config_parse(const json_t *list, json_t *throttle, struct outputs_config *ret,
			 struct err *err)
{
	/* Null: no throttle. */
	struct outputs_config c = {.rate.burst = BURST};
	int r = json_is_null(throttle)
			? 0
			: config_keys_parse(throttle_keys, throttle, "throttle", &c.rate, err);

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
