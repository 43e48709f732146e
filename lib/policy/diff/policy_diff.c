/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies. Everything is compared by name: numbers are each one's own. */
#include "lib/policy/diff/policy_diff.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/syscalls.h"
#include "lib/base/array.h"
#include "lib/base/text.h"
#include "lib/policy/files/policy_json.h"
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

/* Adds the names of one kind that a policy has. which: as the kind needs it. */
typedef void add_names(const struct policy *p, unsigned which, struct names *ret);

/* Returns the SETS of the names that add() finds in either policy, or NULL: out of memory. */
static json_t *diff_names(const struct policy *old, const struct policy *p, add_names *add,
			  unsigned which)
{
	_cleanup_(names_done) struct names before = {}, now = {};

	add(old, which, &before);
	add(p, which, &now);
	if (before.failed || now.failed)
		return NULL;
	names_sort(&before);
	names_sort(&now);
	return json_pack("{s:o, s:o}", "gained", only_in(&now, &before), "lost",
			 only_in(&before, &now));
}

/* Put SETS into an object under key, unless they are empty. False: out of memory. */
static bool put_sets(json_t *to, const char *key, json_t *sets)
{
	if (sets && json_array_size(json_object_get(sets, "gained")) == 0 &&
	    json_array_size(json_object_get(sets, "lost")) == 0) {
		json_decref(sets);
		return true;
	}
	return json_object_set_new(to, key, sets) == 0;
}

/* Returns {NAME: SETS} for each which from first on, below end, or NULL: out of memory. */
static json_t *diff_each(const struct policy *old, const struct policy *p, add_names *add,
			 unsigned first, unsigned end, const char *(*name)(unsigned which))
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned which = first; which < end; which++)
		ok &= put_sets(to, name(which), diff_names(old, p, add, which));
	return ok ? to : (json_decref(to), NULL);
}

/* ---- values ---- */

/* Returns the CHANGEs of the members of both (references stolen), or NULL: out of memory. */
static json_t *diff_members(json_t *old, json_t *now)
{
	json_auto_t *before = old, *after = now;
	json_t *to = json_object(), *v;
	const char *key;
	bool ok = before && after;

	json_object_foreach (after, key, v) {
		json_t *was = json_object_get(before, key);

		if (was && !json_equal(was, v))
			ok &= json_object_set_new(
				      to, key, json_pack("{s:O, s:O}", "old", was, "new", v)) == 0;
	}
	return ok ? to : (json_decref(to), NULL);
}

static json_t *text_or_null(const char *s)
{
	return s ? text_json_keep(s) : json_null();
}

static json_t *about_to_json(const struct policy *p)
{
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:s, s:i}", "image", text_or_null(p->image),
			 "digest", text_or_null(p->digest), "arch", text_or_null(p->arch), "mode",
			 mode_name(p->mode), "exec_sessions", p->audit_sessions ? "audit" : "guard",
			 "steady_on", p->steady_on_wait ? "wait" : "accept", "kill_signals",
			 (int)p->kill_matches);
}

static json_t *thresholds_to_json(const struct policy *p)
{
	return json_pack("{s:f, s:f}", "A", p->threshold_a / (20.0 * 4096), "B",
			 p->threshold_b / 4096.0);
}

static json_t *calibration_to_json(const struct policy_calibration *c)
{
	return json_pack("{s:b, s:I, s:I, s:f, s:f, s:o}", "audit_only", (int)c->audit_only,
			 "alarms_alert", (json_int_t)c->alarms_alert, "alarms_deny",
			 (json_int_t)c->alarms_deny, "alerts_per_hour_at_most",
			 c->alert_per_hour_95[1], "refusals_per_hour_at_most",
			 c->deny_per_hour_95[1], "advice", text_or_null(c->advice));
}

static json_t *training_to_json(const struct policy *p)
{
	return json_pack("{s:I, s:I, s:f, s:I}", "calls", (json_int_t)p->calls, "objects",
			 (json_int_t)p->objects_seen, "hours", p->hours, "seed",
			 (json_int_t)p->seed);
}

/* ---- what is known ---- */

static void add_calls(const struct policy *p, unsigned role, struct names *ret)
{
	char buf[SYSCALL_NAME];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->token[role][nr] >= LUTRA_TOKEN0)
			names_add(ret, syscall_name(p->arch, nr, buf, sizeof(buf)));
}

static void add_hookable(const struct policy *p, unsigned which, struct names *ret)
{
	char buf[SYSCALL_NAME];

	(void)which;
	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->hookable[nr / 64] >> (nr & 63) & 1)
			names_add(ret, syscall_name(p->arch, nr, buf, sizeof(buf)));
}

static void add_operations(const struct policy *p, unsigned which, struct names *ret)
{
	(void)which;
	for (unsigned op = 1; op < LUTRA_OP_COUNT; op++)
		if (p->ops >> op & 1)
			names_add(ret, op_name(op));
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

static void add_arguments(const struct policy *p, unsigned i, struct names *ret)
{
	const struct policy_args_seen *seen = &p->args.call[i];
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
	char call[SYSCALL_NAME];
	bool ok = true;
	unsigned nr;

	for (unsigned i = 0; i < POLICY_ARGS_CALLS; i++) {
		policy_args_syscall(i, &nr);
		syscall_name("x86_64", nr, call, sizeof(call));
		ok &= put_sets(to, call, diff_names(old, p, add_arguments, i));
	}
	return ok ? to : (json_decref(to), NULL);
}

/* A run by its name, or by its sum too where names would not tell. */
static void add_runs(const struct policy *p, unsigned which, struct names *ret)
{
	char name[NAME_BYTES];

	(void)which;
	for (size_t i = 0; i < p->n_runs; i++) {
		snprintf(name, sizeof(name), "%.1200s (sha256 %.12s)",
			 p->runs[i].file ? p->runs[i].file : "", p->runs[i].sha256);
		names_add(ret, name);
	}
}

static json_t *diff_training(const struct policy *old, const struct policy *p)
{
	json_t *to = json_pack("{s:o}", "runs", diff_names(old, p, add_runs, 0));
	json_auto_t *counts = diff_members(training_to_json(old), training_to_json(p));

	if (json_object_update(to, counts) < 0) {
		json_decref(to);
		return NULL;
	}
	return to;
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

/* Writes the path of a node; a directory's ends in a slash. */
static void node_name(const struct policy *p, uint32_t node, char ret[static NAME_BYTES])
{
	size_t len;

	policy_node_path(p, node, ret, NAME_BYTES - 1);
	len = strlen(ret);
	if (p->nodes[node].dir && len && ret[len - 1] != '/')
		memcpy(ret + len, "/", 2);
}

static void add_paths(const struct policy *p, unsigned which, struct names *ret)
{
	char path[NAME_BYTES];

	(void)which;
	for (uint32_t i = 0; i < p->n_nodes; i++) {
		node_name(p, i, path);
		names_add(ret, path);
	}
}

/* Paths to what they are. NULL: out of memory. */
static json_t *tree_to_json(const struct policy *p)
{
	json_t *to = json_object();
	char path[NAME_BYTES], what[64];
	bool ok = to != NULL;

	for (uint32_t i = 0; i < p->n_nodes && ok; i++) {
		node_name(p, i, path);
		node_words(&p->nodes[i], what, sizeof(what));
		ok = json_object_set_new(to, path, json_string(what)) == 0;
	}
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_paths(const struct policy *old, const struct policy *p)
{
	json_t *to = diff_names(old, p, add_paths, 0);

	if (json_object_set_new(to, "changed", diff_members(tree_to_json(old), tree_to_json(p))) <
	    0) {
		json_decref(to);
		return NULL;
	}
	return to;
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
			 diff_members(about_to_json(old), about_to_json(p)), "calls",
			 diff_each(old, p, add_calls, 0, LUTRA_ROLES, role_name), "th",
			 diff_names(old, p, add_hookable, 0), "arguments", diff_arguments(old, p),
			 "operations", diff_names(old, p, add_operations, 0), "objects",
			 diff_each(old, p, add_objects, 1, LUTRA_OP_COUNT, op_name), "paths",
			 diff_paths(old, p), "actions",
			 diff_members(policy_actions_encode(old), policy_actions_encode(p)),
			 "thresholds", diff_members(thresholds_to_json(old), thresholds_to_json(p)),
			 "training", diff_training(old, p), "calibration",
			 diff_members(calibration_to_json(&old->calibration),
				      calibration_to_json(&p->calibration)),
			 "tables", (int)tables_differ(old, p));
	same = diff && says_nothing(diff);
	if (diff && json_object_set_new(diff, "same", json_boolean(same)) < 0) {
		json_decref(diff);
		return NULL;
	}
	return diff;
}
