/* SPDX-License-Identifier: Apache-2.0 */
/* What an evaluation judges: the rules of a policy, baselines, and rules with float weights. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H

enum detector {
	DETECTOR_T,
	DETECTOR_TH,
	DETECTOR_A,
	DETECTOR_B,
	DETECTOR_OBJECTS,
	DETECTOR_DENY,
	DETECTOR_ALERT,
	DETECTOR_KILL,
	DETECTOR_POLICY, /* so many are the policy's own */
	DETECTOR_NOVEL_CALL = DETECTOR_POLICY,
	DETECTOR_NOVEL_BIGRAM,
	DETECTOR_BOSC,
	DETECTOR_STIDE6,
	DETECTOR_WITTEN_BELL5,
	DETECTOR_RANDOM_CODES,
	DETECTOR_RECONSTRUCTION,
	DETECTOR_NAMED, /* so many have a name in the results */
	/* What A, alert and kill would be with weights that were not rounded: compared only. */
	DETECTOR_FLOAT_A = DETECTOR_NAMED,
	DETECTOR_FLOAT_ALERT,
	DETECTOR_FLOAT_KILL,
	DETECTOR_COUNT
};

/* As in the JSON of `lutra eval`: T, TH, A, B, objects, deny, alert, kill, novel_call, ... */
const char *detector_name(unsigned rule);

#endif
