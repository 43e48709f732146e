/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies. Everything is compared by name: numbers are each one's own. */
#include "lib/policy/diff/policy_diff.h"

#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/base/text.h"
#include "lib/policy/files/policy_json.h"
#include "lutra/object_token.h"
#include "lutra/score_m.h"

#define NAME_BYTES 1400 /* of an object or a path in words */

/* ---- sets of names: objects that have the names as keys ---- */

/* Adds a name to a set, which becomes NULL if memory runs out. */
static void add_name(json_t **set, const char *name)
{
	if (json_object_set_new_nocheck(*set, name, json_true()) < 0) {
		json_decref(*set);
		*set = NULL;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Returns the names of a set that are not in the other one, sorted, or NULL: out of memory. */
static json_t *only_in(json_t *set, json_t *other)
{
	_cleanup_free_ const char **names = calloc(json_object_size(set) + 1, sizeof(*names));
	json_t *to = names ? json_array() : NULL, *v;
	const char *name;
	size_t n = 0;

	json_object_foreach (set, name, v)
		if (names && !json_object_get(other, name))
			names[n++] = name;
	if (n)
		qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(to, text_json_keep(names[i]));
	return to;
}

/* Returns the SETS of two sets (references stolen), or NULL: out of memory. */
static json_t *diff_sets(json_t *old, json_t *now)
{
	json_auto_t *before = old, *after = now;

	if (!before || !after)
		return NULL;
	return json_pack("{s:o, s:o}", "gained", only_in(after, before), "lost",
			 only_in(before, after));
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
static json_t *diff_each(const struct policy *old, const struct policy *p,
			 json_t *(*set_of)(const struct policy *p, unsigned which), unsigned first,
			 unsigned end, const char *(*name)(unsigned which))
{
	json_t *to = json_object();
	bool ok = true;

	for (unsigned which = first; which < end; which++)
		ok &= put_sets(to, name(which), diff_sets(set_of(old, which), set_of(p, which)));
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

static const char *first_process_name(const struct policy *p)
{
	static const char *const names[] = {[POLICY_FIRST_UNSEEN] = "in no run",
					    [POLICY_FIRST_STAYS] = "stays in start-up",
					    [POLICY_FIRST_STEADY] = "becomes steady"};

	return names[p->first_process];
}

static json_t *about_to_json(const struct policy *p)
{
	return json_pack(
		"{s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:i}", "image", text_or_null(p->image),
		"digest", text_or_null(p->digest), "arch", text_or_null(p->arch), "mode",
		mode_name(p->mode), "exec_sessions", p->audit_sessions ? "audit" : "guard",
		"steady_on", p->steady_on_wait ? "wait" : "accept", "first_process",
		first_process_name(p), "roles_of", p->thread_roles ? "each thread" : "each process",
		"kill_signals", (int)p->kill_matches);
}

static json_t *thresholds_to_json(const struct policy *p)
{
	double units_per_nat = LUTRA_M_UNIT << LUTRA_M_FRACTION;

	if (!policy_has_level(p))
		return json_object();
	return json_pack("{s:f, s:o*}", rule_name(LUTRA_RULE_LEVEL), p->threshold / units_per_nat,
			 rule_name(LUTRA_RULE_NOVELTY),
			 policy_has_novelty(p)
				 ? json_real(p->novelty_threshold / (double)LUTRA_N_ONE)
				 : NULL);
}

static json_t *calibration_to_json(const struct policy_calibration *c)
{
	return json_pack("{s:b, s:I, s:I, s:f, s:f, s:o}", "audit_only", (int)c->audit_only,
			 "alarms_alert", (json_int_t)c->alarms_alert, "alarms_deny",
			 (json_int_t)c->alarms_deny, "alerts_per_hour_at_most",
			 c->alert_per_hour_95[1], "refusals_per_hour_at_most",
			 c->deny_per_hour_95[1], "advice", text_or_null(c->advice));
}

static json_t *training_figures_to_json(const struct policy *p)
{
	return json_pack("{s:I, s:I, s:f, s:I}", "calls", (json_int_t)p->calls, "objects",
			 (json_int_t)p->objects_seen, "hours", p->hours, "seed",
			 (json_int_t)p->seed);
}

/* ---- what is known ---- */

static json_t *calls_of(const struct policy *p, unsigned role)
{
	json_t *set = json_object();
	char buf[SYSCALL_NAME];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->token[role][nr] != LUTRA_UNK)
			add_name(&set, syscall_name(p->arch, nr, buf, sizeof(buf)));
	return set;
}

static json_t *hookable_of(const struct policy *p)
{
	json_t *set = json_object();
	char buf[SYSCALL_NAME];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++)
		if (p->hookable[nr / 64] >> (nr & 63) & 1)
			add_name(&set, syscall_name(p->arch, nr, buf, sizeof(buf)));
	return set;
}

static json_t *operations_of(const struct policy *p)
{
	json_t *set = json_object();

	for (unsigned op = 1; op < LUTRA_OP_COUNT; op++)
		if (p->ops >> op & 1)
			add_name(&set, op_name(op));
	return set;
}

static json_t *objects_of(const struct policy *p, unsigned op)
{
	json_t *set = json_object();
	char buf[NAME_BYTES];

	for (size_t i = 0; i < p->n_objects; i++) {
		if (lutra_object_token_get(p->objects[i], LUTRA_FIELD_OP) != op)
			continue;
		policy_object_name(p, p->objects[i], buf, sizeof(buf));
		add_name(&set, buf);
	}
	return set;
}

static json_t *arguments_of(const struct policy *p, unsigned i)
{
	const struct policy_args_seen *seen = &p->args.call[i];
	json_t *set = json_object();
	char buf[128];

	if (seen->any)
		add_name(&set, "any");
	for (uint32_t k = 0; k < seen->n; k++) {
		policy_args_name(i, seen->value[k], buf, sizeof(buf));
		add_name(&set, buf);
	}
	return set;
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
		ok &= put_sets(to, call, diff_sets(arguments_of(old, i), arguments_of(p, i)));
	}
	return ok ? to : (json_decref(to), NULL);
}

/* A run by its name, or by its sum too where names would not tell. */
static json_t *runs_of(const struct policy *p)
{
	json_t *set = json_object();
	char name[NAME_BYTES];

	for (size_t i = 0; i < p->n_runs; i++) {
		snprintf(name, sizeof(name), "%.1200s (sha256 %.12s)",
			 p->runs[i].file ? p->runs[i].file : "", p->runs[i].sha256);
		add_name(&set, name);
	}
	return set;
}

/* The base and the packs, with their versions. */
static json_t *known_of(const struct policy *p)
{
	json_t *set = json_object();
	char name[NAME_BYTES];

	for (size_t i = 0; i < p->n_known; i++) {
		const struct policy_known *k = &p->known[i];

		snprintf(name, sizeof(name), "%s%.1200s, version %u", k->program ? "pack " : "",
			 k->name, k->version);
		add_name(&set, name);
	}
	return set;
}

static json_t *diff_training(const struct policy *old, const struct policy *p)
{
	json_t *to = json_pack("{s:o, s:o}", "runs", diff_sets(runs_of(old), runs_of(p)), "known",
			       diff_sets(known_of(old), known_of(p)));
	json_auto_t *counts =
		diff_members(training_figures_to_json(old), training_figures_to_json(p));

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
	} words[] = {{LUTRA_NODE_PROTECTED, "protected"}, {LUTRA_NODE_USR, "usr"},
		     {LUTRA_NODE_WROTE, "written"},	  {LUTRA_NODE_ROLE, "by role"},
		     {LUTRA_NODE_WILDCARD, "wildcard"},	  {LUTRA_NODE_VARIES, "varying"},
		     {LUTRA_NODE_SECRET, "secret"},	  {LUTRA_NODE_HOST, "the host's"}};
	size_t len = 0;

	snprintf(buf, size, "plain");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (n->flags & words[i].flag)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						words[i].word);
	if (n->exec_session)
		snprintf(buf + len, size - len, "%sfor exec sessions", len ? ", " : "");
}

/* Paths to what they are; a directory's ends in a slash. NULL: out of memory. */
static json_t *tree_to_json(const struct policy *p)
{
	json_t *to = json_object();
	char path[NAME_BYTES], what[128];
	bool ok = to != NULL;

	for (uint32_t i = 0; i < p->n_nodes && ok; i++) {
		size_t len;

		policy_node_path(p, i, path, sizeof(path) - 1);
		len = strlen(path);
		if (p->nodes[i].dir && len && path[len - 1] != '/')
			memcpy(path + len, "/", 2);
		node_words(&p->nodes[i], what, sizeof(what));
		ok = json_object_set_new(to, path, json_string(what)) == 0;
	}
	return ok ? to : (json_decref(to), NULL);
}

static json_t *diff_paths(const struct policy *old, const struct policy *p)
{
	json_t *before = tree_to_json(old), *now = tree_to_json(p);
	json_t *to = diff_sets(json_incref(before), json_incref(now));

	if (json_object_set_new(to, "changed", diff_members(before, now)) < 0) {
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
			 diff_each(old, p, calls_of, 0, LUTRA_ROLES, role_name), "th",
			 diff_sets(hookable_of(old), hookable_of(p)), "arguments",
			 diff_arguments(old, p), "operations",
			 diff_sets(operations_of(old), operations_of(p)), "objects",
			 diff_each(old, p, objects_of, 1, LUTRA_OP_COUNT, op_name), "paths",
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
