/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutra policy set, accepted and revoke: change and list what a person added to a policy. It is in
 * accepted.json beside policy.json; a lutrad that runs applies a change within a second.
 */
#include <dirent.h>

#include "lib/base/text.h"
#include "user/cli/policy/policy_accept.h"
#include "user/policy/drafts.h"
#include "user/policy/policy_delta.h"

/* ---- set ---- */

/* Reads RULE=ACTION, or RULE with --unset, and changes the delta. */
static int change_action(const struct policy_args *a, json_t *delta, struct err *err)
{
	_cleanup_free_ char *rule = strdup(a->action);
	char *equals = rule ? strchr(rule, '=') : NULL;

	if (!rule)
		return err_oom(err);
	if ((equals != NULL) == a->unset)
		return err_set(err, -EINVAL, "%.60s: give %s", a->action,
			       a->unset ? "the rule alone" : "RULE=ACTION");
	if (equals)
		*equals = '\0';
	return accepted_set_action(delta, rule, equals ? equals + 1 : NULL, err);
}

int policy_cmd_set(const struct policy_args *a)
{
	_cleanup_close_ int lock = -1;
	json_auto_t *delta = NULL;
	char dir[PATH_MAX];
	struct err err;
	int r;

	cli_policy_dir(a->names[0], a->config->policies_dir, dir, sizeof(dir));
	r = policy_delta_lock(a->config, true, &lock, &err);
	if (r == 0)
		r = policy_delta_open(a->config, dir, &delta, &err);
	if (r == 0 && a->action)
		r = change_action(a, delta, &err);
	if (r == 0 && a->varies)
		r = accepted_set_varies(delta, a->varies, !a->unset, &err);
	if (r == 0)
		r = a->unset ? policy_delta_save_less(a->config, dir, delta, a->key, &err)
			     : policy_delta_save(a->config, dir, delta, a->key, &err);
	if (r < 0)
		return cli_fail(&err);
	policy_tell_daemon(a, dir);
	if (a->action)
		printf("%s: action %s%s\n", dir, a->action, a->unset ? ": as trained" : "");
	if (a->varies)
		printf("%s: new names in %s %s\n", dir, a->varies,
		       a->unset ? "are judged as trained" : "only alert");
	return 0;
}

/* ---- accepted ---- */

static void print_entry(const json_t *entry)
{
	const char *until = cli_json_text(entry, "until"), *reason = cli_json_text(entry, "reason");

	printf("  %s  %s\n      by %s at %s%s%s%s", cli_json_text(entry, "id"),
	       cli_json_text(entry, "text"), cli_json_text(entry, "by"),
	       cli_json_text(entry, "time"), accepted_until_word(until), until,
	       cli_json_is(entry, "forced") ? ", forced" : "");
	printf("%s%s\n", *reason ? ": " : "", reason);
}

static void print_delta(const char *dir, const json_t *delta)
{
	const json_t *drafts = json_object_get(delta, "drafts");
	json_t *value;
	const char *rule;
	size_t i;

	printf("%s\n", dir);
	json_array_foreach (json_object_get(delta, "entries"), i, value)
		print_entry(value);
	json_object_foreach (json_object_get(delta, "actions"), rule, value)
		printf("  action       %s: %s\n", rule, json_string_value(value));
	json_array_foreach (json_object_get(delta, "varies"), i, value)
		printf("  varies       %s\n", json_string_value(value));
	if (accepted_is_empty(delta))
		puts("  nothing is accepted or set by hand");
	if (json_array_size(drafts))
		puts("  drafts, which wait for `lutra policy accept --draft ID --key KEY`:");
	json_array_foreach (drafts, i, value)
		print_entry(value);
}

/* Says on stderr if a delta that is listed is not in force for want of a trusted signature. */
static void warn_of_untrusted(const struct config *config, const char *dir)
{
	json_auto_t *trusted = NULL;
	struct err err;

	if (config->policy_keys.n &&
	    accepted_read(dir, &config->policy_keys, &trusted, &err) == -EKEYREJECTED)
		cli_failf("not in force: %s", err.msg);
}

int policy_cmd_accepted(const struct policy_args *a)
{
	json_auto_t *delta = NULL, *drafts = NULL;
	char dir[PATH_MAX];
	struct err err;
	int r;

	cli_policy_dir(a->names[0], a->config->policies_dir, dir, sizeof(dir));
	r = accepted_read(dir, NULL, &delta, &err);
	if (r == -ENOENT && access(dir, F_OK) == 0)
		delta = accepted_new(dir);
	if (!delta || drafts_load(a->config, &drafts, &err) < 0)
		return cli_fail(&err);
	json_object_set_new(delta, "drafts", drafts_of_policy(drafts, dir));
	warn_of_untrusted(a->config, dir);
	if (a->json)
		return cli_print_json(TAKE_PTR(delta), true);
	print_delta(dir, delta);
	return 0;
}

/* ---- revoke ---- */

static int is_policy_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Finds the policy of policies_dir that has an entry. Returns false if none has. */
static bool find_entry(const struct config *config, const char *id, char ret_dir[static PATH_MAX])
{
	struct dirent **entries = NULL;
	int n = scandir(config->policies_dir, &entries, is_policy_name, alphasort);
	bool found = false;

	for (int i = 0; i < n; i++) {
		json_auto_t *delta = NULL;
		struct err err;
		int r;

		if (!found) {
			snprintf(ret_dir, PATH_MAX, "%.3800s/%s", config->policies_dir,
				 entries[i]->d_name);
			r = accepted_read(ret_dir, NULL, &delta, &err);
			found = r == 0 && accepted_find(delta, id);
			if (r == -EBADMSG)
				cli_failf("warning: not looked at: %s", err.msg);
		}
		free(entries[i]);
	}
	free(entries);
	return found;
}

/* Removes a draft. Returns 1, 0: there is none of this id, or -errno. */
static int revoke_draft(const struct policy_args *a, const char *id, struct err *err)
{
	json_auto_t *drafts = NULL;
	int r = drafts_load(a->config, &drafts, err);

	if (r < 0 || !drafts_remove(drafts, id))
		return r;
	r = drafts_save(a->config, drafts, err);
	return r < 0 ? r : 1;
}

int policy_cmd_revoke(const struct policy_args *a)
{
	_cleanup_close_ int lock = -1;
	json_auto_t *delta = NULL;
	char dir[PATH_MAX];
	struct err err;
	int r = policy_delta_lock(a->config, true, &lock, &err);

	if (r == 0)
		r = revoke_draft(a, a->names[0], &err);

	if (r < 0)
		return cli_fail(&err);
	if (r > 0) {
		printf("removed the draft %s\n", a->names[0]);
		return 0;
	}
	if (a->n_names > 1)
		cli_policy_dir(a->names[1], a->config->policies_dir, dir, sizeof(dir));
	else if (!find_entry(a->config, a->names[0], dir))
		return cli_failf("%s: no policy in %s has accepted this: `lutra policy accepted "
				 "NAME` prints the ids",
				 a->names[0], a->config->policies_dir);
	r = policy_delta_open(a->config, dir, &delta, &err);
	if (r == 0)
		r = accepted_remove(delta, a->names[0], &err);
	if (r == 0)
		r = policy_delta_save_less(a->config, dir, delta, a->key, &err);
	if (r < 0)
		return cli_fail(&err);
	policy_tell_daemon(a, dir);
	printf("%s: revoked %s\n", dir, a->names[0]);
	return 0;
}
