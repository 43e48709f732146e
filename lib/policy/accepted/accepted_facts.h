/* SPDX-License-Identifier: Apache-2.0 */
/* Turns the words of an alert back into the object or system call that they describe. */
#ifndef LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_FACTS_H
#define LUTRA_LIB_POLICY_ACCEPTED_ACCEPTED_FACTS_H

#include "lib/policy/accepted/accepted.h"

/*
 * Reads what happened, and nothing wider, from the words of an alert. Returns 0. -EINVAL: the rule is
 * in no policy, or the words do not say enough.
 */
int accepted_scope_of_facts(const struct accepted_facts *f, struct accepted_scope *ret,
			    struct err *err);

#endif
