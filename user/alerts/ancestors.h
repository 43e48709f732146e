/* SPDX-License-Identifier: Apache-2.0 */
/* Who started whom: the ancestors of a process that an event is about. */
#ifndef LUTRA_USER_ALERTS_ANCESTORS_H
#define LUTRA_USER_ALERTS_ANCESTORS_H

#include "lib/base/cleanup.h"
#include "lutra/abi.h"

#define LINEAGE_TEXT 512

struct lineage;

/* -ENOMEM. */
int lineage_new(struct lineage **ret);
void lineage_free(struct lineage *l);
DEFINE_FREEP(struct lineage, lineage_free);

/*
 * "sh[12] < python3[10] < runc[8]", from the process upwards as far as /proc still tells; returns
 * buf. For a verdict above allow only, and for a limited number a second: a flood of events must
 * not make a flood of reads. Else it is what the kernel said: "sh[12] < [10]".
 */
const char *lineage_of(struct lineage *l, const struct lutra_evidence *ev,
		       char buf[static LINEAGE_TEXT]);

#endif
