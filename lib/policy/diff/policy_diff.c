/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies. Everything is compared by name: numbers are each one's own. */
#include "lib/base/array.h"
#include "lib/policy/diff/policy_diff.h"

#include <stdlib.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lutra/object_token.h"

#define NAME_BYTES 1400 /* of an object or a path in words */

/* ---- sets of names ---- */

struct names {
	char **name; /* owned */
	size_t n, room;
	bool failed; /* out of memory */
};

static void names_done(struct names *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->name[i]);
	free(s->name);
}

static void names_add(struct names *s, const char *name)
{
	if (ARRAY_RESERVE(s->name, s->room, s->n + 1) == 0)
		s->name[s->n] = strdup(name);
	if (s->n < s->room && s->name[s->n])
		s->n++;
	else
		s->failed = true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void names_sort(struct names *s)
{
	if (s->n)
		qsort(s->name, s->n, sizeof(*s->name), compare_names);
}

/* Of s, both sorted, the names that are not in other, each once. */
static json_t *only_in(const struct names *s, const struct names *other)
{
	json_t *a = json_array();

	for (size_t i = 0; i < s->n; i++) {
		if (i && strcmp(s->name[i], s->name[i - 1]) == 0)
			continue;
		if (other->n && bsearch(&s->name[i], other->name, other->n, sizeof(*other->name),
					compare_names))
			continue;
		json_array_append_new(a, text_json_keep(s->name[i]));
	}
	return a;
}

/* SETS; both are sorted here. */
static json_t *diff_sets(struct names *old, struct names *now)
{
	if (old->failed || now->failed)
		return NULL;
	names_sort(old);
	names_sort(now);
	return json_pack("{s:o, s:o}", "gained", only_in(now, old), "lost", only_in(old, now));
}

static bool is_empty(const json_t *s)
{
	return s && json_array_size(json_object_get(s, "gained")) == 0 &&
	       json_array_size(json_object_get(s, "lost")) == 0;
}

/* Put sets into an object under key, unless they are empty. False: out of memory. */
static bool put_sets(json_t *to, const char *key, json_t *s)
{
	if (is_empty(s)) {
		json_decref(s);
		return true;
	}
	return json_object_set_new(to, key, s) == 0;
}

/* ---- values ---- */

/* Put a CHANGE under key if the two (references stolen) differ. False: out of memory. */
static bool put_change(json_t *to, const char *key, json_t *old, json_t *now)
{
	if (old && now && json_equal(old, now)) {
		json_decref(old);
		json_decref(now);
		return true;
	}
	return json_object_set_new(to, key, json_pack("{s:o, s:o}", "old", old, "new", now)) == 0;
}

static json_t *text_or_null(const char *s)
{
	return s ? text_json_keep(s) : json_null();
}

static json_t *diff_about(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok;

	ok = put_change(to, "image", text_or_null(old->image), text_or_null(p->image));
	ok &= put_change(to, "digest", text_or_null(old->digest), text_or_null(p->digest));
	ok &= put_change(to, "arch", text_or_null(old->arch), text_or_null(p->arch));
	ok &= put_change(to, "mode", json_string(mode_name(old->mode)),
			 json_string(mode_name(p->mode)));
	ok &= put_change(to, "exec_sessions", json_string(old->audit_sessions ? "audit" : "guard"),
			 json_string(p->audit_sessions ? "audit" : "guard"));
	ok &= put_change(to, "steady_on", json_string(old->steady_on_wait ? "wait" : "accept"),
			 json_string(p->steady_on_wait ? "wait" : "accept"));
	ok &= put_change(to, "kill_signals", json_integer(old->kill_matches),
			 json_integer(p->kill_matches));
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_actions(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		ok &= put_change(to, rule_name(g), json_string(action_name(old->action[g])),
				 json_string(action_name(p->action[g])));
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_thresholds(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok;

	ok = put_change(to, "A", json_real(old->threshold_a / (20.0 * 4096)),
			json_real(p->threshold_a / (20.0 * 4096)));
	ok &= put_change(to, "B", json_real(old->threshold_b / 4096.0),
			 json_real(p->threshold_b / 4096.0));
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_calibration(const struct policy *old, const struct policy *p)
{
	const struct policy_calibration *a = &old->calibration, *b = &p->calibration;
	json_t *to = json_object();
	bool ok;

	ok = put_change(to, "audit_only", json_boolean(a->audit_only), json_boolean(b->audit_only));
	ok &= put_change(to, "alarms_alert", json_integer(a->alarms_alert),
			 json_integer(b->alarms_alert));
	ok &= put_change(to, "alarms_deny", json_integer(a->alarms_deny),
			 json_integer(b->alarms_deny));
	ok &= put_change(to, "alerts_per_hour_at_most", json_real(a->alert_per_hour_95[1]),
			 json_real(b->alert_per_hour_95[1]));
	ok &= put_change(to, "refusals_per_hour_at_most", json_real(a->deny_per_hour_95[1]),
			 json_real(b->deny_per_hour_95[1]));
	ok &= put_change(to, "advice", text_or_null(a->advice), text_or_null(b->advice));
	return ok ? to : (json_decref(to), NULL);
}

/* ---- what is known ---- */

static void add_calls(const struct policy *p, unsigned role, struct names *ret)
{
	char buf[32];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->token[role][nr] >= LUTRA_TOKEN0)
			names_add(ret, syscall_name(p->arch, nr, buf, sizeof(buf)));
}

static json_t *diff_calls(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		_cleanup_(names_done) struct names before = {}, now = {};

		add_calls(old, role, &before);
		add_calls(p, role, &now);
		ok &= put_sets(to, role_name(role), diff_sets(&before, &now));
	}
	return ok ? to : (json_decref(to), NULL);
}

static void add_th(const struct policy *p, struct names *ret)
{
	char buf[32];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->hookable[nr / 64] >> (nr & 63) & 1)
			names_add(ret, syscall_name(p->arch, nr, buf, sizeof(buf)));
}

static json_t *diff_th(const struct policy *old, const struct policy *p)
{
	_cleanup_(names_done) struct names before = {}, now = {};

	add_th(old, &before);
	add_th(p, &now);
	return diff_sets(&before, &now);
}

static json_t *diff_operations(const struct policy *old, const struct policy *p)
{
	_cleanup_(names_done) struct names before = {}, now = {};

	for (unsigned op = 1; op < LUTRA_OP_COUNT; op++) {
		if (old->ops >> op & 1)
			names_add(&before, op_name(op));
		if (p->ops >> op & 1)
			names_add(&now, op_name(op));
	}
	return diff_sets(&before, &now);
}

static void add_objects(const struct policy *p, unsigned op, struct names *ret)
{
	char buf[NAME_BYTES];

	for (size_t i = 0; i < p->n_objects; i++) {
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP) != op)
			continue;
		policy_object_name(p, p->objects[i], buf, sizeof(buf));
		names_add(ret, buf);
	}
}

static json_t *diff_objects(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned op = 1; op < LUTRA_OP_COUNT; op++) {
		_cleanup_(names_done) struct names before = {}, now = {};

		add_objects(old, op, &before);
		add_objects(p, op, &now);
		ok &= put_sets(to, op_name(op), diff_sets(&before, &now));
	}
	return ok ? to : (json_decref(to), NULL);
}

static void add_arguments(const struct policy_args_seen *seen, unsigned i, struct names *ret)
{
	char buf[128];

	if (seen->any)
		names_add(ret, "any");
	for (uint32_t k = 0; k < seen->n; k++) {
		policy_args_name(i, seen->value[k], buf, sizeof(buf));
		names_add(ret, buf);
	}
}

static json_t *diff_arguments(const struct policy *old, const struct policy *p)
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		_cleanup_(names_done) struct names before = {}, now = {};
		char call[SYSCALL_NAME];
		unsigned nr;

		policy_args_syscall(i, &nr);
		add_arguments(&old->args.call[i], i, &before);
		add_arguments(&p->args.call[i], i, &now);
		syscall_name("x86_64", nr, call, sizeof(call));
		ok &= put_sets(to, call, diff_sets(&before, &now));
	}
	return ok ? to : (json_decref(to), NULL);
}

/* ---- the path tree ---- */

/* What a node is, besides its path: "protected, role", or "plain". */
static void node_words(const struct policy_node *n, char *buf, size_t size)
{
	static const struct {
		uint8_t flag;
		const char *word;
	} words[] = {{LUTRA_NODE_PROTECTED, "protected"},
		     {LUTRA_NODE_USR, "usr"},
		     {LUTRA_NODE_WROTE, "written"},
		     {LUTRA_NODE_ROLE, "by role"},
		     {LUTRA_NODE_WILDCARD, "wildcard"}};
	size_t len = 0;

	snprintf(buf, size, "plain");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n->flags & words[i].flag)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						words[i].word);
}

/* Paths to what they are; a directory's ends in a slash. NULL: out of memory. */
static json_t *tree_to_json(const struct policy *p)
{
	json_t *to = json_object();
	char path[NAME_BYTES], what[64];
	bool ok = to != NULL;

	for (uint32_t i = 0; i < p->n_nodes && ok; i++) {
		size_t len;

		policy_node_path(p, i, path, sizeof(path) - 1);
		len = strlen(path);
		if (p->nodes[i].dir && len && path[len - 1] != '/') {
			path[len] = '/';
			path[len + 1] = '\0';
		}
		node_words(&p->nodes[i], what, sizeof(what));
		ok = json_object_set_new(to, path, json_string(what)) == 0;
	}
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_paths(const struct policy *old, const struct policy *p)
{
	_cleanup_(names_done) struct names before = {}, now = {};
	json_auto_t *old_tree = tree_to_json(old), *new_tree = tree_to_json(p);
	json_t *changed = json_object(), *to, *what;
	const char *path;
	bool ok = old_tree && new_tree;

	json_object_foreach (old_tree, path, what)
		names_add(&before, path);
	json_object_foreach (new_tree, path, what) {
		json_t *then = json_object_get(old_tree, path);

		names_add(&now, path);
		if (then)
			ok &= put_change(changed, path, json_incref(then), json_incref(what));
	}
	to = ok ? diff_sets(&before, &now) : NULL;
	if (json_object_set_new(to, "changed", changed) < 0) {
		json_decref(to);
		return NULL;
	}
	return to;
}

/* ---- provenance ---- */

/* A run by its name, or by its sum too where names would not tell. */
static void add_runs(const struct policy *p, struct names *ret)
{
	char name[NAME_BYTES];

	for (size_t i = 0; i < p->n_runs; i++) {
		snprintf(name, sizeof(name), "%.1200s (sha256 %.12s)",
			 p->runs[i].file ? p->runs[i].file : "", p->runs[i].sha256);
		names_add(ret, name);
	}
}

static json_t *diff_training(const struct policy *old, const struct policy *p)
{
	_cleanup_(names_done) struct names before = {}, now = {};
	json_t *to = json_object();
	bool ok;

	add_runs(old, &before);
	add_runs(p, &now);
	ok = json_object_set_new(to, "runs", diff_sets(&before, &now)) == 0;
	ok &= put_change(to, "calls", json_integer((json_int_t)old->calls),
			 json_integer((json_int_t)p->calls));
	ok &= put_change(to, "objects", json_integer((json_int_t)old->objects_seen),
			 json_integer((json_int_t)p->objects_seen));
	ok &= put_change(to, "hours", json_real(old->hours), json_real(p->hours));
	ok &= put_change(to, "seed", json_integer((json_int_t)old->seed),
			 json_integer((json_int_t)p->seed));
	return ok ? to : (json_decref(to), NULL);
}

/* ---- all of it ---- */

static bool tables_differ(const struct policy *old, const struct policy *p)
{
	const size_t level = sizeof(*p->t1) * LUTRA_K * LUTRA_K;

	return old->v != p->v || memcmp(old->t0, p->t0, sizeof(*p->t0) * p->v * p->v) != 0 ||
	       memcmp(old->t1, p->t1, level) != 0 || memcmp(old->t2, p->t2, level) != 0;
}

/* Does a member say nothing, whatever it is made of? */
static bool says_nothing(json_t *j)
{
	const char *key;
	json_t *v;

	json_object_foreach (j, key, v)
		if (!says_nothing(v))
			return false;
	return json_is_object(j) || json_is_false(j) ||
	       (json_is_array(j) && json_array_size(j) == 0);
}

json_t *policy_diff(const struct policy *old, const struct policy *p)
{
	json_t *diff;
	bool same;

	diff = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "about",
			 diff_about(old, p), "calls", diff_calls(old, p), "th", diff_th(old, p),
			 "arguments", diff_arguments(old, p), "operations", diff_operations(old, p),
			 "objects", diff_objects(old, p), "paths", diff_paths(old, p), "actions",
			 diff_actions(old, p), "thresholds", diff_thresholds(old, p), "training",
			 diff_training(old, p), "calibration", diff_calibration(old, p), "tables",
			 (int)tables_differ(old, p));
	same = diff && says_nothing(diff);
	if (diff && json_object_set_new(diff, "same", json_boolean(same)) < 0) {
		json_decref(diff);
		return NULL;
	}
	return diff;
}
