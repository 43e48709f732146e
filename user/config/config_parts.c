/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the objects and lists of the configuration. */
#include "user/config/config_parts.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

#include "user/sys/address.h"

/* Reads a number from 0 to max; an absent key leaves *ret as it is. */
static int parse_limit(const char *key, const json_t *v, uint64_t max, uint64_t *ret,
		       struct err *err)
{
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return err_set(err, -EBADMSG, "%s: must be a whole number from 0 to %llu", key,
			       (unsigned long long)max);
	*ret = (uint64_t)json_integer_value(v);
	return 0;
}

static int parse_store(json_t *j, struct config *c, struct err *err)
{
	json_t *days = NULL, *mib = NULL;
	json_error_t je;
	int r;

	c->store_max_age_days = 30;
	c->store_max_mib = 1024;
	if (j && json_unpack_ex(j, &je, JSON_STRICT, "{s?o, s?o}", "max_age_days", &days, "max_mib",
				&mib) < 0)
		return err_set(err, -EBADMSG, "store: %s", je.text);
	r = parse_limit("store.max_age_days", days, 36500, &c->store_max_age_days, err);
	return r < 0 ? r : parse_limit("store.max_mib", mib, 1 << 24, &c->store_max_mib, err);
}

static int parse_hosts(const json_t *list, struct config *c, struct err *err)
{
	const json_t *v;
	size_t i;

	if (list && (!json_is_array(list) || json_array_size(list) > CONFIG_HOSTS))
		return err_set(err, -EBADMSG, "http.hosts: must be a list of at most %d names",
			       CONFIG_HOSTS);
	json_array_foreach (list, i, v) {
		if (!json_is_string(v) || !json_string_length(v) ||
		    strpbrk(json_string_value(v), ":/ "))
			return err_set(err, -EBADMSG,
				       "http.hosts: must be names of this host, without a port");
		c->http_hosts[i] = strdup(json_string_value(v));
		if (!c->http_hosts[i])
			return err_oom(err);
	}
	return 0;
}

static int parse_server(json_t *j, struct config *c, struct err *err)
{
	const char *listen = CONFIG_HTTP_LISTEN, *token = NULL;
	struct address address;
	json_t *hosts = NULL;
	json_error_t je;

	if (json_is_null(j))
		return 0;
	if (j && json_unpack_ex(j, &je, JSON_STRICT, "{s?s, s?s, s?o}", "listen", &listen,
				"token_file", &token, "hosts", &hosts) < 0)
		return err_set(err, -EBADMSG, "http: %s", je.text);
	if (address_parse(listen, &address) < 0)
		return err_set(err, -EBADMSG, "http.listen: " ADDRESS_EXPECTED);
	if (token && token[0] != '/')
		return err_set(err, -EBADMSG, "http.token_file: must be an absolute path");
	c->http_listen = strdup(listen);
	c->http_token_file = token ? strdup(token) : NULL;
	if (!c->http_listen || (token && !c->http_token_file))
		return err_oom(err);
	return parse_hosts(hosts, c, err);
}

static const char *const default_engines[] = {
	"/run/docker.sock",
	"/run/podman/podman.sock",
};

#define CONTAINERD "/run/containerd/io.containerd.runtime.v2.task/"
static const char *const default_bundles[] = {
	CONTAINERD "k8s.io",
	CONTAINERD "default",
	"/var/lib/containers/storage/overlay-containers",
	"/run/containers/storage/overlay-containers",
};

/* A key whose value is a list of absolute paths. */
struct paths {
	const char *key;
	const char *const *defaults;
	size_t n_defaults;
	size_t max;
	size_t len_max; /* bytes of one path */
};

static int parse_paths(const struct paths *p, const json_t *list, char **ret, size_t *ret_n,
		       struct err *err)
{
	size_t n = list ? json_array_size(list) : p->n_defaults;

	if (list && !json_is_array(list))
		return err_set(err, -EBADMSG, "%s: must be a list of paths", p->key);
	if (n > p->max)
		return err_set(err, -EBADMSG, "%s: must be a list of at most %zu paths", p->key,
			       p->max);
	for (size_t i = 0; i < n; i++) {
		const char *path =
			list ? json_string_value(json_array_get(list, i)) : p->defaults[i];

		if (!path || path[0] != '/' || strlen(path) >= p->len_max)
			return err_set(err, -EBADMSG,
				       "%s: must be absolute paths of less than %zu bytes", p->key,
				       p->len_max);
		ret[i] = strdup(path);
		if (!ret[i])
			return err_oom(err);
		*ret_n = i + 1;
	}
	return 0;
}

/* Reads where lutrad finds containers by itself. */
static int parse_finders(const struct config_parts *p, struct config *c, struct err *err)
{
	static const struct paths engines = {"engines", default_engines, 2, CONFIG_ENGINES_MAX,
					     sizeof(((struct sockaddr_un *)0)->sun_path)};
	static const struct paths bundles = {"bundles", default_bundles, 4, CONFIG_BUNDLES_MAX,
					     2048};
	int r = parse_paths(&engines, p->engines, c->engines, &c->n_engines, err);

	return r < 0 ? r : parse_paths(&bundles, p->bundles, c->bundles, &c->n_bundles, err);
}

int config_parse_parts(const struct config_parts *p, struct config *c, struct err *err)
{
	json_auto_t *all =
		json_pack("{s:O?, s:O?, s:O?, s:O?, s:O?, s:O?, s:b}", "engines", p->engines,
			  "bundles", p->bundles, "store", p->store, "http", p->http, "outputs",
			  p->outputs, "throttle", p->throttle, "program_stats", p->program_stats);
	int r;

	c->parts_text = json_dumps(all, JSON_SORT_KEYS);
	if (!c->parts_text)
		return err_oom(err);
	c->program_stats = p->program_stats != 0;
	r = parse_store(p->store, c, err);
	if (r == 0)
		r = parse_server(p->http, c, err);
	if (r == 0)
		r = parse_finders(p, c, err);
	return r < 0 ? r : outputs_config_parse(p->outputs, p->throttle, &c->outputs, err);
}

void config_parts_done(struct config *c)
{
	for (int i = 0; i < CONFIG_HOSTS; i++)
		free(c->http_hosts[i]);
	outputs_config_done(&c->outputs);
	free(c->http_listen);
	free(c->http_token_file);
	free(c->parts_text);
	for (size_t i = 0; i < c->n_engines; i++)
		free(c->engines[i]);
	for (size_t i = 0; i < c->n_bundles; i++)
		free(c->bundles[i]);
}
