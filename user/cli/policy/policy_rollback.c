/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy rollback: puts the policy that another one replaced back in its place. */
#include "lib/policy/policy.h"
#include "user/cli/policy/policy_cmd.h"

int policy_cmd_rollback(const struct policy_args *a)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char dir[PATH_MAX];
	struct err err;

	cli_policy_dir(a->names[0], a->config->policies_dir, dir, sizeof(dir));
	if (policy_roll_back(dir, &a->config->policy_keys, &p, &err) < 0)
		return cli_fail(&err);
	printf("%s: rolled back to the policy of %zu runs and %.2f hours, %.12s; a second rollback "
	       "undoes this\n",
	       dir, p->n_runs, p->hours, p->json_sha256);
	if (!p->model_bytes)
		return 0;
	if (policy_load_model(p, dir, &err) < 0)
		fprintf(stderr,
			"lutra: warning: %s: an older lutra kept no model of this policy: train it "
			"anew, not with --update\n",
			dir);
	return 0;
}
