/* SPDX-License-Identifier: Apache-2.0 */
/* Reads answers of an engine: JSON, of which only a few members matter. */
#include "user/discovery/engine_api.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "user/identity/bundle.h"

/* Reads an answer that must be of a JSON type. what: its name in the error. NULL: it is not. */
static json_t *parse_answer(const char *text, size_t len, json_type type, const char *what,
			    struct err *err)
{
	json_error_t je;
	json_auto_t *j = json_loadb(text, len, 0, &je);

	if (!j)
		err_set(err, -EBADMSG, "the engine's answer is not JSON: %s", je.text);
	else if (json_typeof(j) != type)
		err_set(err, -EBADMSG, "the engine's answer is not %s", what);
	else
		return TAKE_PTR(j);
	return NULL;
}

/* Returns j.a.b, or j.a if b is NULL. */
static const json_t *get_member(const json_t *j, const char *a, const char *b)
{
	j = json_object_get(j, a);
	return b ? json_object_get(j, b) : j;
}

static bool take_id(const char *s, char ret[static ENGINE_ID_BYTES])
{
	if (!s || strlen(s) != ENGINE_ID_BYTES - 1 ||
	    strspn(s, "0123456789abcdef") != ENGINE_ID_BYTES - 1)
		return false;
	memcpy(ret, s, ENGINE_ID_BYTES);
	return true;
}

int engine_list_parse(const char *text, size_t len, engine_each *each, void *ctx, struct err *err)
{
	json_auto_t *list = parse_answer(text, len, JSON_ARRAY, "a list of containers", err);
	const json_t *one;
	char id[ENGINE_ID_BYTES];
	size_t i;

	if (!list)
		return -EBADMSG;
	json_array_foreach (list, i, one)
		if (take_id(json_string_value(json_object_get(one, "Id")), id))
			each(ctx, id);
	return 0;
}

static int fill_from_answer(const json_t *j, struct identity *w)
{
	const char *name = json_string_value(json_object_get(j, "Name"));
	const char *image_id = json_string_value(json_object_get(j, "Image"));
	int r;

	while (name && *name == '/')
		name++;
	r = identity_set(&w->id, json_string_value(json_object_get(j, "Id")));
	if (r == 0)
		r = identity_set(&w->name, name);
	if (r == 0)
		r = identity_set(&w->image, json_string_value(get_member(j, "Config", "Image")));
	if (r == 0 && image_id)
		r = identity_set_digest(&w->image_id, image_id);
	if (r == 0)
		r = identity_from_annotations(w, get_member(j, "Config", "Labels"));
	return r;
}

int engine_container_parse(const char *text, size_t len, const char *id, struct identity *ret,
			   pid_t *ret_pid, struct err *err)
{
	_cleanup_(identity_done) struct identity w = {};
	json_auto_t *j = parse_answer(text, len, JSON_OBJECT, "about that container", err);
	const char *theirs = json_string_value(json_object_get(j, "Id"));
	json_int_t pid = json_integer_value(get_member(j, "State", "Pid"));

	if (!j)
		return -EBADMSG;
	if (!theirs || strcmp(theirs, id) != 0)
		return err_set(err, -EBADMSG, "the engine's answer is not about that container");
	if (pid < 0 || pid > INT_MAX || fill_from_answer(j, &w) < 0)
		return err_set(err, -EBADMSG,
			       "the engine's answer has a value that no container has");
	if (!json_is_true(get_member(j, "State", "Running")))
		pid = 0;
	*ret_pid = (pid_t)pid;
	*ret = w;
	w = (struct identity){};
	return 0;
}

/*
 * Takes the digests by which an image was pulled. That of the container's own repository comes first;
 * the others are aliases.
 */
static int take_digests(const json_t *list, struct identity *w)
{
	const json_t *one;
	size_t i;
	int r = 0;

	for (int own = 1; own >= 0 && r == 0 && !w->digest; own--)
		json_array_foreach (list, i, one) {
			const char *s = json_string_value(one);

			if (s && strchr(s, '@') && !w->digest && r == 0 &&
			    (!own || image_is_same_repository(w->image, s)))
				r = identity_set_digest(&w->digest, s);
		}
	json_array_foreach (list, i, one) {
		const char *s = json_string_value(one), *at = s ? strchr(s, '@') : NULL;

		if (at && r == 0 && !identity_has_digest(w, at + 1))
			r = identity_add_alias(w, s);
	}
	return r;
}

/* A container that was started by the image's id has the image's names. */
static int take_tags(const json_t *list, struct identity *w)
{
	const json_t *one;
	size_t i;
	int r = 0;

	if (w->image && !image_is_id(w->image, w->image_id))
		return 0;
	json_array_foreach (list, i, one)
		if (image_is_same_repository(w->image, json_string_value(one)))
			return 0;
	for (i = 0; i < json_array_size(list) && r == 0; i++) {
		const char *tag = json_string_value(json_array_get(list, i));

		if (tag && *tag && *tag != '<')
			r = !w->image || image_is_id(w->image, w->image_id)
				    ? identity_set(&w->image, tag)
				    : identity_add_alias(w, tag);
	}
	return r;
}

int engine_image_parse(const char *text, size_t len, struct identity *w, struct err *err)
{
	json_auto_t *j = parse_answer(text, len, JSON_OBJECT, "an image", err);
	const char *digest = json_string_value(json_object_get(j, "Digest"));
	int r;

	if (!j)
		return -EBADMSG;
	r = take_tags(json_object_get(j, "RepoTags"), w);
	if (r == 0)
		r = take_digests(json_object_get(j, "RepoDigests"), w);
	if (r == 0 && !w->digest && digest)
		r = identity_set_digest(&w->digest, digest);
	return r == -ENOMEM ? err_oom(err) : 0;
}

int engine_event_parse(const char *text, size_t len, struct engine_event *ret, struct err *err)
{
	json_auto_t *j = parse_answer(text, len, JSON_OBJECT, "an event", err);
	const char *type = json_string_value(json_object_get(j, "Type"));
	const char *action = json_string_value(json_object_get(j, "Action"));
	const char *id = json_string_value(get_member(j, "Actor", "ID"));
	struct engine_event e = {};

	if (!j)
		return -EBADMSG;
	/* Older engines use other members. */
	action = action ? action : json_string_value(json_object_get(j, "status"));
	id = id ? id : json_string_value(json_object_get(j, "id"));
	if ((type && strcmp(type, "container") != 0) || !action || !take_id(id, e.id))
		return -ENOENT;
	e.started = strcmp(action, "start") == 0;
	if (!e.started && strcmp(action, "die") != 0 && strcmp(action, "died") != 0)
		return -ENOENT;
	*ret = e;
	return 0;
}
