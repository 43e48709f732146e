/* SPDX-License-Identifier: Apache-2.0 */
/* lutra policy: finds the verb and runs it. */
#include "user/cli/policy/policy_cmd.h"

enum { OPT_ACTION = 256, OPT_VARIES, OPT_UNSET, OPT_SCOPE, OPT_UNTIL, OPT_REASON, OPT_DRAFT };

#define S struct policy_args
static const struct args_option options[] = {
	ARGS_FLAG("json", 'j', "Print JSON; show: the content of policy.json", S, json),
	ARGS_STRING("key", 'k', "FILE", "sign, accept, set, revoke: secret key", S, key),
	ARGS_STRING("action", OPT_ACTION, "RULE=ACTION", "set: action of a rule", S, action),
	ARGS_STRING("varies", OPT_VARIES, "DIR", "set: directory in which new names only alert", S,
		    varies),
	ARGS_FLAG("unset", OPT_UNSET, "set: remove what was set", S, unset),
	ARGS_STRING("scope", OPT_SCOPE, "SCOPE", "accept: reading; default: the narrowest", S,
		    scope),
	ARGS_STRING("until", OPT_UNTIL, "DATE", "accept: day when it ends, as 2027-01-31", S,
		    until),
	ARGS_STRING("reason", OPT_REASON, "TEXT", "accept: why it is fine", S, reason),
	ARGS_STRING("draft", OPT_DRAFT, "ID", "accept: sign this draft, put it in force", S, draft),
	ARGS_FLAG("force", 'f', "Allow a mode with too little training, or what is dangerous", S,
		  force),
	CLI_OPTION_CONFIG(S),
	{},
};
#undef S

static const struct verb {
	const char *name;
	int (*run)(const struct policy_args *a);
	int min, max; /* number of names; max 0: no limit */
	const char *takes;
} verbs[] = {
	{"list", policy_cmd_list, 0, 1, "at most one directory"},
	{"show", policy_cmd_show, 1, 0, "a policy"},
	{"verify", policy_cmd_verify, 1, 0, "a policy"},
	{"diff", policy_cmd_diff, 1, 2, "two policies, or one that replaced another"},
	{"rollback", policy_cmd_rollback, 1, 1, "a policy"},
	{"sign", policy_cmd_sign, 1, 0, "a policy"},
	{"keygen", policy_cmd_keygen, 1, 1, "the file to write"},
	{"set-mode", policy_cmd_set_mode, 2, 2, "a name and a mode"},
	{"accept", policy_cmd_accept, 0, 1, "a finding, or --draft ID"},
	{"set", policy_cmd_set, 1, 1, "a policy"},
	{"accepted", policy_cmd_accepted, 1, 1, "a policy"},
	{"revoke", policy_cmd_revoke, 1, 2, "the id of what was accepted, and its policy"},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static error_t check_policy_args(struct argp_state *state, void *ret)
{
	struct policy_args *a = ret;
	const struct verb *v;

	if (!a->args.n)
		return args_usage(state, "give a verb");
	v = find_verb(a->args.arg[0]);
	if (!v)
		return args_unknown(state, "verb", a->args.arg[0], verbs, N_VERBS,
				    sizeof(verbs[0]));
	a->names = a->args.arg + 1;
	a->n_names = a->args.n - 1;
	if (a->n_names < v->min || (v->max && a->n_names > v->max))
		return args_usage(state, "%s takes %s", v->name, v->takes);
	if (v->run == policy_cmd_sign && !a->key)
		return args_usage(state, "sign needs --key FILE; `lutra policy keygen` makes one");
	if (v->run == policy_cmd_accept && (a->n_names == 1) == (a->draft != NULL))
		return args_usage(state, "accept takes a finding, or --draft ID");
	if (v->run == policy_cmd_accept && a->draft && !a->key)
		return args_usage(state, "--draft needs --key FILE");
	if (v->run == policy_cmd_set && !a->action && !a->varies)
		return args_usage(state, "set needs --action RULE=ACTION or --varies DIR");
	return 0;
}

static const struct args_command command = {
	.options = options,
	.usage = "list [DIR]\nshow|verify POLICY…\ndiff [OLD] POLICY\nrollback POLICY\nsign "
		 "POLICY… --key FILE\n"
		 "keygen FILE\nset-mode NAME MODE\naccept FINDING|--draft ID --key FILE\nset "
		 "POLICY --action RULE=ACTION|--varies DIR\n"
		 "accepted POLICY\nrevoke ID [POLICY]",
	.doc = "Inspect, compare and sign policies, and set their mode. POLICY is a directory, or "
	       "a name in policies_dir (" DEFAULT_POLICIES_DIR ")."
	       "\vlist: list all policies and what they guard. show: show what a policy knows and "
	       "does. verify: exit with status 1 if a policy is damaged, for another machine, or "
	       "not signed by a trusted key. diff: compare with OLD, or with the policy that "
	       "POLICY replaced. rollback: put the policy that POLICY replaced back in its place. "
	       "sign: sign all files of a policy. keygen: write the key pair FILE "
	       "and FILE.pub. set-mode: set the mode of all containers of the policy NAME. accept: "
	       "accept what a finding shows: it no longer alerts and is not refused. set: set the "
	       "action of a rule, or a directory whose content changes by design; training keeps "
	       "it. accepted: list what was accepted and set. revoke: take back what was accepted.",
	.max = INT_MAX,
	.list = offsetof(struct policy_args, args),
	.check = check_policy_args,
};

int cmd_policy(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct policy_args a = {};
	struct err err;

	args_read(&command, argc, argv, &a);
	if (cli_config(a.config_file, &config, &err) < 0)
		return cli_fail(&err);
	a.config = config;
	return find_verb(a.args.arg[0])->run(&a);
}
