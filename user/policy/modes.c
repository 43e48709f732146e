/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes modes.json. */
#include "user/policy/modes.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/file.h"
#include "lib/abi/names.h"

#define MODES_MAX (1u << 20)
#define NAME_MAX_BYTES 255

const char *modes_policy_name(const struct config *c, const char *dir)
{
	size_t len = strlen(c->policies_dir);
	const char *name = dir + len + 1;

	if (strncmp(dir, c->policies_dir, len) != 0 || dir[len] != '/' || !*name || *name == '.' ||
	    strchr(name, '/') || strlen(name) > NAME_MAX_BYTES)
		return NULL;
	return name;
}

bool modes_has_objection(const struct policy *p, unsigned mode, struct err *why)
{
	const struct policy_run *partial;
	const char *advice;

	if (mode <= LUTRA_MODE_AUDIT)
		return false;
	partial = policy_partial_run(p);
	if (partial) {
		err_set(why, 0, "its run %.60s is only a part of a run (%.120s)", partial->file,
			partial->partial);
		return true;
	}
	if (!p->calibration.audit_only)
		return false;
	advice = p->calibration.advice;
	err_set(why, 0,
		"it was trained on %zu run%s and %.2f hours, too little to refuse anything%s%s",
		p->n_runs, p->n_runs == 1 ? "" : "s", p->hours, advice && *advice ? ": " : "",
		advice ? advice : "");
	return true;
}

int modes_check(const char *name, const struct policy *p, unsigned mode, bool forced,
		struct err *err)
{
	struct err why;

	if (forced || !modes_has_objection(p, mode, &why))
		return 0;
	return err_set(err, -EPERM, "%.100s: not in mode %s: %.350s; use audit, or --force", name,
		       mode_name(mode), why.msg);
}

int modes_check_hooks(const char *name, const struct policy *p, unsigned mode, bool forced,
		      struct err *err)
{
	if (forced || mode <= LUTRA_MODE_AUDIT || !policy_lacks_hooks(p))
		return 0;
	return err_set(err, -EPERM,
		       "%.200s: not in mode %s: its runs were recorded without BPF LSM, so "
		       "capabilities and hooks without an object are not judged; add runs that are "
		       "recorded on this host, or use --force",
		       name, mode_name(mode));
}

/* Reads the whole object; it is empty where the file does not exist. */
static int load_modes(const struct config *c, json_t **ret, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	json_error_t je = {.text = "not an object"};
	json_auto_t *j = NULL;
	size_t len;
	int r;

	if (asprintf(&path, "%s/" MODES_FILE, c->state_dir) < 0)
		return err_oom(err);
	r = file_read(AT_FDCWD, path, MODES_MAX, &text, &len, err);
	if (r == -ENOENT)
		j = json_object();
	else if (r < 0)
		return r;
	else
		j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &je);
	if (!json_is_object(j))
		return err_set(
			err, -EBADMSG,
			"%s: %s: repair or remove the file; without it each policy has its own "
			"mode",
			path, je.text);
	*ret = TAKE_PTR(j);
	return 0;
}

static int save_modes(const struct config *c, const json_t *j, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = json_dumps(j, JSON_INDENT(1) | JSON_SORT_KEYS);
	int r;

	if (!text || asprintf(&path, "%s/" MODES_FILE, c->state_dir) < 0)
		return err_oom(err);
	mkdir(c->state_dir, 0700);
	r = file_replace(path, 0600, text, strlen(text));
	return r < 0 ? err_set(err, r, "%s: %s", path, strerror(-r)) : 0;
}

int modes_set(const struct config *c, const char *name, const struct policy *p, unsigned mode,
	      bool forced, struct err *err)
{
	json_auto_t *j = NULL;
	int r = modes_check(name, p, mode, forced, err);

	if (r == 0)
		r = load_modes(c, &j, err);
	if (r < 0)
		return r;
	if (json_object_set_new(
		    j, name,
		    json_pack("{s:s, s:b}", "mode", mode_name(mode), "forced", (int)forced)) < 0)
		return err_set(err, -EINVAL, "the name of the policy is not UTF-8");
	return save_modes(c, j, err);
}

int modes_get(const struct config *c, const char *dir, const struct policy *p, unsigned *ret,
	      struct err *err)
{
	const char *name = modes_policy_name(c, dir), *text;
	json_auto_t *all = NULL;
	json_t *one;
	int r, forced;
	unsigned mode;

	r = name ? load_modes(c, &all, err) : 0;
	if (r < 0)
		return r;
	one = name ? json_object_get(all, name) : NULL;
	if (!one) {
		*ret = p->mode;
		return 0;
	}
	if (json_unpack_ex(one, NULL, JSON_STRICT, "{s:s, s:b}", "mode", &text, "forced", &forced) <
		    0 ||
	    mode_parse(text, &mode) < 0)
		return err_set(err, -EBADMSG,
			       "%s/" MODES_FILE
			       ": not a mode: run `lutra policy set-mode %.100s MODE`",
			       c->state_dir, name);
	*ret = !forced && modes_has_objection(p, mode, NULL) ? LUTRA_MODE_AUDIT : mode;
	return 0;
}
