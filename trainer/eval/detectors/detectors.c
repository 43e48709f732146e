/* SPDX-License-Identifier: Apache-2.0 */
/* The names of the detectors. */
#include "trainer/eval/detectors/detectors.h"

static const char *const detector_names[] = {
	[DETECTOR_T] = "T",
	[DETECTOR_TH] = "TH",
	[DETECTOR_M] = "M",
	[DETECTOR_N] = "N",
	[DETECTOR_LEVELS] = "levels",
	[DETECTOR_OBJECTS] = "objects",
	[DETECTOR_DENY] = "deny",
	[DETECTOR_ALERT] = "alert",
	[DETECTOR_KILL] = "kill",
	[DETECTOR_NOVEL_CALL] = "novel_call",
	[DETECTOR_NOVEL_BIGRAM] = "novel_bigram",
	[DETECTOR_BOSC] = "bosc",
	[DETECTOR_STIDE6] = "stide6",
	[DETECTOR_WITTEN_BELL5] = "witten_bell5",
	[DETECTOR_RECONSTRUCTION] = "reconstruction",
	[DETECTOR_M_CODES] = "M_codes",
	[DETECTOR_M_SEED2] = "M_seed2",
	[DETECTOR_M_SEED3] = "M_seed3",
	[DETECTOR_M_RANDOM] = "M_random",
	[DETECTOR_M_RANDOM_SEED2] = "M_random_seed2",
	[DETECTOR_M_RANDOM_SEED3] = "M_random_seed3",
	[DETECTOR_M_GRAMS4] = "M_grams4",
	[DETECTOR_M_WITTEN_BELL5] = "M_witten_bell5",
	[DETECTOR_M_STIDE6] = "M_stide6",
	[DETECTOR_M_BIGRAM] = "M_bigram",
};

const char *detector_name(unsigned detector)
{
	return detector < DETECTOR_COUNT ? detector_names[detector] : "";
}
