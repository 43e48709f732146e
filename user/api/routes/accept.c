/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "This is fine": the readings of a finding, accepting one, and what a policy has accepted. Where
 * policy_keys are set, lutrad has no key: what is accepted becomes a draft that a person signs.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/base/text.h"
#include "lib/policy/accepted/accepted.h"
#include "user/alerts/alert_text.h"
#include "user/api/routes/api_impl.h"
#include "user/policy/drafts.h"
#include "user/policy/modes.h"
#include "user/policy/policy_delta.h"
#include "user/store/store_incidents.h"

#define EVENTS_MAX 64 /* at the time of a finding's last one */
#define FINDINGS_PAGE 1000

/* ---- the finding ---- */

/* A finding's last event, and the policy that judged it. */
struct last_event {
	const char *finding;
	bool found;
	bool is_old; /* rule_is_old() is true for the rule of the last event */
	char dir[PATH_MAX];
	char object[ALERT_TEXT], path[ALERT_PATH_TEXT], starter[ALERT_PATH_TEXT], call[64];
	struct accepted_facts facts;
};

static void copy_event_text(const struct alert_fields *a, enum alert_field field, char *buf,
			    size_t size)
{
	snprintf(buf, size, "%s", a->text[field] ? a->text[field] : "");
}

static int take_last_event(void *ctx, int64_t id, const struct alert_fields *a)
{
	struct last_event *e = ctx;
	enum alert_field level = ALERT_LEVEL;
	unsigned rule, role;

	(void)id;
	if (e->found || !a->text[ALERT_FINDING] || strcmp(a->text[ALERT_FINDING], e->finding) != 0)
		return 0;
	e->is_old = rule_is_old(a->text[ALERT_RULE]);
	if (rule_find(a->text[ALERT_RULE], &rule) < 0 || role_parse(a->text[ALERT_ROLE], &role) < 0)
		return 0;
	if (rule == LUTRA_RULE_NOVELTY)
		level = ALERT_NOVELTY;
	copy_event_text(a, ALERT_POLICY, e->dir, sizeof(e->dir));
	copy_event_text(a, ALERT_OBJECT, e->object, sizeof(e->object));
	copy_event_text(a, ALERT_PATH, e->path, sizeof(e->path));
	copy_event_text(a, ALERT_STARTER, e->starter, sizeof(e->starter));
	copy_event_text(a, ALERT_SYSCALL, e->call, sizeof(e->call));
	e->facts = (struct accepted_facts){.rule = rule,
					   .role = role,
					   .exec_session = a->number[ALERT_EXEC_SESSION] != 0,
					   .object = e->object,
					   .path = e->path,
					   .starter = e->starter,
					   .call = e->call,
					   .level = (int32_t)a->number[level]};
	e->found = true;
	return 0;
}

static int read_last_event(const struct api_call *c, struct last_event *e, struct err *err)
{
	_cleanup_free_ struct finding *x = calloc(1, sizeof(*x));
	struct store_query q = {.limit = EVENTS_MAX};
	struct store *s = NULL;
	int r;

	if (!x)
		return err_oom(err);
	r = api_store(c, &s, err);
	if (r == 0)
		r = store_get_finding(s, c->name, x, err);
	if (r < 0)
		return r;
	*e = (struct last_event){.finding = c->name};
	q.since_ns = q.until_ns = x->last_ns;
	r = store_select(s, &q, take_last_event, e, err);
	if (r < 0)
		return r;
	if (!e->found && e->is_old)
		return err_set(err, -EINVAL,
			       "%.40s: only an older version had its rule: nothing can be accepted",
			       c->name);
	if (!e->found)
		return err_set(err, -ENOENT,
			       "%.40s: its last event is not stored any more: wait for the next",
			       c->name);
	if (!*e->dir)
		return err_set(err, -EINVAL, "%.40s: no policy judged it", c->name);
	return 0;
}

/* Lists the readings of a finding by the policy in force. Returns how many there are. */
static int list_readings(const struct api_call *c, struct last_event *e,
			 struct accepted_reading list[static ACCEPTED_READINGS_MAX],
			 struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	struct err left_out;
	int r = read_last_event(c, e, err);

	if (r == 0)
		r = accepted_load(&p, e->dir, &c->config->policy_keys, &left_out, err);
	return r < 0 ? r : accepted_readings(p, &e->facts, list, err);
}

/* Returns the name of a policy in policies_dir, or the path of its directory. */
static const char *policy_name(const struct api_call *c, const char *dir)
{
	const char *name = modes_policy_name(c->config, dir);

	return name ? name : dir;
}

int api_finding_readings(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_free_ struct last_event *e = calloc(1, sizeof(*e));
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	int n;

	if (!e)
		return err_oom(err);
	n = list_readings(c, e, list, err);
	if (n < 0)
		return n;
	*ret = json_pack("{s:o, s:b, s:o}", "policy", text_json_keep(policy_name(c, e->dir)),
			 "signed", c->config->policy_keys.n != 0, "readings",
			 accepted_readings_to_json(list, n));
	return 0;
}

/* ---- states of findings ---- */

/* Finds out in which findings the store differs from the policies. */
struct state_check {
	struct api *api;
	json_t *in_force; /* {FINDING: id of the entry}; then those that the store does not know */
	json_t *revoked;  /* findings that an entry accepted and none does any more */
	bool unread; /* what a policy accepts could not be read: nothing is known to be revoked */
	uint64_t n;  /* findings of this page; the last of them: */
	uint64_t last_ns;
	char last_id[FINDING_ID];
};

static int check_finding(void *ctx, const struct finding *x)
{
	struct state_check *check = ctx;
	const char *entry = json_string_value(json_object_get(check->in_force, x->id));

	check->n++;
	check->last_ns = x->last_ns;
	TEXT_COPY(check->last_id, x->id);
	if (entry) {
		/* What the store says already need not be written again. It may have come again. */
		if (strcmp(entry, x->accepted) == 0)
			json_object_del(check->in_force, x->id);
		return 0;
	}
	return json_array_append_new(check->revoked, json_string(x->id)) < 0 ? -ENOMEM : 0;
}

/* Adds the findings that a delta accepts now. */
static void add_in_force(json_t *in_force, const json_t *delta)
{
	json_t *entry;
	size_t i;

	json_array_foreach (json_object_get(delta, "entries"), i, entry) {
		const char *finding = json_string_value(json_object_get(entry, "finding"));
		const char *until = json_string_value(json_object_get(entry, "until"));
		time_t end;

		if (until && accepted_time_parse(until, &end) == 0 && end <= accepted_now())
			continue;
		json_object_set(in_force, finding, json_object_get(entry, "id"));
	}
}

static void add_policy(struct state_check *check, const char *dir)
{
	const struct config *config = check->api->parts.config;
	json_auto_t *delta = NULL;
	int r = accepted_read(dir, &config->policy_keys, &delta, NULL);

	if (r == 0)
		add_in_force(check->in_force, delta);
	else if (r != -ENOENT && r != -ENOTDIR)
		check->unread = true;
}

static int is_visible_policy(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Collects what the policies of policies_dir and of containers accept. */
static void collect_in_force(struct state_check *check)
{
	const struct api *a = check->api;
	const struct config *config = a->parts.config;
	struct dirent **entries = NULL;
	int n = scandir(config->policies_dir, &entries, is_visible_policy, alphasort);
	char dir[PATH_MAX];

	for (int i = 0; i < n; i++) {
		if (snprintf(dir, sizeof(dir), "%s/%s", config->policies_dir, entries[i]->d_name) <
		    (int)sizeof(dir))
			add_policy(check, dir);
		free(entries[i]);
	}
	free(entries);
	for (const struct container *c = containers_first(a->parts.containers); c; c = c->next)
		if (*c->policy_dir && !modes_policy_name(config, c->policy_dir))
			add_policy(check, c->policy_dir);
}

/* Compares all findings that the store has with an entry with what is in force, page by page. */
static int check_findings(struct state_check *check, struct store *s)
{
	int r;

	do {
		char before[FINDING_ID];
		const struct store_finding_query q = {.has_entry = true,
						      .before_ns = check->last_ns,
						      .before_id = before,
						      .limit = FINDINGS_PAGE};

		TEXT_COPY(before, check->last_id);
		check->n = 0;
		r = store_select_findings(s, &q, check_finding, check, NULL);
	} while (r == 0 && check->n == FINDINGS_PAGE);
	return r;
}

void api_sync_accepted(struct api *a)
{
	json_auto_t *in_force = json_object(), *revoked = json_array();
	struct state_check check = {.api = a, .in_force = in_force, .revoked = revoked};
	struct store *s = NULL;
	const char *finding;
	json_t *value;
	size_t i;

	collect_in_force(&check);
	if (pipeline_reader(a->parts.pipeline, &s, NULL) < 0 || check_findings(&check, s) < 0)
		return;
	if (check.unread)
		json_array_clear(revoked);
	json_array_foreach (revoked, i, value)
		pipeline_set_finding(a->parts.pipeline, json_string_value(value), "new", NULL);
	json_object_foreach (in_force, finding, value)
		pipeline_set_finding(a->parts.pipeline, finding, "accepted",
				     json_string_value(value));
}

void api_note_accepted(struct api *a)
{
	uint64_t sum = 14695981039346656037ull; /* FNV-1a */

	for (const struct container *c = containers_first(a->parts.containers); c; c = c->next)
		for (const char *s = c->accepted_sha256; *s; s++)
			sum = (sum ^ (unsigned char)*s) * 1099511628211ull;
	if (sum == a->accepted_sum)
		return;
	a->accepted_sum = sum;
	api_sync_accepted(a);
}

/* ---- accepting ---- */

/* The members of a request to accept. */
struct accept_body {
	const char *scope, *text, *until, *reason, *by;
	int force;
	time_t until_time;
};

static int read_accept_body(const struct api_call *c, struct accept_body *b, struct err *err)
{
	int r = api_body_unpack(c, JSON_STRICT, err, "{s?s, s?s, s?s, s?s, s?s, s?b}", "scope",
				&b->scope, "text", &b->text, "until", &b->until, "reason",
				&b->reason, "by", &b->by, "force", &b->force);

	if (r < 0)
		return -EINVAL;
	if (b->until &&
	    (accepted_time_parse(b->until, &b->until_time) < 0 || b->until_time <= accepted_now()))
		return err_set(err, -EINVAL, "until: must be a day to come, as 2027-01-31");
	if (b->reason && (strlen(b->reason) > ACCEPTED_REASON_MAX || text_has_control(b->reason)))
		return err_set(err, -EINVAL, "reason: must be a line of at most %d bytes",
			       ACCEPTED_REASON_MAX);
	return api_user(c, &b->by, err);
}

/* Returns the number of the reading that the request names; without a name, of the narrowest. */
static int choose_reading(const struct accept_body *b, const struct accepted_reading *list, int n,
			  struct err *err)
{
	char names[128] = "", text[ACCEPTED_TEXT];
	size_t len = 0;
	int i = 0;

	while (b->scope && i < n && strcmp(list[i].name, b->scope) != 0) {
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					list[i].name);
		i++;
	}
	if (i == n)
		return err_set(err, -EINVAL, "scope: one of %s", names);
	if (b->text && strcmp(accepted_scope_text(&list[i].scope, text), b->text) != 0)
		return err_set(err, -EBUSY,
			       "the finding came again and is not what was shown: look at it anew");
	if (list[i].danger && !b->force)
		return err_set(err, -EPERM, "this is dangerous: %s; accept it with --force",
			       list[i].danger);
	return i;
}

/* Adds an entry to the delta of a policy, or to the drafts where it must be signed. */
static int put_entry(struct api *a, const char *dir, json_t *entry, bool is_draft, struct err *err)
{
	const struct config *config = a->parts.config;
	_cleanup_close_ int lock = -1;
	json_auto_t *j = NULL;
	int r = policy_delta_lock(config, false, &lock, err);

	if (r == 0)
		r = is_draft ? drafts_load(config, &j, err)
			     : policy_delta_open(config, dir, &j, err);
	if (r < 0)
		return r;
	if (is_draft) {
		r = drafts_add(j, dir, entry, err);
		return r < 0 ? r : drafts_save(config, j, err);
	}
	r = accepted_add(j, entry, err);
	return r < 0 ? r : policy_delta_save(config, dir, j, NULL, err);
}

int api_finding_accept(struct api_call *c, json_t **ret, struct err *err)
{
	_cleanup_free_ struct last_event *e = calloc(1, sizeof(*e));
	bool is_draft = c->api->parts.config->policy_keys.n != 0;
	struct accepted_reading list[ACCEPTED_READINGS_MAX];
	struct accepted_request q;
	struct accept_body b = {};
	json_auto_t *entry = NULL;
	int n, r;

	if (!e)
		return err_oom(err);
	r = read_accept_body(c, &b, err);
	if (r < 0)
		return r;
	n = list_readings(c, e, list, err);
	if (n < 0)
		return n;
	r = choose_reading(&b, list, n, err);
	if (r < 0)
		return r;
	q = (struct accepted_request){.finding = c->name,
				      .by = b.by,
				      .reason = b.reason,
				      .until = b.until_time,
				      .forced = list[r].danger != NULL};
	entry = accepted_entry_new(&list[r].scope, &q, accepted_now());
	if (!entry)
		return err_oom(err);
	r = put_entry(c->api, e->dir, entry, is_draft, err);
	if (r < 0)
		return r;
	if (!is_draft) {
		containers_reload_policy(c->api->parts.containers, e->dir);
		pipeline_set_finding(c->api->parts.pipeline, c->name, "accepted",
				     json_string_value(json_object_get(entry, "id")));
	}
	*ret = json_pack("{s:O, s:b, s:O, s:o}", "id", json_object_get(entry, "id"), "draft",
			 (int)is_draft, "text", json_object_get(entry, "text"), "policy",
			 text_json_keep(policy_name(c, e->dir)));
	return 0;
}

/* ---- of a policy ---- */

int api_policy_accepted(struct api_call *c, json_t **ret, struct err *err)
{
	json_auto_t *delta = NULL, *drafts = NULL;
	char dir[PATH_MAX];
	int r = api_policy_dir(c, dir, err);

	if (r == 0)
		r = accepted_read(dir, NULL, &delta, err);
	if (r == -ENOENT && access(dir, F_OK) == 0) {
		delta = accepted_new(dir);
		r = 0;
	}
	if (r == 0)
		r = drafts_load(c->api->parts.config, &drafts, err);
	if (r < 0)
		return r;
	*ret = json_pack("{s:O, s:O, s:O, s:o}", "entries", json_object_get(delta, "entries"),
			 "actions", json_object_get(delta, "actions"), "varies",
			 json_object_get(delta, "varies"), "drafts", drafts_of_policy(drafts, dir));
	return *ret ? 0 : err_oom(err);
}

/* Drops a draft. Returns false: there is none of this id for the policy. */
static bool drop_draft(const struct config *config, const char *dir, const char *id,
		       struct err *err)
{
	json_auto_t *drafts = NULL;
	const json_t *draft;

	if (drafts_load(config, &drafts, err) < 0)
		return false;
	draft = drafts_find(drafts, id);
	return draft && strcmp(json_string_value(json_object_get(draft, "policy")), dir) == 0 &&
	       drafts_remove(drafts, id) && drafts_save(config, drafts, err) == 0;
}

int api_policy_revoke(struct api_call *c, json_t **ret, struct err *err)
{
	const struct config *config = c->api->parts.config;
	_cleanup_close_ int lock = -1;
	json_auto_t *delta = NULL;
	char dir[PATH_MAX];
	const char *id = NULL;
	int r = api_policy_dir(c, dir, err);

	if (r == 0 && api_body_unpack(c, JSON_STRICT, err, "{s:s}", "id", &id) < 0)
		r = -EINVAL;
	if (r == 0)
		r = policy_delta_lock(config, false, &lock, err);
	if (r < 0)
		return r;
	if (!drop_draft(config, dir, id, err)) {
		r = policy_delta_open(config, dir, &delta, err);
		if (r == 0)
			r = accepted_remove(delta, id, err);
		if (r == 0)
			r = policy_delta_save_less(config, dir, delta, NULL, err);
		if (r < 0)
			return r;
		containers_reload_policy(c->api->parts.containers, dir);
		api_sync_accepted(c->api);
	}
	*ret = json_object();
	return *ret ? 0 : err_oom(err);
}

/* A command has changed the delta of the policy by itself. */
int api_policy_accepted_changed(struct api_call *c, json_t **ret, struct err *err)
{
	char dir[PATH_MAX];
	int r = api_policy_dir(c, dir, err);

	if (r < 0)
		return r;
	containers_reload_policy(c->api->parts.containers, dir);
	api_sync_accepted(c->api);
	*ret = json_object();
	return *ret ? 0 : err_oom(err);
}
