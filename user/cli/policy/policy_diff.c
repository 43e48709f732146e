/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy diff: compares two policies. */
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/diff/policy_diff.h"
#include "user/cli/policy/policy_cmd.h"

/* Without OLD, OLD is the policy that POLICY replaced. */
int policy_cmd_diff(const struct policy_args *a)
{
	_cleanup_(policy_freep) struct policy *old = NULL, *p = NULL;
	char old_dir[PATH_MAX], dir[PATH_MAX];
	json_auto_t *diff = NULL;
	struct err err;
	int r;

	cli_policy_dir(a->names[a->n_names - 1], a->config->policies_dir, dir, sizeof(dir));
	if (a->n_names == 2)
		cli_policy_dir(a->names[0], a->config->policies_dir, old_dir, sizeof(old_dir));
	else if (snprintf(old_dir, sizeof(old_dir), "%s/" POLICY_PREVIOUS_DIR, dir) >= PATH_MAX)
		return cli_failf("%s: name too long", a->names[0]);
	if (policy_load(&p, dir, &err) < 0)
		return cli_fail(&err);
	r = policy_load(&old, old_dir, &err);
	if (r == -ENOENT && a->n_names == 1)
		return cli_failf("%s: replaced no policy: name two policies to compare", dir);
	if (r < 0)
		return cli_fail(&err);
	diff = policy_diff(old, p);
	if (!diff)
		return cli_failf("out of memory");
	if (accepted_diff_add(diff, old_dir, dir, &err) < 0)
		return cli_fail(&err);
	if (!a->json) {
		printf("%s, now %s\n", old_dir, dir);
		policy_diff_print(diff, stdout);
		return 0;
	}
	json_object_set_new(diff, "old", text_json_keep(old_dir));
	json_object_set_new(diff, "new", text_json_keep(dir));
	return cli_print_json(TAKE_PTR(diff), true);
}
