/* SPDX-License-Identifier: Apache-2.0 */
/* Policies on disk: what each knows, what to expect of it, and what changed. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/diff/policy_diff.h"
#include "lib/policy/files/policy_json.h"
#include "lib/base/text.h"
#include "user/alerts/expected.h"
#include "user/api/routes/api_impl.h"
#include "user/containers/containers.h"
#include "user/policy/policy_summary.h"
#include "user/sys/clock.h"
#include "lutra/object_token.h"

#define POLICIES_MAX 256

/* {DIRECTORY: [NAME…]}: which containers each policy guards. */
static json_t *guarded_json(const struct containers *all)
{
	json_t *dirs = json_object(), *names;

	for (const struct container *c = containers_first(all); c; c = c->next) {
		names = json_object_get(dirs, c->policy_dir);
		if (!names) {
			names = json_array();
			json_object_set_new(dirs, c->policy_dir, names);
		}
		json_array_append_new(names, text_json_keep(c->name));
	}
	return dirs;
}

/* Prepares what the thread needs of the main loop. */
static int prepare_guarded(struct api_call *c, struct err *err)
{
	c->prepared = guarded_json(c->api->parts.containers);
	return c->prepared ? 0 : err_oom(err);
}

int api_policies(struct api_call *c, json_t **ret, struct err *err)
{
	(void)ret;
	return prepare_guarded(c, err);
}

int api_policy(struct api_call *c, json_t **ret, struct err *err)
{
	(void)ret;
	return prepare_guarded(c, err);
}

/* Returns the names of the containers that a policy of policies_dir guards. */
static json_t *guarded_by(const struct api_call *c, const char *name)
{
	char dir[PATH_MAX];
	json_t *names;

	snprintf(dir, sizeof(dir), "%s/%.255s", c->config->policies_dir, name);
	names = json_object_get(c->prepared, dir);
	return names ? json_incref(names) : json_array();
}

static int is_visible_entry(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Returns true if an entry of policies_dir is a policy, good or not. */
static bool has_policy(const struct api_call *c, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%.255s/" POLICY_JSON_FILE, c->config->policies_dir, name);
	return access(path, F_OK) == 0;
}

int api_listed_policies(struct api_call *c, json_t **ret, struct err *err)
{
	struct dirent **entries = NULL;
	json_t *list = json_array();
	int n = scandir(c->config->policies_dir, &entries, is_visible_entry, alphasort);
	json_int_t more = 0;

	(void)err;
	for (int i = 0; i < n; i++) {
		/* What is no directory has no summary, and adds nothing. */
		if (json_array_size(list) < POLICIES_MAX)
			json_array_append_new(
				list, policy_summaries_get(c->api->summaries, c->config,
							   entries[i]->d_name,
							   guarded_by(c, entries[i]->d_name),
							   clock_realtime_ns()));
		else
			more += has_policy(c, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	*ret = json_pack("{s:o, s:I}", "policies", list, "total",
			 (json_int_t)json_array_size(list) + more);
	return 0;
}

/* ---- one ---- */

/* Adds the keys of objects that have a token in a role: {"object", "next": [NAME…]}. */
static void add_role_keys(json_t *list, const struct policy *p, unsigned role)
{
	for (size_t i = 0; i < p->n_keys; i++) {
		const struct policy_key *k = &p->keys[i];

		if (k->token[role] < LUTRA_TOKEN0)
			continue;
		json_array_append_new(list, json_pack("{s:o, s:o}", "object",
						      text_json(k->name, strlen(k->name)), "next",
						      expected_successors(p, k->token[role])));
	}
}

/* Returns {ROLE: [{"call" or "object", "next": [NAME…]}]}. */
static json_t *policy_tokens_json(const struct policy *p)
{
	json_t *roles = json_object();
	char call[32];

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		json_t *list = json_array();

		for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
			unsigned token = p->token[role][nr];

			if (token == LUTRA_UNK)
				continue;
			json_array_append_new(
				list, json_pack("{s:s, s:o}", "call",
						syscall_name(p->arch, nr, call, sizeof(call)),
						"next", expected_successors(p, token)));
		}
		add_role_keys(list, p, role);
		json_object_set_new(roles, role_name(role), list);
	}
	return roles;
}

/* {OPERATION: [NAME…]} of the objects that training saw. */
static json_t *policy_objects_json(const struct policy *p)
{
	json_t *ops = json_object();
	char text[1400];

	for (size_t i = 0; i < p->n_objects; i++) {
		const char *op = op_name(lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP));
		json_t *list = json_object_get(ops, op);

		if (!list) {
			list = json_array();
			json_object_set_new(ops, op, list);
		}
		policy_object_name(p, p->objects[i], text, sizeof(text));
		json_array_append_new(list, text_json(text, strlen(text)));
	}
	return ops;
}

static json_t *details_json(const struct policy *p)
{
	json_t *j =
		json_pack("{s:s, s:b, s:{s:o, s:o}, s:o, s:o, s:o}", "arch", p->arch,
			  "steady_on_wait", p->steady_on_wait, "thresholds", "m",
			  policy_has_level(p) ? json_integer(p->threshold) : json_null(), "n",
			  policy_has_novelty(p) ? json_integer(p->novelty_threshold) : json_null(),
			  "roles", policy_tokens_json(p), "known", policy_objects_json(p),
			  "provenance", policy_provenance_encode(p));

	json_object_update_new(j, policy_rules_encode(p));
	return j;
}

/* Returns true if the policy replaced another one. */
static bool has_previous(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/" POLICY_PREVIOUS_DIR "/" POLICY_JSON_FILE, dir) <
		       (int)sizeof(path) &&
	       access(path, R_OK) == 0;
}

int api_listed_policy(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX];
	int r = api_policy_dir(c, dir, err);

	if (r < 0)
		return r;
	*ret = policy_summary_to_json(c->config, c->config->policies_dir, c->name,
				      guarded_by(c, c->name), &p);
	if (!*ret)
		return err_set(err, -ENOENT, "%.200s: no such policy", c->name);
	if (!p)
		return 0;
	json_object_update_new(*ret, details_json(p));
	json_object_set_new(*ret, "previous", json_boolean(has_previous(dir)));
	return 0;
}

int api_policy_diff(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL, *old = NULL;
	char dir[PATH_MAX], old_dir[PATH_MAX + sizeof(POLICY_PREVIOUS_DIR) + 1];
	int r = api_policy_dir(c, dir, err);

	if (r == 0)
		r = policy_load(&p, dir, err);
	snprintf(old_dir, sizeof(old_dir), "%s/" POLICY_PREVIOUS_DIR, dir);
	if (r == 0)
		r = policy_load(&old, old_dir, err);
	if (r == -ENOENT)
		return err_set(err, r, "%.200s: has replaced no policy", c->name);
	if (r < 0)
		return r;
	*ret = policy_diff(old, p);
	return *ret ? accepted_diff_add(*ret, old_dir, dir, err) : err_oom(err);
}

int api_policy_mode(struct api_call *c, json_t **ret, struct err *err)
{
	struct asked_mode ask;
	struct err overridden = {};
	unsigned n;
	int r = api_mode_body(c, &ask, err);

	if (r == 0)
		r = containers_set_policy_mode(c->api->parts.containers, c->name, &ask, &n,
					       &overridden, err);
	if (r == 0)
		*ret = json_pack("{s:i, s:o}", "switched", (int)n, "overridden",
				 *overridden.msg ? text_json_keep(overridden.msg) : json_null());
	return r;
}

int api_rules(struct api_call *c, json_t **ret, struct err *err)
{
	json_t *list = json_array();

	(void)c;
	for (unsigned i = 0; i < RULES_COUNT; i++) {
		const struct rule *r = rule_get(i);

		if (i != LUTRA_RULE_NONE)
			json_array_append_new(list,
					      json_pack("{s:s, s:s, s:s, s:s}", "name", r->name,
							"title", r->title, "text", r->text,
							"action", action_name(r->action)));
	}
	*ret = json_pack("{s:o}", "rules", list);
	return *ret ? 0 : err_oom(err);
}
