/* SPDX-License-Identifier: Apache-2.0 */
/* lutra seccomp: makes seccomp profiles from policies, merges them, checks them with recordings. */
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/abi/syscalls.h"
#include "lib/base/output.h"
#include "lutra/syscalls.h"
#include "user/cli/cli.h"
#include "user/seccomp/check.h"
#include "user/seccomp/export.h"
#include "user/seccomp/filter.h"
#include "user/seccomp/merge.h"

#define DEFAULT_LISTENER "/run/lutra/seccomp.sock"
#define TRACE_MAGIC "LTR1"

enum { OPT_NOTIFY = 256, OPT_LISTENER };

struct seccomp_args {
	const char *policy, *output;
	const char *config_file; /* NULL: the default */
	struct config *config;
	struct export_options export;
	bool json, force;
	struct args_list args; /* the verb, and files */
	const char *verb;
	char **files;
	int n_files;
};

static error_t read_listener(struct argp_state *state, const char *arg, void *member)
{
	if (*arg != '/' || strlen(arg) > PROFILE_LISTENER_MAX)
		return args_usage(state, "--listener: must be an absolute path of at most %d bytes",
				  PROFILE_LISTENER_MAX);
	*(const char **)member = arg;
	return 0;
}

#define S struct seccomp_args
static const struct args_option options[] = {
	CLI_OPTION_POLICY(S, policy),
	CLI_OPTION_OUTPUT(S, output,
			  "export, merge: profile to write; default: -, standard output"),
	CLI_OPTION_REPLACE(S),
	ARGS_FLAG("notify", OPT_NOTIFY,
		  "export, check: ask lutrad about dangerous system calls that are known", S,
		  export.notify),
	ARGS_CALL("listener", OPT_LISTENER, "PATH",
		  "Socket of lutrad's agent, for --notify; default: " DEFAULT_LISTENER,
		  read_listener, S, export.listener),
	CLI_OPTION_CONFIG(S),
	ARGS_FLAG("json", 'j', "check: print JSON", S, json),
	{},
};
#undef S

static error_t check_seccomp_args(struct argp_state *state, void *ret)
{
	static const char *const verbs[] = {"export", "merge", "check"};
	struct seccomp_args *a = ret;

	if (!a->args.n)
		return args_usage(state, "give export, merge or check");
	a->verb = a->args.arg[0];
	a->files = a->args.arg + 1;
	a->n_files = a->args.n - 1;
	if (strcmp(a->verb, "merge") == 0)
		return a->n_files && !a->policy
			       ? 0
			       : args_usage(state, "merge takes profiles and policies, and the "
						   "options -o, --force and --config");
	if (strcmp(a->verb, "export") != 0 && strcmp(a->verb, "check") != 0)
		return args_unknown(state, "verb", a->verb, verbs, 3, sizeof(verbs[0]));
	if (!a->policy)
		return args_usage(state, "--policy is needed");
	if (strcmp(a->verb, "export") == 0)
		return a->n_files ? args_usage(state, "export takes no file: -o names the output")
				  : 0;
	return a->n_files ? 0 : args_usage(state, "check needs a recorded run");
}

static const struct args_command command = {
	.options = options,
	.usage = "export --policy POLICY|merge PROFILE|POLICY…|check --policy POLICY [PROFILE] "
		 "FILE.ltr…",
	.doc = "Make seccomp profiles for OCI runtimes (runc, crun, podman, Docker) from policies."
	       "\vexport: write a profile of the policy. merge: write a profile that allows what "
	       "any of the given ones allows. check: load the profile into the kernel and list the "
	       "recorded system calls that it refuses; exit status 1 if there are any.",
	.max = INT_MAX,
	.list = offsetof(struct seccomp_args, args),
	.check = check_seccomp_args,
};

/* Says that the profile lacks what a recording lacks. */
static void tell_partial(const char *dir, const struct policy *p)
{
	const struct policy_run *run = policy_partial_run(p);
	char file[CLI_TEXT], why[CLI_TEXT];

	if (run)
		fprintf(stderr,
			"lutra: %s: trained on %s, which is only a part of a run (%s): the profile "
			"refuses what was not recorded\n",
			dir, cli_clean_text(run->file, file), cli_clean_text(run->partial, why));
}

static int load_policy_profile(const struct seccomp_args *a, const char *name, struct profile **ret,
			       struct err *err)
{
	_cleanup_(policy_freep) struct policy *p = NULL;
	unsigned unnamed = 0;
	char dir[PATH_MAX];
	int r;

	cli_policy_dir(name, a->config->policies_dir, dir, sizeof(dir));
	r = cli_load_policy(dir, &a->config->policy_keys, &p, err);
	if (r == 0)
		tell_partial(dir, p);
	if (r == 0)
		r = export_profile(p, &a->export, ret, &unnamed, err);
	if (r == 0 && unnamed)
		fprintf(stderr,
			"lutra: %u system calls of %s are unknown to this libseccomp: the profile "
			"refuses them\n",
			unnamed, dir);
	return r;
}

static int put_profile(const struct seccomp_args *a, struct profile *p, struct err *err)
{
	_cleanup_free_ char *json = profile_to_json(p), *text = NULL;

	if (!json || asprintf(&text, "%s\n", json) < 0)
		return err_oom(err);
	return output_write(a->output ? a->output : "-", a->force, 0644, text, strlen(text), err);
}

static int run_export(const struct seccomp_args *a, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	int r = load_policy_profile(a, a->policy, &p, err);

	return r < 0 ? r : put_profile(a, p, err);
}

/* Says which rules of a profile depend on the container, and how that was decided. */
static void tell_conditional(const char *path, const struct profile *p)
{
	char clean[CLI_TEXT];

	if (!p->conditional)
		return;
	fprintf(stderr,
		"lutra: %s: rules that depend on the container; decided for one without options, "
		"on x86-64:\n",
		cli_clean_text(path, clean));
	fputs(p->conditional, stderr);
}

static int load_profile(const char *path, struct profile **ret, struct err *err)
{
	int r = profile_load(ret, path, err);

	if (r == 0)
		tell_conditional(path, *ret);
	return r;
}

static int load_either(const struct seccomp_args *a, const char *name, struct profile **ret,
		       struct err *err)
{
	struct stat st;

	if (stat(name, &st) == 0 && !S_ISDIR(st.st_mode))
		return load_profile(name, ret, err);
	return load_policy_profile(a, name, ret, err);
}

static int run_merge(const struct seccomp_args *a, struct err *err)
{
	_cleanup_(profile_freep) struct profile *all = NULL;
	int r = load_either(a, a->files[0], &all, err);

	for (int i = 1; r == 0 && i < a->n_files; i++) {
		_cleanup_(profile_freep) struct profile *p = NULL, *before = NULL;

		r = load_either(a, a->files[i], &p, err);
		before = TAKE_PTR(all);
		if (r == 0)
			r = merge_profiles(before, p, &all, err);
	}
	return r < 0 ? r : put_profile(a, all, err);
}

static const char *action_words(uint32_t action)
{
	const char *name;

	if ((action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return action == SCMP_ACT_TRAP ? "SIGSYS" : "killed";
	name = strerrorname_np((int)(action & SECCOMP_RET_DATA));
	return name ? name : "an error";
}

/* Returns how many arguments a recording holds of the system call: 0, 1 or 2. */
static unsigned n_arguments(const struct check_refused *r)
{
	unsigned args = r->nr < LUTRA_NR ? lutra_syscall_args[r->nr] : 0;

	return args ? 1 + ((args & 15) != args >> 4) : 0;
}

static void print_refused(const struct check_refused *r)
{
	unsigned n = n_arguments(r);
	char name[32];

	printf("%s", syscall_name("x86_64", r->nr, name, sizeof(name)));
	for (unsigned i = 0; i < n; i++)
		printf(" %#x", (uint32_t)(r->arg >> 32 * i));
	printf(": %s, %llu times\n", action_words(r->action), (unsigned long long)r->count);
}

static json_t *refused_json(const struct check_refused *r)
{
	unsigned n = n_arguments(r), index = r->nr < LUTRA_NR ? lutra_syscall_args[r->nr] : 0;
	char name[32];
	json_t *args = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(args, json_pack("{s:i, s:I}", "index",
						      (int)((index >> 4 * i & 15) - 1), "value",
						      (json_int_t)(uint32_t)(r->arg >> 32 * i)));
	return json_pack("{s:s, s:s, s:o, s:I}", "call",
			 syscall_name("x86_64", r->nr, name, sizeof(name)), "answer",
			 action_words(r->action), "args", args, "count", (json_int_t)r->count);
}

static int report_check(const struct seccomp_args *a, const struct check *c)
{
	json_t *list = json_array();

	for (size_t i = 0; i < c->n_refused; i++) {
		if (a->json)
			json_array_append_new(list, refused_json(&c->refused[i]));
		else
			print_refused(&c->refused[i]);
	}
	if (a->json) {
		json_t *j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "instructions",
				      (json_int_t)c->n, "calls", (json_int_t)c->calls, "refused",
				      (json_int_t)c->refused_calls, "fallen_back",
				      (json_int_t)c->fell_back, "notified", (json_int_t)c->notified,
				      "refusals", list);

		return cli_print_json(j, true) | (c->refused_calls > 0);
	}
	json_decref(list);
	printf("%llu calls, %llu refused", (unsigned long long)c->calls,
	       (unsigned long long)c->refused_calls);
	if (c->fell_back)
		printf("; %llu clone3 get ENOSYS, and libc uses clone instead",
		       (unsigned long long)c->fell_back);
	if (c->notified)
		printf("; lutrad is asked about %llu", (unsigned long long)c->notified);
	printf("; the kernel accepts the filter of %zu instructions\n", c->n);
	return c->refused_calls > 0;
}

static bool is_trace(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char magic[4];

	return fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
	       memcmp(magic, TRACE_MAGIC, sizeof(magic)) == 0;
}

/* Returns the exit code, or -errno. */
static int run_check(const struct seccomp_args *a, struct err *err)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(seccomp_releasep) scmp_filter_ctx f = NULL;
	_cleanup_free_ struct sock_filter *program = NULL;
	struct check c = {};
	int first = 0, r;

	if (a->n_files > 1 && !is_trace(a->files[0])) {
		first = 1;
		r = load_profile(a->files[0], &p, err);
	} else {
		r = load_policy_profile(a, a->policy, &p, err);
	}
	if (r == 0)
		r = filter_new(&f, p, err);
	if (r == 0)
		r = filter_program(f, &program, &c.n, err);
	if (r == 0)
		r = filter_try(f, err);
	if (r < 0)
		return r;
	c.program = program;
	for (int i = first; r == 0 && i < a->n_files; i++)
		r = check_trace(&c, a->files[i], err);
	return r < 0 ? r : report_check(a, &c);
}

int cmd_seccomp(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct seccomp_args a = {.export = {.listener = DEFAULT_LISTENER}};
	struct err err;
	int r;

	args_read(&command, argc, argv, &a);
	r = cli_config(a.config_file, &config, &err);
	a.config = config;
	if (r == 0)
		r = strcmp(a.verb, "export") == 0  ? run_export(&a, &err)
		    : strcmp(a.verb, "merge") == 0 ? run_merge(&a, &err)
						   : run_check(&a, &err);
	return r < 0 ? cli_fail(&err) : r;
}
