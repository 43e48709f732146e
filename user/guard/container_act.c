/* SPDX-License-Identifier: Apache-2.0 */
/* The modes that act on a whole container after a verdict. */
#include "user/guard/guard.h"

#include "user/sys/process/cgroup.h"

int container_act(const char *cgroup, const struct lutra_evidence *ev)
{
	const char *file;
	int r;

	if (ev->mode == LUTRA_MODE_KILL_CONTAINER && ev->verdict == LUTRA_VERDICT_KILL)
		file = "cgroup.kill";
	else if (ev->mode == LUTRA_MODE_FREEZE && ev->verdict >= LUTRA_VERDICT_DENY)
		file = "cgroup.freeze";
	else
		return 0;
	r = cgroup_write(cgroup, file, "1");
	return r < 0 ? r : 1;
}
