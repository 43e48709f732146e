/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy keygen and sign: make keys, sign policies. */
#include "lib/policy/accepted/accepted.h"
#include "lib/policy/files/policy_sign.h"
#include "user/cli/policy/policy_cmd.h"
#include "user/policy/policy_delta.h"

int policy_cmd_keygen(const struct policy_args *a)
{
	char public[POLICY_KEY_TEXT];
	struct err err;

	if (policy_key_new(a->names[0], public, &err) < 0)
		return cli_fail(&err);
	printf("%s: secret key; %s.pub: public key\n"
	       "To accept only policies signed with it, put into " CONFIG_DEFAULT_FILE ":\n"
	       "  \"policy_keys\": [\"%s\"]\n",
	       a->names[0], a->names[0], public);
	return 0;
}

/* Signs what a person added to a policy, if there is any. */
static int sign_accepted(const char *dir, const char *key, struct err *err)
{
	json_auto_t *delta = NULL;
	int r = accepted_read(dir, NULL, &delta, err);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : accepted_write(dir, delta, key, err);
}

int policy_cmd_sign(const struct policy_args *a)
{
	char dir[PATH_MAX], public[POLICY_KEY_TEXT];
	_cleanup_close_ int lock = -1;
	struct err err;

	if (policy_delta_lock(a->config, true, &lock, &err) < 0)
		return cli_fail(&err);
	for (int i = 0; i < a->n_names; i++) {
		cli_policy_dir(a->names[i], a->config->policies_dir, dir, sizeof(dir));
		if (policy_sign(dir, a->key, public, &err) < 0 ||
		    sign_accepted(dir, a->key, &err) < 0)
			return cli_fail(&err);
		printf("%s: signed, %s\n", dir, public);
	}
	return 0;
}
