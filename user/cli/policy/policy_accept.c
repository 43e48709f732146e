/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lutra policy accept: asks lutrad to accept a finding. Where policy_keys are set, lutrad makes a draft,
 * and this command signs it: lutrad never has the key.
 */
#include "lib/policy/accepted/accepted.h"
#include "user/cli/policy/policy_accept.h"
#include "user/policy/drafts.h"
#include "user/policy/modes.h"
#include "user/policy/policy_delta.h"

/* ---- drafts ---- */

void policy_tell_daemon(const struct policy_args *a, const char *dir)
{
	const char *name = modes_policy_name(a->config, dir);
	char path[LOCAL_CLIENT_PATH];
	json_auto_t *answer = NULL;

	if (!name)
		return;
	local_client_path(path, "policies", name, "accepted");
	cli_ask(a->config_file, path, json_object(), &answer, NULL);
}

/* Reads the scope of an entry, and measures a level by the policy in force. */
static int read_scope(const struct config *config, const char *dir, const json_t *entry,
		      struct accepted_scope *ret, struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;
	int r = accepted_scope_from_json(json_object_get(entry, "scope"), ret, err);

	if (r < 0 || ret->kind != ACCEPTED_LEVEL)
		return r;
	r = accepted_load(&p, dir, &config->policy_keys, &left_out, err);
	if (r == 0)
		accepted_scope_measure(ret, p);
	return r;
}

/* Prints what an entry accepts. The words are made from its scope, since its text may be forged. */
static int print_scope(const struct config *config, const char *dir, const json_t *entry,
		       struct err *err)
{
	struct accepted_scope s;
	char text[ACCEPTED_TEXT], clean[2 * ACCEPTED_TEXT];
	int r = read_scope(config, dir, entry, &s, err);

	if (r < 0)
		return r;
	accepted_scope_text(&s, text);
	text_clean(text, strlen(text), clean, sizeof(clean));
	printf("  %s%s\n", clean, cli_json_is(entry, "forced") ? "  (dangerous)" : "");
	return 0;
}

/* A draft whose end has passed would be accepted without effect. */
static int check_draft_end(const json_t *entry, struct err *err)
{
	const char *until = json_string_value(json_object_get(entry, "until"));
	time_t end;

	if (!until || accepted_time_parse(until, &end) < 0 || end > accepted_now())
		return 0;
	return err_set(
		err, -EINVAL,
		"the draft ended at %.40s: drop it with `lutra policy revoke %s`, and accept the "
		"finding again",
		until, cli_json_text(entry, "id"));
}

/* Adds a draft to the delta of its policy, signs the delta, and removes the draft. */
static int sign_draft(const struct policy_args *a, json_t *drafts, const json_t *draft,
		      struct err *err)
{
	const char *dir = json_string_value(json_object_get(draft, "policy"));
	json_t *entry = json_object_get(draft, "entry");
	json_auto_t *delta = NULL, *own = json_string(dir);
	int r = check_draft_end(entry, err);

	if (r == 0)
		r = print_scope(a->config, dir, entry, err);
	if (r == 0)
		r = policy_delta_open(a->config, dir, &delta, err);
	if (r == 0)
		r = accepted_add(delta, entry, err);
	if (r == 0)
		r = policy_delta_save(a->config, dir, delta, a->key, err);
	if (r < 0)
		return r;
	printf("%s: accepted, signed: %s\n", dir, cli_json_text(entry, "id"));
	drafts_remove(drafts, cli_json_text(entry, "id"));
	r = drafts_save(a->config, drafts, err);
	policy_tell_daemon(a, json_string_value(own));
	return r;
}

int policy_accept_draft(const struct policy_args *a, const char *id, struct err *err)
{
	_cleanup_close_ int lock = -1;
	json_auto_t *drafts = NULL;
	const json_t *draft;
	int r = policy_delta_lock(a->config, true, &lock, err);

	if (r == 0)
		r = drafts_load(a->config, &drafts, err);
	if (r < 0)
		return r;
	draft = drafts_find(drafts, id);
	if (!draft)
		return err_set(err, -ENOENT,
			       "%.60s: no draft has this id: `lutra policy accepted NAME` lists "
			       "drafts",
			       id);
	return sign_draft(a, drafts, draft, err);
}

/* ---- findings ---- */

/* A key that cannot sign is refused before lutrad makes anything of the finding. */
static int check_accept_key(const struct policy_args *a, struct err *err)
{
	if (!a->key)
		return 0;
	if (!a->config->policy_keys.n)
		return err_set(err, -EINVAL,
			       "policy_keys are not set, so nothing is signed: leave out --key");
	if (access(a->key, R_OK) < 0)
		return err_set(err, -errno, "%s: %s", a->key, strerror(errno));
	return 0;
}

/* Adds a text to a request, unless it is NULL. A request without what was asked would accept more. */
static int add_text(json_t *q, const char *key, const char *text, struct err *err)
{
	if (text && json_object_set_new(q, key, json_string(text)) < 0)
		return err_set(err, -EINVAL, "%s: must be UTF-8", key);
	return 0;
}

int policy_accept_finding(const struct policy_args *a, const char *finding, struct err *err)
{
	char path[LOCAL_CLIENT_PATH];
	json_auto_t *answer = NULL;
	json_t *q;
	int r = check_accept_key(a, err);

	if (r < 0)
		return r;
	q = json_pack("{s:s, s:b}", "by", cli_user_name(), "force", (int)a->force);
	if (!q)
		return err_oom(err);
	r = add_text(q, "scope", a->scope, err);
	if (r == 0)
		r = add_text(q, "until", a->until, err);
	if (r == 0)
		r = add_text(q, "reason", a->reason, err);
	if (r == 0)
		r = add_text(q, "text", a->text, err);
	if (r < 0) {
		json_decref(q);
		return r;
	}
	local_client_path(path, "findings", finding, "accept");
	r = cli_ask(a->config_file, path, q, &answer, err);
	if (r < 0)
		return r;
	if (!cli_json_is(answer, "draft")) {
		printf("%s: accepted: %s: %s\n", cli_json_text(answer, "policy"),
		       cli_json_text(answer, "id"), cli_json_text(answer, "text"));
		return 0;
	}
	if (a->key)
		return policy_accept_draft(a, cli_json_text(answer, "id"), err);
	printf("%s: a draft: %s: %s\nit is in force after `lutra policy accept --draft %s --key "
	       "KEY`\n",
	       cli_json_text(answer, "policy"), cli_json_text(answer, "id"),
	       cli_json_text(answer, "text"), cli_json_text(answer, "id"));
	return 0;
}

int policy_cmd_accept(const struct policy_args *a)
{
	struct err err;
	int r = a->draft ? policy_accept_draft(a, a->draft, &err)
			 : policy_accept_finding(a, a->names[0], &err);

	return r < 0 ? cli_fail(&err) : 0;
}
