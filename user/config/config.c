/* SPDX-License-Identifier: Apache-2.0 */
/* Reads config.json: the table of its keys, and the lists among them. */
#include "user/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>

#include "lib/base/file.h"
#include "user/config/config_keys.h"
#include "user/sys/address.h"

static int parse_policy_keys(json_t *list, void *ret, struct err *err)
{
	struct policy_keys *keys = &((struct config *)ret)->policy_keys;
	const json_t *v;
	size_t i;

	if (list && !json_is_array(list))
		return config_wrong(err, "policy_keys", "", "a list");
	if (json_array_size(list) > POLICY_KEYS_MAX)
		return config_wrong(err, "policy_keys", "", "a list of at most %d keys",
				    POLICY_KEYS_MAX);
	json_array_foreach (list, i, v) {
		const char *text = json_is_string(v) ? json_string_value(v) : "";

		if (strncmp(text, POLICY_SECRET_PREFIX, strlen(POLICY_SECRET_PREFIX)) == 0)
			return err_set(err, -EBADMSG,
				       "policy_keys: holds a secret key: remove it and put the "
				       "public key there");
		if (policy_key_parse(text, keys->key[i]) < 0)
			return config_wrong(err, "policy_keys", "",
					    "public keys as `lutra policy keygen` prints "
					    "them (" POLICY_KEY_PREFIX "…)");
	}
	keys->n = json_array_size(list);
	return 0;
}

static bool is_path(const char *s)
{
	return *s == '/' && strlen(s) < CONFIG_PATH_MAX;
}

static bool is_socket_path(const char *s)
{
	return *s == '/' && strlen(s) < sizeof(((struct sockaddr_un *)0)->sun_path);
}

static bool is_host_name(const char *s)
{
	return *s && !strpbrk(s, ":/ ");
}

static bool is_path_or_dash(const char *s)
{
	return is_path(s) || strcmp(s, "-") == 0;
}

static bool is_address(const char *s)
{
	struct address address;

	return address_parse(s, &address) == 0;
}

#define NUMBER(key_, initial_, min_, max_)                                                         \
	{                                                                                          \
		.key = #key_, .type = CONFIG_NUMBER, .at = offsetof(struct config_life, key_),     \
		.initial = initial_, .min = min_, .max = max_                                      \
	}

static const char *const session_modes[] = {"audit", "guard", NULL};

static const struct config_key life_keys[] = {
	NUMBER(runs, 5, 1, CONFIG_LIFE_RUNS_MAX),
	NUMBER(new_per_day, 24, 1, UINT32_MAX),
	NUMBER(learn_hours, 168, 1, 87600),
	NUMBER(calls, 10000, 0, UINT32_MAX),
	NUMBER(clean_minutes, 1440, 0, 525600),
	NUMBER(run_ms, 1000, 0, 86400000),
	NUMBER(run_max_s, 14400, 1, 31536000),
	NUMBER(run_max_mib, 64, 1, 1u << 24),
	NUMBER(disk_mib, 1024, 1, 1u << 24),
	NUMBER(release_minutes, 240, 0, 525600),
	NUMBER(fallback_minutes, 10, 0, 525600),
	NUMBER(fallback_signals, 10, 0, UINT32_MAX),
	{"exec_sessions", CONFIG_CHOICE, offsetof(struct config_life, guard_sessions),
	 .text = "audit", .names = session_modes, .must = "\"audit\" or \"guard\""},
	{},
};

int config_life_parse(json_t *j, struct config_life *ret, struct err *err)
{
	struct config_life l = {};
	int r = config_keys_parse(life_keys, json_is_null(j) ? NULL : j, "life", &l, err);

	if (r == 0)
		*ret = l;
	return r;
}

static int parse_life(json_t *j, void *ret, struct err *err)
{
	return config_life_parse(j, &((struct config *)ret)->life, err);
}

#define AT(member) offsetof(struct config, member)
static const struct config_key store_keys[] = {
	{"max_age_days", CONFIG_NUMBER, AT(store_max_age_days), .initial = 30, .max = 36500},
	{"max_mib", CONFIG_NUMBER, AT(store_max_mib), .initial = 1024, .max = 1 << 24},
	{},
};

static const struct config_key http_keys[] = {
	{"listen", CONFIG_TEXT, AT(http_listen), .text = CONFIG_HTTP_LISTEN,
	 .must = ADDRESS_EXPECTED, .is_valid = is_address},
	{.key = "token_file", .type = CONFIG_PATH, .at = AT(http_token_file)},
	{.key = "read_token_file", .type = CONFIG_PATH, .at = AT(http_read_token_file)},
	{.key = "read_without_token", .type = CONFIG_BOOL, .at = AT(http_read_without_token)},
	{"hosts", CONFIG_STRINGS, AT(http_hosts), .max = CONFIG_HOSTS, .is_valid = is_host_name,
	 .must = "names of this host, without a port"},
	{},
};

#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task/"
static const char *const bundles[] = {CONTAINERD "k8s.io", CONTAINERD "default",
				      "/var/lib/containers/storage/overlay-containers",
				      "/run/containers/storage/overlay-containers", NULL};
static const char *const sockets[] = {"/run/docker.sock", "/run/podman/podman.sock", NULL};
static const char *const log_levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const on_off[] = {"on", "off", NULL};
static const char *const door_states[] = {"auto", "on", "off", NULL};

static const struct config_key keys[] = {
	{"socket", CONFIG_PATH, AT(socket), .text = "/run/lutra/lutrad.sock",
	 .max = sizeof(((struct sockaddr_un *)0)->sun_path), .fixed = true},
	{"state_dir", CONFIG_PATH, AT(state_dir), .text = "/var/lib/lutra", .fixed = true},
	{"policies_dir", CONFIG_PATH, AT(policies_dir), .text = "/etc/lutra/policies.d",
	 .fixed = true},
	{"pin_dir", CONFIG_PATH, AT(pin_dir), .text = CONFIG_PIN_DIR, .or_null = true,
	 .fixed = true},
	{"events_jsonl", CONFIG_TEXT, AT(events_jsonl), .or_null = true,
	 .must = "an absolute path, \"-\" or null", .is_valid = is_path_or_dash},
	{"log_level", CONFIG_CHOICE, AT(log_level), .text = "info", .names = log_levels,
	 .must = "error, warning, info or debug"},
	{"calls", CONFIG_CHOICE, AT(no_calls), .text = "on", .names = on_off,
	 .must = "\"on\" or \"off\"", .fixed = true},
	{.key = "alert_unguarded", .type = CONFIG_BOOL, .at = AT(alert_unguarded)},
	{"door", CONFIG_CHOICE, AT(door), .text = "auto", .names = door_states,
	 .must = "\"auto\", \"on\" or \"off\"", .fixed = true},
	{.key = "door_cgroup",
	 .type = CONFIG_PATH,
	 .at = AT(door_cgroup),
	 .or_null = true,
	 .fixed = true},
	{.key = "no_lsm", .type = CONFIG_BOOL, .at = AT(no_lsm), .fixed = true},
	{.key = "program_stats", .type = CONFIG_BOOL, .at = AT(program_stats), .fixed = true},
	{.key = "policy_keys", .type = CONFIG_CUSTOM, .parse = parse_policy_keys},
	{.key = "store", .type = CONFIG_OBJECT, .keys = store_keys},
	{.key = "http", .type = CONFIG_OBJECT, .keys = http_keys, .or_null = true},
	{"engines", CONFIG_STRINGS, AT(engines), .max = CONFIG_ENGINES_MAX, .names = sockets,
	 .is_valid = is_socket_path, .must = "absolute paths of less than 108 bytes",
	 .fixed = true},
	{"bundles", CONFIG_STRINGS, AT(bundles), .max = CONFIG_BUNDLES_MAX, .names = bundles,
	 .is_valid = is_path, .must = "absolute paths of less than 2048 bytes", .fixed = true},
	{.key = "life", .type = CONFIG_CUSTOM, .parse = parse_life},
	{.key = "outputs", .type = CONFIG_CUSTOM},
	{.key = "throttle", .type = CONFIG_CUSTOM},
	{},
};

void config_free(struct config *c)
{
	if (!c)
		return;
	config_keys_done(keys, c);
	outputs_config_done(&c->outputs);
	free(c->file);
	free(c);
}

static int read_object(const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t je;
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);

	if (!j)
		return err_set(err, -EBADMSG, "line %d: %s", je.line, je.text);
	*ret = j;
	return json_is_object(j) ? 0 : err_set(err, -EBADMSG, "must be a JSON object");
}

static int parse_object(json_t *j, struct config **ret, struct err *err)
{
	_cleanup_(config_freep) struct config *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(err);
	r = config_keys_parse(keys, j, "", c, err);
	if (r == 0)
		r = outputs_config_parse(json_object_get(j, "outputs"),
					 json_object_get(j, "throttle"), &c->outputs, err);
	if (r < 0)
		return r;
	if (c->events_jsonl && outputs_config_add_lines(&c->outputs, c->events_jsonl) < 0)
		return err_oom(err);
	*ret = TAKE_PTR(c);
	return 0;
}

int config_parse(const char *text, size_t len, struct config **ret, struct err *err)
{
	json_auto_t *j = NULL;
	int r = read_object(text, len, &j, err);

	return r < 0 ? r : parse_object(j, ret, err);
}

/* Removes the members that are not in a list, which ends with NULL. */
static void keep_members(json_t *j, const char *const *wanted)
{
	const char *name;
	json_t *v;
	void *next;

	json_object_foreach_safe(j, next, name, v)
	{
		size_t i = 0;

		while (wanted[i] && strcmp(wanted[i], name) != 0)
			i++;
		if (!wanted[i])
			json_object_del(j, name);
	}
}

/* wanted: as config_load_keys(); NULL: all keys. */
static int load_file(const char *path, const char *const *wanted, struct config **ret,
		     struct err *err)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_free_ char *text = NULL;
	const char *file = path ? path : CONFIG_DEFAULT_FILE;
	json_auto_t *j = NULL;
	struct err why = {};
	size_t len;
	int r;

	r = file_read(AT_FDCWD, file, CONFIG_MAX, &text, &len, err);
	if (r == -ENOENT && !path)
		return config_parse("{}", 2, ret, err);
	if (r < 0)
		return r;
	r = read_object(text, len, &j, &why);
	if (r == 0 && wanted)
		keep_members(j, wanted);
	if (r == 0)
		r = parse_object(j, &c, &why);
	if (r < 0 || !c)
		return err_set(err, r, "%s: %s", file, why.msg);
	c->file = path ? realpath(path, NULL) : NULL;
	if (path && !c->file)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	*ret = TAKE_PTR(c);
	return 0;
}

int config_load(const char *path, struct config **ret, struct err *err)
{
	return load_file(path, NULL, ret, err);
}

int config_load_keys(const char *path, const char *const *wanted, struct config **ret,
		     struct err *err)
{
	return load_file(path, wanted, ret, err);
}

int config_reload(struct config *c, char ret_fixed[static CONFIG_NAMES], struct err *err)
{
	_cleanup_(config_freep) struct config *now = NULL;
	struct outputs_config outputs;
	int r = config_load(c->file, &now, err);

	if (r < 0 || !now)
		return r;
	ret_fixed[0] = '\0';
	config_keys_take(keys, "", c, now, ret_fixed, CONFIG_NAMES);
	c->policy_keys = now->policy_keys;
	c->life = now->life;
	/* The old ones are freed with now. */
	outputs = c->outputs;
	c->outputs = now->outputs;
	now->outputs = outputs;
	return 0;
}
