/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads profiles: those of the OCI runtime specification, those of engines (names of one system call,
 * errors by name, archMap, rules that depend on the container), and the one in a bundle's config.json.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <seccomp.h>
#include <string.h>

#include "lib/base/file.h"
#include "lib/base/text.h"
#include "user/seccomp/profile/profile.h"
#include "user/seccomp/profile/profile_conditions.h"
#include "user/seccomp/profile/profile_words.h"
#include "user/seccomp/profile/wide_numbers.h"

#define ERRNO_MAX 4095 /* of the kernel */

/* Returns true if a member is missing or null. */
static bool is_absent(const json_t *j)
{
	return !j || json_is_null(j);
}

/* Returns true for a list, and for one that is missing or null. */
static bool is_list(const json_t *j)
{
	return is_absent(j) || json_is_array(j);
}

/* Returns the number of an error's name as in EPERM, or -1. */
static int errno_by_name(const char *name)
{
	for (int i = 1; i <= ERRNO_MAX; i++) {
		const char *have = strerrorname_np(i);

		if (have && name && strcmp(have, name) == 0)
			return i;
	}
	return -1;
}

/* An action, and how files write its error: errnoRet as a number, errno as a name. */
struct written_action {
	const char *action;
	const json_t *number, *name;
};

/* Reads an action. Its error is EPERM by default. */
static int decode_action(const struct written_action *a, uint32_t *ret)
{
	const struct profile_word *w = profile_word_find(profile_actions, a->action);
	bool has_name = json_string_length(a->name) > 0;
	json_int_t n = EPERM;

	if (!w || !(is_absent(a->name) || json_is_string(a->name)) ||
	    !(is_absent(a->number) || json_is_integer(a->number)))
		return -EBADMSG;
	if (!is_absent(a->number))
		n = json_integer_value(a->number);
	if (has_name)
		n = errno_by_name(json_string_value(a->name));
	if (n < 0 || n > ERRNO_MAX)
		return -EBADMSG;
	if ((has_name || !is_absent(a->number)) && !profile_action_has_errno(w->value))
		return -EBADMSG;
	*ret = w->value | (profile_action_has_errno(w->value) ? (uint32_t)n : 0);
	return 0;
}

static int decode_arg(json_t *v, struct profile_arg *ret, struct err *err)
{
	json_t *index = NULL, *value = NULL, *two = NULL;
	const struct profile_word *op;
	struct err why = {};
	const char *name;
	json_error_t je;

	if (json_unpack_ex(v, &je, JSON_STRICT, "{s:o, s:o, s?o, s:s}", "index", &index, "value",
			   &value, "valueTwo", &two, "op", &name) < 0)
		return err_set(err, -EBADMSG, "args: %s", je.text);
	op = profile_word_find(profile_ops, name);
	if (!op)
		return err_set(err, -EBADMSG, "args: op must be as SCMP_CMP_EQ");
	if (!json_is_integer(index) || json_integer_value(index) < 0 ||
	    json_integer_value(index) >= PROFILE_ARGS)
		return err_set(err, -EBADMSG, "args: index must be 0 to %d", PROFILE_ARGS - 1);
	*ret = (struct profile_arg){.index = (uint32_t)json_integer_value(index), .op = op->value};
	if (wide_number_decode(value, &ret->value, &why) < 0)
		return err_set(err, -EBADMSG, "args: value: %s", why.msg);
	/* Only a masked comparison has a second value: runtimes do not look at it elsewhere. */
	if (!is_absent(two) && wide_number_decode(two, &ret->value_two, &why) < 0)
		return err_set(err, -EBADMSG, "args: valueTwo: %s", why.msg);
	if (op->value != SCMP_CMP_MASKED_EQ)
		ret->value_two = 0;
	return 0;
}

static int add_profile_name(struct profile *p, const char *name, const struct profile_entry *e,
			    struct err *err)
{
	int r = name ? profile_add(p, name, e) : -EINVAL;

	if (r == -E2BIG)
		return err_set(err, -EBADMSG, "more than %d entries", PROFILE_ENTRIES_MAX);
	return r < 0 ? err_set(err, r == -ENOMEM ? r : -EBADMSG,
			       "names: not the name of a system call")
		     : 0;
}

/*
 * Adds the entries of one name. With more conditions than a system call has arguments, two are on
 * one argument: each condition is an alternative, an entry of its own.
 */
static int add_entries(struct profile *p, const char *name, struct profile_entry e,
		       const json_t *args, struct err *err)
{
	bool apart = json_array_size(args) > PROFILE_ARGS;
	json_t *v;
	size_t i;
	int r = 0;

	json_array_foreach (args, i, v) {
		r = decode_arg(v, &e.arg[apart ? 0 : i], err);
		e.n_args = apart ? 1 : (uint32_t)i + 1;
		if (r == 0 && apart)
			r = add_profile_name(p, name, &e, err);
		if (r < 0)
			return r;
	}
	return apart ? 0 : add_profile_name(p, name, &e, err);
}

/* A rule as files write it. */
struct written_rule {
	struct written_action action;
	json_t *names, *name, *args, *comment;
	struct profile_conditions conditions;
};

static int unpack_rule(json_t *rule, struct written_rule *ret, struct err *err)
{
	json_error_t je;

	if (json_unpack_ex(rule, &je, JSON_STRICT, "{s?o, s?o, s:s, s?o, s?o, s?o, s?o, s?o, s?o}",
			   "names", &ret->names, "name", &ret->name, "action", &ret->action.action,
			   "errnoRet", &ret->action.number, "errno", &ret->action.name, "args",
			   &ret->args, "comment", &ret->comment, "includes",
			   &ret->conditions.includes, "excludes", &ret->conditions.excludes) < 0)
		return err_set(err, -EBADMSG, "%s", je.text);
	if (!is_list(ret->names) || !(json_array_size(ret->names) || json_string_length(ret->name)))
		return err_set(err, -EBADMSG, "names: must be an array of at least one name");
	if (!is_list(ret->args))
		return err_set(err, -EBADMSG, "args: must be an array");
	return 0;
}

/* Says for a rule that depends on the container what was decided. */
static void tell_condition(FILE *out, const struct written_rule *rule, const char *on, bool holds)
{
	const json_t *v;
	size_t i;

	fprintf(out, "%s:", holds ? "taken" : "left out");
	if (json_string_length(rule->name))
		fprintf(out, " %s", json_string_value(rule->name));
	json_array_foreach (rule->names, i, v)
		fprintf(out, " %s", json_string_value(v));
	fprintf(out, " (%s), %s\n", rule->action.action, on);
}

/* Decides whether a rule holds. Returns 1, 0 or -errno. */
static int decide_rule(FILE *out, const struct written_rule *rule, struct err *err)
{
	_cleanup_free_ char *on = NULL;
	size_t len;
	FILE *f = open_memstream(&on, &len);
	int r;

	if (!f)
		return err_oom(err);
	r = profile_conditions_hold(&rule->conditions, f, err);
	if (fclose(f) != 0)
		return err_oom(err);
	if (r >= 0 && len)
		tell_condition(out, rule, on, r > 0);
	return r;
}

static int decode_rule(struct profile *p, json_t *j, FILE *conditional, struct err *err)
{
	struct written_rule rule = {};
	struct profile_entry e = {};
	struct profile scratch = {};
	json_t *v;
	size_t i;
	int r = unpack_rule(j, &rule, err);

	if (r < 0)
		return r;
	if (decode_action(&rule.action, &e.action) < 0)
		return err_set(err, -EBADMSG,
			       "%.40s: not an action, or its errnoRet is out of range",
			       rule.action.action);
	/* Entries of a rule that does not hold are read too: what is wrong in it is said. */
	if (json_string_length(rule.name))
		r = add_entries(&scratch, json_string_value(rule.name), e, rule.args, err);
	json_array_foreach (rule.names, i, v)
		if (r == 0)
			r = add_entries(&scratch, json_string_value(v), e, rule.args, err);
	if (r == 0)
		r = decide_rule(conditional, &rule, err);
	for (i = 0; r > 0 && i < scratch.n_entries; i++)
		if (add_profile_name(p, scratch.entries[i].name, &scratch.entries[i], err) < 0)
			r = -EBADMSG;
	free(scratch.entries);
	return r < 0 ? r : 0;
}

/* ---- the profile ---- */

/* The members of a profile as files write them. */
struct written_profile {
	struct written_action action;
	json_t *arches, *arch_map, *flags, *listener, *metadata, *rules;
};

static int decode_arches(struct profile *p, const json_t *list, struct err *err)
{
	const json_t *v;
	size_t i;

	if (!is_list(list))
		return err_set(err, -EBADMSG, "architectures: must be an array");
	json_array_foreach (list, i, v) {
		const char *name = json_string_value(v);
		int bit = profile_arch_parse(name);

		if (bit < 0)
			return err_set(err, -EBADMSG, "architectures: %.40s is not known",
				       name ? name : "what is no text");
		p->arches |= 1u << bit;
	}
	return 0;
}

/* Takes the architectures of x86-64, as an engine on such a machine does. */
static int decode_arch_map(struct profile *p, const json_t *list, struct err *err)
{
	const json_t *v;
	size_t i;

	if (!is_list(list))
		return err_set(err, -EBADMSG, "archMap: must be an array");
	json_array_foreach (list, i, v) {
		const char *name = json_string_value(json_object_get(v, "architecture"));
		int r = 0;

		if (!name)
			return err_set(err, -EBADMSG, "archMap: an entry has no architecture");
		if (strcmp(name, "SCMP_ARCH_X86_64") != 0)
			continue;
		p->arches |= 1u << profile_arch_parse(name);
		r = decode_arches(p, json_object_get(v, "subArchitectures"), err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_flags(struct profile *p, const json_t *list, struct err *err)
{
	const json_t *v;
	size_t i;

	if (!is_list(list))
		return err_set(err, -EBADMSG, "flags: must be an array");
	p->has_flags = json_is_array(list);
	json_array_foreach (list, i, v) {
		const struct profile_word *w =
			profile_word_find(profile_flags, json_string_value(v));

		if (!w)
			return err_set(err, -EBADMSG, "flags: %.40s is not known",
				       json_is_string(v) ? json_string_value(v)
							 : "what is no text");
		p->flags |= w->value;
	}
	return 0;
}

static int decode_listener(struct profile *p, const struct written_profile *w, struct err *err)
{
	const char *path = json_string_value(w->listener), *text = json_string_value(w->metadata);

	if ((!path && !is_absent(w->listener)) ||
	    (path && *path && (*path != '/' || strlen(path) > PROFILE_LISTENER_MAX)))
		return err_set(err, -EBADMSG,
			       "listenerPath: must be the absolute path of a socket");
	if ((!text && !is_absent(w->metadata)) ||
	    (text && (strlen(text) > PROFILE_METADATA_MAX || text_has_control(text))))
		return err_set(err, -EBADMSG,
			       "listenerMetadata: must be a text of at most %d bytes",
			       PROFILE_METADATA_MAX);
	p->listener = path && *path ? strdup(path) : NULL;
	p->metadata = text && *text ? strdup(text) : NULL;
	return (path && *path && !p->listener) || (text && *text && !p->metadata) ? err_oom(err)
										  : 0;
}

/* Removes what people and editors add, and returns the profile; in a bundle's config.json it is in linux. */
static json_t *strip_profile(json_t *j)
{
	const char *key;
	json_t *v;
	void *next;

	if (json_object_get(j, "ociVersion"))
		j = json_object_get(json_object_get(j, "linux"), "seccomp");
	json_object_foreach_safe(j, next, key, v)
	{
		if (*key == '$' || *key == '_' || strcmp(key, "comment") == 0)
			json_object_del(j, key);
	}
	return j;
}

static int unpack_profile(json_t *j, struct written_profile *w, struct err *err)
{
	json_error_t je;

	j = strip_profile(j);
	if (!j)
		return err_set(err, -EBADMSG,
			       "config.json has no seccomp profile in linux.seccomp");
	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s?o, s?o, s?o, s?o, s?o, s?o, s?o, s?o}",
			   "defaultAction", &w->action.action, "defaultErrnoRet", &w->action.number,
			   "defaultErrno", &w->action.name, "architectures", &w->arches, "archMap",
			   &w->arch_map, "flags", &w->flags, "listenerPath", &w->listener,
			   "listenerMetadata", &w->metadata, "syscalls", &w->rules) < 0)
		return err_set(err, -EBADMSG, "not an OCI seccomp profile: %s", je.text);
	return 0;
}

static int decode_rules(struct profile *p, const json_t *rules, FILE *conditional, struct err *err)
{
	struct err why = {};
	json_t *v;
	size_t i;
	int r;

	if (!is_list(rules))
		return err_set(err, -EBADMSG, "syscalls: must be an array");
	json_array_foreach (rules, i, v) {
		r = decode_rule(p, v, conditional, &why);
		if (r < 0)
			return err_set(err, r, "syscalls[%zu]: %s", i, why.msg);
	}
	return 0;
}

static int decode_profile(struct profile *p, json_t *j, FILE *conditional, struct err *err)
{
	struct written_profile w = {};
	int r = unpack_profile(j, &w, err);

	if (r < 0)
		return r;
	if (decode_action(&w.action, &p->default_action) < 0)
		return err_set(err, -EBADMSG, "defaultAction, defaultErrnoRet: not an action");
	if (p->default_action == SCMP_ACT_NOTIFY)
		return err_set(err, -EBADMSG,
			       "defaultAction: SCMP_ACT_NOTIFY would stop the runtime itself");
	r = decode_listener(p, &w, err);
	if (r == 0)
		r = decode_arches(p, w.arches, err);
	if (r == 0)
		r = decode_arch_map(p, w.arch_map, err);
	if (r == 0)
		r = decode_flags(p, w.flags, err);
	return r < 0 ? r : decode_rules(p, w.rules, conditional, err);
}

int profile_from_json(struct profile **ret, const char *json, size_t len, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = profile_new();
	_cleanup_free_ char *text = wide_numbers_hide(json, len);
	_cleanup_free_ char *told = NULL;
	FILE *conditional = NULL;
	json_auto_t *j = NULL;
	json_error_t je;
	size_t told_len;
	int r;

	if (!p || !text)
		return err_oom(err);
	j = memchr(json, 0, len) ? json_loadb(json, len, JSON_REJECT_DUPLICATES, &je)
				 : json_loads(text, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(err, -EBADMSG, "line %d: %s", je.line, je.text);
	conditional = open_memstream(&told, &told_len);
	if (!conditional)
		return err_oom(err);
	r = decode_profile(p, j, conditional, err);
	if (fclose(conditional) != 0 && r == 0)
		r = err_oom(err);
	if (r < 0)
		return r;
	if (told_len)
		p->conditional = TAKE_PTR(told);
	*ret = TAKE_PTR(p);
	return 0;
}

int profile_load(struct profile **ret, const char *path, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err why = {};
	size_t len;
	int r = file_read(AT_FDCWD, path, PROFILE_MAX, &text, &len, err);

	if (r < 0)
		return r;
	r = profile_from_json(ret, text, len, &why);
	return r < 0 ? err_set(err, r, "%s: %s", path, why.msg) : 0;
}
