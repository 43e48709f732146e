/* SPDX-License-Identifier: Apache-2.0 */
/* Reads hook states, annotations and container storage: JSON files with a size limit each. */
#include "user/identity/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/base/file.h"
#include "user/sys/log.h"

/* ---- a hook's state ---- */

void oci_state_done(struct oci_state *s)
{
	free(s->id);
	free(s->bundle);
	json_decref(s->annotations);
	*s = (struct oci_state){};
}

int oci_state_from_json(const char *text, size_t len, struct oci_state *ret, struct err *err)
{
	json_t *annotations = NULL;
	json_auto_t *j = NULL;
	json_error_t je;
	const char *id, *bundle = NULL;
	json_int_t pid = 0;
	struct oci_state s = {};

	j = json_loadb(text, len, 0, &je);
	if (!j)
		return err_set(err, -EBADMSG, "the container's state is not JSON: %s", je.text);
	/* Runtimes add other members. */
	if (json_unpack_ex(j, &je, 0, "{s:s, s?I, s?s, s?o}", "id", &id, "pid", &pid, "bundle",
			   &bundle, "annotations", &annotations) < 0)
		return err_set(err, -EBADMSG, "not a container's state: %s", je.text);
	if (!*id || strlen(id) > IDENTITY_TEXT_MAX || pid < 0 || pid > INT_MAX ||
	    (bundle && strlen(bundle) >= PATH_MAX))
		return err_set(err, -EBADMSG,
			       "not a container's state: its id, pid or bundle is out of range");
	s.id = strdup(id);
	s.bundle = bundle ? strdup(bundle) : NULL;
	s.pid = (pid_t)pid;
	s.annotations = json_is_object(annotations) ? json_incref(annotations) : NULL;
	if (!s.id || (bundle && !s.bundle)) {
		oci_state_done(&s);
		return err_oom(err);
	}
	*ret = s;
	return 0;
}

/* ---- annotations ---- */

#define AT(m) offsetof(struct identity, m)

/* Where several keys set the same member, the first one counts. */
static const struct {
	const char *key;
	size_t offset;
	enum engine engine; /* the engine that alone writes this key */
} keys[] = {
	{"io.kubernetes.pod.name", AT(pod), ENGINE_UNKNOWN},
	{"io.kubernetes.pod.namespace", AT(pod_namespace), ENGINE_UNKNOWN},
	{"io.kubernetes.pod.uid", AT(pod_uid), ENGINE_UNKNOWN},
	{"io.kubernetes.container.name", AT(pod_container), ENGINE_UNKNOWN},
	{"io.kubernetes.cri.sandbox-name", AT(pod), ENGINE_CONTAINERD},
	{"io.kubernetes.cri.sandbox-namespace", AT(pod_namespace), ENGINE_CONTAINERD},
	{"io.kubernetes.cri.sandbox-uid", AT(pod_uid), ENGINE_CONTAINERD},
	{"io.kubernetes.cri.container-name", AT(pod_container), ENGINE_CONTAINERD},
	{"io.kubernetes.cri.image-name", AT(image), ENGINE_CONTAINERD},
	{"io.kubernetes.cri-o.ImageName", AT(image), ENGINE_CRIO},
	{"io.kubernetes.cri-o.ImageRef", AT(image_id), ENGINE_CRIO},
	{"io.kubernetes.cri-o.Name", AT(name), ENGINE_CRIO},
	{"io.kubernetes.cri-o.Namespace", AT(pod_namespace), ENGINE_CRIO},
};

int identity_set_digest(char **at, const char *value)
{
	const char *s = strchr(value, '@');
	char digest[80];

	s = s ? s + 1 : value;
	if (strncmp(s, "sha256:", 7) == 0)
		s += 7;
	if (strlen(s) != 64 || strspn(s, "0123456789abcdef") != 64)
		return 0;
	snprintf(digest, sizeof(digest), "sha256:%s", s);
	return identity_set(at, digest);
}

/*
 * Sets image_id or digest of w: an image is referred to by REPOSITORY@DIGEST, or by its id. CRI-O has
 * written either.
 */
static int set_image_ref(struct identity *w, const char *value)
{
	char **at = strchr(value, '@') ? &w->digest : &w->image_id;

	return *at ? 0 : identity_set_digest(at, value);
}

int identity_from_annotations(struct identity *w, const json_t *annotations)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && r != -ENOMEM; i++) {
		const char *value = json_string_value(json_object_get(annotations, keys[i].key));
		char **at = (char **)((char *)w + keys[i].offset);

		if (!value || !*value)
			continue;
		if (w->engine == ENGINE_UNKNOWN)
			w->engine = keys[i].engine;
		if (at == &w->image_id)
			r = set_image_ref(w, value);
		else if (!*at)
			r = identity_set(at, value);
	}
	/* The reference of the image may hold the digest, or be the image's id. */
	if (r != -ENOMEM && w->image)
		r = set_image_ref(w, w->image);
	return r == -ENOMEM ? r : 0;
}

/* ---- files ---- */

/* Reads a JSON file; *ret is NULL where the file does not exist. */
static int load_json(const char *path, size_t max, json_t **ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t je;
	size_t len;
	int r = file_read(AT_FDCWD, path, max, &text, &len, err);

	*ret = NULL;
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	*ret = json_loadb(text, len, 0, &je);
	return *ret ? 0 : err_set(err, -EBADMSG, "%s: %s", path, je.text);
}

static int set_from_config(struct identity *w, const char *bundle, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	json_auto_t *j = NULL;
	int r;

	if (asprintf(&path, "%s/config.json", bundle) < 0)
		return err_oom(err);
	r = load_json(path, OCI_CONFIG_MAX, &j, err);
	return r < 0 ? r : identity_from_annotations(w, json_object_get(j, "annotations"));
}

/* Returns the object with that id in an array, or NULL. */
static const json_t *find_by_id(const json_t *list, const char *id)
{
	const json_t *one;
	size_t i;

	json_array_foreach (list, i, one) {
		const char *s = json_string_value(json_object_get(one, "id"));

		if (s && strcmp(s, id) == 0)
			return one;
	}
	return NULL;
}

static int set_unknown(char **at, const json_t *value)
{
	const char *s = json_string_value(value);

	return *at || !s ? 0 : identity_set(at, s);
}

/* Reads an entry of containers.json, whose metadata is a string that holds the engine's JSON. */
static int set_from_container(struct identity *w, const json_t *c)
{
	const char *text = json_string_value(json_object_get(c, "metadata"));
	const char *image_id = json_string_value(json_object_get(c, "image"));
	json_auto_t *meta = text ? json_loads(text, 0, NULL) : NULL;
	int r = set_unknown(&w->name, json_object_get(meta, "name"));

	if (r == 0)
		r = set_unknown(&w->name, json_array_get(json_object_get(c, "names"), 0));
	if (r == 0)
		r = set_unknown(&w->image, json_object_get(meta, "image-name"));
	if (r == 0 && image_id && !w->image_id)
		r = identity_set_digest(&w->image_id, image_id);
	return r;
}

/* Adds the names of an image: the first is the name of a container that was started by the image's id. */
static int add_image_names(struct identity *w, const json_t *names)
{
	bool nameless = !w->image || image_is_id(w->image, w->image_id), first = nameless;
	const json_t *one;
	size_t i;
	int r = 0;

	json_array_foreach (names, i, one) {
		const char *name = json_string_value(one);

		if (!name || r < 0)
			continue;
		if (first && !strchr(name, '@')) {
			r = identity_set(&w->image, name);
			first = false;
		} else if (nameless || strchr(name, '@')) {
			r = identity_add_alias(w, name);
		}
	}
	return r;
}

/* Reads an entry of images.json. An image that was pulled has a manifest for each of its digests. */
static int set_from_image(struct identity *w, const json_t *image)
{
	int r = set_unknown(&w->digest, json_object_get(image, "digest"));
	const char *key;
	json_t *digest;

	json_object_foreach (json_object_get(image, "big-data-digests"), key, digest) {
		char alias[256];

		if (r < 0 || strncmp(key, "manifest", strlen("manifest")) != 0 ||
		    !json_is_string(digest) || identity_has_digest(w, json_string_value(digest)))
			continue;
		snprintf(alias, sizeof(alias), "@%.200s", json_string_value(digest));
		r = identity_add_alias(w, alias);
	}
	return r < 0 ? r : add_image_names(w, json_object_get(image, "names"));
}

/* What is read of a container storage. */
struct storage {
	const char *bundle;
	int prefix_len;	 /* of the part of bundle that all its files begin with */
	struct err *err; /* of the first file that cannot be used */
	int r;
};

/* Returns the entry of an id in a list of the storage; *list holds it. NULL: it has none. */
static const json_t *find_in_list(struct storage *s, const char *list, const char *id,
				  json_t **ret_list)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%.*s-%s", s->prefix_len, s->bundle, list);
	r = load_json(path, STORAGE_JSON_MAX, ret_list, s->r < 0 ? NULL : s->err);
	if (s->r == 0)
		s->r = r;
	return find_by_id(*ret_list, id);
}

/*
 * Reads the container storage: the bundle is DIR/DRIVER-containers/ID/userdata, containers.json
 * lies beside ID, and DIR/DRIVER-images/images.json holds the digests. Containers that end with
 * their process, those of `podman run --rm`, are in volatile-containers.json.
 */
static int set_from_storage(struct identity *w, const char *bundle, struct err *err)
{
	static const char *const lists[] = {"containers/containers.json",
					    "containers/volatile-containers.json"};
	_cleanup_free_ char *end = NULL;
	struct storage s = {.bundle = bundle, .err = err};
	json_auto_t *images = NULL;
	const json_t *one = NULL;

	if (asprintf(&end, "-containers/%s/userdata", w->id) < 0)
		return err_oom(err);
	s.prefix_len = (int)strlen(bundle) - (int)strlen(end);
	if (s.prefix_len < 1 || s.prefix_len > PATH_MAX - 64 ||
	    strcmp(bundle + s.prefix_len, end) != 0)
		return 0;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !one; i++) {
		json_auto_t *list = NULL;
		int r = 0;

		one = find_in_list(&s, lists[i], w->id, &list);
		if (one)
			r = set_from_container(w, one);
		if (r < 0)
			return r;
	}
	if (!w->image_id)
		return s.r;
	one = find_in_list(&s, "images/images.json", w->image_id + strlen("sha256:"), &images);
	return one && set_from_image(w, one) < 0 ? err_oom(err) : s.r;
}

int identity_from_bundle(struct identity *w, const char *bundle, struct err *err)
{
	int r = set_from_config(w, bundle, err),
	    s = set_from_storage(w, bundle, r < 0 ? NULL : err);

	return r < 0 ? r : s;
}

int identity_from_bundles(struct identity *w, const char *dir)
{
	_cleanup_free_ char *bundle = NULL, *inner = NULL;
	struct err err = {};

	if (asprintf(&bundle, "%s/%s", dir, w->id) < 0 ||
	    asprintf(&inner, "%s/userdata", bundle) < 0)
		return -ENOMEM;
	if (identity_from_bundle(w, bundle, &err) < 0 || identity_from_bundle(w, inner, &err) < 0)
		log_warning("%.12s: %s", w->id, err.msg);
	return 0;
}
