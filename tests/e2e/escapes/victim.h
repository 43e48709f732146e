/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of what techniques reach. */
#ifndef LUTRA_TESTS_ESCAPES_VICTIM_H
#define LUTRA_TESTS_ESCAPES_VICTIM_H

#include "tests/e2e/escapes/techniques/technique.h"

/* What the victim and the host's program share, at WORLD_AT; NULL with errno. */
struct world *world_map(bool create);
/* Until it is killed; 1 if it cannot begin. Prints "listening". */
int victim_run(void);

#endif
