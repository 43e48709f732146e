/* SPDX-License-Identifier: Apache-2.0 */
/* lutra score: runs the reference scorer over a trace, one line per event. */
#include "lib/abi/names.h"
#include "lib/abi/rules.h"
#include "lib/abi/syscalls.h"
#include "lib/trace/trace.h"
#include "user/cli/cli.h"
#include "user/alerts/alert_text.h"
#include "lib/replay/replay.h"

enum { OPT_SIGNALS = 256 };

struct score_args {
	const char *config_file;
	const char *policy;
	int mode; /* -1: the policy's */
	bool json;
	bool matches_only;
	struct args_list files;
};

#define S struct score_args
static const struct args_option options[] = {
	CLI_OPTION_POLICY(S, policy),
	CLI_OPTION_MODE(S),
	CLI_OPTION_JSON(S),
	ARGS_FLAG("signals", OPT_SIGNALS, "Print only events that match a rule", S, matches_only),
	CLI_OPTION_CONFIG(S),
	{},
};
#undef S

static error_t check_score_args(struct argp_state *state, void *ret)
{
	const struct score_args *a = ret;

	if (!a->policy)
		return args_usage(state, "no policy: give --policy POLICY");
	return a->files.n ? 0 : args_usage(state, "no trace given");
}

static const struct args_command command = {
	.options = options,
	.usage = "--policy POLICY FILE.ltr",
	.doc = "Score a recorded run as the kernel does, and print one line per event."
	       "\vColumns: seconds (monotonic), task, role, system call or object, token, weights "
	       "of the three layers, level M in 1/65536 nat, level N in 1/65536, rules, verdict. "
	       "\"repeated\" after a rule: the kernel counts this alert and does not tell it "
	       "again.",
	.max = 1,
	.list = offsetof(struct score_args, files),
	.check = check_score_args,
};

static int print_step_json(const struct lutra_record *rec, const char *what,
			   const struct replay_step *s)
{
	json_t *matches = json_array();

	for (unsigned i = 0; i < s->n_matches; i++)
		json_array_append_new(matches,
				      json_pack("{s:s, s:s, s:s, s:b, s:i, s:i}", "group",
						rule_name(s->match[i].rule), "kind",
						kind_name(s->match[i].kind), "verdict",
						verdict_name(s->match[i].verdict), "repeated",
						s->match[i].repeated, "m", s->match[i].level, "n",
						s->match[i].novelty));
	return cli_print_json(
		json_pack("{s:I, s:I, s:I, s:s, s:s, s:s, s:I, s:[i,i,i], s:i, s:i, s:o, s:s}",
			  "ts_ns", (json_int_t)rec->ts_ns, "tid", (json_int_t)rec->tid, "tgid",
			  (json_int_t)rec->tgid, "type", s->is_object ? "object" : "call", "role",
			  role_name(s->role), s->is_object ? "object" : "call", what, "token",
			  s->is_object ? (json_int_t)s->judgement.token : (json_int_t)s->token,
			  "weights", s->weight[0], s->weight[1], s->weight[2], "m", s->level, "n",
			  s->novelty, "signals", matches, "verdict", verdict_name(s->verdict)),
		false);
}

static int print_step(const struct lutra_record *rec, const char *what, const struct replay_step *s)
{
	printf("%llu.%09llu %u %s %s", (unsigned long long)(rec->ts_ns / NSEC_PER_SEC),
	       (unsigned long long)(rec->ts_ns % NSEC_PER_SEC), rec->tid, role_name(s->role), what);
	if (s->is_object)
		printf(" %#llx", (unsigned long long)s->judgement.token);
	else
		printf(" %u", s->token);
	printf(" %u %u %u %d %d", s->weight[0], s->weight[1], s->weight[2], s->level, s->novelty);
	for (unsigned i = 0; i < s->n_matches; i++) {
		printf(" %s", rule_name(s->match[i].rule));
		if (s->match[i].kind != LUTRA_KIND_KNOWN)
			printf("/%s", kind_name(s->match[i].kind));
		if (s->match[i].repeated)
			printf(" repeated");
	}
	if (s->n_matches)
		printf(" %s", verdict_name(s->verdict));
	putchar('\n');
	return ferror(stdout) ? 1 : 0;
}

static int score_trace(const struct score_args *a, struct replay *replay,
		       struct trace_reader *trace)
{
	const struct lutra_record *rec;
	char what[ALERT_TEXT];
	struct replay_step s;
	const char *str;
	size_t len;
	int r;

	while ((r = trace_reader_next(trace, &rec, &str, &len)) == 1) {
		r = replay_next(replay, rec, str, len, &s);
		if (r < 0)
			break;
		if (r == 0 || (a->matches_only && !s.n_matches))
			continue;
		if (s.is_object)
			alert_object_text(&s.object, str ? str : "", len, what);
		else
			syscall_name(trace_reader_meta(trace)->arch, rec->nr, what, sizeof(what));
		if (a->json ? print_step_json(rec, what, &s) : print_step(rec, what, &s))
			return 1;
	}
	if (r < 0)
		return cli_failf("%s: %s", a->files.arg[0], strerror(-r));
	if (trace_reader_torn(trace))
		cli_failf("%s: %s", a->files.arg[0], trace_reader_torn(trace));
	return 0;
}

int cmd_score(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(trace_reader_freep) struct trace_reader *trace = NULL;
	_cleanup_(replay_freep) struct replay *replay = NULL;
	struct score_args a = {.mode = -1};
	char dir[PATH_MAX];
	struct err err;

	args_read(&command, argc, argv, &a);
	if (cli_config(a.config_file, &config, &err) < 0)
		return cli_fail(&err);
	cli_policy_dir(a.policy, config->policies_dir, dir, sizeof(dir));
	if (policy_load(&policy, dir, &err) < 0)
		return cli_fail(&err);
	if (a.mode < 0)
		a.mode = (int)policy->mode;
	if (trace_reader_new(&trace, a.files.arg[0], &err) < 0)
		return cli_fail(&err);
	if (strcmp(trace_reader_meta(trace)->arch, policy->arch) != 0)
		return cli_failf("%s: recorded on %s, the policy is for %s", a.files.arg[0],
				 trace_reader_meta(trace)->arch, policy->arch);
	if (replay_new(&replay, policy, (unsigned)a.mode, &err) < 0)
		return cli_fail(&err);
	return score_trace(&a, replay, trace);
}
