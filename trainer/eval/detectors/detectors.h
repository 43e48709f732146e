/* SPDX-License-Identifier: Apache-2.0 */
/* What an evaluation judges: the rules of a policy, baselines, and rules with float weights. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H

enum rule {
	RULE_T,
	RULE_TH,
	RULE_A,
	RULE_B,
	RULE_OBJECTS,
	RULE_DENY,
	RULE_ALERT,
	RULE_KILL,
	RULE_POLICY, /* so many are the policy's own */
	RULE_NOVEL_CALL = RULE_POLICY,
	RULE_NOVEL_BIGRAM,
	RULE_BOSC,
	RULE_STIDE6,
	RULE_WITTEN_BELL5,
	RULE_RANDOM_CODES,
	RULE_RECONSTRUCTION,
	RULE_NAMED, /* so many have a name in the results */
	/* What A, alert and kill would be with weights that were not rounded: compared only. */
	RULE_FLOAT_A = RULE_NAMED,
	RULE_FLOAT_ALERT,
	RULE_FLOAT_KILL,
	RULE_COUNT
};

/* As in the JSON of `lutra eval`: T, TH, A, B, objects, deny, alert, kill, novel_call, ... */
const char *rule_name(unsigned rule);

#endif
