/* SPDX-License-Identifier: Apache-2.0 */
/* Changes a delta in memory, and compares two. */
#include "lib/policy/accepted/accepted.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "lib/policy/files/policy_format.h"

#define ID_DIGITS 16

/* Makes the id of an entry from its scope and its time. */
static void make_id(json_t *scope, const char *time_text, char ret[static ID_DIGITS + 2])
{
	_cleanup_free_ char *text = json_dumps(scope, JSON_COMPACT | JSON_SORT_KEYS);
	_cleanup_free_ char *all = NULL;
	char sum[POLICY_SHA256_TEXT] = "";

	if (asprintf(&all, "%s %s", text ? text : "", time_text) >= 0)
		policy_sum(all, strlen(all), sum);
	snprintf(ret, ID_DIGITS + 2, "a%.16s", sum);
}

json_t *accepted_entry_new(const struct accepted_scope *s, const struct accepted_request *q,
			   time_t now)
{
	json_auto_t *scope = accepted_scope_to_json(s);
	char text[ACCEPTED_TEXT], until[ACCEPTED_TIME], made[ACCEPTED_TIME], id[ID_DIGITS + 2];

	accepted_time_text(now, made);
	make_id(scope, made, id);
	return json_pack("{s:s, s:s, s:O, s:s, s:s, s:s, s:o, s:o, s:b}", "id", id, "finding",
			 q->finding, "scope", scope, "text", accepted_scope_text(s, text), "by",
			 q->by, "time", made, "until",
			 q->until ? json_string(accepted_time_text(q->until, until)) : json_null(),
			 "reason", q->reason ? json_string(q->reason) : json_null(), "forced",
			 (int)q->forced);
}

/* Removes the entries that have the same scope. */
static void drop_same(json_t *entries, const json_t *entry)
{
	const json_t *scope = json_object_get(entry, "scope");

	for (size_t i = json_array_size(entries); i-- > 0;)
		if (json_equal(json_object_get(json_array_get(entries, i), "scope"), scope))
			json_array_remove(entries, i);
}

int accepted_add(json_t *delta, json_t *entry, struct err *err)
{
	json_t *entries = json_object_get(delta, "entries");

	drop_same(entries, entry);
	if (json_array_size(entries) >= ACCEPTED_ENTRIES_MAX)
		return err_set(err, -ENOSPC,
			       "%d entries are accepted, and no more fit: train the policy again, "
			       "or revoke some",
			       ACCEPTED_ENTRIES_MAX);
	return json_array_append(entries, entry) < 0 ? err_oom(err) : 0;
}

json_t *accepted_find(const json_t *delta, const char *id)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(delta, "entries"), i, entry) {
		const char *own = json_string_value(json_object_get(entry, "id"));

		if (own && strcmp(own, id) == 0)
			return entry;
	}
	return NULL;
}

int accepted_remove(json_t *delta, const char *id, struct err *err)
{
	json_t *entries = json_object_get(delta, "entries"), *entry = accepted_find(delta, id);

	for (size_t i = 0; entry && i < json_array_size(entries); i++) {
		if (json_array_get(entries, i) == entry) {
			json_array_remove(entries, i);
			return 0;
		}
	}
	return err_set(err, -ENOENT, "%.100s: no entry has this id", id);
}

int accepted_set_action(json_t *delta, const char *rule, const char *action, struct err *err)
{
	json_t *actions = json_object_get(delta, "actions");
	unsigned n;

	/* An action that an older version set for a rule of its own can be removed. */
	if (rule_parse(rule, &n) < 0 && (action || !rule_is_old(rule)))
		return err_set(err, -EINVAL, "%.40s: no such rule; docs/alerts.md lists them",
			       rule);
	if (!action) {
		if (json_object_del(actions, rule) < 0)
			return err_set(err, -ENOENT, "%s: no action is set by hand", rule);
		return 0;
	}
	if (action_parse(action, &n) < 0)
		return err_set(err, -EINVAL, "%.40s: an action is log, alert, deny or kill",
			       action);
	return json_object_set_new(actions, rule, json_string(action)) < 0 ? err_oom(err) : 0;
}

/* Drops slashes that say nothing from an absolute path, in place: "//srv/a/" becomes "/srv/a". */
static void trim_slashes(char *path)
{
	size_t n = 1;

	for (const char *s = path + 1; *s; s++)
		if (*s != '/' || (path[n - 1] != '/' && s[1]))
			path[n++] = *s;
	if (n > 1 && path[n - 1] == '/')
		n--;
	path[n] = '\0';
}

int accepted_set_varies(json_t *delta, const char *path, bool varies, struct err *err)
{
	json_t *list = json_object_get(delta, "varies");
	_cleanup_free_ char *dir = strdup(path);
	size_t at = 0;

	if (!dir)
		return err_oom(err);
	if (dir[0] != '/' || strchr(dir, '\\') || text_has_control(dir))
		return err_set(err, -EINVAL, "%.200s: give the directory's path in the container",
			       dir);
	trim_slashes(dir);
	while (at < json_array_size(list) &&
	       strcmp(json_string_value(json_array_get(list, at)), dir) != 0)
		at++;
	if (!varies) {
		if (json_array_remove(list, at) < 0)
			return err_set(err, -ENOENT, "%.200s: this directory is not set by hand",
				       dir);
		return 0;
	}
	if (at < json_array_size(list))
		return 0;
	if (at >= ACCEPTED_VARIES_MAX)
		return err_set(err, -ENOSPC, "%d directories vary, and no more fit",
			       ACCEPTED_VARIES_MAX);
	return json_array_append_new(list, json_string(dir)) < 0
		       ? err_set(err, -EINVAL, "the path of the directory is not UTF-8")
		       : 0;
}

/* ---- words ---- */

static void append_words(json_t *list, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void append_words(json_t *list, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	json_array_append_new(list, text_json_keep(text));
	free(text);
}

const char *accepted_until_word(const char *until)
{
	time_t end;

	if (!until || !*until)
		return "";
	return accepted_time_parse(until, &end) == 0 && end <= accepted_now() ? ", ended "
									      : ", until ";
}

/* Returns the level that an entry is about, or NULL. */
static const char *scope_level(const json_t *entry)
{
	return json_string_value(json_object_get(json_object_get(entry, "scope"), "level"));
}

/* Returns what to add to the text about a rule of older versions; "": this version has the rule. */
static const char *old_words(const char *rule)
{
	return rule_is_old(rule) ? "; without effect, since only older versions have this rule"
				 : "";
}

json_t *accepted_words(const json_t *delta)
{
	json_t *list = json_array(), *value;
	const char *rule;
	size_t i;

	json_array_foreach (json_object_get(delta, "entries"), i, value) {
		const char *text = json_string_value(json_object_get(value, "text"));
		const char *until = json_string_value(json_object_get(value, "until"));

		append_words(list, "%s%s%s%s", text, accepted_until_word(until), until ? until : "",
			     old_words(scope_level(value)));
	}
	json_object_foreach (json_object_get(delta, "actions"), rule, value)
		append_words(list, "action of %s: %s%s", rule, json_string_value(value),
			     old_words(rule));
	json_array_foreach (json_object_get(delta, "varies"), i, value)
		append_words(list, "new names in %s only alert", json_string_value(value));
	return list;
}

/* Appends what is in a and not in b. */
static void append_missing(json_t *ret, const json_t *a, const json_t *b)
{
	json_t *x, *y;
	size_t i, k;

	json_array_foreach (a, i, x) {
		bool found = false;

		json_array_foreach (b, k, y)
			found |= json_equal(x, y);
		if (!found)
			json_array_append(ret, x);
	}
}

json_t *accepted_diff(const json_t *old, const json_t *now)
{
	json_auto_t *a = accepted_words(old), *b = accepted_words(now);
	json_t *gained = json_array(), *lost = json_array();

	append_missing(gained, b, a);
	append_missing(lost, a, b);
	return json_pack("{s:o, s:o}", "gained", gained, "lost", lost);
}

static int read_any(const char *dir, json_t **ret, struct err *err)
{
	int r = accepted_read(dir, NULL, ret, err);

	return r == -ENOENT ? 0 : r;
}

int accepted_diff_add(json_t *diff, const char *old_dir, const char *dir, struct err *err)
{
	json_auto_t *old = NULL, *now = NULL;
	json_t *sets;
	int r = read_any(old_dir, &old, err);

	if (r == 0)
		r = read_any(dir, &now, err);
	if (r < 0)
		return r;
	sets = accepted_diff(old, now);
	if (json_array_size(json_object_get(sets, "gained")) ||
	    json_array_size(json_object_get(sets, "lost")))
		json_object_set_new(diff, "same", json_false());
	return json_object_set_new(diff, "accepted", sets) < 0 ? err_oom(err) : 0;
}
