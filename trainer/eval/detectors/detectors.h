/* SPDX-License-Identifier: Apache-2.0 */
/* The detectors that an evaluation compares: a policy's rules and sets, and baselines. */
#ifndef LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H
#define LUTRA_TRAINER_EVAL_DETECTORS_DETECTORS_H

enum detector {
	DETECTOR_T,
	DETECTOR_TH,
	DETECTOR_M,	 /* level M of the policy */
	DETECTOR_N,	 /* level N */
	DETECTOR_LEVELS, /* M or N, unless it only logs */
	DETECTOR_OBJECTS,
	DETECTOR_DENY,
	DETECTOR_ALERT,
	DETECTOR_KILL,
	DETECTOR_POLICY, /* the detectors above are the policy's own */
	DETECTOR_NOVEL_CALL = DETECTOR_POLICY,
	DETECTOR_NOVEL_BIGRAM,
	DETECTOR_BOSC,
	DETECTOR_STIDE6,
	DETECTOR_WITTEN_BELL5,
	DETECTOR_RECONSTRUCTION,
	/* Level M and its rivals: all of tokens of calls and objects (rivals/token_panel.h). */
	DETECTOR_TOKENS,
	DETECTOR_M_CODES = DETECTOR_TOKENS,
	DETECTOR_M_SEED2,
	DETECTOR_M_SEED3,
	DETECTOR_M_RANDOM,
	DETECTOR_M_RANDOM_SEED2,
	DETECTOR_M_RANDOM_SEED3,
	DETECTOR_M_GRAMS4,
	DETECTOR_M_WITTEN_BELL5,
	DETECTOR_M_STIDE6,
	DETECTOR_M_BIGRAM,
	DETECTOR_COUNT
};

#define DETECTOR_PANEL (DETECTOR_COUNT - DETECTOR_TOKENS) /* level M and its rivals */

/* Returns the detector's name in the JSON of `lutra eval`: T, TH, ... novel_call, ..., or "". */
const char *detector_name(unsigned detector);

#endif
