/* SPDX-License-Identifier: Apache-2.0 */
/* What differs between two policies, for programs and in words. */
#ifndef LUTRA_LIB_POLICY_DIFF_POLICY_DIFF_H
#define LUTRA_LIB_POLICY_DIFF_POLICY_DIFF_H

#include <jansson.h>
#include <stdio.h>

#include "lib/policy/policy.h"

/*
 * What p has that old had not, and the other way round; members are there even when empty:
 *
 *   same         nothing differs, of what is below
 *   about        {image|digest|arch|mode|exec_sessions|steady_on|first_process|roles_of|kill_signals:
 *                CHANGE}
 *   calls        {ROLE: SETS} of call names
 *   th           SETS of calls that are refused since training never saw them
 *   arguments    {CALL: SETS} of argument values in words, for seccomp filters; "any": not listed
 *   operations   SETS of operations that the runs could see
 *   objects      {OPERATION: SETS} of objects in words: paths, programs, addresses, capabilities
 *   paths        SETS of path nodes, and "changed": {PATH: CHANGE} of what they are
 *   actions      {RULE: CHANGE}
 *   thresholds   {M|N: CHANGE} in nat, and as a share of pairs
 *   training     "runs": SETS of trace files; "known": SETS of the base and packs;
 *                {calls|objects|hours|seed: CHANGE}
 *   calibration  {NAME: CHANGE}
 *   accepted     SETS of what a person added, if accepted_diff_add() was called
 *   tables       true if the tables of weights differ
 *
 * SETS: {"gained": [NAME…], "lost": [NAME…]}; CHANGE: {"old": VALUE, "new": VALUE}. NULL: out of
 * memory.
 */
json_t *policy_diff(const struct policy *old, const struct policy *p);

/* Prints what policy_diff() returned in lines that begin with the name of the part. */
void policy_diff_print(const json_t *diff, FILE *out);

#endif
