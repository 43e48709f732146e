/* SPDX-License-Identifier: Apache-2.0 */
#include "user/containers/unarmed.h"

#include "lutra/types.h"

bool unarmed_check(struct unarmed *u, bool has_tasks, bool armed, uint64_t now_ns)
{
	if (!has_tasks || armed) {
		*u = (struct unarmed){0};
		return false;
	}
	if (!u->since_ns)
		u->since_ns = now_ns;
	if (u->told || now_ns - u->since_ns < UNARMED_PATIENCE_S * NSEC_PER_SEC)
		return false;
	u->told = true;
	return true;
}
