/* SPDX-License-Identifier: Apache-2.0 */
/* The rules: their names, what they say, and what they do. Indices are enum lutra_rule. */
#ifndef LUTRA_LIB_ABI_RULES_H
#define LUTRA_LIB_ABI_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "lutra/abi.h"

/* LUTRA_RULE_NONE is among them, without a row. */
#define RULES_COUNT (LUTRA_RULE_MISSED + 1)

struct rule {
	const char *name;  /* in policy.json, in alerts and on the command line: "exec-fresh" */
	const char *title; /* of an alert: "Fresh file executed" */
	uint8_t action;	   /* default, enum lutra_action; training may weaken it */
	const char *text;  /* one sentence for a reader who does not know the rule */
};

/* Returns the row of a rule, never NULL: a rule that is not known has the name "?". */
const struct rule *rule_get(unsigned rule);

/* Returns the name of a rule, or "?". */
const char *rule_name(unsigned rule);

/*
 * Find a rule by its name: rule_find() among all, rule_parse() among the rules of a policy, which
 * are those below LUTRA_RULE_COUNT. Return 0, or -EINVAL: no rule has the name.
 */
int rule_find(const char *name, unsigned *ret);
int rule_parse(const char *name, unsigned *ret);

/*
 * Returns true if only older versions have a rule of this name: A or B. Their files and events may
 * still name it.
 */
bool rule_is_old(const char *name);

#endif
