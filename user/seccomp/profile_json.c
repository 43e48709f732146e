/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes profiles as JSON. */
#include "user/seccomp/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <seccomp.h>
#include <string.h>

#include "lib/base/file.h"

struct word {
	const char *name;
	uint32_t value;
};

static const struct word actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
	{NULL, 0},
};
static const struct word ops[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{NULL, 0},
};
/* The index is the bit in struct profile's arches. */
static const struct word arches[] = {
	{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
	{"SCMP_ARCH_X86", SCMP_ARCH_X86},
	{"SCMP_ARCH_X32", SCMP_ARCH_X32},
	{"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
	{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
	{"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
	{"SCMP_ARCH_S390", SCMP_ARCH_S390},
	{"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
	{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
	{"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
	{"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
	{"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
	{NULL, 0},
};

uint32_t profile_arch(unsigned i)
{
	return i < sizeof(arches) / sizeof(arches[0]) ? arches[i].value : 0;
}

static const char *word_of(const struct word *w, uint32_t value)
{
	while (w->name && w->value != value)
		w++;
	return w->name;
}

static const struct word *find_word(const struct word *w, const char *name)
{
	while (w->name && (!name || strcmp(w->name, name) != 0))
		w++;
	return w->name ? w : NULL;
}

/* ---- writing ---- */

static uint32_t action_without_errno(uint32_t action)
{
	return action & SECCOMP_RET_ACTION_FULL;
}

static bool has_errno(uint32_t action)
{
	return action_without_errno(action) == SCMP_ACT_ERRNO(0) ||
	       action_without_errno(action) == SCMP_ACT_TRACE(0);
}

/* Returns the error number of an action, or NULL if it has none. */
static json_t *encode_errno(uint32_t action)
{
	return has_errno(action) ? json_integer(action & SECCOMP_RET_DATA) : NULL;
}

/* Returns NULL if the entry has no conditions. */
static json_t *encode_args(const struct profile_entry *e)
{
	json_t *a = e->n_args ? json_array() : NULL;

	for (uint32_t i = 0; i < e->n_args; i++) {
		const struct profile_arg *arg = &e->arg[i];
		bool two = arg->op == SCMP_CMP_MASKED_EQ;

		json_array_append_new(
			a, json_pack("{s:I, s:I, s:o*, s:s}", "index", (json_int_t)arg->index,
				     "value", (json_int_t)arg->value, "valueTwo",
				     two ? json_integer((json_int_t)arg->value_two) : NULL, "op",
				     word_of(ops, arg->op)));
	}
	return a;
}

/* Writes entries[i] and the following ones that differ in their names only, as one rule. */
static json_t *encode_rule(const struct profile *p, size_t *i)
{
	const struct profile_entry *first = &p->entries[*i];
	json_t *names = json_array();

	for (; *i < p->n_entries; ++*i) {
		const struct profile_entry *e = &p->entries[*i];

		if (e->action != first->action || !profile_same_conditions(e, first))
			break;
		json_array_append_new(names, json_string(e->name));
	}
	return json_pack("{s:o, s:s, s:o*, s:o*}", "names", names, "action",
			 word_of(actions, action_without_errno(first->action)), "errnoRet",
			 encode_errno(first->action), "args", encode_args(first));
}

char *profile_to_json(struct profile *p)
{
	json_t *names = json_array(), *rules = json_array();
	json_auto_t *j = NULL;

	profile_sort(p);
	for (unsigned i = 0; arches[i].name; i++)
		if (p->arches >> i & 1)
			json_array_append_new(names, json_string(arches[i].name));
	for (size_t i = 0; i < p->n_entries;)
		json_array_append_new(rules, encode_rule(p, &i));
	j = json_pack("{s:s, s:o*, s:o, s:s*, s:o}", "defaultAction",
		      word_of(actions, action_without_errno(p->default_action)), "defaultErrnoRet",
		      encode_errno(p->default_action), "architectures", names, "listenerPath",
		      p->listener, "syscalls", rules);
	return json_dumps(j, JSON_INDENT(1));
}

/* ---- reading ---- */

/* Reads an action and its errnoRet, which is EPERM by default. */
static int decode_action(const char *name, json_t *number, uint32_t *ret)
{
	const struct word *w = find_word(actions, name);
	json_int_t n = number ? json_integer_value(number) : EPERM;

	if (!w || n < 0 || n > 4095)
		return -EBADMSG;
	if (number && (!json_is_integer(number) || !has_errno(w->value)))
		return -EBADMSG;
	*ret = w->value | (has_errno(w->value) ? (uint32_t)n : 0);
	return 0;
}

static int decode_args(json_t *args, struct profile_entry *e, struct err *err)
{
	json_t *v;
	size_t i;

	if (!args || json_is_null(args))
		return 0;
	if (!json_is_array(args) || json_array_size(args) > PROFILE_ARGS)
		return err_set(err, -EBADMSG, "args: must be an array of at most %d", PROFILE_ARGS);
	json_array_foreach (args, i, v) {
		json_int_t index, value, value_two = 0;
		const struct word *op;
		const char *name;
		json_error_t je;

		if (json_unpack_ex(v, &je, JSON_STRICT, "{s:I, s:I, s?I, s:s}", "index", &index,
				   "value", &value, "valueTwo", &value_two, "op", &name) < 0)
			return err_set(err, -EBADMSG, "args: %s", je.text);
		op = find_word(ops, name);
		if (!op || index < 0 || index >= PROFILE_ARGS || value < 0 || value_two < 0)
			return err_set(err, -EBADMSG,
				       "args: index must be 0 to 5, values not negative, op as "
				       "SCMP_CMP_EQ");
		e->arg[i] = (struct profile_arg){.index = (uint32_t)index,
						 .op = op->value,
						 .value = (uint64_t)value,
						 .value_two = (uint64_t)value_two};
	}
	e->n_args = (uint32_t)json_array_size(args);
	return 0;
}

static int decode_rule(struct profile *p, json_t *rule, struct err *err)
{
	json_t *names, *number = NULL, *args = NULL, *v;
	struct profile_entry e = {};
	const char *action;
	json_error_t je;
	size_t i;
	int r;

	if (json_unpack_ex(rule, &je, JSON_STRICT, "{s:o, s:s, s?o, s?o}", "names", &names,
			   "action", &action, "errnoRet", &number, "args", &args) < 0)
		return err_set(err, -EBADMSG, "%s", je.text);
	if (decode_action(action, number, &e.action) < 0)
		return err_set(err, -EBADMSG,
			       "%.40s: not an action, or its errnoRet is out of range", action);
	if (!json_array_size(names))
		return err_set(err, -EBADMSG, "names: must be an array of at least one name");
	r = decode_args(args, &e, err);
	if (r < 0)
		return r;
	json_array_foreach (names, i, v) {
		r = json_is_string(v) ? profile_add(p, json_string_value(v), &e) : -EINVAL;
		if (r < 0)
			return err_set(err, r == -ENOMEM ? r : -EBADMSG,
				       r == -E2BIG ? "more than %d entries"
						   : "names: not the name of a system call",
				       PROFILE_ENTRIES_MAX);
	}
	return 0;
}

static int decode_arches(struct profile *p, json_t *list, struct err *err)
{
	size_t i;
	json_t *v;

	if (list && !json_is_array(list))
		return err_set(err, -EBADMSG, "architectures: must be an array");
	json_array_foreach (list, i, v) {
		const struct word *w = find_word(arches, json_string_value(v));

		if (!w)
			return err_set(err, -EBADMSG, "architectures: unknown name");
		p->arches |= 1u << (w - arches);
	}
	return 0;
}

static int decode_all(struct profile *p, json_t *j, struct err *err)
{
	json_t *number = NULL, *list = NULL, *rules = NULL, *v;
	const char *action, *listener = NULL;
	struct err why = {};
	json_error_t je;
	size_t i;
	int r;

	if (json_unpack_ex(j, &je, JSON_STRICT, "{s:s, s?o, s?o, s?s, s?o}", "defaultAction",
			   &action, "defaultErrnoRet", &number, "architectures", &list,
			   "listenerPath", &listener, "syscalls", &rules) < 0)
		return err_set(err, -EBADMSG, "not the core fields of an OCI seccomp profile: %s",
			       je.text);
	if (decode_action(action, number, &p->default_action) < 0)
		return err_set(err, -EBADMSG, "defaultAction, defaultErrnoRet: not an action");
	if (p->default_action == SCMP_ACT_NOTIFY)
		return err_set(err, -EBADMSG,
			       "defaultAction: SCMP_ACT_NOTIFY would stop the runtime itself");
	if (listener && (*listener != '/' || strlen(listener) > PROFILE_LISTENER_MAX))
		return err_set(err, -EBADMSG,
			       "listenerPath: must be the absolute path of a socket");
	p->listener = listener ? strdup(listener) : NULL;
	if (listener && !p->listener)
		return err_oom(err);
	r = decode_arches(p, list, err);
	if (r < 0)
		return r;
	if (rules && !json_is_array(rules))
		return err_set(err, -EBADMSG, "syscalls: must be an array");
	json_array_foreach (rules, i, v) {
		r = decode_rule(p, v, &why);
		if (r < 0)
			return err_set(err, r, "syscalls[%zu]: %s", i, why.msg);
	}
	return 0;
}

int profile_from_json(struct profile **ret, const char *json, size_t len, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = profile_new();
	json_auto_t *j = NULL;
	json_error_t je;
	int r;

	if (!p)
		return err_oom(err);
	j = json_loadb(json, len, JSON_REJECT_DUPLICATES, &je);
	if (!j)
		return err_set(err, -EBADMSG, "line %d: %s", je.line, je.text);
	r = decode_all(p, j, err);
	if (r < 0)
		return r;
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
