/* SPDX-License-Identifier: Apache-2.0 */
/* Reads config.json: the plain keys here, objects and lists in the config_*.c files. */
#include "user/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/file.h"
#include "user/config/config_parts.h"

static const char *const levels[] = {"error", "warning", "info", "debug"};

void config_free(struct config *c)
{
	if (!c)
		return;
	config_parts_done(c);
	free(c->file);
	free(c->socket);
	free(c->state_dir);
	free(c->policies_dir);
	free(c->events_jsonl);
	free(c->pin_dir);
	free(c);
}

static int check_path(const char *key, const char *path, size_t max, struct err *err)
{
	if (path[0] != '/' || strlen(path) >= max)
		return err_set(err, -EBADMSG, "%s: must be an absolute path of less than %zu bytes",
			       key, max);
	return 0;
}

static int parse_log_level(const char *name, enum log_level *ret, struct err *err)
{
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i], name) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return err_set(err, -EBADMSG, "log_level: must be error, warning, info or debug");
}

/* The values of the JSON object, borrowed from it; NULL: the key is absent. */
struct raw {
	const char *socket, *state_dir, *policies_dir, *level, *calls;
	json_t *jsonl, *pin, *keys, *life;
	struct config_parts parts;
	int no_lsm;
};

static int parse_keys(const json_t *list, struct policy_keys *ret, struct err *err)
{
	const json_t *v;
	size_t i;

	if (list && !json_is_array(list))
		return err_set(err, -EBADMSG, "policy_keys: must be a list");
	if (json_array_size(list) > POLICY_KEYS_MAX)
		return err_set(err, -EBADMSG, "policy_keys: must be a list of at most %d keys",
			       POLICY_KEYS_MAX);
	json_array_foreach (list, i, v) {
		const char *text = json_is_string(v) ? json_string_value(v) : "";

		if (strncmp(text, POLICY_SECRET_PREFIX, strlen(POLICY_SECRET_PREFIX)) == 0)
			return err_set(err, -EBADMSG,
				       "policy_keys: holds a secret key: remove it and put the "
				       "public key there");
		if (policy_key_parse(text, ret->key[i]) < 0)
			return err_set(
				err, -EBADMSG,
				"policy_keys: must be public keys as `lutra policy keygen` prints "
				"them (" POLICY_KEY_PREFIX "…)");
	}
	ret->n = json_array_size(list);
	return 0;
}

static int check_raw(const struct raw *raw, struct config *c, struct err *err)
{
	const char *jsonl = json_string_value(raw->jsonl), *pin = json_string_value(raw->pin);
	int r;

	r = check_path("socket", raw->socket, sizeof(((struct sockaddr_un *)0)->sun_path), err);
	if (r == 0)
		r = check_path("state_dir", raw->state_dir, 2048, err);
	if (r == 0)
		r = check_path("policies_dir", raw->policies_dir, 2048, err);
	if (r == 0)
		r = parse_log_level(raw->level, &c->log_level, err);
	if (r == 0)
		r = parse_keys(raw->keys, &c->policy_keys, err);
	if (r == 0)
		r = config_parse_parts(&raw->parts, c, err);
	if (r == 0)
		r = config_life_parse(raw->life, &c->life, err);
	if (r < 0)
		return r;
	if (strcmp(raw->calls, "on") != 0 && strcmp(raw->calls, "off") != 0)
		return err_set(err, -EBADMSG, "calls: must be \"on\" or \"off\"");
	if (raw->pin && !json_is_null(raw->pin) && !pin)
		return err_set(err, -EBADMSG, "pin_dir: must be a path or null");
	r = pin ? check_path("pin_dir", pin, 2048, err) : 0;
	if (r < 0)
		return r;
	if (raw->jsonl && !json_is_null(raw->jsonl) && !jsonl)
		return err_set(err, -EBADMSG, "events_jsonl: must be a path, \"-\" or null");
	if (jsonl && strcmp(jsonl, "-") != 0)
		return check_path("events_jsonl", jsonl, 2048, err);
	return 0;
}

int config_parse(const char *text, size_t len, struct config **ret, struct err *err)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	struct raw raw = {.socket = "/run/lutra/lutrad.sock",
			  .state_dir = "/var/lib/lutra",
			  .policies_dir = "/etc/lutra/policies.d",
			  .level = "info",
			  .calls = "on"};
	json_auto_t *j = NULL;
	json_error_t je;
	int r;

	if (!c)
		return err_oom(err);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(err, -EBADMSG, "line %d: %s", je.line, je.text);
	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s?s, s?s, s?s, s?o, s?s, s?b, s?s, s?o, s?o, s?o, s?o, s?o, s?o, s?b, "
			   "s?o, s?o, s?o}",
			   "socket", &raw.socket, "state_dir", &raw.state_dir, "policies_dir",
			   &raw.policies_dir, "events_jsonl", &raw.jsonl, "log_level", &raw.level,
			   "no_lsm", &raw.no_lsm, "calls", &raw.calls, "pin_dir", &raw.pin,
			   "policy_keys", &raw.keys, "store", &raw.parts.store, "http",
			   &raw.parts.http, "outputs", &raw.parts.outputs, "throttle",
			   &raw.parts.throttle, "program_stats", &raw.parts.program_stats,
			   "engines", &raw.parts.engines, "bundles", &raw.parts.bundles, "life",
			   &raw.life) < 0)
		return err_set(err, -EBADMSG, "%s", je.text);
	r = check_raw(&raw, c, err);
	if (r < 0)
		return r;
	c->socket = strdup(raw.socket);
	c->state_dir = strdup(raw.state_dir);
	c->policies_dir = strdup(raw.policies_dir);
	c->no_lsm = raw.no_lsm != 0;
	c->no_calls = strcmp(raw.calls, "off") == 0;
	if (!json_is_null(raw.pin) || !raw.pin)
		c->pin_dir = strdup(raw.pin ? json_string_value(raw.pin) : CONFIG_PIN_DIR);
	if (json_is_string(raw.jsonl))
		c->events_jsonl = strdup(json_string_value(raw.jsonl));
	if (!c->socket || !c->state_dir || !c->policies_dir ||
	    (json_is_string(raw.jsonl) && !c->events_jsonl) ||
	    (!json_is_null(raw.pin) && !c->pin_dir))
		return err_oom(err);
	if (c->events_jsonl && outputs_config_add_lines(&c->outputs, c->events_jsonl) < 0)
		return err_oom(err);
	*ret = TAKE_PTR(c);
	return 0;
}

int config_load(const char *path, struct config **ret, struct err *err)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_free_ char *text = NULL;
	const char *file = path ? path : CONFIG_DEFAULT_FILE;
	struct err why = {};
	size_t len;
	int r;

	r = file_read(AT_FDCWD, file, CONFIG_MAX, &text, &len, err);
	if (r == -ENOENT && !path)
		return config_parse("{}", 2, ret, err);
	if (r < 0)
		return r;
	r = config_parse(text, len, &c, &why);
	if (r < 0 || !c)
		return err_set(err, r, "%s: %s", file, why.msg);
	c->file = path ? realpath(path, NULL) : NULL;
	if (path && !c->file)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(c);
	return 0;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

int config_reload(struct config *c, bool *ret_rest, struct err *err)
{
	_cleanup_(config_freep) struct config *now = NULL;
	int r = config_load(c->file, &now, err);

	if (r < 0 || !now)
		return r;
	c->policy_keys = now->policy_keys;
	c->life = now->life;
	c->log_level = now->log_level;
	*ret_rest = !is_same_text(c->socket, now->socket) ||
		    !is_same_text(c->state_dir, now->state_dir) ||
		    !is_same_text(c->policies_dir, now->policies_dir) ||
		    !is_same_text(c->events_jsonl, now->events_jsonl) ||
		    !is_same_text(c->pin_dir, now->pin_dir) || c->no_lsm != now->no_lsm ||
		    c->no_calls != now->no_calls || !is_same_text(c->parts_text, now->parts_text);
	return 0;
}
