/* SPDX-License-Identifier: Apache-2.0 */
/* Reads hook states, annotations and container storage: JSON files with a size limit each. */
#include "user/identity/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/base/file.h"

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
	{"io.kubernetes.cri-o.ImageRef", AT(digest), ENGINE_CRIO},
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
		if (!*at)
			r = at == &w->digest ? identity_set_digest(at, value)
					     : identity_set(at, value);
	}
	/* The reference of the image may hold the digest. */
	if (r != -ENOMEM && w->image && !w->digest && strchr(w->image, '@'))
		r = identity_set_digest(&w->digest, w->image);
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

/*
 * Reads the container storage: the bundle is DIR/DRIVER-containers/ID/userdata, containers.json
 * lies beside ID, and DIR/DRIVER-images/images.json holds the digests.
 */
static int set_from_storage(struct identity *w, const char *bundle, struct err *err)
{
	json_auto_t *list = NULL, *images = NULL;
	_cleanup_free_ char *end = NULL;
	char path[PATH_MAX];
	const json_t *one;
	int r, n;

	if (asprintf(&end, "-containers/%s/userdata", w->id) < 0)
		return err_oom(err);
	n = (int)strlen(bundle) - (int)strlen(end);
	if (n < 1 || n > PATH_MAX - 32 || strcmp(bundle + n, end) != 0)
		return 0;
	snprintf(path, sizeof(path), "%.*s-containers/containers.json", n, bundle);
	r = load_json(path, STORAGE_JSON_MAX, &list, err);
	one = r == 0 ? find_by_id(list, w->id) : NULL;
	if (!one)
		return r;
	r = set_from_container(w, one);
	if (r < 0 || !w->image_id || w->digest)
		return r;
	snprintf(path, sizeof(path), "%.*s-images/images.json", n, bundle);
	r = load_json(path, STORAGE_JSON_MAX, &images, err);
	one = r == 0 ? find_by_id(images, w->image_id + strlen("sha256:")) : NULL;
	return one ? set_unknown(&w->digest, json_object_get(one, "digest")) : r;
}

int identity_from_bundle(struct identity *w, const char *bundle, struct err *err)
{
	int r = set_from_config(w, bundle, err),
	    s = set_from_storage(w, bundle, r < 0 ? NULL : err);

	return r < 0 ? r : s;
}
