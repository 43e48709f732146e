/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, changes and writes drafts.json. */
#include "user/policy/drafts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/file.h"
#include "lib/policy/accepted/accepted.h"

#define DRAFTS_FILE "drafts.json"
#define FORMAT 1

/* Returns true if each draft names a policy and has an entry that a delta may have. */
static bool are_good(const json_t *drafts)
{
	json_t *draft;
	size_t i;

	json_array_foreach (drafts, i, draft) {
		const char *policy = json_string_value(json_object_get(draft, "policy"));
		json_auto_t *delta = policy ? accepted_new(policy) : NULL;

		if (!delta ||
		    json_array_append(json_object_get(delta, "entries"),
				      json_object_get(draft, "entry")) < 0 ||
		    accepted_check(delta, NULL) < 0)
			return false;
	}
	return true;
}

int drafts_load(const struct config *config, json_t **ret, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_auto_t *j = NULL;
	json_t *drafts;
	size_t len;
	int r;

	if (asprintf(&path, "%s/" DRAFTS_FILE, config->state_dir) < 0)
		return err_oom(err);
	r = file_read(AT_FDCWD, path, ACCEPTED_BYTES_MAX, &text, &len, err);
	if (r == -ENOENT) {
		*ret = json_array();
		return *ret ? 0 : err_oom(err);
	}
	if (r < 0)
		return r;
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	drafts = json_object_get(j, "drafts");
	if (json_integer_value(json_object_get(j, "format")) != FORMAT || !json_is_array(drafts) ||
	    !are_good(drafts))
		return err_set(err, -EBADMSG,
			       "%s: damaged: remove the file; what waited for a signature has to "
			       "be accepted again",
			       path);
	*ret = json_incref(drafts);
	return 0;
}

int drafts_save(const struct config *config, json_t *drafts, struct err *err)
{
	json_auto_t *j = json_pack("{s:i, s:O}", "format", FORMAT, "drafts", drafts);
	_cleanup_free_ char *path = NULL, *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	int r;

	if (!text || asprintf(&path, "%s/" DRAFTS_FILE, config->state_dir) < 0)
		return err_oom(err);
	mkdir(config->state_dir, 0700);
	r = file_replace(path, 0600, text, strlen(text));
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

static bool is_of_policy(const json_t *draft, const char *dir)
{
	const char *policy = json_string_value(json_object_get(draft, "policy"));

	return policy && strcmp(policy, dir) == 0;
}

int drafts_add(json_t *drafts, const char *dir, json_t *entry, struct err *err)
{
	for (size_t i = json_array_size(drafts); i-- > 0;) {
		const json_t *draft = json_array_get(drafts, i);

		if (is_of_policy(draft, dir) &&
		    json_equal(json_object_get(json_object_get(draft, "entry"), "scope"),
			       json_object_get(entry, "scope")))
			json_array_remove(drafts, i);
	}
	if (json_array_size(drafts) >= DRAFTS_MAX)
		return err_set(err, -ENOSPC,
			       "%d drafts wait for a signature: sign or revoke some first",
			       DRAFTS_MAX);
	return json_array_append_new(drafts,
				     json_pack("{s:s, s:O}", "policy", dir, "entry", entry)) < 0
		       ? err_oom(err)
		       : 0;
}

static bool is_draft_with_id(const json_t *draft, const char *id)
{
	const char *own = json_string_value(json_object_get(json_object_get(draft, "entry"), "id"));

	return own && strcmp(own, id) == 0;
}

json_t *drafts_find(const json_t *drafts, const char *id)
{
	json_t *draft;
	size_t i;

	json_array_foreach (drafts, i, draft)
		if (is_draft_with_id(draft, id))
			return draft;
	return NULL;
}

bool drafts_remove(json_t *drafts, const char *id)
{
	for (size_t i = 0; i < json_array_size(drafts); i++)
		if (is_draft_with_id(json_array_get(drafts, i), id))
			return json_array_remove(drafts, i) == 0;
	return false;
}

json_t *drafts_of_policy(const json_t *drafts, const char *dir)
{
	json_t *ret = json_array(), *draft;
	size_t i;

	json_array_foreach (drafts, i, draft)
		if (is_of_policy(draft, dir))
			json_array_append(ret, json_object_get(draft, "entry"));
	return ret;
}
