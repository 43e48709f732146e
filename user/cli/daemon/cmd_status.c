/* SPDX-License-Identifier: Apache-2.0 */
/* lutra status: prints lutrad's state, its images and its containers. */
#include <string.h>

#include "user/cli/cli.h"
#include "user/cli/daemon/lifecycle_print.h"

static const struct args_command command = {
	.options = cli_options,
	.doc = "Show what lutrad guards, and its counters.",
};

static void print_container(const json_t *c)
{
	const json_t *n = json_object_get(c, "counters");
	const char *pod = cli_json_text(c, "pod");
	json_t *again;
	size_t i;

	printf("%-20s %-14s%s %s\n", cli_json_text(c, "name"), cli_json_text(c, "mode"),
	       cli_json_is(c, "frozen") ? " FROZEN" : "", cli_json_text(c, "image"));
	printf("  since %s, cgroup %s\n", cli_json_text(c, "since"), cli_json_text(c, "cgroup"));
	printf("  %s %.12s%s%s%s%s\n", cli_json_text(c, "engine"), cli_json_text(c, "id"),
	       *pod ? ", pod " : "", cli_json_text(c, "pod_namespace"), *pod ? "/" : "", pod);
	if (cli_json_is(c, "learned"))
		printf("  recorded: lutrad learns from its runs\n");
	if (*cli_json_text(c, "policy"))
		printf("  policy %s, %.12s, since %s\n", cli_json_text(c, "policy"),
		       cli_json_text(c, "policy_sha256"), cli_json_text(c, "policy_since"));
	if (cli_json_is(c, "level_off"))
		printf("  level M is off: an older lutra made the policy; make it anew with lutra "
		       "learn --image %s --anew\n",
		       cli_json_text(c, "image"));
	if (cli_json_is(c, "hooks_unjudged"))
		printf("  capabilities and hooks without an object are not judged: the policy's "
		       "runs were recorded without BPF LSM\n");
	if (*cli_json_text(c, "policy_error"))
		printf("  %s\n", cli_json_text(c, "policy_error"));
	printf("  calls %lld, objects %lld; alerts %lld, repeated %lld, denied %lld, killed %lld; "
	       "evidence lost %lld\n",
	       cli_json_number(n, "calls"), cli_json_number(n, "objects"),
	       cli_json_number(n, "alert"), cli_json_number(n, "repeated"),
	       cli_json_number(n, "deny"), cli_json_number(n, "kill"),
	       cli_json_number(n, "evidence_lost"));
	json_array_foreach (json_object_get(c, "repeats"), i, again)
		printf("  repeated %lld times, last %s: %s, %s, role %s\n",
		       cli_json_number(again, "repeated"), cli_json_text(again, "last"),
		       cli_json_text(again, "what"), cli_json_text(again, "rule"),
		       cli_json_text(again, "role"));
}

static void print_door(const json_t *door)
{
	const char *state = cli_json_text(door, "state");

	if (strcmp(state, "failed") == 0)
		printf("door failed: %s\n", cli_json_text(door, "why"));
	if (strcmp(state, "open") != 0)
		return;
	printf("door open: %lld containers or sessions stopped before their first instruction, for "
	       "%.1f ms at most; %lld not stopped because lutrad was away, %lld let go without a "
	       "guard\n",
	       cli_json_number(door, "stopped"),
	       (double)cli_json_number(door, "wait_max_us") / 1000.0,
	       cli_json_number(door, "missed"), cli_json_number(door, "late"));
}

/* Says where system calls are seen, and why there. */
static void print_calls(const json_t *calls)
{
	bool at_filter = cli_json_is(calls, "at_filter"),
	     at_enter = cli_json_is(calls, "at_sys_enter");

	if (!calls)
		return;
	if (!at_filter && !at_enter) {
		printf("%s; LSM hooks alone decide\n", cli_json_text(calls, "why"));
		return;
	}
	printf("system calls are seen at %s: %s\n",
	       at_filter && at_enter ? "seccomp filters and sys_enter"
	       : at_filter	     ? "seccomp filters"
				     : "sys_enter",
	       at_filter && at_enter ? "a guarded task may have no seccomp filter"
				     : cli_json_text(calls, "why"));
}

/* Says how many runs of programs the kernel skipped. */
static void print_missed(const json_t *calls)
{
	long long n = cli_json_number(calls, "missed");

	if (n)
		printf("the kernel skipped %lld runs of programs that follow tasks and system "
		       "calls: "
		       "docs/troubleshooting.md says what helps\n",
		       n);
}

/* Says how many running containers have no guard. */
static void print_unguarded(const char *config_file)
{
	json_auto_t *answer = NULL;
	long long n;

	if (cli_ask(config_file, "overview?limit=0", LOCAL_GET, &answer, NULL) < 0)
		return;
	n = cli_json_number(json_object_get(answer, "unguarded"), "total");
	if (n)
		printf("%lld running container%s without a guard: see lutra ps --all\n", n,
		       n == 1 ? "" : "s");
}

int cmd_status(int argc, char **argv)
{
	struct cli_args a = {};
	json_auto_t *answer = NULL;
	json_t *c;
	size_t i;

	args_read(&command, argc, argv, &a);
	if (cli_ask_or_fail(a.config_file, "status/full", LOCAL_GET, &answer))
		return 1;
	if (a.json)
		return cli_print_json(json_incref(answer), true);
	printf("lutrad %lld since %s, %s; events kept %lld, lost %lld\n",
	       cli_json_number(answer, "pid"), cli_json_text(answer, "since"),
	       cli_json_is(answer, "lsm") ? "BPF LSM" : "tracepoints instead of BPF LSM",
	       cli_json_number(answer, "events_stored"), cli_json_number(answer, "events_lost"));
	print_door(json_object_get(answer, "door"));
	print_calls(json_object_get(answer, "calls"));
	print_missed(json_object_get(answer, "calls"));
	print_unguarded(a.config_file);
	json_array_foreach (json_object_get(answer, "life"), i, c)
		lifecycle_print(c);
	json_array_foreach (json_object_get(answer, "containers"), i, c)
		print_container(c);
	return 0;
}
