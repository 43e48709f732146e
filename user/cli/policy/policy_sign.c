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

/* Warns of a key whose signatures this host does not accept. Another host may accept them. */
static void warn_of_foreign_key(const struct policy_args *a, const char *public)
{
	const char *config = a->config_file ? a->config_file : CONFIG_DEFAULT_FILE;

	if (!a->config->policy_keys.n || policy_keys_have(&a->config->policy_keys, public))
		return;
	fprintf(stderr,
		"lutra: caution: %s is none of policy_keys in %s: lutrad refuses what it signed "
		"here. Sign again with the key of one of them, or put this one into policy_keys\n",
		public, config);
}

int policy_cmd_sign(const struct policy_args *a)
{
	char dir[PATH_MAX], public[POLICY_KEY_TEXT] = "";
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
	warn_of_foreign_key(a, public);
	return 0;
}
