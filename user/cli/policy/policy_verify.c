/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy verify: checks files, signature, model and kernel form of a policy. */
#include <sys/utsname.h>

#include "lib/policy/accepted/accepted.h"
#include "lib/policy/policy.h"
#include "lib/policy/files/policy_sign.h"
#include "user/cli/policy/policy_cmd.h"

/* Checks the machine, and that the policy fits into the kernel's tables. */
static int check_kernel_form(const struct policy *p, const char *dir, struct err *err)
{
	_cleanup_free_ struct lutra_policy *image = malloc(sizeof(*image));
	struct utsname uts;
	struct err why;
	int r;

	if (!image)
		return err_oom(err);
	if (uname(&uts) == 0 && strcmp(uts.machine, p->arch) != 0)
		return err_set(err, -ENOEXEC,
			       "%s: made for %s, this machine is %s: train a policy here", dir,
			       p->arch, uts.machine);
	r = policy_to_kernel(p, 1, image, &why);
	return r < 0 ? err_set(err, r, "%s: %s", dir, why.msg) : 0;
}

static int check_policy_dir(const char *dir, const struct policy_keys *keys, struct policy **ret,
			    struct err *err)
{
	struct err left_out;
	int r = accepted_load(ret, dir, keys, &left_out, err);

	if (r < 0)
		return r;
	if (*left_out.msg)
		return err_set(err, -EBADMSG, "%s", left_out.msg);
	r = policy_load_model(*ret, dir, err);
	/* A policy without a model guards, but cannot be updated. */
	if (r < 0 && r != -ENODATA)
		return r;
	return check_kernel_form(*ret, dir, err);
}

static int verify_policy(const char *dir, const struct policy_keys *keys, json_t *out)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	char public[POLICY_KEY_TEXT], image[CLI_TEXT];
	struct err err = {}, why = {};
	int r = check_policy_dir(dir, keys, &p, &err), signer = policy_signer(dir, public, &why);

	if (out)
		return json_array_append_new(
			       out,
			       json_pack("{s:o, s:b, s:o, s:o}", "policy", text_json_keep(dir),
					 "good", r == 0, "error",
					 r < 0 ? text_json_keep(err.msg) : json_null(), "signed_by",
					 signer == 0 ? json_string(public) : json_null())) ||
		       r < 0;
	if (r < 0)
		return cli_fail(&err);
	printf("%s: good, %s, ", dir, cli_clean_text(p->image, image));
	if (signer == 0)
		printf("signed by %s\n", public);
	else if (signer == -ENOENT)
		puts("not signed");
	else
		printf("caution: %.80s\n", why.msg);
	return 0;
}

int policy_cmd_verify(const struct policy_args *a)
{
	json_t *out = a->json ? json_array() : NULL;
	int result = 0;

	if (a->json && !out)
		return cli_failf("out of memory");
	for (int i = 0; i < a->n_names; i++) {
		char dir[PATH_MAX];

		cli_policy_dir(a->names[i], a->config->policies_dir, dir, sizeof(dir));
		result |= verify_policy(dir, &a->config->policy_keys, out);
	}
	return out ? cli_print_json(out, true) | result : result;
}
