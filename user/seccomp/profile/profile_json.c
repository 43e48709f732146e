/* SPDX-License-Identifier: Apache-2.0 */
/* Writes profiles as JSON. */
#include "user/seccomp/profile/profile.h"

#include <jansson.h>
#include <seccomp.h>

#include "user/seccomp/profile/profile_words.h"
#include "user/seccomp/profile/wide_numbers.h"

/* Returns the error number of an action, or NULL if it has none. */
static json_t *encode_errno(uint32_t action)
{
	return profile_action_has_errno(action) ? json_integer(action & SECCOMP_RET_DATA) : NULL;
}

/* Returns NULL if the entry has no conditions. */
static json_t *encode_args(const struct profile_entry *e)
{
	json_t *a = e->n_args ? json_array() : NULL;

	for (uint32_t i = 0; i < e->n_args; i++) {
		const struct profile_arg *arg = &e->arg[i];
		bool two = arg->op == SCMP_CMP_MASKED_EQ;

		json_array_append_new(a, json_pack("{s:I, s:o, s:o*, s:s}", "index",
						   (json_int_t)arg->index, "value",
						   wide_number_encode(arg->value), "valueTwo",
						   two ? wide_number_encode(arg->value_two) : NULL,
						   "op", profile_word_name(profile_ops, arg->op)));
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
			 profile_word_name(profile_actions, profile_action_kind(first->action)),
			 "errnoRet", encode_errno(first->action), "args", encode_args(first));
}

/* Returns the names of the bits that are set in a list of words: bit i is row i. */
static json_t *encode_rows(const struct profile_word *w, uint32_t bits)
{
	json_t *a = json_array();

	for (unsigned i = 0; w[i].name; i++)
		if (bits >> i & 1)
			json_array_append_new(a, json_string(w[i].name));
	return a;
}

/* Returns NULL if the profile leaves the flags to the runtime. */
static json_t *encode_flags(const struct profile *p)
{
	json_t *a = p->has_flags ? json_array() : NULL;

	for (unsigned i = 0; a && profile_flags[i].name; i++)
		if (p->flags & profile_flags[i].value)
			json_array_append_new(a, json_string(profile_flags[i].name));
	return a;
}

char *profile_to_json(struct profile *p)
{
	json_t *rules = json_array();
	json_auto_t *j = NULL;
	char *text;

	profile_sort(p);
	for (size_t i = 0; i < p->n_entries;)
		json_array_append_new(rules, encode_rule(p, &i));
	j = json_pack("{s:s, s:o*, s:o, s:o*, s:s*, s:s*, s:o}", "defaultAction",
		      profile_word_name(profile_actions, profile_action_kind(p->default_action)),
		      "defaultErrnoRet", encode_errno(p->default_action), "architectures",
		      encode_rows(profile_arches, p->arches), "flags", encode_flags(p),
		      "listenerPath", p->listener, "listenerMetadata", p->metadata, "syscalls",
		      rules);
	text = json_dumps(j, JSON_INDENT(1));
	if (text)
		wide_numbers_show(text);
	return text;
}
