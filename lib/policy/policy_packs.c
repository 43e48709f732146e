/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the packs of a policy as a list. */
#include "lib/policy/policy_packs.h"

#include <stdio.h>
#include <string.h>

#define MORE "…"

void policy_packs_text(const struct policy *p, char buf[static POLICY_PACKS_TEXT])
{
	const size_t room = POLICY_PACKS_TEXT - sizeof(MORE);
	size_t at = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n_known; i++) {
		const struct policy_known *k = &p->known[i];
		size_t n;

		if (!k->program)
			continue;
		n = (size_t)snprintf(buf + at, room - at, "%s%s %s%s", at ? ", " : "", k->name,
				     k->package ? "of package " : "by its path",
				     k->package ? k->package : "");
		if (n >= room - at) {
			memcpy(buf + at, MORE, sizeof(MORE));
			return;
		}
		at += n;
	}
}
