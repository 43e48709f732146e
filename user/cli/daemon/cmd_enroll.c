/* SPDX-License-Identifier: Apache-2.0 */
/* lutra enroll: asks lutrad to guard a cgroup. */
#include "lib/abi/names.h"
#include "user/cli/policy/policy_cmd.h"

struct enroll_args {
	const char *config_file;
	const char *cgroup;
	const char *policy;
	int mode; /* -1: the policy's */
	const char *name;
	const char *image;
	const char *digest;
	bool next_exec, force;
};

enum { OPT_DIGEST = 256, OPT_NEXT_EXEC };

#define S struct enroll_args
static const struct args_option options[] = {
	CLI_OPTION_CGROUP(S),
	CLI_OPTION_POLICY(S, policy),
	CLI_OPTION_MODE(S),
	ARGS_STRING("name", 'n', "NAME", "Name of the container; default: the cgroup's", S, name),
	CLI_OPTION_IMAGE(S, image, "Image reference; default: the policy's"),
	ARGS_STRING("digest", OPT_DIGEST, "DIGEST",
		    "Digest of the image (sha256:...), compared with the policy's", S, digest),
	ARGS_FLAG("next-exec", OPT_NEXT_EXEC,
		  "Guard each task from its next exec on, for a container to start", S, next_exec),
	CLI_OPTION_FORCE(S, CLI_KEY_FORCE),
	CLI_OPTION_CONFIG(S),
	{},
};
#undef S

static error_t check_enroll_args(struct argp_state *state, void *ret)
{
	const struct enroll_args *a = ret;

	if (!a->cgroup || (!a->policy && !a->image))
		return args_usage(state, "give --cgroup PATH, and --policy POLICY or --image REF");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "--cgroup PATH --policy POLICY|--image REF",
	.doc = "Guard a container.\vWith --image in place of --policy, lutrad records an image "
	       "that "
	       "`lutra learn` learns.",
	.check = check_enroll_args,
};

int cmd_enroll(int argc, char **argv)
{
	_cleanup_free_ char *cgroup = NULL, *policy = NULL;
	struct enroll_args a = {.mode = -1};
	json_auto_t *answer = NULL;
	json_t *q;

	args_read(&command, argc, argv, &a);
	cgroup = cli_absolute_path(a.cgroup);
	if (a.policy)
		policy = cli_is_policy_path(a.policy) ? cli_absolute_path(a.policy)
						      : strdup(a.policy);
	if (!cgroup || (a.policy && !policy))
		return 1;
	q = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:b, s:b}", "cgroup", cgroup, "policy",
		      policy, "mode", a.mode < 0 ? NULL : mode_name((unsigned)a.mode), "name",
		      a.name, "image", a.image, "digest", a.digest, "next_exec", (int)a.next_exec,
		      "force", (int)a.force);
	if (cli_ask_or_fail(a.config_file, "enroll", q, &answer))
		return 1;
	printf("%s: enrolled, mode %s\n", cli_json_text(answer, "name"),
	       cli_json_text(answer, "mode"));
	if (a.force && a.mode >= 0)
		policy_print_forced(cli_json_text(answer, "name"), cli_json_text(answer, "policy"),
				    (unsigned)a.mode);
	return 0;
}
