/* SPDX-License-Identifier: Apache-2.0 */
/* Reads, checks and writes accepted.json and its signature. */
#include "lib/policy/accepted/accepted.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/file.h"
#include "lib/base/text.h"

#define FORMAT 2 /* format 1 has no starters */
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define ID_MAX 64
#define NAME_MAX_BYTES 255
#define WHAT_NEXT "; restore it from a copy, or remove it and accept again"

/* ---- times ---- */

time_t accepted_now(void)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) < 0 ? 0 : now.tv_sec;
}

int accepted_time_parse(const char *text, time_t *ret)
{
	static const char *const formats[] = {TIME_FORMAT, "%Y-%m-%d"};

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {}, given;
		const char *end = strptime(text, formats[i], &tm);

		if (!end || *end)
			continue;
		given = tm;
		*ret = timegm(&tm);
		/* timegm() makes the 3rd of March of a 31st of February. */
		return *ret > 0 && tm.tm_mday == given.tm_mday && tm.tm_sec == given.tm_sec
			       ? 0
			       : -EINVAL;
	}
	return -EINVAL;
}

const char *accepted_time_text(time_t t, char buf[static ACCEPTED_TIME])
{
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(buf, ACCEPTED_TIME, TIME_FORMAT, &tm) == 0)
		buf[0] = '\0';
	return buf;
}

/* ---- checking ---- */

/* The text may be shown in a terminal. */
static bool is_clean(const char *s, size_t max)
{
	return strlen(s) <= max && !text_has_control(s);
}

static int check_entry(json_t *entry, struct err *err)
{
	const char *id, *finding, *text, *by, *time_text;
	json_t *scope, *until, *reason;
	struct accepted_scope s;
	json_error_t je;
	time_t t;
	int forced;

	if (json_unpack_ex(entry, &je, JSON_STRICT, "{s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:o, s:b}",
			   "id", &id, "finding", &finding, "scope", &scope, "text", &text, "by",
			   &by, "time", &time_text, "until", &until, "reason", &reason, "forced",
			   &forced) < 0)
		return err_set(err, -EBADMSG, "entry: %s", je.text);
	if (!*id || !is_clean(id, ID_MAX) || !is_clean(finding, ID_MAX) ||
	    !is_clean(text, ACCEPTED_TEXT) || !is_clean(by, NAME_MAX_BYTES))
		return err_set(err, -EBADMSG,
			       "entry: a text is too long or has control characters");
	if (accepted_time_parse(time_text, &t) < 0 ||
	    (!json_is_null(until) &&
	     (!json_is_string(until) || accepted_time_parse(json_string_value(until), &t) < 0)))
		return err_set(err, -EBADMSG, "entry %s: time or until is not a time", id);
	if (!json_is_null(reason) &&
	    (!json_is_string(reason) || !is_clean(json_string_value(reason), ACCEPTED_REASON_MAX)))
		return err_set(err, -EBADMSG,
			       "entry %s: the reason must be a line of at most %d bytes", id,
			       ACCEPTED_REASON_MAX);
	return accepted_scope_from_json(scope, &s, err);
}

static int check_actions(json_t *actions, struct err *err)
{
	const char *rule;
	json_t *action;
	unsigned n;

	json_object_foreach (actions, rule, action) {
		/* A rule of older versions is allowed here. Its action has no effect. */
		if (!rule_is_old(rule) && rule_parse(rule, &n) < 0)
			return err_set(err, -EBADMSG, "actions: %.40s: no such rule", rule);
		if (!json_is_string(action) || action_parse(json_string_value(action), &n) < 0)
			return err_set(err, -EBADMSG,
				       "actions: %s: must be log, alert, deny or kill", rule);
	}
	return 0;
}

static int check_varies(json_t *varies, struct err *err)
{
	json_t *dir;
	size_t i;

	if (json_array_size(varies) > ACCEPTED_VARIES_MAX)
		return err_set(err, -EBADMSG, "varies: more than %d directories",
			       ACCEPTED_VARIES_MAX);
	json_array_foreach (varies, i, dir) {
		const char *path = json_string_value(dir);

		if (!path || path[0] != '/' || !is_clean(path, LUTRA_STRING_MAX - 1))
			return err_set(err, -EBADMSG, "varies: not the path of a directory");
	}
	return 0;
}

int accepted_check(json_t *delta, struct err *err)
{
	json_t *entries, *actions, *varies, *entry;
	json_error_t je;
	const char *policy;
	int format, r = 0;
	size_t i;

	if (json_unpack_ex(delta, &je, JSON_STRICT, "{s:i, s:s, s:o, s:o, s:o}", "format", &format,
			   "policy", &policy, "entries", &entries, "actions", &actions, "varies",
			   &varies) < 0)
		return err_set(err, -EBADMSG, "%s", je.text);
	if (format < 1 || format > FORMAT)
		return err_set(err, -EBADMSG, "this lutra does not know format %d: update lutra",
			       format);
	if (!json_is_array(entries) || json_array_size(entries) > ACCEPTED_ENTRIES_MAX ||
	    !json_is_object(actions) || !json_is_array(varies))
		return err_set(
			err, -EBADMSG,
			"entries must be a list of at most %d, actions an object, varies a list",
			ACCEPTED_ENTRIES_MAX);
	json_array_foreach (entries, i, entry) {
		r = check_entry(entry, err);
		if (r < 0)
			return r;
	}
	r = check_actions(actions, err);
	return r < 0 ? r : check_varies(varies, err);
}

/* ---- reading ---- */

/* Copies the name of a policy: the last component of its directory. */
static void copy_policy_name(const char *dir, char ret[static NAME_MAX_BYTES + 1])
{
	_cleanup_free_ char *real = realpath(dir, NULL);
	const char *path = real ? real : dir, *slash = strrchr(path, '/');

	text_clean(slash ? slash + 1 : path, strlen(slash ? slash + 1 : path), ret,
		   NAME_MAX_BYTES + 1);
}

json_t *accepted_new(const char *dir)
{
	char name[NAME_MAX_BYTES + 1];

	copy_policy_name(dir, name);
	return json_pack("{s:i, s:s, s:[], s:{}, s:[]}", "format", FORMAT, "policy", name,
			 "entries", "actions", "varies");
}

bool accepted_is_empty(const json_t *delta)
{
	return json_array_size(json_object_get(delta, "entries")) == 0 &&
	       json_object_size(json_object_get(delta, "actions")) == 0 &&
	       json_array_size(json_object_get(delta, "varies")) == 0;
}

/* A signature is for the policy that the delta names, so that nobody moves it to another one. */
static int check_policy_name(const char *dir, const json_t *delta, struct err *err)
{
	const char *policy = json_string_value(json_object_get(delta, "policy"));
	char name[NAME_MAX_BYTES + 1];

	copy_policy_name(dir, name);
	if (strcmp(policy, name) == 0)
		return 0;
	return err_set(err, -EKEYREJECTED, "it belongs to the policy %.100s, not to this one",
		       policy);
}

int accepted_read(const char *dir, const struct policy_keys *keys, json_t **ret, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_signed = keys && keys->n;
	_cleanup_free_ char *text = NULL;
	json_auto_t *j = NULL;
	struct err why = {};
	json_error_t je;
	size_t len;
	int r;

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", dir, strerror(errno));
	r = file_read(fd, POLICY_ACCEPTED_FILE, ACCEPTED_BYTES_MAX, &text, &len, &why);
	/* A link to a file that is gone is no delta, but not nothing either. */
	if (r == -ENOENT && faccessat(fd, POLICY_ACCEPTED_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, r, "%s: nothing is accepted there", dir);
	if (r < 0)
		return err_set(err, -EBADMSG, "%s: %s", dir, why.msg);
	/* The signature comes first: unsigned bytes are not even parsed. */
	r = is_signed ? policy_signature_check_accepted(fd, text, len, keys, &why) : 0;
	if (r < 0)
		return err_set(err, r, "%s/" POLICY_ACCEPTED_FILE ": %s", dir, why.msg);
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(err, -EBADMSG,
			       "%s/" POLICY_ACCEPTED_FILE ": damaged in line %d: %.200s" WHAT_NEXT,
			       dir, je.line, je.text);
	r = accepted_check(j, &why);
	if (r < 0)
		return err_set(err, r, "%s/" POLICY_ACCEPTED_FILE ": %.300s" WHAT_NEXT, dir,
			       why.msg);
	r = is_signed ? check_policy_name(dir, j, &why) : 0;
	if (r < 0)
		return err_set(err, r, "%s/" POLICY_ACCEPTED_FILE ": %s", dir, why.msg);
	*ret = TAKE_PTR(j);
	return 0;
}

/* ---- writing ---- */

/* Writes or removes a file of the policy in dir. text: NULL removes it. */
static int put_file(const char *dir, const char *name, const char *text, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return err_oom(err);
	if (text)
		r = file_replace(path, 0644, text, strlen(text));
	else if (unlink(path) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

/*
 * Replaces the delta and its signature. Both files cannot be replaced at one moment, so the old
 * signature stays beside the new one until the delta is replaced: what is there is signed at any
 * time.
 */
static int put_signed(const char *dir, const char *text, const char *line, struct err *err)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *old = NULL, *both = NULL;
	size_t len = 0;
	int r = fd < 0 ? -errno
		       : file_read(fd, POLICY_ACCEPTED_SIGNATURE, 3 * POLICY_SIGNATURE_TEXT, &old,
				   &len, NULL);

	/* A signature that cannot be read, or is none, is of no use. */
	if (asprintf(&both, "%s%s", line, r == 0 ? old : "") < 0)
		return err_oom(err);
	r = put_file(dir, POLICY_ACCEPTED_SIGNATURE, both, err);
	if (r == 0)
		r = put_file(dir, POLICY_ACCEPTED_FILE, text, err);
	return r < 0 ? r : put_file(dir, POLICY_ACCEPTED_SIGNATURE, line, err);
}

int accepted_write(const char *dir, json_t *delta, const char *key_file, struct err *err)
{
	char line[POLICY_SIGNATURE_TEXT], public[POLICY_KEY_TEXT];
	_cleanup_free_ char *text = NULL;
	struct err why = {};
	int r = accepted_check(delta, &why);

	if (r < 0)
		return err_set(err, -EINVAL, "%s/" POLICY_ACCEPTED_FILE ": %s", dir, why.msg);
	json_object_set_new(delta, "format", json_integer(FORMAT));
	text = json_dumps(delta, JSON_INDENT(1) | JSON_SORT_KEYS);
	if (!text)
		return err_oom(err);
	if (strlen(text) > ACCEPTED_BYTES_MAX)
		return err_set(err, -EINVAL,
			       "%s/" POLICY_ACCEPTED_FILE
			       ": it would be larger than %u bytes: revoke entries",
			       dir, ACCEPTED_BYTES_MAX);
	if (key_file)
		r = policy_key_sign(key_file, text, strlen(text), line, public, err);
	if (r < 0)
		return r;
	if (key_file)
		return put_signed(dir, text, line, err);
	r = put_file(dir, POLICY_ACCEPTED_SIGNATURE, NULL, err);
	return r < 0 ? r : put_file(dir, POLICY_ACCEPTED_FILE, text, err);
}
