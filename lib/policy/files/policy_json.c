/* SPDX-License-Identifier: Apache-2.0 */
/* policy.json: what a person reads and edits, and the words for what the tables hold. */
#include "lib/policy/files/policy_format.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/abi/op_set.h"
#include "lib/base/text.h"
#include "lutra/score_m.h"

#define REAL_DIGITS 12
#define UNITS_PER_NAT ((double)(LUTRA_M_UNIT << LUTRA_M_FRACTION))
#define FORMAT_OF_LEVEL 3 /* the first POLICY_JSON_VERSION with level M */

/* ---- writing ---- */

json_t *policy_actions_encode(const struct policy *p)
{
	json_t *actions = json_object();

	for (unsigned g = 0; g < LUTRA_RULE_COUNT; g++)
		json_object_set_new(actions, rule_name(g), json_string(action_name(p->action[g])));
	return actions;
}

json_t *policy_rules_encode(const struct policy *p)
{
	json_t *th = json_array();
	char buf[32];

	for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
		if (p->hookable[nr / 64] >> (nr & 63) & 1)
			json_array_append_new(
				th, json_string(syscall_name(p->arch, nr, buf, sizeof(buf))));
	}
	return json_pack("{s:o, s:o}", "th", th, "actions", policy_actions_encode(p));
}

static json_t *encode_thresholds(const struct policy *p)
{
	json_t *novelty = policy_has_novelty(p)
				  ? json_pack("{s:f, s:i}", "share",
					      p->novelty_threshold / (double)LUTRA_N_ONE, "units",
					      p->novelty_threshold)
				  : NULL;

	return json_pack("{s:{s:f, s:i}, s:o*}", rule_name(LUTRA_RULE_LEVEL), "nat",
			 p->threshold / UNITS_PER_NAT, "units", p->threshold,
			 rule_name(LUTRA_RULE_NOVELTY), novelty);
}

static json_t *encode_alphabet(const struct policy *p)
{
	json_t *a = json_array();
	char buf[32];

	for (unsigned role = 0; role < LUTRA_ROLES; role++) {
		for (unsigned nr = 0; nr < LUTRA_NR; nr++) {
			unsigned token = p->token[role][nr];

			if (token == LUTRA_UNK)
				continue;
			json_array_append_new(
				a, json_pack("{s:s, s:s, s:i}", "role", role_name(role), "call",
					     syscall_name(p->arch, nr, buf, sizeof(buf)), "token",
					     (int)token));
		}
		for (size_t i = 0; i < p->n_keys; i++) {
			const struct policy_key *k = &p->keys[i];

			if (k->token[role] < LUTRA_TOKEN0)
				continue;
			json_array_append_new(a,
					      json_pack("{s:s, s:o, s:i}", "role", role_name(role),
							"object", text_json_keep(k->name), "token",
							(int)k->token[role]));
		}
	}
	return a;
}

static json_t *encode_objects(const struct policy *p)
{
	json_t *a = json_array();
	char buf[2048];

	for (size_t i = 0; i < p->n_objects; i++) {
		policy_object_name(p, p->objects[i], buf, sizeof(buf));
		json_array_append_new(a, json_string(buf));
	}
	return a;
}

int policy_json_encode(const struct policy *p, size_t tables_len, char **ret, struct err *err)
{
	json_auto_t *j = NULL;
	char *s;

	if (p->seed > INT64_MAX || p->calls > INT64_MAX || p->objects_seen > INT64_MAX)
		return err_set(err, -EINVAL, "the seed or a count is over 2^63-1");
	j = json_pack("{s:i, s:o, s:o, s:o, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:{s:s, s:I}, "
		      "s:o, s:o, s:o}",
		      "format", POLICY_JSON_VERSION, "image", text_json_keep(p->image), "digest",
		      p->digest ? text_json_keep(p->digest) : json_null(), "arch",
		      text_json_keep(p->arch), "mode", mode_name(p->mode), "steady_on",
		      p->steady_on_wait ? "wait" : "accept", "kill_signals", (int)p->kill_matches,
		      "ops", op_set_to_json(p->ops), "rules", policy_rules_encode(p), "thresholds",
		      encode_thresholds(p), "provenance", policy_provenance_encode(p),
		      "calibration", policy_calibration_encode(&p->calibration), "tables", "sha256",
		      p->tables_sha256, "bytes", (json_int_t)tables_len, "alphabet",
		      encode_alphabet(p), "objects", encode_objects(p), "arguments",
		      policy_args_encode(p));
	if (!j)
		return err_set(err, -EINVAL, "out of memory, or a number is not finite");
	json_object_set_new(j, "exec_sessions", json_string(p->audit_sessions ? "audit" : "guard"));
	if (p->n_known)
		json_object_set_new(j, "known", policy_known_encode(p));
	if (p->model_sha256[0])
		json_object_set_new(j, "model",
				    json_pack("{s:s, s:I}", "sha256", p->model_sha256, "bytes",
					      (json_int_t)p->model_bytes));
	s = json_dumps(j, JSON_INDENT(1) | JSON_REAL_PRECISION(REAL_DIGITS));
	if (!s)
		return err_oom(err);
	*ret = s;
	return 0;
}

/* ---- reading ---- */

/* is_old: the file has no rule M, but rules for which rule_is_old() is true. These are dropped. */
static int decode_actions(struct policy *p, json_t *actions, bool is_old, struct err *err)
{
	const char *name;
	json_t *v;
	unsigned g, action, n = is_old;

	for (g = RULE_OF_FORMAT_2; g < LUTRA_RULE_COUNT; g++)
		p->action[g] = rule_get(g)->action;
	if (is_old)
		p->action[LUTRA_RULE_LEVEL] = LUTRA_ACTION_LOG;
	json_object_foreach (actions, name, v) {
		if (is_old && rule_is_old(name))
			continue;
		if (rule_parse(name, &g) < 0)
			return err_set(err, -EBADMSG, "rules.actions: unknown rule %.40s", name);
		if (action_parse(json_string_value(v), &action) < 0)
			return err_set(err, -EBADMSG,
				       "rules.actions.%s: must be log, alert, deny or kill", name);
		p->action[g] = (uint8_t)action;
		n += g < RULE_OF_FORMAT_2;
	}
	if (n != RULE_OF_FORMAT_2)
		return err_set(err, -EBADMSG, "rules.actions: one of the first %d rules is missing",
			       RULE_OF_FORMAT_2);
	return 0;
}

static int decode_rules(struct policy *p, json_t *j, bool is_old, struct err *err)
{
	json_error_t je;
	json_t *th, *actions, *v;
	size_t i;
	unsigned nr;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:o, s:o}", "th", &th, "actions", &actions) < 0)
		return err_set(err, -EBADMSG, "rules: %s", je.text);
	if (!json_is_array(th) || !json_is_object(actions))
		return err_set(err, -EBADMSG, "rules: th is not an array, or actions no object");
	json_array_foreach (th, i, v) {
		if (syscall_parse(p->arch, json_string_value(v), &nr) < 0)
			return err_set(err, -EBADMSG, "rules.hookable: unknown call");
		p->hookable[nr / 64] |= 1ull << (nr & 63);
	}
	return decode_actions(p, actions, is_old, err);
}

/* A level and its integer: the integer counts, the level must say the same. */
static int decode_threshold(double level, json_int_t units, double per_unit, int32_t *ret,
			    struct err *err)
{
	if (units < 0 || units > INT32_MAX)
		return err_set(err, -EBADMSG, "thresholds: units out of range");
	if (fabs(level * per_unit - (double)units) > 0.5)
		return err_set(err, -EBADMSG,
			       "thresholds: a level and its units disagree: level x %.0f = units",
			       per_unit);
	*ret = (int32_t)units;
	return 0;
}

/*
 * is_old: the thresholds are those of levels A and B, which are dropped. Without a threshold of
 * level N, level N is off.
 */
static int decode_thresholds(struct policy *p, json_t *j, bool is_old, struct err *err)
{
	json_int_t units, novelty_units = -1;
	double nat, share = 0;
	json_error_t je;
	int r;

	p->threshold = p->novelty_threshold = LUTRA_THRESHOLD_OFF;
	if (is_old && json_is_object(j))
		return 0;
	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:{s:F, s:I}, s?{s:F, s:I}}",
			   rule_name(LUTRA_RULE_LEVEL), "nat", &nat, "units", &units,
			   rule_name(LUTRA_RULE_NOVELTY), "share", &share, "units",
			   &novelty_units) < 0)
		return err_set(err, -EBADMSG, "thresholds: %s", je.text);
	r = decode_threshold(nat, units, UNITS_PER_NAT, &p->threshold, err);
	if (r < 0 || !json_object_get(j, rule_name(LUTRA_RULE_NOVELTY)))
		return r;
	return decode_threshold(share, novelty_units, LUTRA_N_ONE, &p->novelty_threshold, err);
}

static int decode_scalars(struct policy *p, const char *image, json_t *digest, const char *mode,
			  const char *steady_on, struct err *err)
{
	unsigned m;

	if (mode_parse(mode, &m) < 0)
		return err_set(err, -EBADMSG,
			       "mode: must be learn, audit, deny, kill, "
			       "kill-container or freeze");
	if (strcmp(steady_on, "accept") != 0 && strcmp(steady_on, "wait") != 0)
		return err_set(err, -EBADMSG, "steady_on: must be accept or wait");
	if (!json_is_null(digest) && !json_is_string(digest))
		return err_set(err, -EBADMSG, "digest: must be a string or null");
	p->mode = m;
	p->steady_on_wait = strcmp(steady_on, "wait") == 0;
	p->image = strdup(image);
	if (json_is_string(digest))
		p->digest = strdup(json_string_value(digest));
	if (!p->image || (json_is_string(digest) && !p->digest))
		return err_oom(err);
	return 0;
}

static int check_format(json_t *j, struct err *err)
{
	json_t *format = json_object_get(j, "format");

	if (!json_is_integer(format) || json_integer_value(format) < 1)
		return err_set(err, -EBADMSG, "not a lutra policy");
	if (json_integer_value(format) > POLICY_JSON_VERSION)
		return err_set(err, -ENOEXEC, "format %lld is newer than this lutra: update it",
			       (long long)json_integer_value(format));
	return 0;
}

/* The sum and size of model.lut, where there is one. */
static int decode_model(struct policy *p, json_t *j, struct err *err)
{
	const char *sha256;
	json_int_t bytes;
	json_error_t je;

	if (!j)
		return 0;
	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s:I}", "sha256", &sha256, "bytes", &bytes) <
	    0)
		return err_set(err, -EBADMSG, "model: %s", je.text);
	if (strlen(sha256) != 64 || bytes < 0 || bytes > POLICY_MODEL_MAX)
		return err_set(err, -EBADMSG, "model: not the sum and size of a model");
	memcpy(p->model_sha256, sha256, 65);
	p->model_bytes = (size_t)bytes;
	return 0;
}

int policy_json_decode(struct policy *p, json_t *j, size_t *ret_tables_len, struct err *err)
{
	const char *image, *arch, *mode, *steady_on, *sha256;
	json_t *digest, *ops, *rules, *thresholds, *provenance, *calibration,
		*model = NULL, *known = NULL, *skip[3];
	const char *sessions = "guard"; /* as older policies mean it, which do not say it */
	json_int_t kill_matches, bytes, format;
	json_error_t je;
	int r = check_format(j, err);

	if (r < 0)
		return r;
	if (json_unpack_ex(j, &je, JSON_STRICT,
			   "{s:I, s:s, s:o, s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, "
			   "s:{s:s, s:I}, s:o, s:o, s?o, s?o, s?s, s?o}",
			   "format", &format, "image", &image, "digest", &digest, "arch", &arch,
			   "mode", &mode, "steady_on", &steady_on, "kill_signals", &kill_matches,
			   "ops", &ops, "rules", &rules, "thresholds", &thresholds, "provenance",
			   &provenance, "calibration", &calibration, "tables", "sha256", &sha256,
			   "bytes", &bytes, "alphabet", &skip[0], "objects", &skip[1], "model",
			   &model, "arguments", &skip[2], "exec_sessions", &sessions, "known",
			   &known) < 0)
		return err_set(err, -EBADMSG, "%s", je.text);
	if (kill_matches < 1 || kill_matches > 2)
		return err_set(err, -EBADMSG, "kill_signals: must be 1 or 2");
	if (strlen(sha256) != 64 || bytes < 0 || bytes > POLICY_TABLES_MAX)
		return err_set(err, -EBADMSG, "tables: not the sum and size of tables");
	if (strcmp(sessions, "guard") != 0 && strcmp(sessions, "audit") != 0)
		return err_set(err, -EBADMSG, "exec_sessions: must be guard or audit");
	p->audit_sessions = strcmp(sessions, "audit") == 0;
	p->kill_matches = (uint8_t)kill_matches;
	memcpy(p->tables_sha256, sha256, 65);
	*ret_tables_len = (size_t)bytes;
	r = decode_scalars(p, image, digest, mode, steady_on, err);
	if (r == 0)
		r = decode_model(p, model, err);
	if (r == 0)
		r = op_set_from_json(ops, &p->ops) < 0
			    ? err_set(err, -EBADMSG, "ops: not an array of operations")
			    : 0;
	if (r == 0)
		r = decode_rules(p, rules, format < FORMAT_OF_LEVEL, err);
	if (r == 0)
		r = decode_thresholds(p, thresholds, format < FORMAT_OF_LEVEL, err);
	if (r == 0)
		r = policy_provenance_decode(p, provenance, err);
	if (r == 0)
		r = policy_known_decode(p, known, err);
	if (r == 0)
		r = policy_calibration_decode(&p->calibration, calibration, err);
	return r;
}

int policy_json_match(const struct policy *p, json_t *j, struct err *err)
{
	json_auto_t *alphabet = encode_alphabet(p), *objects = encode_objects(p);
	const char *arch = json_string_value(json_object_get(j, "arch"));

	if (!alphabet || !objects)
		return err_oom(err);
	if (!arch || strcmp(arch, p->arch) != 0)
		return err_set(err, -EBADMSG, "arch is not the tables'");
	if (!json_equal(json_object_get(j, "alphabet"), alphabet))
		return err_set(err, -EBADMSG,
			       "the alphabet is not the tables': it cannot be edited, train again");
	if (!json_equal(json_object_get(j, "objects"), objects))
		return err_set(
			err, -EBADMSG,
			"the objects are not the tables': they cannot be edited, train again");
	return 0;
}
