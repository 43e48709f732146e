/* SPDX-License-Identifier: Apache-2.0 */
/* Verdicts, counted minute by minute since the daemon started, at most for a day. */
#ifndef LUTRA_USER_API_TALLY_H
#define LUTRA_USER_API_TALLY_H

#include <jansson.h>
#include <stdint.h>

#include "lutra/abi.h"

#define TALLY_MINUTES 1440

/* All zero: nothing counted yet. */
struct tally {
	uint64_t first_minute, last_minute; /* since the epoch; 0: none yet */
	uint32_t n[TALLY_MINUTES][LUTRA_VERDICT_KILL + 1];
};

/* Counts a verdict. now_ns: CLOCK_REALTIME. */
void tally_add(struct tally *t, uint64_t now_ns, unsigned verdict);
/* Returns {"first", "allow": [N…], "alert", "deny", "kill"} of the last minutes, oldest first. */
json_t *tally_to_json(const struct tally *t, uint64_t now_ns, unsigned minutes);

#endif
