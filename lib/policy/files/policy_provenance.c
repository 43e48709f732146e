/* SPDX-License-Identifier: Apache-2.0 */
/* What policy.json says of the policy's origin and of its calibration. */
#include "lib/policy/files/policy_format.h"

#include <errno.h>
#include <string.h>

#include "lib/abi/rules.h"
#include "lib/base/text.h"

json_t *policy_calibration_encode(const struct policy_calibration *c)
{
	json_t *alarms = json_object();

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		json_object_set_new(alarms, rule_name(g), json_integer(c->alarms[g]));
	return json_pack("{s:f, s:I, s:I, s:I, s:o, s:I, s:I, s:[f, f], s:[f, f], s:f, s:f, "
			 "s:b, s:o, s:o}",
			 "hours", c->hours, "calls", (json_int_t)c->calls, "runs",
			 (json_int_t)c->runs, "heldout", (json_int_t)c->heldout, "alarms", alarms,
			 "alarms_alert", (json_int_t)c->alarms_alert, "alarms_deny",
			 (json_int_t)c->alarms_deny, "alert_per_hour_95", c->alert_per_hour_95[0],
			 c->alert_per_hour_95[1], "deny_per_hour_95", c->deny_per_hour_95[0],
			 c->deny_per_hour_95[1], "max_level", c->max_level, "max_novelty",
			 c->max_novelty, "audit_only", (int)c->audit_only, "advice",
			 text_json_keep(c->advice), "unseen", policy_unseen_encode(&c->unseen));
}

static int to_u32(json_int_t v, uint32_t *ret)
{
	if (v < 0 || v > UINT32_MAX)
		return -EBADMSG;
	*ret = (uint32_t)v;
	return 0;
}

static int decode_alarms(struct policy_calibration *c, json_t *alarms, struct err *err)
{
	const char *name;
	json_t *v;
	unsigned g;

	json_object_foreach (alarms, name, v) {
		/* A policy without level M has alarms of rules A and B. They are dropped. */
		if (rule_is_old(name))
			continue;
		if (rule_parse(name, &g) < 0)
			return err_set(err, -EBADMSG, "calibration.alarms: unknown rule %.40s",
				       name);
		if (!json_is_integer(v) || to_u32(json_integer_value(v), &c->alarms[g]) < 0)
			return err_set(err, -EBADMSG, "calibration.alarms.%s: not a count", name);
	}
	if (!json_is_object(alarms) || json_object_size(alarms) < RULE_OF_FORMAT_2)
		return err_set(err, -EBADMSG, "calibration.alarms: %d groups are needed",
			       RULE_OF_FORMAT_2);
	return 0;
}

int policy_calibration_decode(struct policy_calibration *c, json_t *j, struct err *err)
{
	json_int_t calls, runs, heldout, alert, deny;
	json_t *alarms, *unseen = NULL;
	json_error_t je;
	const char *advice;
	double old[2]; /* of levels A and B; dropped */
	int audit_only, r;

	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s:F, s:I, s:I, s:I, s:o, s:I, s:I, s:[F, F], s:[F, F], s?F, s?F, s?F, "
			   "s?F, s:b, s:s, s?o}",
			   "hours", &c->hours, "calls", &calls, "runs", &runs, "heldout", &heldout,
			   "alarms", &alarms, "alarms_alert", &alert, "alarms_deny", &deny,
			   "alert_per_hour_95", &c->alert_per_hour_95[0], &c->alert_per_hour_95[1],
			   "deny_per_hour_95", &c->deny_per_hour_95[0], &c->deny_per_hour_95[1],
			   "max_level", &c->max_level, "max_novelty", &c->max_novelty, "max_a",
			   &old[0], "max_b", &old[1], "audit_only", &audit_only, "advice", &advice,
			   "unseen", &unseen) < 0)
		return err_set(err, -EBADMSG, "calibration: %s", je.text);
	if (!(c->hours >= 0) || calls < 0 || to_u32(runs, &c->runs) < 0 ||
	    to_u32(heldout, &c->heldout) < 0 || to_u32(alert, &c->alarms_alert) < 0 ||
	    to_u32(deny, &c->alarms_deny) < 0)
		return err_set(err, -EBADMSG, "calibration: a number is out of range");
	c->calls = (uint64_t)calls;
	c->audit_only = audit_only != 0;
	c->advice = strdup(advice);
	if (!c->advice)
		return err_oom(err);
	r = unseen ? policy_unseen_decode(unseen, &c->unseen, err) : 0;
	return r < 0 ? r : decode_alarms(c, alarms, err);
}

json_t *policy_provenance_encode(const struct policy *p)
{
	json_t *runs = json_array();

	for (size_t i = 0; i < p->n_runs; i++) {
		const struct policy_run *r = &p->runs[i];

		json_array_append_new(
			runs, json_pack("{s:o, s:s, s:I, s:I, s:f, s:o*}", "file",
					text_json_keep(r->file), "sha256", r->sha256, "calls",
					(json_int_t)r->calls, "objects", (json_int_t)r->objects,
					"seconds", r->seconds, "partial",
					r->partial ? text_json_keep(r->partial) : NULL));
	}
	if (json_array_size(runs) != p->n_runs) {
		json_decref(runs);
		return NULL;
	}
	return json_pack("{s:I, s:o, s:I, s:I, s:f}", "seed", (json_int_t)p->seed, "runs", runs,
			 "calls", (json_int_t)p->calls, "objects", (json_int_t)p->objects_seen,
			 "hours", p->hours);
}

static int decode_run(struct policy_run *run, json_t *j, struct err *err)
{
	json_int_t calls, objects;
	const char *file, *sha256, *partial = NULL;
	json_error_t je;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s:s, s:I, s:I, s:F, s?s}", "file", &file,
			   "sha256", &sha256, "calls", &calls, "objects", &objects, "seconds",
			   &run->seconds, "partial", &partial) < 0)
		return err_set(err, -EBADMSG, "provenance.runs: %s", je.text);
	if (calls < 0 || objects < 0 || strlen(sha256) >= sizeof(run->sha256) ||
	    !(run->seconds >= 0 && run->seconds <= POLICY_RUN_SECONDS_MAX))
		return err_set(err, -EBADMSG, "provenance.runs: a member is out of range");
	run->file = strdup(file);
	run->partial = partial ? strdup(partial) : NULL;
	if (!run->file || (partial && !run->partial))
		return err_oom(err);
	memcpy(run->sha256, sha256, strlen(sha256) + 1);
	run->calls = (uint64_t)calls;
	run->objects = (uint64_t)objects;
	return 0;
}

int policy_provenance_decode(struct policy *p, json_t *j, struct err *err)
{
	json_int_t seed, calls, objects;
	json_error_t je;
	json_t *runs, *v;
	size_t i;
	int r;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:I, s:o, s:I, s:I, s:F}", "seed", &seed, "runs",
			   &runs, "calls", &calls, "objects", &objects, "hours", &p->hours) < 0)
		return err_set(err, -EBADMSG, "provenance: %s", je.text);
	if (!json_is_array(runs) || json_array_size(runs) > POLICY_RUNS_MAX || seed < 0 ||
	    calls < 0 || objects < 0 || !(p->hours >= 0))
		return err_set(err, -EBADMSG, "provenance: a member is out of range");
	p->seed = (uint64_t)seed;
	p->calls = (uint64_t)calls;
	p->objects_seen = (uint64_t)objects;
	p->runs = calloc(json_array_size(runs) + 1, sizeof(*p->runs));
	if (!p->runs)
		return err_oom(err);
	json_array_foreach (runs, i, v) {
		p->n_runs = i + 1;
		r = decode_run(&p->runs[i], v, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the base and packs ---- */

json_t *policy_known_encode(const struct policy *p)
{
	json_t *a = json_array();

	for (size_t i = 0; i < p->n_known; i++) {
		const struct policy_known *k = &p->known[i];

		json_array_append_new(
			a,
			json_pack("{s:s, s:I, s:o, s:o, s:I, s:I}", "name", k->name, "version",
				  (json_int_t)k->version, "program",
				  k->program ? text_json_keep(k->program) : json_null(), "package",
				  k->package ? text_json_keep(k->package) : json_null(), "objects",
				  (json_int_t)k->objects, "left_out", (json_int_t)k->left_out));
	}
	return a;
}

/* Returns true for null, and for a text without control characters. */
static bool is_text_or_null(const json_t *j)
{
	return json_is_null(j) || (json_is_string(j) && !text_has_control(json_string_value(j)));
}

static int decode_known(struct policy_known *k, json_t *j, struct err *err)
{
	json_int_t version, objects, left_out;
	const char *name;
	json_error_t je;
	json_t *program, *package = NULL;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s:I, s:o, s?o, s:I, s:I}", "name", &name,
			   "version", &version, "program", &program, "package", &package, "objects",
			   &objects, "left_out", &left_out) < 0)
		return err_set(err, -EBADMSG, "known: %s", je.text);
	if (to_u32(version, &k->version) < 0 || to_u32(objects, &k->objects) < 0 ||
	    to_u32(left_out, &k->left_out) < 0 || text_has_control(name) ||
	    !is_text_or_null(program) || (package && !is_text_or_null(package)))
		return err_set(err, -EBADMSG, "known: a member is out of range");
	k->name = strdup(name);
	k->program = json_is_string(program) ? strdup(json_string_value(program)) : NULL;
	k->package = json_is_string(package) ? strdup(json_string_value(package)) : NULL;
	return k->name && (k->program || json_is_null(program)) &&
			       (k->package || !json_is_string(package))
		       ? 0
		       : err_oom(err);
}

int policy_known_decode(struct policy *p, json_t *j, struct err *err)
{
	json_t *v;
	size_t i;
	int r;

	if (j && (!json_is_array(j) || json_array_size(j) > POLICY_KNOWN_MAX))
		return err_set(err, -EBADMSG, "known: must be an array of at most %d",
			       POLICY_KNOWN_MAX);
	p->known = calloc(json_array_size(j) + 1, sizeof(*p->known));
	if (!p->known)
		return err_oom(err);
	json_array_foreach (j, i, v) {
		p->n_known = i + 1;
		r = decode_known(&p->known[i], v, err);
		if (r < 0)
			return r;
	}
	return 0;
}
