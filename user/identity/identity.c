/* SPDX-License-Identifier: Apache-2.0 */
/* Identities of containers and their JSON. Pure functions over structs that the caller owns. */
#include "user/identity/identity.h"

#include <errno.h>
#include <string.h>

#include "lib/base/text.h"

static const char *const engines[ENGINE_COUNT] = {
	[ENGINE_UNKNOWN] = "unknown",	    [ENGINE_DOCKER] = "docker",
	[ENGINE_CONTAINERD] = "containerd", [ENGINE_CRIO] = "cri-o",
	[ENGINE_PODMAN] = "podman",
};

const char *engine_name(enum engine e)
{
	return engines[e < ENGINE_COUNT ? e : ENGINE_UNKNOWN];
}

static const struct {
	const char *key;
	size_t offset;
} members[] = {
	{"id", offsetof(struct identity, id)},
	{"name", offsetof(struct identity, name)},
	{"image", offsetof(struct identity, image)},
	{"image_id", offsetof(struct identity, image_id)},
	{"digest", offsetof(struct identity, digest)},
	{"aliases", offsetof(struct identity, aliases)},
	{"pod", offsetof(struct identity, pod)},
	{"pod_namespace", offsetof(struct identity, pod_namespace)},
	{"pod_uid", offsetof(struct identity, pod_uid)},
	{"pod_container", offsetof(struct identity, pod_container)},
};
#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static char **member_at(struct identity *w, size_t i)
{
	return (char **)((char *)w + members[i].offset);
}

static const char *member_of(const struct identity *w, size_t i)
{
	return *(char *const *)((const char *)w + members[i].offset);
}

void identity_done(struct identity *w)
{
	for (size_t i = 0; i < N_MEMBERS; i++)
		free(*member_at(w, i));
	*w = (struct identity){};
}

int identity_fill(struct identity *to, const struct identity *from)
{
	int r = 0;

	if (to->engine == ENGINE_UNKNOWN)
		to->engine = from->engine;
	for (size_t i = 0; r == 0 && i < N_MEMBERS; i++)
		if (!*member_at(to, i))
			r = identity_set(member_at(to, i), member_of(from, i));
	return r;
}

int identity_set(char **at, const char *value)
{
	char *copy = NULL;

	if (value && strlen(value) > IDENTITY_TEXT_MAX)
		return -E2BIG;
	if (value && *value) {
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
	}
	free(*at);
	*at = copy;
	return 0;
}

size_t identity_packed_bytes(const struct identity *w)
{
	size_t bytes = 0;

	for (size_t i = 0; i < N_MEMBERS; i++)
		if (member_of(w, i))
			bytes += strlen(member_of(w, i)) + 1;
	return bytes;
}

char *identity_pack(const struct identity *w, struct identity *ret, char *buf)
{
	*ret = (struct identity){.engine = w->engine};
	for (size_t i = 0; i < N_MEMBERS; i++) {
		if (!member_of(w, i))
			continue;
		*member_at(ret, i) = buf;
		buf = stpcpy(buf, member_of(w, i)) + 1;
	}
	return buf;
}

json_t *identity_to_json(const struct identity *w)
{
	json_t *j = json_pack("{s:s}", "engine", engine_name(w->engine));

	for (size_t i = 0; i < N_MEMBERS; i++)
		json_object_set_new(j, members[i].key,
				    member_of(w, i) ? text_json_keep(member_of(w, i))
						    : json_null());
	return j;
}

static int decode_engine(const json_t *v, struct identity *w)
{
	const char *name = json_string_value(v);

	for (unsigned e = 0; name && e < ENGINE_COUNT; e++) {
		if (strcmp(name, engines[e]) == 0) {
			w->engine = (enum engine)e;
			return 0;
		}
	}
	return -EBADMSG;
}

/* Returns the index of the member of that key, or N_MEMBERS. */
static size_t find_member(const char *key)
{
	size_t i = 0;

	while (i < N_MEMBERS && strcmp(key, members[i].key) != 0)
		i++;
	return i;
}

static int decode_member(const char *key, const json_t *v, struct identity *w)
{
	size_t i = find_member(key);

	if (strcmp(key, "engine") == 0)
		return decode_engine(v, w);
	if (i == N_MEMBERS || !(json_is_string(v) || json_is_null(v)))
		return -EBADMSG;
	return identity_set(member_at(w, i), json_string_value(v));
}

int identity_from_json(json_t *j, bool is_newer, struct identity *ret, struct err *err)
{
	_cleanup_(identity_done) struct identity w = {};
	const char *key;
	json_t *v;
	int r;

	if (!json_is_object(j))
		return err_set(err, -EBADMSG, "identity: must be an object");
	json_object_foreach (j, key, v) {
		r = decode_member(key, v, &w);
		/* A newer version may know more members and engines. */
		if (r == -EBADMSG && is_newer && find_member(key) == N_MEMBERS)
			continue;
		if (r < 0)
			return err_set(err, r == -ENOMEM ? r : -EBADMSG,
				       "identity: %.40s: unknown, too long or of a wrong type",
				       key);
	}
	*ret = w;
	w = (struct identity){};
	return 0;
}
